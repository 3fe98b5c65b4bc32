"""A row of the table: something measured beside something else, in turns, in one run."""

import json
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """`ours` and `theirs` are in `unit`; those of the same place were measured side by side."""

    work: str
    beside: str
    unit: str
    ours: list[float]
    theirs: list[float]

    def ratios(self) -> list[float]:
        """Return that of each pair: what else the machine does slows down both."""
        return sorted(a / b for a, b in zip(self.ours, self.theirs, strict=True))

    def __str__(self) -> str:
        ours, theirs = (statistics.median(values) for values in (self.ours, self.theirs))
        ratios = self.ratios()
        quarter = len(ratios) // 4
        text = f"{self.work:<34} {ours:8.4g} {self.unit:<10} {self.beside:<42} {theirs:8.4g}"
        text += f"  ratio {statistics.median(ratios):5.2f}"
        spread = f" (half of them {ratios[quarter]:.2f} to {ratios[-1 - quarter]:.2f})"
        return text + spread * (len(ratios) > 1)


def paired(work: str, beside: str, unit: str, pairs: Iterable[tuple[float, ...]]) -> Row:
    """Return the row of pairs that were measured side by side, ours first."""
    ours, theirs = (list(values) for values in zip(*pairs, strict=True))
    return Row(work, beside, unit, ours, theirs)


def show(rows: Iterable[Row]) -> list[Row]:
    """Print each as soon as it is measured."""
    shown = []
    for row in rows:
        print(row, flush=True)
        shown.append(row)
    return shown


def write(rows: list[Row], path: Path) -> None:
    machine = {"system": platform.platform(), "cores": os.cpu_count()}
    said = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine | {"python": platform.python_version()},
        "rows": [asdict(row) for row in rows],
    }
    path.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def in_turns(rounds: int, *measure: Callable[[], float]) -> Iterator[tuple[float, ...]]:
    """Yield what each returns, a tuple a round."""
    for _ in range(rounds):
        yield tuple(each() for each in measure)
