"""The service that is checked: where it is, which Python serves it, what it is told to use."""

import os
import re
import shlex
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Thread

from launcher.checks.configuration import Configuration, load
from launcher.checks.hanging import GIVEN_UP_AFTER, noted, place_of
from launcher.checks.problem import Problem, Report, Skipped
from launcher.system.console import stdout_to_stderr
from launcher.system.interpreter import IN_VENV

# Commands that may start Python.
NAMES = ("py" if sys.platform == "win32" else Path(sys.executable).name, "python", "python3")


def command_line(script: str, arguments: str = "") -> str:
    """Return a command that the reader can paste where he is."""
    path = str(Path(sys.argv[0] or script).with_name(script))
    path = os.path.join(os.curdir, path) if path.startswith("-") else path
    return f"{prefix()}{PYTHON} {quoted(path)} {arguments}".rstrip()


def prefix() -> str:
    """Return what sets ENVIRONMENT for one command. Windows' shells have no such form."""
    is_production = os.environ.get("ENVIRONMENT") == "production"
    return "ENVIRONMENT=production " if is_production and sys.platform != "win32" else ""


def quoted(path: str) -> str:
    if sys.platform == "win32":
        return path if re.fullmatch(r"[\w.:\\/-]+", path) else f'"{path}"'
    return shlex.quote(path)


def python() -> str:
    """Return the command that starts Python for the reader."""
    for name in NAMES:
        found = shutil.which(name)
        if found and os.path.getsize(found):  # Windows' stub that opens its Store is an empty file
            return name
    return quoted(getattr(sys, "_base_executable", sys.executable))


PYTHON = python()


@dataclass(frozen=True)
class Address:
    """Where the service is to listen: the port as it is given, and the place that gives it."""

    host: str
    text: str
    where: str

    @property
    def port(self) -> int | None:
        is_port = re.fullmatch("[0-9]{1,5}", self.text) and int(self.text) <= 65535
        return int(self.text) if is_port else None


@dataclass
class Service:
    """`host` and `port` are what the command line says, None where it says nothing.

    `listener` is the socket that it listens on, once there is one; `refusal` is why there is none.
    `ask` begins to ask the application, and returns `answer`, which waits for the `report`.
    """

    root: Path
    host: str | None = None
    port: str | None = None
    listener: socket.socket | None = field(default=None, repr=False)
    refusal: OSError | None = None
    ask: Callable[[], Callable[[], Report]] | None = None
    answer: Callable[[], Report] | None = None
    not_asked: str = "needs the application"
    report: Report | None = None

    @property
    def environment(self) -> str:
        return os.environ.get("ENVIRONMENT") or "development"

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The Python of .venv, or this one where there is no .venv."""
        return venv_python(self.venv) if os.path.lexists(self.venv) else Path(sys.executable)

    @property
    def is_in_venv(self) -> bool:
        """Whether this process has the packages of .venv."""
        return Path(sys.prefix).resolve() == self.venv.resolve()

    @property
    def requirements(self) -> Path:
        production = self.environment == "production"
        return self.root / ("requirements-production.txt" if production else "requirements.txt")

    @cached_property
    def address(self) -> Address:
        """Raise Skipped if only the settings would tell, and they are broken."""
        host = (self.host or str(self.setting("HOST") or "127.0.0.1")).strip("[]")
        if self.port is not None:
            return Address(host, self.port, "--port")
        if port := os.environ.get("PORT"):
            return Address(host, port, "PORT")
        if self.configuration.broken:
            raise Skipped("needs the settings")
        return Address(host, str(self.setting("PORT")), self.configuration.where("PORT"))

    @cached_property
    def configuration(self) -> Configuration:
        """Whatever its modules print is no part of any result, and they may hang."""
        which, loaded = (self.root, self.environment), list[Configuration]()
        thread = Thread(target=lambda: loaded.append(load(*which)), daemon=True)
        with stdout_to_stderr(), noted(thread, self.root):
            thread.start()
            thread.join(GIVEN_UP_AFTER)
        if loaded:
            return loaded[0]
        place = place_of(thread, self.root)
        fact = f"is still running after {GIVEN_UP_AFTER} s"
        problem = Problem("settings.broken", fact, f"fix {place}", place)
        return Configuration(self.root / f"config/{self.environment}.py", broken=(problem,))

    @property
    def traceback(self) -> str:
        return self.report.traceback if self.report else ""

    def setting(self, key: str) -> object:
        return self.configuration.values.get(key)


def venv_python(venv: Path) -> Path:
    return venv / IN_VENV
