"""Deletes what is recorded of runs, and of schedulers, older than JOB_RUN_KEEP_DAYS days."""

from datetime import UTC, datetime, timedelta

from flask import current_app
from sqlalchemy import delete, func, select
from sqlalchemy.orm import aliased

from backend.database import db
from backend.models import TICKS, JobRun, SchedulerSeen


def delete_old_runs() -> None:
    """Keep each job's last tick, however old: what was missed since is counted from it."""
    limit = datetime.now(UTC) - timedelta(days=current_app.config["JOB_RUN_KEEP_DAYS"])
    later = aliased(JobRun)
    last = select(func.max(later.due)).where(later.job == JobRun.job, later.cause.in_(TICKS))
    old = (JobRun.due < limit, JobRun.due < last.scalar_subquery())
    db.session.execute(delete(JobRun).where(*old, JobRun.ended_at.is_not(None)))
    db.session.execute(delete(SchedulerSeen).where(SchedulerSeen.seen_at < limit))
    db.session.commit()
