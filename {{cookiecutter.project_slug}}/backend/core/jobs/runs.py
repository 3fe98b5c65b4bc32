"""The runs of jobs. Each has a row in the table job_run; the process that inserts it runs the job.

Every statement commits by itself, so that no process holds what another waits for.
"""

import logging
import os
import socket
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime
from functools import cache
from importlib import import_module
from threading import current_thread, main_thread
from typing import Any

from flask import current_app
from sqlalchemy import (
    ColumnElement,
    Executable,
    Row,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from backend.core.database import Base, db
from backend.core.jobs import Job
from backend.core.jobs.clock import now
from backend.core.jobs.models import JobRun, SchedulerSeen

logger = logging.getLogger(__name__)

# Identifies this process: several containers may have the same host name and pids.
PROCESS = {"process": uuid.uuid4().hex, "host": socket.gethostname(), "pid": os.getpid()}
CHANGE = (
    update(JobRun)
    .where(JobRun.job == bindparam("of_job"), JobRun.due == bindparam("when_due"))
    .where(JobRun.process == PROCESS["process"], JobRun.ended_at.is_(None))
    .returning(JobRun.job)
)
# What this process is running.
RUNNING: set[tuple[Job, datetime]] = set()


def run_now(job: Job, cause: str) -> str | None:
    """Run the job now and return the outcome, or None if it is running already."""
    due = now()
    return carry_out(job, due) if claim(job, due, cause) else None


def claim(job: Job, due: datetime, cause: str, trigger: str | None = None) -> bool:
    """Return whether this process may run the job: no other has the tick, and no run is going on.

    The table accepts one row per tick, and one row per job that has not ended.
    """
    with claiming(job, due):
        ours = insert_row(JobRun, begun(job, due, cause) | {"trigger": trigger})
    if not ours:
        RUNNING.discard((job, due))
    return ours


@contextmanager
def claiming(job: Job, due: datetime) -> Iterator[None]:
    """Count the run as one of this process from before it has a row, unless that fails."""
    RUNNING.add((job, due))
    try:
        yield
    except BaseException:
        RUNNING.discard((job, due))
        raise


def begun(job: Job, due: datetime, cause: str) -> dict[str, Any]:
    moment = now()
    return row(job, due, cause) | {"started_at": moment, "alive_until": moment + job.dead_after}


def row(job: Job, due: datetime, cause: str) -> dict[str, Any]:
    return PROCESS | {"job": job.id, "due": due, "cause": cause}


def unnoticed_claim(job: Job) -> datetime | None:
    """Return the tick that this process has claimed without learning of it: the answer was lost."""
    ours = (JobRun.job == job.id, JobRun.process == PROCESS["process"], JobRun.cause == "tick")
    dues = execute(select(JobRun.due).where(*ours, JobRun.ended_at.is_(None)))
    return next((due for (due,) in dues if (job, due) not in RUNNING), None)


def give_back(job: Job, due: datetime) -> None:
    """Take back a claim, as if it had never been made."""
    RUNNING.discard((job, due))
    execute(delete(JobRun).where(JobRun.job == job.id, JobRun.due == due).returning(JobRun.job))


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


def finish(job: Job, due: datetime, outcome: str, error: str | None) -> None:
    """Record the end, however long the database is away: a run without an end blocks its job."""
    waiting = False
    while True:
        try:
            if not change(job, due, ended_at=now(), outcome=outcome, error=error):
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


def renew() -> None:
    """Prove that the runs in this process are alive."""
    for job, due in RUNNING.copy():
        change(job, due, alive_until=now() + job.dead_after)


def stay_alive(job: Job) -> None:
    """Prove it forever, in a process that is not a scheduler."""
    while True:
        time.sleep(min(1, job.dead_after.total_seconds() / 3))
        with suppress(SQLAlchemyError):
            renew()


def change(job: Job, due: datetime, **values: Any) -> bool:
    """Change a run of this process, and return whether it had not ended."""
    return bool(execute(CHANGE, values | {"of_job": job.id, "when_due": due}))


def dead_runs() -> list[Row[Any]]:
    """Return the runs that are dead and not recorded as dead."""
    columns = (JobRun.job, JobRun.due, JobRun.cause)
    dead = (JobRun.ended_at.is_(None), JobRun.alive_until < now())
    return execute(select(*columns).where(*dead))


def bury(run: Row[Any], retry: Job | None) -> datetime | None:
    """Record that the run is dead and, in the same transaction, claim its `retry`, if there is one.

    So that is neither lost nor run by two. Return when it was due.
    """
    due = now()
    dead = (JobRun.job == run.job, JobRun.due == run.due, JobRun.alive_until < due)
    with claiming(retry, due) if retry else nullcontext(), db.engine.begin() as connection:
        found = list(connection.execute(ending("dead", *dead)))
        if retry and found:
            connection.execute(insert(JobRun), begun(retry, due, "retry"))
    report(found, "dead")
    if retry and not found:  # another process was faster, or the run is alive
        RUNNING.discard((retry, due))
    return due if retry and found else None


def leave() -> None:
    """Record that this process ends before its runs."""
    ours = JobRun.process == PROCESS["process"]
    report(execute(ending("left", ours)), "left")


def ending(outcome: str, *which: ColumnElement[bool]) -> Executable:
    unended = update(JobRun).where(JobRun.ended_at.is_(None), *which)
    columns = (JobRun.job, JobRun.host, JobRun.pid)
    return unended.values(ended_at=now(), outcome=outcome).returning(*columns)


def report(runs: Iterable[Row[Any]], outcome: str) -> None:
    for run in runs:
        logger.error("job %s: its run on %s (pid %d) is %s", run.job, run.host, run.pid, outcome)


def insert_row(table: type[Base], values: dict[str, Any]) -> bool:
    """Insert a row unless another one conflicts, and return whether it was inserted."""
    return bool(execute(insert_of(table, db.engine.dialect.name), values))


@cache
def insert_of(table: type[Base], dialect: str) -> Executable:
    """Return the insert of the database's own dialect, which alone is imported."""
    own = import_module(f"sqlalchemy.dialects.{dialect}")
    new = own.insert(table.__table__).on_conflict_do_nothing()
    # The row count is no use: SQLAlchemy misreads psycopg's.
    statement: Executable = new.returning(*table.__table__.primary_key)
    return statement


def execute(statement: Executable, values: dict[str, Any] | None = None) -> list[Row[Any]]:
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return list(connection.execute(statement, values))


def last_run(job: Job) -> JobRun | None:
    return next(iter(last_runs(job, 1)), None)


def last_runs(job: Job, number: int) -> Sequence[JobRun]:
    """Return the last runs, the newest first."""
    runs = select(JobRun).where(JobRun.job == job.id)
    return db.session.scalars(runs.order_by(JobRun.due.desc()).limit(number)).all()


def scheduler_seen() -> datetime | None:
    return db.session.scalar(select(func.max(SchedulerSeen.seen_at)))
