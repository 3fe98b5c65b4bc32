"""Does green mean that it starts? Breaks a service in random small ways, and starts it.

Usage: .venv/bin/python benchmarks/soundness.py [--count N] [--seed S] [--jobs J]
                                                [--kind WORDS] [--only CASE] [--variations]

Compares what `run.py check --json` says of each broken copy with what the service then does: where
the check is green, started by `run.py`; where it is red, by something that asks no check. Prints
every case that is not as promised with what was changed, and how the cases ended, by kind:

  green, works     as it should be
  UNSOUND          green, and it does not start, or does not answer /ping and /readyz with 200
  red, broken      as it should be
  red, harm        red, and it would start: by policy, with the harm that is printed
  FALSE ALARM      red, and it would start and do no harm
  in a view        green and answering, but /api/chat fails: a matter for its tests

--variations starts legitimate services instead, which must be green. --only takes what stands
before the colon and makes that one again, with the same seed.
"""

import argparse
import difflib
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TEMPLATE / "tests"))

from breakages import KINDS, break_one  # noqa: E402
from conftest import QUICKLY, make_production_service, uv_as_pip  # noqa: E402
from generating import made_in  # noqa: E402
from judging import (  # noqa: E402
    Change,
    Verdict,
    judge,
)
from legitimate import OTHERS, VARIATIONS, together, vary  # noqa: E402
from postgresql import postgresql  # noqa: E402
from services import BakedProject, production  # noqa: E402

WORDS = ("green, works", "UNSOUND", "red, broken", "red, harm", "FALSE ALARM", "in a view")
NOT_AS_PROMISED = ("UNSOUND", "FALSE ALARM")


@dataclass(frozen=True)
class Case:
    """`make` is called with the service to copy, a folder, and a production's variables."""

    name: str
    kind: str
    make: Callable[[BakedProject, Path, dict[str, str]], tuple[BakedProject, Change]]


def main() -> None:
    parser = argparse.ArgumentParser(description="Does green mean that it starts?")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", help="the name of a case")
    parser.add_argument("--kind", default="", help="only kinds with these words in their name")
    parser.add_argument("--variations", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        base, variables = make_base(folder, stack)
        verdicts = run(options, base, variables, folder)
        print_table(verdicts, options.seed)
    sys.exit(any(verdict.word in NOT_AS_PROMISED for _, verdict in verdicts))


def make_base(folder: Path, stack: ExitStack) -> tuple[BakedProject, dict[str, str]]:
    """Return an installed service that listens on any port, and a production's variables."""
    os.environ.update(QUICKLY | uv_as_pip())
    make_production_service(folder / "base")
    base = made_in(folder / "base")
    default = base.path / "config/default.py"
    default.write_text(default.read_text("utf-8").replace("PORT: int = 5001", "PORT: int = 0"))
    variables = production(stack.enter_context(postgresql()).new_database())
    done = base.run("run.py", "db", "upgrade", **variables)
    assert done.returncode == 0, done.stderr
    return base, variables


def run(
    options: argparse.Namespace, base: BakedProject, variables: dict[str, str], folder: Path
) -> list[tuple[str, Verdict]]:
    make = variations if options.variations else breakages
    cases = [case for case in make(options) if options.only in (None, case.name)]

    def carry_out(case: Case) -> Verdict:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            project, change = case.make(base, Path(place), variables)
            changed = f"{change.note}\n{difference(base, project)}".strip()
            verdict = judge(project, change)
        show(case, changed, verdict, in_full=bool(options.only))
        return verdict

    with ThreadPoolExecutor(options.jobs) as pool:
        verdicts = pool.map(carry_out, cases)
        return [(case.kind, verdict) for case, verdict in zip(cases, verdicts, strict=True)]


def breakages(options: argparse.Namespace) -> Iterator[Case]:
    """Yield so many of each kind in turn: with its name and the seed each can be made alone."""
    kinds = [kind for kind in KINDS if options.kind in kind]
    for number in range(options.count):
        kind = kinds[number % len(kinds)]
        name = f"{kind} {number // len(kinds)}"
        yield Case(name, kind, partial(break_one, kind=kind, seed=f"{options.seed}: {name}"))


def variations(options: argparse.Namespace) -> Iterator[Case]:
    """Yield each alone, and then all of them together."""
    every = VARIATIONS | OTHERS | {"all together": together(VARIATIONS)}
    for name, variation in every.items():
        if options.kind in name:
            yield Case(name, "a variation", partial(vary, variation=variation))


def show(case: Case, changed: str, verdict: Verdict, in_full: bool) -> None:
    """Print it in one line, or, where it is not as promised, with all that there is to say."""
    lines = [f"{case.name}: {verdict.word}"]
    if verdict.word in NOT_AS_PROMISED or in_full:
        lines += [changed, *verdict.facts, "-" * 80]
    elif verdict.word == "red, harm":
        lines += verdict.facts[:1]
    print("\n".join(lines), flush=True)


def print_table(verdicts: list[tuple[str, Verdict]], seed: str) -> None:
    counts = Counter((kind, verdict.word) for kind, verdict in verdicts)
    counts += Counter(("all", verdict.word) for _, verdict in verdicts)
    kinds = dict.fromkeys(kind for kind, _ in verdicts)
    print(f"\nseed {seed}, {len(verdicts)} cases")
    print(f"{'':<26}" + "".join(f"{word:>14}" for word in WORDS))
    for kind in [*kinds, "all"]:
        print(f"{kind:<26}" + "".join(f"{counts[kind, word]:>14}" for word in WORDS))


def difference(before: BakedProject, after: BakedProject) -> str:
    """Return what has changed in the files, .venv apart, as a diff."""
    names = {name for project in (before, after) for name in texts(project)}
    return "\n".join(line for name in sorted(names) for line in diff(name, before, after))


def texts(project: BakedProject) -> Iterator[Path]:
    for pattern in ("*.py", "*.txt"):
        for path in project.path.rglob(pattern):
            if ".venv" not in path.parts:
                yield path.relative_to(project.path)


def diff(name: Path, before: BakedProject, after: BakedProject) -> Iterator[str]:
    paths = (before.path / name, after.path / name)
    one, other = (path.read_text("utf-8", "replace") if path.exists() else "" for path in paths)
    if one != other:
        lines = (one.splitlines(), other.splitlines())
        yield from difflib.unified_diff(*lines, str(name), str(name), n=1, lineterm="")


if __name__ == "__main__":
    main()
