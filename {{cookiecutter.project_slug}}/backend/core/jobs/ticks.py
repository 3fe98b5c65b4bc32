"""The ticks of a job, the times at which it is due. All that are past get a record.

Each process records them in their order, beginning with the first that has no record. So of several
processes the key of the table job_run lets only one do so.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from apscheduler.triggers.base import BaseTrigger
from flask import current_app
from sqlalchemy import ColumnElement, delete, func, or_, select, update

from backend.core.jobs import Job
from backend.core.jobs.clock import now
from backend.core.jobs.models import JobRun, JobTrigger
from backend.core.jobs.runs import claim, execute, insert_row, row, unnoticed_claim
from backend.core.jobs.triggers import MOMENT, count, latest, next_due, read_trigger

logger = logging.getLogger(__name__)

# More than the clocks of two processes can differ by.
MINUTE = timedelta(minutes=1)


class NotBuriedError(Exception):
    """The run before is dead, and not recorded as dead yet."""


def next_tick(job: Job, after: datetime) -> datetime:
    return next_due(trigger_of(job), after)


def trigger_of(job: Job) -> BaseTrigger:
    return read_trigger(job.trigger, current_app.config["TIMEZONE"])


def grace() -> timedelta:
    return timedelta(seconds=current_app.config["JOB_MISFIRE_GRACE_TIME"])


def take(job: Job, due: datetime | None) -> tuple[datetime | None, datetime]:
    """Claim the tick `due` or, if later ones are past too, the last of them; the others are missed.

    Without `due` it is the first that has no record. Return what is claimed, or None, and the tick
    to wait for. Raise NotBuriedError if it is to be tried again in a moment.
    """
    if due is None:
        if due := unnoticed_claim(job):
            return due, next_tick(job, due)
        due = first_unrecorded(job)
    while due <= now():
        to_run = max(latest(trigger_of(job), due, now() + MOMENT), now() - grace())
        if due >= to_run:
            if claim(job, due, "tick", trigger_name(job)):
                return due, next_tick(job, due)
            return None, next_tick(job, see_why_not(job, due))
        last = latest(trigger_of(job), due, to_run)
        if not record_missed(job, due, last):  # another process was faster
            last = max(due, last_recorded(job))
        due = next_tick(job, last)
    return None, due


def see_why_not(job: Job, due: datetime) -> datetime:
    """Record the tick as skipped if no process has it, as the run before has not ended.

    Return the last tick of its record.
    """
    either = or_(JobRun.due == due, JobRun.ended_at.is_(None))
    columns = (JobRun.due, JobRun.last_due, JobRun.alive_until)
    rows = execute(select(*columns).where(JobRun.job == job.id, either))
    if ends := [found.last_due or due for found in rows if found.due == due]:
        return ends[0]
    if any(found.alive_until and found.alive_until < now() for found in rows):
        raise NotBuriedError
    why = {"outcome": "skipped", "error": "the run before had not ended"}
    if not record(job, due, **why):  # another process was faster
        return see_why_not(job, due)
    logger.warning("job %s: skipped, as the run before had not ended", job.id)
    return due


def record_missed(job: Job, first: datetime, last: datetime) -> bool:
    ticks = count(trigger_of(job), first, last)
    ours = record(job, first, outcome="missed", last_due=last, ticks=ticks)
    if ours:
        text = "job %s: %d missed, from %s to %s"
        logger.warning(text, job.id, ticks, first.isoformat(), last.isoformat())
    return ours


def record(job: Job, due: datetime, **values: Any) -> bool:
    """Record why a tick is not run, unless it has a record."""
    why = values | {"ended_at": now(), "trigger": trigger_name(job)}
    return insert_row(JobRun, row(job, due, "tick") | why)


def first_unrecorded(job: Job) -> datetime:
    """Return the first tick that has no record.

    A trigger that comes back had no ticks while another one was in force.
    """
    newest = execute(select(func.max(JobRun.due)).where(*ticks_of(job)))[0][0]
    if newest and newest > now() + MINUTE:
        forget_the_future(job)
        newest = now()
    kept = timedelta(days=current_app.config["JOB_RUN_KEEP_DAYS"])
    last = min(last_recorded(job), now())
    return next_tick(job, max(last, now() - kept, newest - grace() if newest else last))


def forget_the_future(job: Job) -> None:
    """Delete what was recorded for later than now, by a clock that was set back since."""
    later = (*ticks_of(job), JobRun.due > now() + MINUTE, JobRun.ended_at.is_not(None))
    found = execute(delete(JobRun).where(*later).returning(JobRun.due))
    added = update(JobTrigger).where(JobTrigger.job == job.id, JobTrigger.since > now())
    execute(added.values(since=now()).returning(JobTrigger.job))
    text = "job %s: the clock was set back: %d ticks that are due again are no longer recorded"
    logger.warning(text, job.id, len(found))


def last_recorded(job: Job) -> datetime:
    """Return the last tick of the job's trigger that has a record, as all before it have."""
    since = had_since(job)
    recorded = (*ticks_of(job), JobRun.trigger == trigger_name(job), JobRun.due >= since)
    last = select(func.coalesce(JobRun.last_due, JobRun.due)).where(*recorded)
    found = execute(last.order_by(JobRun.due.desc()).limit(1))
    return found[0][0] if found else since


def had_since(job: Job) -> datetime:
    """Return when the job was first seen with its trigger, upon which all processes agree."""
    of_job, name = JobTrigger.job == job.id, trigger_name(job)
    moment = select(JobTrigger.since).where(of_job, JobTrigger.trigger == name)
    while not (found := execute(moment)):
        unnamed = update(JobTrigger).where(of_job, JobTrigger.trigger == "")
        if not execute(unnamed.values(trigger=name).returning(JobTrigger.job)):
            insert_row(JobTrigger, {"job": job.id, "trigger": name, "since": now()})
    since: datetime = found[0][0]
    return since


def trigger_name(job: Job) -> str:
    """Return what tells the ticks of this trigger from those of one that the job had before."""
    if isinstance(job.trigger, timedelta):
        return str(job.trigger)
    return f"{' '.join(job.trigger.split())} {current_app.config['TIMEZONE']}"


def ticks_of(job: Job) -> tuple[ColumnElement[bool], ...]:
    return JobRun.job == job.id, JobRun.cause == "tick"
