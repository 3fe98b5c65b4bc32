"""The tables of the jobs."""

from datetime import datetime

from sqlalchemy import Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import Base, UtcDateTime

UNENDED = text("ended_at IS NULL")


class JobRun(Base):
    """One run of one job, or why there was none.

    The row is the claim: the process that inserts it runs the job. The keys allow one row per job
    and due time, and one row per job that has not ended, so that runs do not overlap.
    `cause` is tick, retry, command or added. Added is not a run: its `ended_at` says when the job
    was first seen, and it is due in the year 2000, so that there is only one.
    `outcome` is succeeded, failed, skipped, dead (its process died), left (at the end) or added.
    """

    __tablename__ = "job_run"

    job: Mapped[str] = mapped_column(primary_key=True)
    due: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    cause: Mapped[str]
    process: Mapped[str]
    host: Mapped[str]
    pid: Mapped[int]
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    alive_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[str | None]
    error: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("uq_job_run_job", job, unique=True, postgresql_where=UNENDED, sqlite_where=UNENDED),
    )


class SchedulerSeen(Base):
    """When each scheduler process last gave a sign of life."""

    __tablename__ = "scheduler_seen"

    process: Mapped[str] = mapped_column(primary_key=True)
    host: Mapped[str]
    pid: Mapped[int]
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
