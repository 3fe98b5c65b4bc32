"""The child that is asked what the application is, and that serves it in development."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from launcher.checks.hanging import GIVEN_UP_AFTER, innermost, note
from launcher.checks.problem import Problem, Report
from launcher.checks.service import quoted
from launcher.system.pipes import bequeath

# Seconds that it has to exit after it was told to.
LEAVES_WITHIN = 5
# Its last words if it exits to be started again. An exit code would not prove that.
AGAIN = b"again"
FRAME = re.compile(r'File "(.+)", line (\d+) in ')


class Child:
    """A process that exits when this one does, however this one ends.

    It waits for the end of a pipe, its lifeline. The system closes the other side even if this
    process is killed. It answers through a second pipe.
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
        """Start it, and return what waits for its answer, forever if this is `patient`."""
        process = self.start("asked" if self.patient else "checked")
        return lambda: self.answer(process)

    def start(self, how: str) -> subprocess.Popen[bytes]:
        (theirs, ours), (answers, their_answers) = os.pipe(), os.pipe()
        self.lifeline = FileIO(ours, "w")
        command = [sys.executable, "-m", "launcher.serving.child", sys.argv[0], how]
        with open(theirs), open(their_answers, "w"):
            ends = bequeath(theirs), bequeath(their_answers)
            self.process = spawn([*command, *ends, *self.arguments])
        self.said: SimpleQueue[bytes] = SimpleQueue()
        Thread(target=hear, args=(answers, self.said), daemon=True).start()
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
                return no_report(f"is still not made after {GIVEN_UP_AFTER} s", place)
        code = wait(process)
        status = f"exit status {code}" if code >= 0 else signal.Signals(-code).name
        fact = f"the process that should serve it ended: {status}"
        return no_report(fact, place_in(said, self.root))

    def read(self, process: subprocess.Popen[bytes]) -> bytes | None:
        """Return what it says within a second, or None if it will say nothing more."""
        try:
            return self.said.get(timeout=1) or None
        except Empty:  # after its end, what it has started may still have the pipe
            return b"" if process.poll() is None else None

    def serve(self, checks: bytes) -> int:
        """Let it serve, restart it whenever it asks for that, and return its exit code.

        It is told what the checks have found: a line of JSON.
        """
        process = self.process
        assert process
        self.tell(checks)
        while (code := end_of(process)) and self.read(process) == AGAIN:
            self.lifeline.close()
            process = self.start("restarted")
            self.tell(checks)
        return code

    def tell(self, line: bytes) -> None:
        with suppress(OSError):  # it is gone by now
            self.lifeline.write(line)


def hear(answers: int, said: SimpleQueue[bytes]) -> None:
    """Put into the queue what is said, and empty bytes at the end."""
    part = b" "
    while part:
        said.put(part := os.read(answers, 65536))
    os.close(answers)


def report(line: bytes) -> Report:
    found = json.loads(line)
    problems = [Problem(**fields) for fields in found["problems"]]
    return Report(found["application"] or None, problems, found["traceback"])


def no_report(fact: str, place: str) -> Report:
    command = f"{quoted(sys.executable)} -X importtime -m flask --app backend routes"
    hint = f"fix {place}" if place else f"find its last import: {command}"
    return Report(None, [Problem("application.broken", fact, hint, place)])


def place_in(said: bytes, root: Path) -> str:
    """Return where the main thread is, which faulthandler names last."""
    stack = said.decode(errors="replace").rpartition("call first)")[2]
    return innermost(((file, int(line)) for file, line in FRAME.findall(stack)), root)


def spawn(command: list[str]) -> subprocess.Popen[bytes]:
    """Start the child so that it ignores the terminal's Ctrl-C: this process ends it."""
    if sys.platform == "win32":  # the venv's python.exe would only start another process
        return subprocess.Popen(
            [getattr(sys, "_base_executable", sys.executable), *command[1:]],
            env=os.environ | {"__PYVENV_LAUNCHER__": sys.executable},
            close_fds=False,
            creationflags=subprocess.CREATE_NEW_PROCESS_GROUP,
        )
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return subprocess.Popen(command, close_fds=False)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def end_of(child: subprocess.Popen[bytes]) -> int:
    """Wait for its end. On Windows, Ctrl-C does not interrupt a wait without a limit."""
    while True:
        with suppress(subprocess.TimeoutExpired):
            return child.wait(0.2 if sys.platform == "win32" else None)


def wait(child: subprocess.Popen[bytes]) -> int:
    try:
        return child.wait(LEAVES_WITHIN)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()
