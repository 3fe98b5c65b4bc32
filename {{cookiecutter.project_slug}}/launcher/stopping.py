"""Stops this project's processes, and nothing else."""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from launcher.system.owners import listening
from launcher.system.processes import describe
from launcher.system.running import is_locked, running

T = TypeVar("T")
# Seconds from the request to end to the kill: gunicorn gives running requests 30.
KILLED_AFTER = 35
# Seconds that the system may take to close the port of a process that has ended.
CLOSED_WITHIN = 2


def stop() -> int:
    """End this project's processes; return 1 if any could not be ended."""
    if pids := running():
        return end(pids)
    if is_locked():
        print("what runs here is another user's, and still runs", file=sys.stderr)
        return 1
    print("this project is not running")
    return 0


def stop_listening(host: str, port: int) -> int:
    """End this project's processes that listen there, and wait until nobody does."""
    pids = listening(host, port)[0] & running()
    failed = end(pids)
    if pids:
        wait_for(lambda: any(listening(host, port)), CLOSED_WITHIN)
    return failed


def end(pids: set[int]) -> int:
    """Ask them to end, parents first, which end their children; kill those that do not."""
    heads = [process for process in describe(pids) if process.parent not in pids]
    for process in heads:
        send(process.pid, signal.SIGTERM)
    for pid in wait_for(lambda: pids & running(), KILLED_AFTER):
        send(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    left = wait_for(lambda: pids & running(), KILLED_AFTER)
    for process in heads:
        print(f"{process} does not end" if process.pid in left else f"stopped {process}")
    return int(bool(left))


def send(pid: int, number: int) -> None:
    with suppress(OSError):  # it is gone by now
        os.kill(pid, number)  # on Windows this ends it at once; its child then ends by itself


def wait_for(left: Callable[[], T], seconds: float) -> T:
    """Wait so many seconds for nothing to be left, and return what is."""
    deadline = time.monotonic() + seconds
    while (found := left()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found
