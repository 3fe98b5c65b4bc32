"""The runs of jobs: each has a row in the table job_run, and whoever inserts it runs the job.

Every statement commits by itself, so that no process can hold what another waits for.
"""

import logging
import os
import socket
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from threading import Condition, Event, Thread
from typing import Any

from flask import current_app
from sqlalchemy import Engine, Executable, Row, Update, bindparam, func, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from backend.database import UtcDateTime, db
from backend.jobs import Job
from backend.models import TICKS, JobRun, SchedulerSeen, now
from backend.triggers import next_due, read_trigger

logger = logging.getLogger(__name__)

# Which process this is: in containers, hosts and pids may be the same in several.
PROCESS = {"process": uuid.uuid4().hex, "host": socket.gethostname(), "pid": os.getpid()}

# What this process runs, and what is told when it has run it.
running: set[tuple[str, datetime]] = set()
ended = Condition()

# The same in PostgreSQL and SQLite. The row count would not do: psycopg's is misread.
CLAIM = text(
    "INSERT INTO job_run (job, due, cause, process, host, pid,"
    " started_at, seen_at, ended_at, outcome, error) VALUES (:job, :due, :cause, :process, :host,"
    " :pid, :started_at, :seen_at, :ended_at, :outcome, :error) ON CONFLICT DO NOTHING"
    " RETURNING job"
).bindparams(
    *(bindparam(name, type_=UtcDateTime) for name in ("due", "started_at", "seen_at", "ended_at"))
)


def run(job: Job, due: datetime, cause: str) -> str | None:
    """Run the job if this process gets to, and return the outcome.

    None means that another process has this tick, or that the job's last run goes on: the table
    takes one row for a tick, and one without an end for a job.
    """
    running.add((job.id, due))
    try:
        if execute(CLAIM, row(job, due, cause, started_at=now(), seen_at=now())):
            return carry_out(job, due)
        return None
    finally:
        with ended:
            running.remove((job.id, due))
            ended.notify_all()


def carry_out(job: Job, due: datetime) -> str:
    begin = time.perf_counter()
    outcome, error = "left", None
    try:
        with kept_alive(job, due):
            error = call(job)
        outcome = "failed" if error else "succeeded"
    finally:
        seconds = time.perf_counter() - begin
        fields = {"job": job.id, "duration_s": round(seconds, 3)}
        logger.info("job %s %s after %.3f s", job.id, outcome, seconds, extra=fields)
        finish(job, due, outcome, error)
    return outcome


def call(job: Job) -> str | None:
    """Call the job's function and return its error, if it raised one."""
    try:
        job.function()
    except (Exception, SystemExit) as error:
        logger.exception("job %s failed", job.id, extra={"job": job.id})
        with suppress(SQLAlchemyError):  # the connection may be gone
            db.session.rollback()
        return repr(error).replace("\0", "")
    return None


@contextmanager
def kept_alive(job: Job, due: datetime) -> Iterator[None]:
    """Let the row say, while the job runs, that its process lives."""
    over, engine = Event(), autocommit()

    def say_so() -> None:
        while not over.wait(job.dead_after.total_seconds() / 3):
            with suppress(SQLAlchemyError), engine.begin() as connection:
                connection.execute(change(job.id, due, seen_at=now()))

    Thread(target=say_so, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def finish(job: Job, due: datetime, outcome: str, error: str | None) -> None:
    """Record the end, however long the database is away: a run without one blocks the job."""
    waiting = False
    while True:
        try:
            if not execute(change(job.id, due, ended_at=now(), outcome=outcome, error=error)):
                logger.warning("job %s: the end of this run was recorded before", job.id)
            return
        except SQLAlchemyError as reason:
            if not waiting:
                logger.error("job %s: its end cannot be recorded yet: %s", job.id, reason)
            waiting = True
        time.sleep(1)


def end(run: Row[Any], outcome: str, *conditions: Any) -> bool:
    """Record the end of a run that its process will not; True if nobody else was quicker."""
    ended = change(run.job, run.due, ended_at=now(), outcome=outcome).where(*conditions)
    if not execute(ended):
        return False
    logger.error("job %s: its run on %s (pid %d) is %s", run.job, run.host, run.pid, outcome)
    return True


def change(job_id: str, due: datetime, **values: Any) -> Update:
    row = (JobRun.job == job_id, JobRun.due == due, JobRun.ended_at.is_(None))
    return update(JobRun).where(*row).values(values).returning(JobRun.job)


def unended() -> list[Row[Any]]:
    table = JobRun.__table__
    return execute(select(table).where(table.c.ended_at.is_(None)))


def skip(job: Job, ticks: Iterable[datetime], why: str) -> None:
    """Record that the ticks are not run, but for those of which something is recorded."""
    skipped = {"ended_at": now(), "outcome": "skipped", "error": why}
    count = sum(bool(execute(CLAIM, row(job, due, "tick", **skipped))) for due in ticks)
    if count:
        logger.warning("job %s: %d skipped: %s", job.id, count, why, extra={"job": job.id})


def last_tick(job: Job) -> datetime:
    """Return the job's last recorded tick; what is due from then on is recorded or missing.

    A job that is new is recorded as added now, or its first tick could go missing unnoticed.
    """
    newest = select(func.max(JobRun.due)).where(JobRun.job == job.id, JobRun.cause.in_(TICKS))
    while (found := execute(newest)[0][0]) is None:
        execute(CLAIM, row(job, now(), "added", ended_at=now(), outcome="added"))
    return found


def row(job: Job, due: datetime, cause: str, **values: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("started_at", "seen_at", "ended_at", "outcome", "error"))
    return empty | PROCESS | {"job": job.id, "due": due, "cause": cause} | values


def execute(statement: Executable, values: dict[str, Any] | None = None) -> list[Row[Any]]:
    with autocommit().begin() as connection:
        return list(connection.execute(statement, values))


def autocommit() -> Engine:
    return db.engine.execution_options(isolation_level="AUTOCOMMIT")


def last_run(job: Job) -> JobRun | None:
    runs = select(JobRun).where(JobRun.job == job.id, JobRun.cause != "added")
    return db.session.scalar(runs.order_by(JobRun.due.desc()).limit(1))


def next_tick(job: Job, after: datetime) -> datetime:
    return next_due(read_trigger(job.trigger, current_app.config["TIMEZONE"]), after)


def scheduler_seen() -> datetime | None:
    return db.session.scalar(select(func.max(SchedulerSeen.seen_at)))
