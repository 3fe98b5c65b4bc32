"""The start-up checks: everything that is wrong, at once, with what fixes it.

A check is a function that takes the Service and yields Problems; its place in CHECKS is its
place on the screen, in the order of fixing. Only the standard library is imported here, so that
the checks run on a machine where nothing is installed.
"""

from launcher.checks.application import check_application, check_jobs, check_views
from launcher.checks.database import check_database
from launcher.checks.dependencies import check_dependencies
from launcher.checks.port import check_port
from launcher.checks.python import check_python
from launcher.checks.settings import check_settings

CHECKS = (
    ("Python", check_python),
    ("Dependencies", check_dependencies),
    ("Settings", check_settings),
    ("Database", check_database),
    ("Application", check_application),
    ("Views", check_views),
    ("Jobs", check_jobs),
    ("Port", check_port),
)
