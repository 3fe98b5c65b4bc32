"""What this project has running, as it recorded under instance/running/."""

import json
from dataclasses import dataclass
from pathlib import Path

from checks.processes import Process, process


@dataclass(frozen=True)
class Record:
    """A process that run.py started as, and the port that it serves on, if it serves."""

    path: Path
    process: Process
    port: int | None


def folder(root: Path) -> Path:
    return root / "instance" / "running"


def running(root: Path) -> list[Record]:
    """Return the recorded processes that still run, each the very one that was recorded."""
    records = (read(path) for path in sorted(folder(root).glob("*.json")))
    return [record for record in records if record]


def read(path: Path) -> Record | None:
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))
        found = process(recorded["pid"])
        same = found is not None and found.created == recorded["created"]
        return Record(path, found, recorded["port"]) if found and same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
