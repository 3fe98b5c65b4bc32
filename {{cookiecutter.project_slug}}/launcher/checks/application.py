"""Can the application be made, and does it answer? Asks the process that would serve."""

from collections.abc import Iterator

from launcher.checks.problem import Problem, Report, Skipped
from launcher.checks.service import Service
from launcher.checks.views import async_views_in_source

# Problems that other checks show, by the beginning of their ids.
OTHERS = {"views": "the views", "jobs": "the jobs", "database": "the database"}


def check_application(service: Service) -> Iterator[Problem]:
    if service.answer is None:
        raise Skipped(service.not_asked)
    service.report = service.answer()
    found = service.report.problems
    own = [problem for problem in found if problem.id.partition(".")[0] not in OTHERS]
    if found and not own and service.report.application is None:
        raise Skipped(f"needs {OTHERS[found[0].id.partition('.')[0]]}")
    yield from own


def check_views(service: Service) -> Iterator[Problem]:
    """Read the source if the application could not be asked."""
    report = service.report
    yield from of_family("views", report) if report else async_views_in_source(service.root)


def check_jobs(service: Service) -> Iterator[Problem]:
    report = service.report
    found = of_family("jobs", report) if report else []
    if not found and not (report and report.application):
        raise Skipped("needs the application")
    yield from found


def of_family(name: str, report: Report) -> list[Problem]:
    return [problem for problem in report.problems if problem.id.startswith(f"{name}.")]
