"""Runs checks, each on its own: one that fails or hangs hides nothing that the others find."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from launcher.checks.hanging import GIVEN_UP_AFTER
from launcher.checks.problem import Problem, Skipped
from launcher.checks.service import Service

Check = Callable[[Service], Iterator[Problem]]
# What the application needs before it can be asked.
NEEDED = {"Python": "the Python", "Dependencies": "the dependencies", "Settings": "the settings"}
# The checks that ask it.
ASKING = ("Application", "Views", "Jobs")
# Seconds after which a check is reported as hanging: some give up by themselves what they wait for.
CHECKED_WITHIN = 2 * GIVEN_UP_AFTER
# Errors beside which it can be made all the same.
HARMLESS = {"settings.debug", "settings.secret", "settings.unknown"}


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
    """Run the checks and return their results in the order given.

    First comes what the application needs, then all else, while it is made in another process, or
    before it is made in this thread.
    """
    checks = list(checks)
    needed = side_by_side([each for each in checks if each[0] in NEEDED], service)
    lacking = next((result.name for result in needed if prevents_asking(result)), None)
    if lacking:
        service.not_asked = f"needs {NEEDED[lacking]}"
    elif service.ask:
        service.answer = service.ask()
    others = [each for each in checks if each[0] not in (*NEEDED, *ASKING)]
    results = {result.name: result for result in (*needed, *side_by_side(others, service))}
    for name, check in checks:
        if name in ASKING:
            results[name] = perform(check, service, Result(name))
    add_answer(results.get("Database"), service)
    return [results[name] for name, _ in checks]


def side_by_side(checks: Iterable[tuple[str, Check]], service: Service) -> list[Result]:
    running = [start(name, check, service) for name, check in checks]
    end = time.monotonic() + CHECKED_WITHIN
    return [wait(thread, result, end) for thread, result in running]


def start(name: str, check: Check, service: Service) -> tuple[threading.Thread, Result]:
    result = Result(name)
    thread = threading.Thread(target=perform, args=(check, service, result), daemon=True)
    thread.start()
    return thread, result


def perform(check: Check, service: Service, result: Result) -> Result:
    begin = time.perf_counter()
    try:
        for problem in check(service):
            result.problems.append(problem)
    except Skipped as skipped:
        result.reason = str(skipped)
    except (Exception, SystemExit) as error:
        fact = f"the check failed itself: {type(error).__name__}: {error}"
        result.problems.append(Problem("check.crashed", fact, "report it, with `check --json`"))
    result.elapsed_ms = round((time.perf_counter() - begin) * 1000, 1)
    return result


def wait(thread: threading.Thread, result: Result, end: float) -> Result:
    thread.join(max(0, end - time.monotonic()))
    if not thread.is_alive():
        return result
    fact = f"the check did not end within {CHECKED_WITHIN} s"
    return Result(result.name, [*result.problems, Problem("check.crashed", fact)])


def prevents_asking(result: Result) -> bool:
    return any(each.level == "error" and each.id not in HARMLESS for each in result.problems)


def add_answer(database: Result | None, service: Service) -> None:
    """Let the check of the database say what the application says of a database that is well."""
    if database and database.status == "ok" and service.report:
        database.problems += [e for e in service.report.problems if e.id.startswith("database.")]
