"""How long until the first 200, and how long `check` takes, beside what does no more than that.

Usage: .venv/bin/python benchmarks/starting.py [rounds]

Bakes services in a temporary folder, then bootstraps and starts them in turns with what they are
compared with. Packages come from the installers' caches, which a first round fills.
"""

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from rows import Row, in_turns, paired, show

TEMPLATE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TEMPLATE / "tests"))

from conftest import uv_as_pip  # noqa: E402
from services import UNSET, free_port, path_without_uv, python_in  # noqa: E402

OPENER = build_opener(ProxyHandler({}))
PATIENCE = 60
QUIET: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
BARE = """
import sys
from flask import Flask

app = Flask(__name__)


@app.get("/ping")
def ping():
    return {"status": "ok"}


app.run(port=int(sys.argv[1]))
"""
WITHOUT_CHECKS = """
import sys
from backend import create_app

create_app().run(port=int(sys.argv[1]), use_reloader=False)
"""
INSTALL = {
    "uv": (
        "{python} -m uv venv -q .venv",
        "{python} -m uv pip install -q --compile-bytecode -p .venv -r requirements-dev.txt",
    ),
    "pip": (
        "{python} -m venv .venv",
        "{venv} -m pip install -q -r requirements-dev.txt",
    ),
}


def rows(rounds: int) -> Iterator[Row]:
    for name in UNSET:
        os.environ.pop(name, None)
    as_pip = {"UV_INDEX_STRATEGY": "unsafe-best-match"} | uv_as_pip()
    os.environ |= {"FLASK_SAFE_START_BOOTSTRAP": "no"} | as_pip
    with tempfile.TemporaryDirectory() as folder:
        fresh = (Path(folder, str(number)) for number in itertools.count())
        yield bootstrap("uv", rounds // 3, fresh)
        yield bootstrap("pip", rounds // 6, fresh)
        service = bake(next(fresh))
        yield check(service, rounds)
        subprocess.run([sys.executable, "bootstrap.py"], cwd=service, check=True, **QUIET)
        yield from starts(service, rounds)


def bake(folder: Path) -> Path:
    command = ["cookiecutter", str(TEMPLATE), "--no-input", "--output-dir", str(folder)]
    subprocess.run([sys.executable, "-m", *command], check=True, **QUIET)
    service = folder / "my-service"
    (service / "bare.py").write_text(BARE)
    (service / "without_checks.py").write_text(WITHOUT_CHECKS)
    return service


def bootstrap(installer: str, rounds: int, fresh: Iterator[Path]) -> Row:
    """From a generated service to a first 200: bootstrap.py, and the same by hand."""
    path = os.environ["PATH"]
    if installer == "pip":
        os.environ["PATH"] = path_without_uv()
    else:
        os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{path}"
    ways = (lambda: bootstrapped(bake(next(fresh))), lambda: by_hand(bake(next(fresh)), installer))
    _, *pairs = in_turns(max(rounds, 2) + 1, *ways)
    os.environ["PATH"] = path
    beside = f"{installer}, the same packages, a bare Flask"
    return paired(f"bootstrap.py with {installer}", beside, "s", pairs)


def bootstrapped(service: Path) -> float:
    command = [shutil.which("python3") or sys.executable, "bootstrap.py"]
    begin = time.perf_counter()
    subprocess.run(command, cwd=service, check=True, env=os.environ | {"PORT": "0"}, **QUIET)
    return time.perf_counter() - begin


def by_hand(service: Path, installer: str) -> float:
    venv = python_in(service / ".venv")
    begin = time.perf_counter()
    for command in INSTALL[installer]:
        words = command.format(python=sys.executable, venv=venv).split()
        subprocess.run(words, cwd=service, check=True, **QUIET)
    return time.perf_counter() - begin + first_answer([venv, "bare.py"], service)


def check(service: Path, rounds: int) -> Row:
    """The checks before anything is installed, and an interpreter that does nothing."""
    ways = [[sys.executable, "-S", "run.py", "check", "--json"], [sys.executable, "-S", "-c", ""]]
    pairs = in_turns(rounds, *(lambda way=way: run(way, service) for way in ways))
    return paired("check, nothing installed", "an interpreter that does nothing", "s", pairs)


def run(command: list[str], service: Path) -> float:
    begin = time.perf_counter()
    subprocess.run(command, cwd=service, env=os.environ | {"PORT": "0"}, **QUIET)
    return time.perf_counter() - begin


def starts(service: Path, rounds: int) -> Iterator[Row]:
    python = python_in(service / ".venv")
    ways: dict[str, list[str | Path]] = {
        "": [sys.executable, "run.py", "--port"],
        "the same application without checks": [python, "without_checks.py"],
        "a bare Flask": [python, "bare.py"],
        "flask run --debug": [python, "-m", "flask", "--app=backend", "run", "--debug", "-p"],
    }
    measure = [lambda way=way: first_answer(way, service) for way in ways.values()]
    ours, *theirs = zip(*in_turns(rounds, *measure), strict=True)
    for beside, seconds in zip(list(ways)[1:], theirs, strict=True):
        yield Row("run.py to the first 200", beside, "s", list(ours), list(seconds))


def first_answer(command: list[str | Path], service: Path) -> float:
    port = free_port()
    begin = time.perf_counter()
    with subprocess.Popen(
        [*command, str(port)], cwd=service, start_new_session=True, **QUIET
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
    show(rows(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
