"""jobs"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "core_0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = ("core",)
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    # Before there was this branch, the first migration in migrations/ made these tables.
    if not sa.inspect(op.get_bind()).has_table("job_run"):
        create_tables()


def create_tables() -> None:
    op.create_table(
        "job_run",
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("alive_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("job", "due", name=op.f("pk_job_run")),
    )
    unended = sa.text("ended_at IS NULL")
    with op.batch_alter_table("job_run") as batch_op:
        batch_op.create_index(
            "uq_job_run_job",
            ["job"],
            unique=True,
            postgresql_where=unended,
            sqlite_where=unended,
        )
    op.create_table(
        "scheduler_seen",
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("process", name=op.f("pk_scheduler_seen")),
    )


def downgrade() -> None:
    op.drop_table("scheduler_seen")
    with op.batch_alter_table("job_run") as batch_op:
        batch_op.drop_index("uq_job_run_job")
    op.drop_table("job_run")
