"""Deletes chat messages older than CHAT_MESSAGE_KEEP_DAYS days."""

from datetime import UTC, datetime, timedelta

from flask import current_app
from sqlalchemy import delete

from backend.core.database import db
from backend.models import Message


def delete_old_messages() -> None:
    keep = timedelta(days=current_app.config["CHAT_MESSAGE_KEEP_DAYS"])
    db.session.execute(delete(Message).where(Message.created_at < datetime.now(UTC) - keep))
    db.session.commit()
