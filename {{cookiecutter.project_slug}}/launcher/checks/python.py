"""Is this the Python that should serve, and does the service support it?"""

import os
import sys
from collections.abc import Iterator

from launcher.checks.problem import Problem
from launcher.checks.service import Service, command_line
from launcher.system import interpreter
from launcher.versions import EXPECTED, NEWEST, OLDEST


def check_python(service: Service) -> Iterator[Problem]:
    version, again = sys.version_info[:2], command_line("bootstrap.py")
    if not OLDEST <= version <= NEWEST:
        fact = f"{sys.executable} is Python {version[0]}.{version[1]}, not {EXPECTED}"
        yield Problem("python.version", fact, again)
    if service.is_in_venv or not os.path.lexists(service.venv):
        return
    if not interpreter.works():
        yield Problem("python.version", f".venv has no {EXPECTED} that starts", again)
    elif interpreter.is_that_of_venv():
        fact = ".venv has no pyvenv.cfg, so its packages are not found"
        yield Problem("python.version", fact, again)
    else:
        fact = f"{sys.executable} runs this, not the Python of .venv"
        hint = f"let the debugger start {interpreter.PYTHON}"
        yield Problem("python.version", fact, hint, level="warning")
