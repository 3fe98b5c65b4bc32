"""Does `python bootstrap.py` alone go on wherever it was interrupted?

Usage: .venv/bin/python benchmarks/interruptions.py [--count N] [--seed S] [--jobs J]
                                          [--installer uv|pip] [--signal kill|int|alone]
                                          [--only NUMBER]

Bootstraps bare copies of one service, each in a process group of its own, and ends the whole group
at a random moment: in a step by random, the longer the likelier, so that every step is met. Then
runs bootstrap.py once more, which has to end well, to leave no process and nothing beside .venv.
Ctrl-C (int) has to show no traceback either, though Python shows one in the first milliseconds of
its own start; killed alone, what it has started outlives it, and the next run begins at once.
Prints how the cases ended, by the step in which they were to be interrupted; --only makes one
again, with the same seed.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import venv
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

TEMPLATE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TEMPLATE / "tests"))

from breaking import on_any_port  # noqa: E402
from conftest import uv_as_pip  # noqa: E402
from generating import generate, made_in  # noqa: E402
from services import (  # noqa: E402
    BakedProject,
    Server,
    left_behind,
    path_without_uv,
    running,
    wait_until,
)

TOOK = re.compile(r"^\[\d/\d\] (.+)\n(?:(?!\[).*\n)*? {6}.*\((\d+\.\d) s\)$", re.MULTILINE)
# No step is less likely to be interrupted than this part of the whole time.
LEAST = 0.1
# Seconds in which all of it has left after Ctrl-C, on a machine that has much else to do.
LEAVES_WITHIN = 60
WORDS = ("goes on", "ended before", "FAILED")
# Prints the files of packages that are not as the package says.
DAMAGED = """
from importlib.metadata import distributions
for file in (file for distribution in distributions() for file in distribution.files):
    path = file.locate()
    if not path.exists() or file.size not in (None, path.stat().st_size):
        print(path)
"""


@dataclass(frozen=True)
class Case:
    number: int
    step: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.number}: {self.step} + {self.seconds:.3f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description="Does bootstrap.py go on?")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--installer", choices=("uv", "pip"), default="uv")
    parser.add_argument("--signal", choices=("kill", "int", "alone"), default="kill")
    parser.add_argument("--only", type=int, help="the number of a case")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
    os.environ.update(uv_as_pip())
    with tempfile.TemporaryDirectory() as folder:
        outcomes = run(options, make_base(Path(folder), options.installer), Path(folder))
    print_table(outcomes, options)
    sys.exit(any(word == "FAILED" for _, word in outcomes))


def make_base(folder: Path, installer: str) -> BakedProject:
    """Return a service in which nothing is installed, and that the installer's Python starts."""
    generate(folder, "bootstrap=no")
    base = on_any_port(made_in(folder))
    if installer == "uv":
        os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return base
    os.environ["PATH"] = path_without_uv()
    venv.create(folder / "python", symlinks=True)
    return replace(base, started_by=folder / "python/bin/python")


def run(options: argparse.Namespace, base: BakedProject, folder: Path) -> list[tuple[str, str]]:
    seconds = durations(base, folder)
    print(
        "it takes", ", ".join(f"{name} {took:.1f} s" for name, took in seconds.items()), flush=True
    )
    numbers = range(options.count) if options.only is None else [options.only]
    cases = [choose(number, seconds, options.seed) for number in numbers]

    def carry_out(case: Case) -> tuple[str, str]:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            word, said = interrupt(base.copy(Path(place)), case, options.signal)
        print(f"{case}: {word}{said if word == 'FAILED' else ''}", flush=True)
        return case.step, word

    with ThreadPoolExecutor(options.jobs) as pool:
        return list(pool.map(carry_out, cases))


def durations(base: BakedProject, folder: Path) -> dict[str, float]:
    """Return how long each step takes when nothing interrupts it, the first with Python's start."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        begin = time.perf_counter()
        done = base.copy(Path(place)).run("bootstrap.py")
        whole = time.perf_counter() - begin
    assert done.returncode == 0, done.stdout + done.stderr
    steps = {name: float(took) for name, took in TOOK.findall(done.stdout)}
    return steps | {"Python": whole - sum(steps.values())}


def choose(number: int, seconds: dict[str, float], seed: str) -> Case:
    random, least = Random(f"{seed}: {number}"), LEAST * sum(seconds.values())
    (step,) = random.choices(list(seconds), [max(took, least) for took in seconds.values()])
    return Case(number, step, random.uniform(0, seconds[step] + 0.05))


def interrupt(project: BakedProject, case: Case, signal_name: str) -> tuple[str, str]:
    """Return how it ended, and what was said."""
    number = signal.SIGINT if signal_name == "int" else signal.SIGKILL
    with running([project.started_by, "bootstrap.py"], project.path) as started:
        wait_for(case, started)
        ended_before = started.process.poll() is not None
        with suppress(ProcessLookupError):
            (os.kill if signal_name == "alone" else os.killpg)(started.process.pid, number)
        code = started.process.wait(LEAVES_WITHIN)
    if signal_name != "alone":
        wait_until(lambda: not left_behind(str(project.path)), LEAVES_WITHIN)
    faults = [] if ended_before else faults_of_the_end(code, number, started.output)
    done = project.run("bootstrap.py")
    faults += faults_of_the_second_run(project, done)
    said = "\n".join(["", *faults, started.output, "-" * 40, done.stdout, done.stderr, "-" * 80])
    return "FAILED" if faults else "ended before" if ended_before else "goes on", said


def wait_for(case: Case, started: Server) -> None:
    """Wait for the moment, or for the end of all."""
    while f"] {case.step}\n" not in started.output and case.step != "Python":
        if started.process.poll() is not None:
            return
        time.sleep(0.002)
    with suppress(subprocess.TimeoutExpired):
        started.process.wait(case.seconds)


def faults_of_the_end(code: int, number: int, output: str) -> list[str]:
    faults = ["a traceback"] if "Traceback" in output else []
    if number == signal.SIGINT and code not in (130, -signal.SIGINT):
        faults.append(f"exit status {code} after Ctrl-C")
    return faults


def faults_of_the_second_run(
    project: BakedProject, done: subprocess.CompletedProcess[str]
) -> list[str]:
    if done.returncode != 0 or "GET /ping answered 200" not in done.stdout:
        return [f"bootstrap.py did not go on: exit status {done.returncode}"]
    damaged = project.run("-c", DAMAGED, python=project.python)
    faults = [damaged.stdout + damaged.stderr] if damaged.stdout or damaged.returncode else []
    faults += [f"left: {path.name}" for path in project.path.glob(".venv?*")]
    return faults + [f"runs on: {process}" for process in left_behind(str(project.path))]


def print_table(outcomes: list[tuple[str, str]], options: argparse.Namespace) -> None:
    counts = Counter(outcomes) + Counter(("all", word) for _, word in outcomes)
    print(f"\nseed {options.seed}, {options.installer}, {options.signal}, {len(outcomes)} cases")
    print(f"{'':<14}" + "".join(f"{word:>14}" for word in WORDS))
    for step in [*dict.fromkeys(step for step, _ in outcomes), "all"]:
        print(f"{step:<14}" + "".join(f"{counts[step, word]:>14}" for word in WORDS))


if __name__ == "__main__":
    main()
