"""Stops what this project has running, and nothing else."""

import os
import signal
import sys
import time
from contextlib import suppress

from launcher.system.owners import listening
from launcher.system.processes import describe
from launcher.system.running import is_locked, running

# Seconds between the request to end and the kill: gunicorn gives requests 30 to come to an end.
KILLED_AFTER = 35


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
    return end(listening(host, port)[0] & running())


def end(pids: set[int]) -> int:
    """Ask them to end, and with them their children among these; kill those that do not."""
    heads = [process for process in describe(pids) if process.parent not in pids]
    for process in heads:
        send(process.pid, signal.SIGTERM)
    for pid in wait_for(pids):
        send(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    left = wait_for(pids)
    for process in heads:
        print(f"{process} does not end" if process.pid in left else f"stopped {process}")
    return int(bool(left))


def send(pid: int, number: int) -> None:
    with suppress(OSError):  # it is gone by now
        os.kill(pid, number)  # at which a process ends at once on Windows, and its child by itself


def wait_for(pids: set[int]) -> set[int]:
    """Return those that are still there after the time that they have."""
    deadline = time.monotonic() + KILLED_AFTER
    while (left := pids & running()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left
