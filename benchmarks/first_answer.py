"""How long until the first 200: `python run.py` against `flask run --debug`, side by side.

Usage: .venv/bin/python benchmarks/first_answer.py [rounds]

Bakes and bootstraps a service in a temporary folder, then starts it in turns in both ways.
`run.py` checks everything before it serves; `flask run --debug` checks nothing.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from cookiecutter.main import cookiecutter

TEMPLATE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TEMPLATE / "tests"))

from services import free_port  # noqa: E402

OPENER = build_opener(ProxyHandler({}))
PATIENCE = 30


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as folder:
        service = Path(cookiecutter(str(TEMPLATE), no_input=True, output_dir=folder))
        python = service / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        ways: dict[str, list[str | Path]] = {
            "python run.py": [sys.executable, "run.py", "--port"],
            "flask run --debug": [python, "-m", "flask", "--app=backend", "run", "--debug", "-p"],
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, command in ways.items():
                seconds[name].append(first_answer(command, service))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, median in medians.items():
        print(f"{name:<18} {median * 1000:5.0f} ms, median of {rounds}")
    ours, theirs = medians.values()
    print(f"ratio {ours / theirs:.2f}")


def first_answer(command: list[str | Path], service: Path) -> float:
    port = free_port()
    begin = time.perf_counter()
    with subprocess.Popen(
        [*command, str(port)],
        cwd=service,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            wait_for_ping(port, begin + PATIENCE)
            return time.perf_counter() - begin
        finally:
            end(process)


def wait_for_ping(port: int, end: float) -> None:
    while time.perf_counter() < end:
        try:
            with OPENER.open(f"http://127.0.0.1:{port}/ping", timeout=PATIENCE):
                return
        except URLError:
            time.sleep(0.002)
    raise SystemExit("the service did not answer")


def end(process: subprocess.Popen[bytes]) -> None:
    """Flask's debug server leaves its child behind unless the whole session is told."""
    if os.name == "nt":
        process.terminate()
    else:
        os.killpg(process.pid, 15)


if __name__ == "__main__":
    main()
