"""Is everything that the service requires installed for the Python that serves?"""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress

from launcher.checks.problem import Problem
from launcher.checks.requirements import read
from launcher.checks.service import Service, command_line
from launcher.system import interpreter


def check_dependencies(service: Service) -> Iterator[Problem]:
    receipt = Receipt(service, service.requirements.name)
    alone = service.is_in_venv and not os.environ.get("PYTHONPATH")  # whose content nobody notes
    if alone and receipt.fits():
        return
    from launcher.checks.installed import find_problems  # takes 60 ms

    hint = command_line("bootstrap.py")
    if interpreter.is_debugged() and not service.is_in_venv:
        hint = f"let the debugger start {interpreter.PYTHON}"
    problems = list(find_problems(receipt.lines, hint))
    if alone and not problems:
        receipt.write()
    yield from problems


class Receipt:
    """A note in .venv that it has what is required, valid until .venv or the requirements change.

    Installing or removing a package changes the time of its folder.
    """

    def __init__(self, service: Service, name: str) -> None:
        self.path = service.venv / f"{name}.receipt"
        self.lines = list(read(service.root, name))
        site = "Lib/site-packages" if sys.platform == "win32" else "lib/python*/site-packages"
        patterns = ("pyvenv.cfg", site, f"{site}/*.dist-info")
        paths = sorted(path for pattern in patterns for path in service.venv.glob(pattern))
        times = [(path.name, os.path.getmtime(path)) for path in paths]
        self.text = repr((self.lines, times, os.environ.get("PYTHONPATH")))

    def fits(self) -> bool:
        with suppress(OSError, ValueError):
            return self.path.read_text(encoding="utf-8") == self.text
        return False

    def write(self) -> None:
        with suppress(OSError):  # a user who may not write there looks again the next time
            self.path.write_text(self.text, encoding="utf-8")
