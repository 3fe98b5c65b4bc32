"""Is this the Python that is to serve, and one that the service supports?"""

import os
import sys
from collections.abc import Iterator

from launcher.checks.problem import Problem
from launcher.checks.service import Service, command_line
from launcher.system import interpreter
from launcher.versions import EXPECTED


def check_python(service: Service) -> Iterator[Problem]:
    if not interpreter.fits(version := sys.version_info[:2]):
        fact = f"{sys.executable} is Python {version[0]}.{version[1]}, not {EXPECTED}"
        yield Problem("python.version", fact, command_line("bootstrap.py"))
    if os.path.lexists(service.venv) and not service.is_in_venv:
        yield not_in_venv(interpreter.asked_version())


def not_in_venv(version: tuple[int, int] | None) -> Problem:
    """Say why this is not the Python of .venv."""
    if version is None:
        fact = ".venv has no Python that this user can run"
    elif not interpreter.fits(version):
        fact = f".venv has Python {version[0]}.{version[1]}, not {EXPECTED}"
    elif interpreter.is_that_of_venv():
        fact = ".venv has no pyvenv.cfg, so its packages are not found"
    else:
        fact = f"{sys.executable} runs this, not the Python of .venv"
        hint = f"let the debugger start {interpreter.PYTHON}"
        return Problem("python.version", fact, hint, level="warning")
    return Problem("python.version", fact, command_line("bootstrap.py"))
