"""What a job is, and which jobs an application has."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from flask import Flask

from backend.core.refusal import Refusal, RefusedError


@dataclass(frozen=True)
class Job:
    """A function without arguments, called in an application context of its own.

    What it has not committed when it returns is rolled back.

    `trigger` is a cron line in the time zone TIMEZONE, weekdays by name ("0 6 * * mon-fri"),
    or a timedelta of whole seconds, counted from the same moment in every process. If its process
    gives no sign of life for `dead_after`, a run counts as dead; with `retry` it is then run once
    more. `where` is the file:line that made the job.
    """

    id: str
    function: Callable[[], object]
    trigger: str | timedelta
    dead_after: timedelta = timedelta(minutes=2)
    retry: bool = False
    where: str = field(default="", init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        caller = sys._getframe(2)  # of __init__, which is the dataclass's
        object.__setattr__(self, "where", f"{caller.f_code.co_filename}:{caller.f_lineno}")


def register_jobs(app: Flask, jobs: Iterable[Job]) -> None:
    if isinstance(jobs, Job):
        fact, hint = "JOBS is one Job, and not a tuple", "give it its comma: JOBS = (Job(...),)"
        raise RefusedError([Refusal("jobs.broken", fact, hint, jobs.where)])
    app.extensions["jobs"] = tuple(jobs)


def registered_jobs(app: Flask) -> tuple[Job, ...]:
    jobs: tuple[Job, ...] = app.extensions["jobs"]
    return jobs
