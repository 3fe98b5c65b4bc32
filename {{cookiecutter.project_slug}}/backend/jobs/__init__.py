"""The jobs: one module per job, a plain function; JOBS says which run, and when."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from backend.jobs.delete_old_messages import delete_old_messages


@dataclass(frozen=True)
class Job:
    """A function without arguments, called in an application context.

    `trigger` is a cron line in the time zone TIMEZONE, weekdays by name ("0 6 * * mon-fri"),
    or a timedelta, counted from the same moment in every process.
    """

    id: str
    function: Callable[[], object]
    trigger: str | timedelta


JOBS = (Job("delete_old_messages", delete_old_messages, "15 3 * * *"),)
