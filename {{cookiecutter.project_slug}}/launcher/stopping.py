"""Records what this project starts, and stops what is recorded and nothing else."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from launcher.system.owners import listening
from launcher.system.processes import Process, output_of, process
from launcher.system.running import Record, folder, recorded, running

# Seconds between the request to end and the kill: gunicorn gives requests 30 to come to an end.
KILLED_AFTER = 35


def record(root: Path, port: int | None = None) -> None:
    """Write down this process, so that `stop` can prove that it may end it."""
    forget_the_gone(root)
    if (this := process(os.getpid())) is None:
        return
    fields = {"pid": this.pid, "created": this.created, "root": str(root), "port": port}
    with suppress(OSError):  # a read-only folder: then stop will find nothing
        path = record_path(root)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(fields), encoding="utf-8")
        draft.replace(path)


def forget_the_gone(root: Path) -> None:
    paths = set(folder(root).glob("*.json"))
    with suppress(OSError):
        for path in paths - {entry.path for entry in running(root)}:
            path.unlink(missing_ok=True)


def forget(root: Path) -> None:
    with suppress(OSError):
        record_path(root).unlink()


def record_path(root: Path) -> Path:
    return folder(root) / f"{os.getpid()}.json"


def stop(root: Path, port: int | None = None) -> int:
    """End this project's recorded processes, or those on one port; 1 if any could not be ended."""
    entries = [entry for entry in recorded(root) if port in (None, entry.port)]
    ended = [end_process(entry) if entry.ours else leave(entry) for entry in entries]
    if not ended and port is None:
        print("nothing of this project is running")
    return int(not all(ended))


def leave(entry: Record) -> bool:
    command = entry.process.command
    print(f"left alone: {entry.process.pid} `{command}` is not what was recorded", flush=True)
    with suppress(OSError):
        entry.path.unlink()
    return True


def end_process(entry: Record) -> bool:
    """Ask the process and with it its children to end, then kill it; say what came of it."""
    pid, family = entry.process.pid, [entry.process, *children(entry)]
    name = f"{pid} `{entry.process.command}`"
    try:
        signal_to_end(pid)
        if not wait_until(lambda: gone(entry.process)):
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    except PermissionError:
        print(f"{name} may not be ended by this user", file=sys.stderr)
        return False
    except OSError:  # it is gone by now
        pass
    if not wait_until(lambda: all(map(gone, family))):
        print(f"{name} does not end", file=sys.stderr)
        return False
    print(f"stopped {name}", flush=True)
    entry.path.unlink(missing_ok=True)
    return True


def signal_to_end(pid: int) -> None:
    if sys.platform == "win32":  # which has no signals, and ends no children with their parent
        output_of(["taskkill", "/PID", str(pid), "/T", "/F"])
    else:
        os.kill(pid, signal.SIGTERM)


def children(entry: Record) -> list[Process]:
    """Return those of its children that hold its port, and will a moment longer than it."""
    holders = map(process, listening(entry.port)[0] if entry.port else ())
    return [holder for holder in holders if holder and holder.parent == entry.process.pid]


def gone(was: Process) -> bool:
    now = process(was.pid)
    return now is None or now.created != was.created


def wait_until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + KILLED_AFTER
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
