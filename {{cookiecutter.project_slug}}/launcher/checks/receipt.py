"""A note in .venv that it has what is required: true until the one or the other changes."""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from launcher.checks.requirements import Line


def state(venv: Path, lines: Iterable[Line]) -> str:
    """Describe the requirements, and what changes with every package that comes or goes."""
    pattern = "Lib/site-packages" if sys.platform == "win32" else "lib/python*/site-packages"
    folders = list(venv.glob(pattern))
    packages = [path for folder in folders for path in folder.glob("*.dist-info")]
    places = sorted([venv / "pyvenv.cfg", *folders, *packages])
    times = [(path.name, os.path.exists(path) and path.stat().st_mtime_ns) for path in places]
    return repr((list(lines), times, os.environ.get("PYTHONPATH")))


def fits(venv: Path, name: str, now: str) -> bool:
    with suppress(OSError, ValueError):
        return receipt(venv, name).read_text(encoding="utf-8") == now
    return False


def note(venv: Path, name: str, now: str) -> None:
    with suppress(OSError):  # whoever may not write there looks again the next time
        receipt(venv, name).write_text(now, encoding="utf-8")


def receipt(venv: Path, name: str) -> Path:
    return venv / f"{name}.receipt"
