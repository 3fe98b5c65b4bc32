"""The runs of jobs. Each has a row in the table job_run; the process that inserts it runs the job.

Every statement commits by itself, so that no process holds what another waits for.
"""

import logging
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from itertools import islice
from threading import current_thread, main_thread
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, Executable, Row, Update, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from backend.core.database import db
from backend.core.jobs import Job
from backend.core.jobs.clock import now
from backend.core.jobs.models import JobRun, SchedulerSeen
from backend.core.jobs.triggers import INTERVALS_START, next_due, read_trigger

logger = logging.getLogger(__name__)

# Identifies this process: several containers may have the same host name and pids.
PROCESS = {"process": uuid.uuid4().hex, "host": socket.gethostname(), "pid": os.getpid()}
# What this process is running.
RUNNING: set[tuple[Job, datetime]] = set()

INSERT: dict[str, Callable[..., Any]] = {
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}


def run_now(job: Job, cause: str) -> str | None:
    """Run the job now and return the outcome, or None if it is running already."""
    due = now()
    return carry_out(job, due) if claim(job, due, cause) else None


def claim(job: Job, due: datetime, cause: str) -> bool:
    """Return whether this process may run the job: no other has the tick, and no run is going on.

    The table accepts one row per tick, and one row per job that has not ended.
    """
    begun = {"started_at": now(), "alive_until": now() + job.dead_after}
    return insert([row(job, due, cause, **begun)]) == 1


def carry_out(job: Job, due: datetime) -> str:
    """Run the job, which is claimed already, and record how it ended."""
    begin, outcome, error = time.perf_counter(), "left", None
    RUNNING.add((job, due))
    try:
        error = call(job)
        outcome = "failed" if error else "succeeded"
    finally:
        seconds = time.perf_counter() - begin
        fields = {"job": job.id, "duration_s": round(seconds, 3)}
        logger.info("job %s %s after %.3f s", job.id, outcome, seconds, extra=fields)
        try:
            finish(job, due, outcome, error)
        finally:  # or the process would prove forever that the run is alive
            RUNNING.remove((job, due))
    return outcome


def call(job: Job) -> str | None:
    """Call the job's function and return its error, if it raised one."""
    try:
        with current_app.app_context():  # at whose end no transaction stays open
            job.function()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and current_thread() is main_thread():
            raise  # Ctrl-C in `jobs run`
        logger.exception("job %s failed", job.id, extra={"job": job.id})
        return text_of(error).replace("\0", "")[:10_000]
    return None


def text_of(error: BaseException) -> str:
    try:
        return repr(error)
    except Exception:
        return f"{type(error).__name__}, whose text cannot be had"


def give_back(job: Job, due: datetime) -> None:
    """Take back a claim, as if it had never been made."""
    execute(delete(JobRun).where(JobRun.job == job.id, JobRun.due == due).returning(JobRun.job))


def renew() -> None:
    """Prove that the runs in this process are alive."""
    for job, due in RUNNING.copy():
        execute(change(job, due, alive_until=now() + job.dead_after))


def stay_alive(job: Job) -> None:
    """Prove it forever, in a process that is not a scheduler."""
    while True:
        time.sleep(min(1, job.dead_after.total_seconds() / 3))
        with suppress(SQLAlchemyError):
            renew()


def expired() -> set[str]:
    """Return the ids of jobs that have a dead run which is not recorded as dead yet."""
    dead = (JobRun.ended_at.is_(None), JobRun.alive_until < now())
    return {run.job for run in execute(select(JobRun.job).where(*dead))}


def finish(job: Job, due: datetime, outcome: str, error: str | None) -> None:
    """Record the end, however long the database is away: a run without an end blocks its job."""
    waiting = False
    while True:
        try:
            if not execute(change(job, due, ended_at=now(), outcome=outcome, error=error)):
                logger.warning("job %s: the end of this run was recorded before", job.id)
            return
        except UnicodeError:  # not all databases have all of Unicode
            error = error and ascii(error)
            continue
        except SQLAlchemyError as reason:
            if not waiting:
                logger.error("job %s: its end cannot be recorded yet: %s", job.id, reason)
            waiting = True
        time.sleep(1)


def change(job: Job, due: datetime, **values: Any) -> Update:
    row = (JobRun.job == job.id, JobRun.due == due, JobRun.ended_at.is_(None))
    return update(JobRun).where(*row).values(values).returning(JobRun.job)


def close(outcome: str, *which: ColumnElement[bool]) -> list[Row[Any]]:
    """Record the end of runs whose processes will not do so, and return those runs."""
    unended = update(JobRun).where(JobRun.ended_at.is_(None), *which)
    columns = (JobRun.job, JobRun.cause, JobRun.host, JobRun.pid)
    found = execute(unended.values(ended_at=now(), outcome=outcome).returning(*columns))
    for run in found:
        logger.error("job %s: its run on %s (pid %d) is %s", run.job, run.host, run.pid, outcome)
    return found


def skip(job: Job, ticks: Iterable[datetime], why: str) -> None:
    """Record that the ticks are not run, except those that have a record."""
    skipped = {"ended_at": now(), "outcome": "skipped", "error": why}
    rows, count = (row(job, due, "tick", **skipped) for due in ticks), 0
    while batch := list(islice(rows, 1000)):
        count += insert(batch)
    if count:
        logger.warning("job %s: %d skipped: %s", job.id, count, why, extra={"job": job.id})


def last_tick(job: Job) -> datetime:
    """Return the job's last recorded tick; all ticks before it have a record.

    A new job is recorded as added now, otherwise its first tick could be missed unnoticed. There is
    one such row, so all processes agree on the moment.
    """
    of_job = JobRun.job == job.id
    newest = select(func.max(JobRun.due)).where(of_job, JobRun.cause == "tick")
    added = select(JobRun.ended_at).where(of_job, JobRun.cause == "added")
    last = select(func.coalesce(newest.scalar_subquery(), added.scalar_subquery()))
    while True:
        found: datetime | None = execute(last)[0][0]
        if found is not None:
            return found
        insert([row(job, INTERVALS_START, "added", ended_at=now(), outcome="added")])


def row(job: Job, due: datetime, cause: str, **values: Any) -> dict[str, Any]:
    return PROCESS | {"job": job.id, "due": due, "cause": cause} | values


def insert(rows: list[dict[str, Any]]) -> int:
    """Insert the rows except those that conflict, and return how many were inserted."""
    statement = INSERT[db.engine.dialect.name](JobRun).on_conflict_do_nothing()
    # The row count is no use: SQLAlchemy misreads psycopg's.
    return len(execute(statement.returning(JobRun.job), rows))


def execute(statement: Executable, values: Any = None) -> list[Row[Any]]:
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return list(connection.execute(statement, values))


def last_run(job: Job) -> JobRun | None:
    runs = select(JobRun).where(JobRun.job == job.id, JobRun.cause != "added")
    return db.session.scalar(runs.order_by(JobRun.due.desc()).limit(1))


def next_tick(job: Job, after: datetime) -> datetime:
    return next_due(read_trigger(job.trigger, current_app.config["TIMEZONE"]), after)


def ticks(job: Job, due: datetime) -> Iterator[datetime]:
    """Yield the tick `due`, and the later ones that are past."""
    yield due
    while (due := next_tick(job, due)) <= now():
        yield due


def scheduler_seen() -> datetime | None:
    return db.session.scalar(select(func.max(SchedulerSeen.seen_at)))
