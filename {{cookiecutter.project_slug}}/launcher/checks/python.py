"""Is the Python that serves one that the service supports?"""

import re
import sys
from collections.abc import Iterator

from launcher.checks.problem import Problem
from launcher.checks.service import Service, command_line
from launcher.versions import EXPECTED, NEWEST, OLDEST


def check_python(service: Service) -> Iterator[Problem]:
    version = serving_version(service)
    if not service.python_works:
        fact = f"{service.venv.name} has no Python that this user can run"
        yield Problem("python.version", fact, command_line("bootstrap.py"))
    elif not OLDEST <= version <= NEWEST:
        yield Problem(
            "python.version",
            f"{service.python} is Python {version[0]}.{version[1]}, and not {EXPECTED}",
            command_line("bootstrap.py"),
        )


def serving_version(service: Service) -> tuple[int, int]:
    try:
        text = (service.venv / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return sys.version_info[:2]
    found = re.search(r"^version(?:_info)?\s*=\s*(\d+)\.(\d+)", text, re.MULTILINE)
    return (int(found[1]), int(found[2])) if found else sys.version_info[:2]
