"""Is all that the service requires installed for the Python that serves, direct or not?"""

import os
import sys
from collections.abc import Iterator

from launcher.checks import receipt
from launcher.checks.problem import Problem
from launcher.checks.requirements import read
from launcher.checks.service import Service


def check_dependencies(service: Service) -> Iterator[Problem]:
    name = service.requirements.name
    lines = list(read(service.root, name))
    own = os.path.realpath(sys.prefix) == os.path.realpath(service.venv)
    now = receipt.state(service.venv, lines) if own else ""
    if own and receipt.fits(service.venv, name, now):
        return
    from launcher.checks.installed import find_problems  # takes 100 ms

    problems = list(find_problems(lines))
    if own and not problems:
        receipt.note(service.venv, name, now)
    yield from problems
