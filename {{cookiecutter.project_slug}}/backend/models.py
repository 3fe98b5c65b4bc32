"""The tables. After a change here: `python run.py db revision "what changed"`."""

from datetime import UTC, datetime

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, UtcDateTime


def now() -> datetime:
    return datetime.now(UTC)


class Message(Base):
    """A chat message and what was answered."""

    __tablename__ = "message"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    reply: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)


class JobRun(Base):
    """One tick of one job. The primary key is the claim: whoever inserts the row runs the job."""

    __tablename__ = "job_run"

    job: Mapped[str] = mapped_column(primary_key=True)
    due: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    host: Mapped[str]
    pid: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[str | None]
    error: Mapped[str | None] = mapped_column(Text)


class SchedulerSeen(Base):
    """When each scheduler process last said that it is alive."""

    __tablename__ = "scheduler_seen"

    host: Mapped[str] = mapped_column(primary_key=True)
    pid: Mapped[int] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
