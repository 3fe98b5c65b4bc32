"""Everything that takes time, beside something else: one table, and its values as JSON.

Usage: .venv/bin/python benchmarks/all.py [file.json]

Takes some ten minutes on two cores; nothing else should run meanwhile.
"""

import itertools
import sys
from pathlib import Path

import rendering
import scheduler
import serving
import starting
from rows import show, write


def main() -> None:
    parts = (rendering.rows(20), starting.rows(15), serving.rows(10), scheduler.rows())
    rows = show(itertools.chain.from_iterable(parts))
    if len(sys.argv) > 1:
        write(rows, Path(sys.argv[1]))


if __name__ == "__main__":
    main()
