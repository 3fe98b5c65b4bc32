"""The tables of the jobs."""

from datetime import datetime

from sqlalchemy import Connection, Index, Table, Text, event, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import Base, UtcDateTime


class JobRun(Base):
    """One run of one job, or why there was none.

    The row is the claim: the process that inserts it runs the job. The keys allow one row per job
    and due time, and one row per job that has not ended, so that runs do not overlap.
    `cause` is tick, retry or command. A tick belongs to a job and one of its triggers.
    `outcome` is succeeded, failed, skipped, missed, dead (its process died) or left (at the end).
    A row of missed ticks has the first as `due`, the last as `last_due`, and their number.
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
    trigger: Mapped[str | None]
    last_due: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ticks: Mapped[int | None]

    __table_args__ = (Index("uq_job_run_job", job, unique=True),)


@event.listens_for(JobRun.metadata.tables["job_run"], "before_create")
def make_index_partial(table: Table, connection: Connection, **_: object) -> None:
    """As its migration does. To name both databases above imports both dialects: 40 ms a start."""
    (index,) = table.indexes
    index.dialect_options[connection.dialect.name]["where"] = text("ended_at IS NULL")


class JobTrigger(Base):
    """Since when a job has had a trigger, which has no ticks before.

    The trigger is empty where the job's runs were recorded before triggers were.
    """

    __tablename__ = "job_trigger"

    job: Mapped[str] = mapped_column(primary_key=True)
    trigger: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime)


class SchedulerSeen(Base):
    """When each scheduler process last gave a sign of life."""

    __tablename__ = "scheduler_seen"

    process: Mapped[str] = mapped_column(primary_key=True)
    host: Mapped[str]
    pid: Mapped[int]
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
