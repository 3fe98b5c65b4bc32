"""The jobs: what one is, and which of them an application has."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask


@dataclass(frozen=True)
class Job:
    """A function without arguments, called in an application context of its own.

    What it has not committed when it returns is rolled back.

    `trigger` is a cron line in the time zone TIMEZONE, weekdays by name ("0 6 * * mon-fri"),
    or a timedelta of whole seconds, counted from the same moment in every process. A run of
    whose process nothing was heard for `dead_after` counts as dead; then it is run once more,
    if it may be (`retry`).
    """

    id: str
    function: Callable[[], object]
    trigger: str | timedelta
    dead_after: timedelta = timedelta(minutes=2)
    retry: bool = False


def register_jobs(app: Flask, jobs: Iterable[Job]) -> None:
    app.extensions["jobs"] = tuple(jobs)


def registered_jobs(app: Flask) -> tuple[Job, ...]:
    jobs: tuple[Job, ...] = app.extensions["jobs"]
    return jobs
