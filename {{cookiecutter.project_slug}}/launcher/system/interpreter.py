"""One interpreter: whatever Python starts run.py becomes that of .venv, which checks and serves.

Even an old Python must be able to read this file.
"""

import os
import sys

from launcher.versions import NEWEST, OLDEST

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.join(ROOT, ".venv")
IN_VENV = os.path.join(*(["Scripts", "python.exe"] if os.name == "nt" else ["bin", "python"]))
PYTHON = os.path.join(VENV, IN_VENV)
# On Windows, the variable that passes on the lifeline.
LIFELINE = "FLASK_SAFE_START_LIFELINE"
FITS = "import sys; sys.exit(not %r <= sys.version_info[:2] <= %r)" % (OLDEST, NEWEST)


def become_that_of_venv():  # type: () -> None
    """Continue as the Python of .venv, unless this is it or it does not work."""
    leave_with_parent()
    if is_that_of_venv() or is_debugged() or not works():
        return
    try:
        sys.exit(become([PYTHON] + getattr(sys, "orig_argv", [""] + sys.argv)[1:]))
    except OSError:  # the checks say so
        pass


def is_that_of_venv():  # type: () -> bool
    """Compare both: without pyvenv.cfg the prefix differs, and would differ forever."""
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
    """Run the command in place of this process. Windows cannot: there, run it and wait."""
    if os.name == "nt":
        return outlived_by_none(command)
    os.execv(command[0], command)


def outlived_by_none(command):  # type: (list[str]) -> int
    """Run it with a lifeline, a pipe at whose end it exits. It alone reacts to Ctrl-C."""
    import signal
    import subprocess

    from launcher.system.pipes import bequeath

    os.environ[LIFELINE] = bequeath(os.pipe()[0])  # this process alone has the other end
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return subprocess.call(command, close_fds=False)


def leave_with_parent():  # type: () -> None
    """Exit when the process that runs this one in its place ends, however it does."""
    if LIFELINE in os.environ:
        from threading import Thread

        from launcher.system.pipes import inherited

        lifeline = inherited(os.environ.pop(LIFELINE), os.O_RDONLY)
        Thread(target=lambda: os._exit(len(os.read(lifeline, 1)) or 1), daemon=True).start()


def call(command):  # type: (list[str]) -> int
    if os.name == "nt":  # where spawnv quotes nothing
        import subprocess

        return subprocess.call(command)
    return os.spawnv(os.P_WAIT, command[0], command)  # to import subprocess would take 10 ms
