"""Is the application made, and does it answer? The process that would serve is asked."""

from collections.abc import Iterator

from launcher.checks.problem import Problem, Report, Skipped
from launcher.checks.service import Service
from launcher.checks.views import async_views_in_source

# Problems that other checks show, by what their ids begin with.
OTHERS = {"views": "the views", "jobs": "the jobs", "database": "the database"}


def check_application(service: Service) -> Iterator[Problem]:
    if service.answer is None:
        raise Skipped(service.not_asked)
    service.report = service.answer()
    families = [family(problem) for problem in service.report.problems]
    if service.report.application is None and families and set(families) <= set(OTHERS):
        raise Skipped(f"needs {OTHERS[families[0]]}")
    yield from (each for each in service.report.problems if family(each) not in OTHERS)


def check_views(service: Service) -> Iterator[Problem]:
    """Read the source where the application could not be asked."""
    report = service.report
    yield from async_views_in_source(service.root) if report is None else answer(report, "views")


def check_jobs(service: Service) -> Iterator[Problem]:
    report = service.report
    found = answer(report, "jobs") if report else []
    if not found and (report is None or report.application is None):
        raise Skipped("needs the application")
    yield from found


def answer(report: Report, name: str) -> list[Problem]:
    return [problem for problem in report.problems if family(problem) == name]


def family(problem: Problem) -> str:
    return problem.id.partition(".")[0]
