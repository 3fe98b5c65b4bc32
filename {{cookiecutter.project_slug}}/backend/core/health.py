"""Health: /ping says that the process answers, /readyz that it can do its work."""

from contextlib import suppress
from contextvars import copy_context
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any

from flask import Blueprint, Flask, Response, current_app
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from backend.core.database import Base, db, now
from backend.core.jobs import Job, registered_jobs
from backend.core.jobs.runs import last_run, scheduler_seen
from backend.core.jobs.ticks import next_tick

bp = Blueprint("health", __name__)

# Seconds that /readyz waits for the database.
ANSWERS_WITHIN = 3
examining = Lock()


class LacksTablesError(Exception):
    """The schema has the right revision, but lacks tables that the models have."""


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/ping")
def ping() -> Response:
    return Response(b'{"status":"ok"}\n', content_type="application/json")


@bp.get("/readyz")
def readyz() -> tuple[dict[str, Any], int]:
    """200 if the database can be used and its schema is that of the code or newer, else 503.

    It reports when a scheduler was last seen, but that never causes a 503: the web works without.
    """
    prepare()
    state = {"database": "does not answer"}
    if examining.acquire(timeout=ANSWERS_WITHIN):
        answers: SimpleQueue[dict[str, Any]] = SimpleQueue()
        context = copy_context()  # which has the application and the request's id
        Thread(target=context.run, args=(examine, answers), daemon=True).start()
        try:
            state = answers.get(timeout=ANSWERS_WITHIN)
        except Empty:
            log = current_app.logger
            log.warning("not ready: the database takes longer than %d s", ANSWERS_WITHIN)
    ready = state.get("migrations") in ("ok", "ahead")
    return {"status": "ok" if ready else "unavailable"} | state, 200 if ready else 503


def prepare() -> None:
    """Import before the clock starts what may take longer than the database on a busy machine."""
    with suppress(Exception):  # which comes again where it is logged
        from backend.core.migrations import code_revisions

        code_revisions()


def examine(answers: SimpleQueue[dict[str, Any]]) -> None:
    """Ask the database in a thread, because a frozen database never answers."""
    try:
        with current_app.app_context():  # whose connection is its own
            state = database_state()
    except Exception as error:
        current_app.logger.warning("not ready: %s", error)
        state = {"database": what_is_wrong(error)}
    finally:
        examining.release()
    answers.put(state)


def what_is_wrong(error: Exception) -> str:
    if isinstance(error, LacksTablesError):
        return "lacks tables"
    asked = isinstance(error, DBAPIError) and error.statement and not error.connection_invalidated
    return "refuses" if asked else "does not answer"


def database_state() -> dict[str, Any]:
    from backend.core.migrations import schema_state

    state = schema_state(db.session.connection())
    if state == "pending":
        return {"database": "ok", "migrations": state}
    begin_to_write()
    require_tables()
    return {
        "database": "ok",
        "migrations": state,
        "scheduler_seen": iso(scheduler_seen()),
        "jobs": [job_state(job) for job in registered_jobs(current_app)[:100]],
    }


def begin_to_write() -> None:
    """Ask for the right to write, which a standby does not give, without changing anything."""
    db.session.execute(text("DELETE FROM alembic_version WHERE false"))
    db.session.rollback()


def require_tables() -> None:
    """Raise LacksTablesError unless all tables exist. This locks none of them."""
    found = inspect(db.session.connection())
    tables = Base.metadata.tables.values()
    if missing := [t.fullname for t in tables if not found.has_table(t.name, t.schema)]:
        raise LacksTablesError(f"the database has no table {', '.join(missing)}")


def job_state(job: Job) -> dict[str, Any]:
    run = last_run(job)
    last = run and {"outcome": run.outcome or "running", "due": iso(run.due)}
    return {"id": job.id, "next_due": iso(next_tick(job, now())), "last": last}


def iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
