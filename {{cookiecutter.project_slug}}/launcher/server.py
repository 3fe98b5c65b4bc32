"""Takes the port, and starts on it the server that fits the environment."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from launcher import stopping
from launcher.checks.problem import Skipped
from launcher.checks.service import Service
from launcher.system.address import announcement, url_of
from launcher.system.port import listen

# For Flask's --app: what the db commands need, whatever is wrong with a view.
DATABASE_APP = "launcher.serving.database"
# With this exit code Werkzeug's reloader asks to be started again.
RELOAD = 3
# Seconds that a server has to leave after it was told to.
LEAVES_WITHIN = 5


class Ended(BaseException):
    """Raised where the program is when a signal tells it to end."""


def take_port(service: Service) -> None:
    """Listen where the service is told to, if that can be known, or note why it may not."""
    with suppress(Skipped):
        if (port := service.address.port) is not None:
            try:
                service.listener = listen(service.address.host, port)
            except OSError as error:
                service.refusal = error


@contextmanager
def port_taken(service: Service) -> Iterator[None]:
    """Hold the port while it is looked at."""
    take_port(service)
    yield
    if service.listener:
        service.listener.close()


def serve(service: Service, reload: bool) -> int:
    """Serve, after the checks have found no error, and return the exit code.

    Raise Ended if a signal ends it; nothing that was started runs any more then.
    """
    assert service.listener is not None
    service.listener.set_inheritable(True)
    if service.environment == "production":
        return serve_production(service, service.listener)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, raise_ended)
    try:
        return serve_development(service, service.listener, reload)
    finally:
        stopping.forget(service.root)


def raise_ended(number: int, frame: Any) -> None:
    signal.signal(number, signal.SIG_IGN)
    raise Ended(number)


def serve_production(service: Service, listener: socket.socket) -> int:
    # Standard output is for the log, whose lines are JSON.
    line = announcement(service.setting("SERVICE_NAME"), url_of(listener), "production")
    print(line, file=sys.stderr, flush=True)
    stopping.record(service.root, listener.getsockname()[1])
    if sys.platform == "win32":
        return become([service.python, "-m", "launcher.serving.windows", str(listener.fileno())])
    os.environ["WEB_CONCURRENCY"] = str(service.setting("WEB_CONCURRENCY"))
    return become([service.python, "-m", "gunicorn", "--bind", f"fd://{listener.fileno()}"])


def become(command: list[str | Path]) -> int:
    """Run the command in place of this process, or, on Windows, which cannot, and wait for it."""
    if sys.platform == "win32":
        return subprocess.call(command, close_fds=False)
    os.execv(command[0], [str(part) for part in command])


def serve_development(service: Service, listener: socket.socket, reload: bool) -> int:
    """Serve with Werkzeug, which is told by these variables what it tells its own child by."""
    host, port = listener.getsockname()[:2]
    os.environ["WERKZEUG_RUN_MAIN"] = "true"
    os.environ["WERKZEUG_SERVER_FD"] = str(listener.fileno())
    arguments = [host, str(port), url_of(listener), str(int(reload))]
    if reload or not service.is_served_by_this_python:
        return serve_in_child(service, port, arguments)
    from launcher.serving import development  # in this process, where a debugger finds it

    stopping.record(service.root, port)
    return development.main(arguments)


def serve_in_child(service: Service, port: int, arguments: list[str]) -> int:
    """Serve in a child process that leaves when this one does, however it ends.

    The child waits for the end of its side of a socket pair, and the system closes this side
    even when this process is killed. Left to itself Werkzeug's child would stay and keep the port.
    """
    ours, lifeline = socket.socketpair()
    lifeline.set_inheritable(True)
    arguments = [*arguments, str(lifeline.fileno())]
    command = [str(service.python), "-m", "launcher.serving.development", *arguments]
    child = spawn(command)
    stopping.record(service.root, port)
    try:
        while (code := child.wait()) == RELOAD:
            child = spawn([*command, "restarted"])
        return code
    finally:
        ours.close()  # at which the child leaves
        wait(child)


def spawn(command: list[str]) -> subprocess.Popen[bytes]:
    """Start the child deaf to Ctrl-C, which the terminal sends to it too: this process ends it."""
    if sys.platform == "win32":
        return subprocess.Popen(command, close_fds=False)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return subprocess.Popen(command, close_fds=False)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def wait(child: subprocess.Popen[bytes]) -> None:
    try:
        child.wait(LEAVES_WITHIN)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def die(number: int) -> int:
    """End by the signal that was received, which is what shells and supervisors look at."""
    if sys.platform != "win32":
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    return 128 + number
