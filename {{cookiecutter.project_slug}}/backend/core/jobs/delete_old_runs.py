"""Deletes what is recorded of runs, and of schedulers, older than JOB_RUN_KEEP_DAYS days."""

from datetime import UTC, datetime, timedelta

from flask import current_app
from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import aliased

from backend.core.database import db
from backend.core.jobs.models import JobRun, SchedulerSeen


def delete_old_runs() -> None:
    """Keep each job's last tick and when it was added: what is missed is counted from there."""
    limit = datetime.now(UTC) - timedelta(days=current_app.config["JOB_RUN_KEEP_DAYS"])
    later = aliased(JobRun)
    last = select(func.max(later.due)).where(later.job == JobRun.job, later.cause == "tick")
    dispensable = or_(JobRun.cause != "tick", JobRun.due < last.scalar_subquery())
    ended = (JobRun.ended_at.is_not(None), JobRun.cause != "added")
    db.session.execute(delete(JobRun).where(JobRun.due < limit, dispensable, *ended))
    db.session.execute(delete(SchedulerSeen).where(SchedulerSeen.seen_at < limit))
    db.session.commit()
