"""Which processes are this project's: those that hold its lock open for writing.

What a process holds survives exec and fork and ends with the process, so it is never out of date.
On Windows only one process can hold a lock, so each has its own file, named by its pid.
"""

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import iglob
from pathlib import Path
from subprocess import SubprocessError

from launcher.system.processes import output_of

FOLDER = Path(__file__).resolve().parents[2] / "instance" / "running"
LOCK = FOLDER / (f"{os.getpid()}.lock" if sys.platform == "win32" else "lock")


def hold(through_exec: bool = False) -> None:
    """Make this process and its forks this project's, but not the programs that they run."""
    with suppress(OSError):  # a read-only folder: then stop will find nothing
        make_folder()
        descriptor = os.open(LOCK, os.O_WRONLY | os.O_CREAT, 0o666)
        os.set_inheritable(descriptor, through_exec)
        lock(descriptor)


def make_folder() -> None:
    """Make it, in a folder for this user only, where the development database is too."""
    FOLDER.parent.mkdir(mode=0o700, exist_ok=True)
    FOLDER.mkdir(exist_ok=True)


def lock(descriptor: int, alone: bool = False) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_NB | (fcntl.LOCK_EX if alone else fcntl.LOCK_SH))


@contextmanager
def turn() -> Iterator[None]:
    """Wait until no other bootstrap.py runs here, and nothing that a killed one has started.

    A program that is started meanwhile with `close_fds=False` holds the lock too, until its end.
    """
    descriptor = wait_for_turn()
    yield
    if descriptor is not None:
        os.close(descriptor)


def wait_for_turn() -> int | None:
    try:
        make_folder()
        descriptor = os.open(FOLDER / "bootstrap", os.O_WRONLY | os.O_CREAT, 0o666)
    except OSError:  # a read-only folder
        return None
    os.set_inheritable(descriptor, True)
    said = False
    while True:
        try:
            lock(descriptor, alone=True)
            return descriptor
        except (BlockingIOError, PermissionError):
            if not said:
                print("Another bootstrap.py is running here; waiting for it to finish", flush=True)
            said = True
            time.sleep(0.1)
        except OSError:  # a file system that has no locks
            return descriptor


def is_locked(path: Path = LOCK) -> bool:
    """Return whether a process holds it, or whether this user may not even look there."""
    if os.path.exists(FOLDER.parent) and not os.access(FOLDER.parent, os.X_OK):
        return True
    with suppress(OSError), path.open() as file:
        try:
            lock(file.fileno(), alone=True)
        except OSError:
            return True
    if sys.platform == "win32":
        with suppress(OSError):  # left by a process that is gone
            path.unlink()
    return False


def running() -> set[int]:
    """Return the pids of this project's processes, as far as this user may see them."""
    with suppress(OSError, SubprocessError):
        if sys.platform == "linux":
            return {pid for pid, link, file in open_files() if is_the_lock(link, file)}
        if sys.platform == "win32":
            return {int(path.stem) for path in FOLDER.glob("*.lock") if is_locked(path)}
        return from_lsof(output_of(["lsof", "-Fpa", "--", str(LOCK)]))
    return set()


def open_files() -> Iterator[tuple[int, str, str]]:
    """Yield for all that processes have open, on Linux, pid, link and target; see proc(5)."""
    for link in iglob("/proc/[0-9]*/fd/*"):
        with suppress(OSError):  # closed by now
            yield int(link.split("/")[2]), link, os.readlink(link)


def is_the_lock(link: str, file: str) -> bool:
    with suppress(OSError):
        writes = os.lstat(link).st_mode & 0o200  # a process that only reads it may be a backup
        return file.endswith("/lock") and bool(writes) and os.path.samefile(link, LOCK)
    return False


def from_lsof(output: str) -> set[int]:
    """After a process `p` comes its access `a` to the file, read, write or update, and more."""
    return {int(pid) for pid in re.findall(r"(?m)^p(\d+)\n(?:[^p].*\n)*?a[uw]$", output)}
