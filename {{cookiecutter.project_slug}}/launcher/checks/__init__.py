"""The start-up checks: everything that is wrong, at once, with what mends it.

A check is a function that takes the Service and yields Problems; its place in CHECKS is its
place on the screen, in the order of mending. Only the standard library is imported here (but
in postgresql_probe.py), so that the checks run on a machine where nothing is installed.
"""

from launcher.checks.database import check_database
from launcher.checks.dependencies import check_dependencies
from launcher.checks.jobs import check_jobs
from launcher.checks.port import check_port
from launcher.checks.python import check_python
from launcher.checks.settings import check_settings
from launcher.checks.views import check_views

CHECKS = (
    ("Python", check_python),
    ("Dependencies", check_dependencies),
    ("Settings", check_settings),
    ("Database", check_database),
    ("Views", check_views),
    ("Jobs", check_jobs),
    ("Port", check_port),
)
