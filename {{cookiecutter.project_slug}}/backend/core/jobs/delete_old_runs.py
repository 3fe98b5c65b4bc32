"""Deletes the records of runs and schedulers that are older than JOB_RUN_KEEP_DAYS days."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import Delete, delete, func, select

from backend.core.database import db
from backend.core.jobs.clock import now
from backend.core.jobs.models import JobRun, SchedulerSeen

# Rows per statement, so that each takes far less than DATABASE_STATEMENT_TIMEOUT.
BATCH = 10_000


def delete_old_runs() -> None:
    """Keep each job's last tick: it says how the job ended, however long ago."""
    limit = now() - timedelta(days=current_app.config["JOB_RUN_KEEP_DAYS"])
    for job in recorded_jobs():
        while deleted(some_old_runs(job, limit)) == BATCH:
            pass
    deleted(delete(SchedulerSeen).where(SchedulerSeen.seen_at < limit))


def recorded_jobs() -> Iterator[str]:
    """Yield each job's id once, by the table's key: a DISTINCT would read every row."""
    job = db.session.scalar(select(func.min(JobRun.job)))
    while job is not None:
        yield job
        job = db.session.scalar(select(func.min(JobRun.job)).where(JobRun.job > job))


def some_old_runs(job: str, limit: datetime) -> Delete:
    of_job, is_tick = JobRun.job == job, JobRun.cause == "tick"
    last = db.session.scalar(select(func.max(JobRun.due)).where(of_job, is_tick))
    old = (of_job, JobRun.due < limit, JobRun.ended_at.is_not(None))
    dues = select(JobRun.due).where(*old, JobRun.due != last).order_by(JobRun.due).limit(BATCH)
    return delete(JobRun).where(of_job, JobRun.due.in_(dues))


def deleted(statement: Delete) -> int:
    """Delete, commit, and return the number of rows."""
    count = db.session.connection().execute(statement).rowcount
    db.session.commit()
    return count
