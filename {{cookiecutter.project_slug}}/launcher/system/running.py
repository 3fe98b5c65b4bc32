"""What this project has running, as it recorded under instance/running/."""

import json
from dataclasses import dataclass
from pathlib import Path

from launcher.system.processes import Process, process


@dataclass(frozen=True)
class Record:
    """`process` has the recorded pid now; `ours` says that it is the one that was recorded."""

    path: Path
    process: Process
    port: int | None
    ours: bool


def folder(root: Path) -> Path:
    return root / "instance" / "running"


def recorded(root: Path) -> list[Record]:
    """Return the records whose pid is in use."""
    records = (read(path, root) for path in sorted(folder(root).glob("*.json")))
    return [record for record in records if record]


def running(root: Path) -> list[Record]:
    """Return the records of processes that this project started and that still run."""
    return [record for record in recorded(root) if record.ours]


def read(path: Path, root: Path) -> Record | None:
    """A pid is given to another process in time, and a copied folder has the copied records."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        found = process(fields["pid"])
        if found is None:
            return None
        ours = (found.created, str(root)) == (fields["created"], fields["root"])
        return Record(path, found, fields["port"], ours)
    except (OSError, ValueError, KeyError, TypeError):
        return None
