"""Runs checks, each on its own: one that fails or hangs hides nothing that the others find."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from launcher.checks.problem import Problem, Skipped
from launcher.checks.service import Service

Check = Callable[[Service], Iterator[Problem]]
# Seconds after which a check is reported as hanging: on a busy machine the slowest takes 20.
CHECKED_WITHIN = 60


@dataclass
class Result:
    name: str
    problems: list[Problem] = field(default_factory=list)
    reason: str | None = None
    elapsed_ms: float = 0

    @property
    def status(self) -> str:
        """`ok`, `warning`, `error` or `skipped`."""
        levels = {problem.level for problem in self.problems}
        if not levels:
            return "skipped" if self.reason else "ok"
        return "error" if "error" in levels else "warning"


def run_checks(checks: Iterable[tuple[str, Check]], service: Service) -> list[Result]:
    """Run the checks side by side and return their results in the order given."""
    running = [start(name, check, service) for name, check in checks]
    end = time.monotonic() + CHECKED_WITHIN
    return [wait(thread, result, end) for thread, result in running]


def start(name: str, check: Check, service: Service) -> tuple[threading.Thread, Result]:
    result = Result(name)
    thread = threading.Thread(target=perform, args=(check, service, result), daemon=True)
    thread.start()
    return thread, result


def perform(check: Check, service: Service, result: Result) -> None:
    begin = time.perf_counter()
    try:
        for problem in check(service):
            result.problems.append(problem)
    except Skipped as skipped:
        result.reason = str(skipped)
    except BaseException as error:  # SystemExit too: it would end this thread without a word
        fact = f"the check failed itself: {type(error).__name__}: {error}"
        result.problems.append(Problem("check.crashed", fact, "report it, with `check --json`"))
    result.elapsed_ms = round((time.perf_counter() - begin) * 1000, 1)


def wait(thread: threading.Thread, result: Result, end: float) -> Result:
    thread.join(max(0, end - time.monotonic()))
    if not thread.is_alive():
        return result
    fact = f"the check did not end within {CHECKED_WITHIN} s"
    return Result(result.name, [*result.problems, Problem("check.crashed", fact)])
