"""Runs each check on its own: if one fails or hangs, the others still report."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from launcher.checks.application import of_family
from launcher.checks.hanging import GIVEN_UP_AFTER
from launcher.checks.problem import Problem, Skipped
from launcher.checks.service import Service

Check = Callable[[Service], Iterator[Problem]]
# What the application needs before it can be asked.
NEEDED = {"Python": "the Python", "Dependencies": "the dependencies", "Settings": "the settings"}
# The checks that may wait for its answer.
ASKING = ("Application", "Views", "Jobs")
# Seconds after which a check is reported as hanging. Some give up waiting earlier by themselves.
CHECKED_WITHIN = 2 * GIVEN_UP_AFTER
# Errors that do not keep it from being made.
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
    """Run the checks in their order, and return their results.

    The application is asked as soon as its needs are met, so that another process can make it
    meanwhile.
    """
    checks = list(checks)
    results = [run(*each, service) for each in checks if each[0] in NEEDED]
    lacking = [NEEDED[result.name] for result in results if prevents_asking(result)]
    if lacking:
        service.not_asked = f"needs {lacking[0]}"
    elif service.ask:
        service.answer = service.ask()
    results += [run(*each, service) for each in checks if each[0] not in NEEDED]
    for result in results:
        if result.name == "Database" and result.status == "ok" and service.report:
            result.problems += of_family("database", service.report)
    return results


def run(name: str, check: Check, service: Service) -> Result:
    result = Result(name)
    if name in ASKING:  # in this thread, which a debugger can stop, and for as long as it takes
        perform(check, service, result)
        return result
    thread = threading.Thread(target=perform, args=(check, service, result), daemon=True)
    thread.start()
    thread.join(CHECKED_WITHIN)
    if not thread.is_alive():
        return result
    fact = f"the check did not end within {CHECKED_WITHIN} s"
    return Result(name, [*result.problems, Problem("check.crashed", fact)])


def perform(check: Check, service: Service, result: Result) -> None:
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


def prevents_asking(result: Result) -> bool:
    return any(each.level == "error" and each.id not in HARMLESS for each in result.problems)
