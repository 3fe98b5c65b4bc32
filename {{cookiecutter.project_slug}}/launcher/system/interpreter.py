"""One interpreter: whatever Python starts run.py becomes that of .venv, which checks and serves.

This file has to be readable by the oldest Python that may meet it.
"""

import os
import sys
from contextlib import suppress

from launcher.versions import NEWEST, OLDEST

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, *(["Scripts", "python.exe"] if os.name == "nt" else ["bin", "python"]))
ASK = "import sys; print('%d.%d' % sys.version_info[:2])"


def become_that_of_venv():  # type: () -> None
    """Go on as the Python of .venv, unless this is it, or it would not do."""
    if is_that_of_venv() or is_debugged() or not fits(noted_version() or asked_version()):
        return
    arguments = getattr(sys, "orig_argv", [""] + sys.argv)[1:]
    with suppress(OSError):  # the checks say so
        sys.exit(become([PYTHON] + arguments))


def become(command):  # type: (list[str]) -> int
    """Run the command in place of this process, or, on Windows, which cannot, and wait for it."""
    if os.name == "nt":
        import subprocess

        return subprocess.call(command, close_fds=False)
    os.execv(command[0], command)


def is_that_of_venv():  # type: () -> bool
    """Look at both: without pyvenv.cfg the prefix is another, and would be so for ever."""
    return sys.executable == PYTHON or os.path.realpath(sys.prefix) == os.path.realpath(VENV)


def is_debugged():  # type: () -> bool
    monitoring = getattr(sys, "monitoring", None)  # since Python 3.12
    return bool(sys.gettrace() or (monitoring and monitoring.get_tool(monitoring.DEBUGGER_ID)))


def fits(version):  # type: (tuple[int, int] | None) -> bool
    return version is not None and OLDEST <= version <= NEWEST


def noted_version():  # type: () -> tuple[int, int] | None
    """Return the supported version that pyvenv.cfg names, if its Python is still there."""
    try:
        with open(os.path.join(VENV, "pyvenv.cfg")) as file:
            lines = [line.partition("=") for line in file]
        noted = {name.strip(): value.strip() for name, _, value in lines}
        version = version_in(noted.get("version") or noted.get("version_info") or "")
    except (OSError, ValueError):
        return None
    return version if fits(version) and os.path.isdir(noted.get("home", "")) else None


def asked_version():  # type: () -> tuple[int, int] | None
    """Return the version of the Python in .venv, or None if it does not start."""
    import subprocess

    try:
        command = [PYTHON, "-I", "-c", ASK]
        return version_in(subprocess.check_output(command, stderr=subprocess.DEVNULL).decode())
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


def version_in(text):  # type: (str) -> tuple[int, int]
    major, minor = text.split(".")[:2]
    return int(major), int(minor)
