"""How `run.py check` grows: with 1,000 route files, and with 2,000 processes and a busy port.

Usage: .venv/bin/python benchmarks/check.py [rounds]

Prints each median beside that of the same service without them, measured in turns.
"""

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cookiecutter.main import cookiecutter

TEMPLATE = Path(__file__).resolve().parent.parent
FILES, PROCESSES = 1000, 2000
ROUTES = """\
from flask import Blueprint

bp = Blueprint("r{0}", __name__)


@bp.get("/r{0}")
def show_{0}() -> dict[str, int]:
    return {{"number": {0}}}


{1}def helper_{0}() -> None:
    pass
"""


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as folder:
        small, large = (bake(Path(folder, name)) for name in ("small", "large"))
        for number in range(FILES):
            source = ROUTES.format(number, "async " if number % 10 == 0 else "")
            (large / "backend" / "routes" / f"r{number}.py").write_text(source)
        subprocess.run([sys.executable, "-m", "compileall", "-q", large / "backend"], check=True)
        with listener() as port:
            ways = {"as it is": small, f"{FILES} route files, 1 in 10 with async": large}
            compare(ways, port, rounds)
            few = statistics.median([run_check(small, port) for _ in range(rounds)])
            with processes():
                many = statistics.median([run_check(small, port) for _ in range(rounds)])
        show("a busy port", few, few)
        show(f"a busy port, {PROCESSES} processes more", many, few)


def compare(ways: dict[str, Path], port: int, rounds: int) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, service in ways.items():
            seconds[name].append(run_check(service, 0))
    medians = [statistics.median(values) for values in seconds.values()]
    for name, median in zip(ways, medians, strict=True):
        show(name, median, medians[0])


def show(name: str, median: float, base: float) -> None:
    print(f"{name:<40} {median * 1000:5.0f} ms  ratio {median / base:.2f}")


def bake(folder: Path) -> Path:
    os.environ["FLASK_SAFE_START_BOOTSTRAP"] = "no"
    return Path(cookiecutter(str(TEMPLATE), no_input=True, output_dir=str(folder)))


def run_check(service: Path, port: int) -> float:
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", START, str(service)],
        env={"PATH": os.environ["PATH"], "PORT": str(port)},
        capture_output=True,
    )
    seconds = time.perf_counter() - begin
    assert bool(port) == (b"port.busy" in done.stdout), done.stderr
    assert json.loads(done.stdout)["checks"]
    return seconds


# As `python run.py check --json`, without what this machine's site-packages do at start.
START = "import sys; sys.path.insert(0, sys.argv[1]); sys.argv[0] = 'run.py'; \
from launcher.commands import main; sys.exit(main(['check', '--json']))"


@contextlib.contextmanager
def listener() -> Iterator[int]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield held.getsockname()[1]


@contextlib.contextmanager
def processes() -> Iterator[None]:
    started = [subprocess.Popen(["sleep", "120"]) for _ in range(PROCESSES)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait()


if __name__ == "__main__":
    main()
