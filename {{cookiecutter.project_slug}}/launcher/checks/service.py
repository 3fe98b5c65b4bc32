"""The service that is checked: where it is, which Python serves it, what it is told to use."""

import os
import re
import shlex
import shutil
import socket
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from launcher.checks.configuration import Configuration, load
from launcher.checks.problem import Skipped

# The name by which the reader can start Python: that of this one, if it is found by it.
NAMES = (Path(sys.executable).name.removesuffix(".exe"), "python", "python3")
PYTHON = next(filter(shutil.which, NAMES), "python")


def command_line(script: str, arguments: str = "") -> str:
    """Return a command that does, where the reader is, what it does here: it can be pasted."""
    path = str(Path(sys.argv[0] or script).with_name(script))
    return f"{prefix()}{PYTHON} {quoted(path)} {arguments}".rstrip()


def prefix() -> str:
    if os.environ.get("ENVIRONMENT") != "production":
        return ""
    windows = sys.platform == "win32"
    return '$env:ENVIRONMENT="production"; ' if windows else "ENVIRONMENT=production "


def quoted(path: str) -> str:
    if sys.platform == "win32":
        return path if re.fullmatch(r"[\w.:\\/-]+", path) else f'"{path}"'
    return shlex.quote(path)


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
    """

    root: Path
    host: str | None = None
    port: str | None = None
    listener: socket.socket | None = field(default=None, repr=False)
    refusal: OSError | None = None

    @property
    def environment(self) -> str:
        return os.environ.get("ENVIRONMENT") or "development"

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The interpreter that serves: that of .venv, or this one where there is no .venv."""
        return venv_python(self.venv) if self.venv.exists() else Path(sys.executable)

    @property
    def python_works(self) -> bool:
        """Whether there is such an interpreter and this user may run it."""
        return os.access(self.python, os.X_OK)

    @property
    def is_served_by_this_python(self) -> bool:
        return not self.venv.exists() or Path(sys.prefix).resolve() == self.venv.resolve()

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
        return load(self.root, self.environment)

    def setting(self, key: str) -> object:
        return self.configuration.values.get(key)


def venv_python(venv: Path) -> Path:
    return venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
