"""Health: /ping says that the process answers, /readyz that it can do its work."""

from flask import Blueprint, current_app
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from backend.database import db
from backend.models import SchedulerSeen

bp = Blueprint("health", __name__)


@bp.get("/ping")
def ping() -> dict[str, str]:
    return {"status": "ok"}


@bp.get("/readyz")
def readyz() -> tuple[dict[str, str | None], int]:
    """200 if the database answers and has the schema of the code, else 503 with the reason.

    A scheduler that has not been seen is told and is no reason: the web can do without it.
    """
    from backend.migrations import is_current

    try:
        current = is_current(db.session.connection())
        seen = db.session.scalar(select(func.max(SchedulerSeen.seen_at))) if current else None
    except SQLAlchemyError as error:
        current_app.logger.warning("not ready: %s", error)
        return {"status": "unavailable", "database": "does not answer"}, 503
    if not current:
        return {"status": "unavailable", "database": "ok", "migrations": "pending"}, 503
    seen_at = seen and seen.isoformat(timespec="seconds")
    return {"status": "ok", "database": "ok", "migrations": "ok", "scheduler_seen": seen_at}, 200
