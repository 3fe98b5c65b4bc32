"""The child that is asked what the application is, and that serves it in development."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from launcher.checks.hanging import GIVEN_UP_AFTER, innermost, note
from launcher.checks.problem import Problem, Report
from launcher.checks.service import quoted

# Seconds that it has to leave after it was told to.
LEAVES_WITHIN = 5
# What it says over its lifeline if it leaves to be started again: no exit code is a proof of that.
AGAIN = b"again"
FRAME = re.compile(r'File "(.+)", line (\d+) in ')


class Child:
    """A process that leaves when this one does, however it ends.

    It waits for the end of its side of a socket pair, and the system closes this side even when
    this process is killed. Its own side is its own alone, so the end of that is its death.
    """

    def __init__(self, root: Path, *arguments: str, patient: bool = False) -> None:
        self.root, self.arguments, self.patient = root, arguments, patient
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *error: object) -> None:
        if self.process:
            self.lifeline.close()  # at which it leaves
            wait(self.process)

    def ask(self) -> Callable[[], Report]:
        """Start it, and return what waits for its answer: for ever, if this is `patient`."""
        process = self.start("asked" if self.patient else "checked")
        return lambda: self.answer(process)

    def start(self, how: str) -> subprocess.Popen[bytes]:
        self.lifeline, theirs = socket.socketpair()
        self.lifeline.settimeout(1)
        theirs.set_inheritable(True)
        command = [sys.executable, "-m", "launcher.serving.child", sys.argv[0], how]
        with theirs:
            self.process = spawn([*command, str(theirs.fileno()), *self.arguments])
        return self.process

    def answer(self, process: subprocess.Popen[bytes]) -> Report:
        said, place, end = b"", "", time.monotonic() + GIVEN_UP_AFTER
        while (part := self.read(process)) is not None:
            said += part
            if said.endswith(b"}\n"):
                return report(said.splitlines()[-1])
            if not part and place != (place := place_in(said, self.root)):
                note(place)
            if not self.patient and time.monotonic() > end:
                process.kill()
                return no_report(f"does not end: {GIVEN_UP_AFTER} s later it is still there", place)
        code = wait(process)
        status = f"exit status {code}" if code >= 0 else signal.Signals(-code).name
        fact = f"the process that was to serve it ended first: {status}"
        return no_report(fact, place_in(said, self.root))

    def read(self, process: subprocess.Popen[bytes]) -> bytes | None:
        """Return what it says within a second, and None if it will not say any more."""
        try:
            return self.lifeline.recv(65536) or None
        except TimeoutError:  # what it has started may have the socket, too, after its end
            return b"" if process.poll() is None else None
        except OSError:  # Windows resets it
            return None

    def serve(self) -> int:
        """Let it serve, and start it anew whenever it asks for that; return its exit code."""
        process = self.process
        assert process
        with suppress(OSError):  # it is gone by now
            self.lifeline.sendall(b"\n")
        while (code := process.wait()) and self.read(process) == AGAIN:
            self.lifeline.close()
            process = self.start("restarted")
        return code


def report(line: bytes) -> Report:
    found = json.loads(line)
    problems = [Problem(**fields) for fields in found["problems"]]
    return Report(found["application"] or None, problems, found["traceback"])


def no_report(fact: str, place: str) -> Report:
    command = f"{quoted(sys.executable)} -X importtime -m flask --app backend routes"
    hint = f"fix {place}" if place else f"see its last import: {command}"
    return Report(None, [Problem("application.broken", fact, hint, place)])


def place_in(said: bytes, root: Path) -> str:
    """Return where faulthandler says that the main thread is, which it names last."""
    stack = said.decode(errors="replace").rpartition("call first)")[2]
    return innermost(((file, int(line)) for file, line in FRAME.findall(stack)), root)


def spawn(command: list[str]) -> subprocess.Popen[bytes]:
    """Start the child deaf to Ctrl-C, which the terminal sends to it too: this process ends it."""
    if sys.platform == "win32":
        return subprocess.Popen(command, close_fds=False)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return subprocess.Popen(command, close_fds=False)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def wait(child: subprocess.Popen[bytes]) -> int:
    try:
        return child.wait(LEAVES_WITHIN)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()
