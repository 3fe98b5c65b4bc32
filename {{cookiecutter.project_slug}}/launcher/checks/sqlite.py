"""Asks a SQLite file about its schema."""

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from launcher.checks.migrations import upgrade
from launcher.checks.problem import Problem

# Seconds to wait for a lock.
UNLOCKED_WITHIN = 3


def revisions(path: Path) -> set[str]:
    """Return the schema's revisions. Raise sqlite3.Error or OSError if it is not writable."""
    if not os.path.exists(path):
        write_beside(path)
        return set()
    with closing(sqlite3.connect(path, timeout=UNLOCKED_WITHIN, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")  # which only one that can be written to allows
        try:
            return {name for (name,) in database.execute("SELECT version_num FROM alembic_version")}
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return set()
            raise


def write_beside(path: Path) -> None:
    """Write where SQLite would: the system's error says more than SQLite's."""
    from tempfile import TemporaryFile  # takes a while

    folder = next(parent for parent in path.parents if os.path.exists(parent))
    with TemporaryFile(dir=folder) as file:
        file.write(bytes(2**16))


def unreachable(path: Path, error: Exception) -> Problem:
    hint = f"check that no other program has {path} open, and that you may write there"
    if "not a database" in str(error) or os.path.isdir(path):
        hint = f"move {path} away, then {upgrade()}"
    try:
        write_beside(path)
    except OSError as reason:
        if reason.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = f"free some space on the disk of {path.parent}"
        return Problem("database.unreachable", f"{path}: {reason.strerror}", hint)
    return Problem("database.unreachable", f"{path.name}: {error}", hint)
