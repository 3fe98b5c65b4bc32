"""One interpreter: whatever Python starts run.py becomes that of .venv, which checks and serves.

This file has to be readable by the oldest Python that may meet it.
"""

import os
import sys

from launcher.versions import NEWEST, OLDEST

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.join(ROOT, ".venv")
IN_VENV = os.path.join(*(["Scripts", "python.exe"] if os.name == "nt" else ["bin", "python"]))
PYTHON = os.path.join(VENV, IN_VENV)
FITS = "import sys; sys.exit(not %r <= sys.version_info[:2] <= %r)" % (OLDEST, NEWEST)


def become_that_of_venv():  # type: () -> None
    """Go on as the Python of .venv, unless this is it, or it would not do."""
    if is_that_of_venv() or is_debugged() or not works():
        return
    try:
        sys.exit(become([PYTHON] + getattr(sys, "orig_argv", [""] + sys.argv)[1:]))
    except OSError:  # the checks say so
        pass


def is_that_of_venv():  # type: () -> bool
    """Look at both: without pyvenv.cfg the prefix is another, and would be so for ever."""
    return sys.executable == PYTHON or os.path.realpath(sys.prefix) == os.path.realpath(VENV)


def is_debugged():  # type: () -> bool
    monitoring = getattr(sys, "monitoring", None)  # since Python 3.12
    return bool(sys.gettrace() or (monitoring and monitoring.get_tool(monitoring.DEBUGGER_ID)))


def works():  # type: () -> bool
    """Return whether .venv has a Python that starts and that the service supports."""
    try:
        return os.path.exists(PYTHON) and call([PYTHON, "-I", "-S", "-c", FITS]) == 0
    except OSError:
        return False


def become(command):  # type: (list[str]) -> int
    """Run the command in place of this process, or, on Windows, which cannot, and wait for it."""
    if os.name == "nt":
        return call(command)
    os.execv(command[0], command)


def call(command):  # type: (list[str]) -> int
    if os.name == "nt":  # where spawnv quotes nothing
        import subprocess

        return subprocess.call(command, close_fds=False)
    return os.spawnv(os.P_WAIT, command[0], command)  # to import subprocess would take 10 ms
