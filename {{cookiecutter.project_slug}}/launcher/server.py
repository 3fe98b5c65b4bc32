"""Starts the server that fits the environment, on the socket that the port check took."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from checks.service import Service
from launcher import processes

# With this exit code Werkzeug's reloader asks to be started again.
RELOAD = 3
# Seconds that a server has to leave after it was told to.
PATIENCE = 5


class Ended(BaseException):
    """Raised where the program is when a signal tells it to end."""


def serve(service: Service, reload: bool) -> int:
    """Serve until told to stop, and return the exit code. The checks have found no error."""
    assert service.listener is not None
    service.listener.set_inheritable(True)
    if service.environment == "production":
        return serve_production(service)
    return serve_development(service, service.listener, reload)


def serve_production(service: Service) -> int:
    assert service.listener is not None
    host, port = service.listener.getsockname()[:2]
    fd = service.listener.fileno()
    print(f"{service.setting('SERVICE_NAME')} is on http://{host}:{port} (production)", flush=True)
    processes.record(service.root, port)
    if sys.platform == "win32":
        return become([service.python, "-m", "launcher.waitress", str(fd)])
    return become([service.python, "-m", "gunicorn", "--bind", f"fd://{fd}"])


def become(command: list[str | Path]) -> int:
    """Run the command in place of this process, or, on Windows, which cannot, and wait for it."""
    if sys.platform == "win32":
        return subprocess.call(command, close_fds=False)
    os.execv(command[0], command)


def serve_development(service: Service, listener: socket.socket, reload: bool) -> int:
    """Serve with Werkzeug in a child process that leaves when this one does, however it ends.

    The child waits for the end of its side of a socket pair, and the system closes this side
    even when this process is killed. Left to itself Werkzeug's child would stay and keep the
    port. WERKZEUG_RUN_MAIN and WERKZEUG_SERVER_FD are what Werkzeug tells its own child by.
    """
    host, port = listener.getsockname()[:2]
    os.environ["WERKZEUG_RUN_MAIN"] = "true"
    os.environ["WERKZEUG_SERVER_FD"] = str(listener.fileno())
    arguments = [host, str(port), str(int(reload))]
    if not reload and service.is_served_by_this_python:
        from launcher import development  # in this process, where a debugger finds it

        processes.record(service.root, port)
        return development.main(arguments)
    ours, lifeline = socket.socketpair()
    lifeline.set_inheritable(True)
    command = [service.python, "-m", "launcher.development", *arguments, str(lifeline.fileno())]
    try:
        return supervise(command, service.root, port)
    finally:
        ours.close()


def supervise(command: list[Any], root: Path, port: int) -> int:
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, end)
    child = None
    try:
        child = subprocess.Popen(command, close_fds=False)
        processes.record(root, port)
        while (code := child.wait()) == RELOAD:
            child = subprocess.Popen([*command, "restarted"], close_fds=False)
        return code
    except Ended as ended:
        if child:
            terminate(child)
        return die(ended.args[0])
    finally:
        processes.forget(root)


def end(number: int, frame: Any) -> None:
    signal.signal(number, signal.SIG_IGN)
    raise Ended(number)


def terminate(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def die(number: int) -> int:
    """End by the signal that was received, which is what shells and supervisors look at."""
    if sys.platform != "win32":
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    return 128 + number
