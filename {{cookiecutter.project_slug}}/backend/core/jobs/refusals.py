"""Finds jobs that cannot be told apart, called, or due; the scheduler refuses all at once."""

import inspect
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from backend.core.database import now
from backend.core.jobs import Job
from backend.core.jobs.triggers import NEVER, next_due, read_trigger
from backend.core.refusal import Refusal
from backend.core.sync_views import is_async

CALLABLE = "give it a function that can be called without arguments"
READABLE = 'give it "minute hour day month weekday", such as "0 6 * * mon-fri", or a timedelta'


def refusals(jobs: Iterable[Any], timezone: str) -> Iterator[Refusal]:
    try:
        ZoneInfo(timezone)
    except (LookupError, OSError, ValueError):
        fact = f"TIMEZONE {timezone!r} is no time zone"
        yield Refusal("jobs.timezone", fact, 'write TIMEZONE = "UTC"', "")
        timezone = "UTC"
    seen: dict[str, Job] = {}
    for job in jobs:
        if isinstance(job, Job):
            yield from refused(job, seen.get(str(job.id)), timezone)
            seen.setdefault(str(job.id), job)
        else:
            fact, hint = f"JOBS has {job!r}, which is not a Job", "give it nothing but Job(...)"
            yield Refusal("jobs.broken", fact, hint, "backend/jobs/__init__.py")


def refused(job: Job, first: Job | None, timezone: str) -> Iterator[Refusal]:
    if not isinstance(job.id, str) or not job.id:
        yield Refusal("jobs.id", f"{job.id!r} is not an id", "give it a text", job.where)
    if first:
        fact = f"{job.id!r} is also the id of the job at {first.where}"
        yield Refusal("jobs.duplicate", fact, "give one of them another id", job.where)
    if why := no_function(job.function):
        name = job.function.__qualname__ if inspect.isroutine(job.function) else job.function
        yield Refusal("jobs.function", f"{name} {why}", CALLABLE, job.where)
    if why := no_trigger(job.trigger, timezone):
        yield Refusal("jobs.trigger", why, READABLE, job.where)
    if not isinstance(job.dead_after, timedelta) or job.dead_after < timedelta(seconds=1):
        fact = f"dead_after is {job.dead_after}: no process proves so often that it lives"
        yield Refusal("jobs.dead_after", fact, "give it a timedelta of a second or more", job.where)


def no_function(function: Any) -> str | None:
    """Return why it cannot be called as a job, or None."""
    if not callable(function):
        return "is not a function"
    if inspect.isclass(function):
        return "is a class"
    if is_async(function):
        return "is async, and nobody would await it"
    if inspect.isgeneratorfunction(function):
        return "is a generator, and calling it does nothing"
    with suppress(ValueError):  # it is not written in Python, and does not say
        try:
            inspect.signature(function, follow_wrapped=False).bind()
        except TypeError:
            return "takes arguments, and is called without"
    return None


def no_trigger(trigger: Any, timezone: str) -> str | None:
    """Return why it would never be due, or None."""
    if not isinstance(trigger, str | timedelta):
        return f"{trigger!r} is neither a cron line nor a timedelta"
    try:
        never = next_due(read_trigger(trigger, timezone), now()) == NEVER
    except (ValueError, OverflowError) as error:
        return str(error)
    return f"{trigger!r} is never due" if never else None
