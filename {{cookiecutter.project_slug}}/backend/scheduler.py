"""Runs JOBS with APScheduler; of all processes that do so, one runs each tick.

APScheduler says when a job is due. Whoever then inserts the row (job, due) into the table
job_run runs the job; the primary key lets one process do so and no second.
"""

import logging
import os
import signal
import socket
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from flask import Flask
from sqlalchemy import bindparam, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from backend.database import UtcDateTime, db
from backend.jobs import JOBS, Job
from backend.models import JobRun, SchedulerSeen, now

logger = logging.getLogger(__name__)

# Every process counts intervals from here, so that all agree on what is due.
INTERVALS_START = datetime(2000, 1, 1, tzinfo=UTC)
# A tick that could not start on time, in a process that was busy or asleep, may be this late.
MISFIRE_GRACE_TIME = 3600
# How often a scheduler says that it is alive, in seconds.
SEEN_EVERY = 30


# The same in PostgreSQL and SQLite. The row count would not do: psycopg's is misread.
CLAIM = text(
    "INSERT INTO job_run (job, due, host, pid, started_at)"
    " VALUES (:job, :due, :host, :pid, :started_at) ON CONFLICT DO NOTHING RETURNING job"
).bindparams(bindparam("due", type_=UtcDateTime), bindparam("started_at", type_=UtcDateTime))


class TickExecutor(ThreadPoolExecutor):
    """Tells the job which tick it runs for, which APScheduler 3 keeps to itself."""

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:
        job.kwargs = {"due": run_times[-1].astimezone(UTC)}
        super()._do_submit_job(job, run_times)


def start(app: Flask) -> BaseScheduler:
    """Run the jobs in threads of this process, beside whatever else it does."""
    scheduler = BackgroundScheduler(timezone=UTC)
    add_jobs(scheduler, app)
    scheduler.start()
    return scheduler


def run(app: Flask) -> None:
    """Run the jobs until SIGTERM or Ctrl-C; a job that is running then comes to its end."""
    scheduler = BlockingScheduler(timezone=UTC)
    add_jobs(scheduler, app)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        scheduler.start()
    except (KeyboardInterrupt, SystemExit):
        scheduler.shutdown()


def add_jobs(scheduler: BaseScheduler, app: Flask) -> None:
    scheduler.add_executor(TickExecutor())
    options = {"coalesce": True, "max_instances": 1, "misfire_grace_time": MISFIRE_GRACE_TIME}
    options["kwargs"] = {"due": None}  # which TickExecutor fills in
    for job in JOBS:
        trigger = read_trigger(job.trigger, app.config["TIMEZONE"])
        scheduler.add_job(run_tick, trigger, [app, job], id=job.id, **options)
    seen = IntervalTrigger(seconds=SEEN_EVERY, timezone=UTC)
    scheduler.add_job(say_seen, seen, [app], id="seen", next_run_time=now(), **options)


def read_trigger(trigger: str | timedelta, timezone: str) -> BaseTrigger:
    """Return APScheduler's trigger. Raise ValueError for a line that it would misread.

    It numbers weekdays from Monday = 0 where cron has Sunday = 0, so only names will do.
    """
    if isinstance(trigger, timedelta):
        seconds = int(trigger.total_seconds())
        return IntervalTrigger(seconds=seconds, start_date=INTERVALS_START, timezone=UTC)
    if any(character in "0123456789#" for character in trigger.split()[-1]):
        raise ValueError(f"{trigger!r}: write weekdays by name, such as mon-fri")
    return CronTrigger.from_crontab(trigger, timezone)


def run_tick(app: Flask, job: Job, due: datetime) -> None:
    with app.app_context():
        try:
            if claim(job, due):
                finish(job, due, error=run_job(job))
        except SQLAlchemyError as error:
            logger.error("job %s: the database does not answer: %s", job.id, error)


def claim(job: Job, due: datetime) -> bool:
    """Return whether this process, and so no other, is to run the job's tick."""
    row = {"job": job.id, "due": due, "host": socket.gethostname(), "pid": os.getpid()}
    claimed = db.session.scalar(CLAIM, row | {"started_at": now()}) is not None
    db.session.commit()
    return claimed


def run_job(job: Job) -> str | None:
    """Call the job's function and return its error, if it raised one."""
    try:
        job.function()
    except Exception as error:
        db.session.rollback()
        logger.exception("job %s failed", job.id)
        return repr(error)
    logger.info("job %s succeeded", job.id)
    return None


def finish(job: Job, due: datetime, error: str | None) -> None:
    outcome = {"ended_at": now(), "outcome": "failed" if error else "succeeded", "error": error}
    tick = (JobRun.job == job.id, JobRun.due == due)
    db.session.execute(update(JobRun).where(*tick).values(outcome))
    db.session.commit()


def say_seen(app: Flask, due: datetime) -> None:
    with app.app_context():
        try:
            seen = SchedulerSeen(host=socket.gethostname(), pid=os.getpid(), seen_at=due)
            db.session.merge(seen)
            db.session.commit()
        except SQLAlchemyError as error:
            logger.error("the scheduler cannot reach the database: %s", error)


def next_due(job: Job, timezone: str) -> datetime | None:
    return read_trigger(job.trigger, timezone).get_next_fire_time(None, now())


def last_run(job: Job) -> JobRun | None:
    runs = select(JobRun).where(JobRun.job == job.id)
    return db.session.scalar(runs.order_by(JobRun.due.desc()).limit(1))
