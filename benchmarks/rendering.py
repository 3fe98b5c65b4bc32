"""Rendering: this template beside one that holds a single file.

Usage: .venv/bin/python benchmarks/rendering.py [rounds]
"""

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rows import Row, in_turns, paired, show

TEMPLATE = Path(__file__).resolve().parent.parent


def rows(rounds: int) -> Iterator[Row]:
    os.environ["FLASK_SAFE_START_BOOTSTRAP"] = "no"
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder, "empty")
        (empty / "{{cookiecutter.name}}").mkdir(parents=True)
        (empty / "cookiecutter.json").write_text('{"name": "empty"}')
        (empty / "{{cookiecutter.name}}/README.md").write_text("{{cookiecutter.name}}\n")
        into = (Path(folder, str(number)) for number in itertools.count())
        pairs = in_turns(
            rounds, lambda: render(TEMPLATE, next(into)), lambda: render(empty, next(into))
        )
        yield paired("render", "a template with one file", "s", pairs)


def render(template: Path, into: Path) -> float:
    command: list[str | Path] = [sys.executable, "-m", "cookiecutter", template]
    command += ["--no-input", "--output-dir", into]
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


if __name__ == "__main__":
    show(rows(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
