"""Stops what this project has running, and nothing else."""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from launcher.system.owners import listening
from launcher.system.processes import describe, output_of
from launcher.system.running import is_locked, running

# Seconds between the request to end and the kill: gunicorn gives requests 30 to come to an end.
KILLED_AFTER = 35


def stop() -> int:
    """End this project's processes; return 1 if any could not be ended."""
    pids = running()
    if pids:
        return end(pids)
    if is_locked():
        print("what runs of this project is not this user's, and is left alone", file=sys.stderr)
        return 1
    print("nothing of this project is running")
    return 0


def stop_listening(host: str, port: int) -> int:
    return end(listening(host, port)[0] & running())


def end(pids: set[int]) -> int:
    """Ask those to end that no other of them has started, and kill all that do not in time."""
    heads = [process for process in describe(pids) if process.parent not in pids]
    send(signal.SIGTERM, {process.pid for process in heads})
    if not wait_until(lambda: pids.isdisjoint(running())):
        send(getattr(signal, "SIGKILL", signal.SIGTERM), pids & running())
        wait_until(lambda: pids.isdisjoint(running()))
    left = pids & running()
    for process in heads:
        print(f"{process} does not end" if process.pid in left else f"stopped {process}")
    return int(bool(left))


def send(number: int, pids: set[int]) -> None:
    for pid in pids:
        with suppress(OSError):  # it is gone by now
            if sys.platform == "win32":  # which has no signals, and ends no children
                output_of(["taskkill", "/PID", str(pid), "/T", "/F"])
            else:
                os.kill(pid, number)


def wait_until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + KILLED_AFTER
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
