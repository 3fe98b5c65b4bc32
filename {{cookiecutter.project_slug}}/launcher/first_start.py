"""Starts the service once by its own front door, to see that it answers."""

import subprocess
import threading
from urllib.request import ProxyHandler, build_opener

from launcher.environment import BootstrapError
from launcher.system.address import announced_url

# Seconds that it has to start and to answer: on a busy machine it takes 40.
ANSWERS_WITHIN = 180
# It also ends when its standard input does, which happens if this process is killed.
OPTIONS = ("--host", "127.0.0.1", "--port", "0", "--no-reload", "--until-eof")


class FirstStart:
    """A server on a free port, from `begin` to `end`, or to the end of the with statement."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "FirstStart":
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def begin(self, serve: list[str]) -> None:
        pipe, self.lines = subprocess.PIPE, list[str]()
        self.process = process = subprocess.Popen(
            [*serve, *OPTIONS],
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self.timer = threading.Timer(ANSWERS_WITHIN, process.kill)
        self.timer.daemon = True  # otherwise Ctrl-C at this moment would wait for it
        self.timer.start()

    def ask(self) -> str:
        """Raise BootstrapError if it does not answer /ping."""
        status: object
        try:
            status = ping(self.url())
        except OSError as error:
            status = error
        self.end()
        if status != 200:
            said = "".join(self.lines)
            raise BootstrapError(f"the service did not answer /ping ({status}):\n{said}")
        return "GET /ping answered 200"

    def url(self) -> str:
        for line in (self.process and self.process.stdout) or ():
            self.lines.append(line)
            if url := announced_url(line):
                return url
        raise OSError("it exited before that")

    def end(self) -> None:
        """End it, if it runs, and keep what else it says."""
        process, self.process = self.process, None
        if process:
            process.terminate()
            if process.stdin:
                process.stdin.close()  # on Windows only Python's launcher has been terminated
            self.lines += process.stdout or ()
            process.wait()
            self.timer.cancel()


def ping(url: str) -> int:
    """Ask without a proxy: the service listens on this machine alone."""
    opener = build_opener(ProxyHandler({}))
    with opener.open(f"{url}/ping", timeout=ANSWERS_WITHIN) as response:
        status: int = response.status
    return status
