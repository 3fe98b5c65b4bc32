"""missed ticks"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "core_0002"
down_revision: str | None = "core_0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# A job goes on from its last tick or, without one, from when it was added.
GO_ON = """
INSERT INTO job_trigger (job, "trigger", since)
SELECT job, '', coalesce(max(CASE cause WHEN 'tick' THEN due END), max(ended_at))
FROM job_run WHERE cause IN ('tick', 'added') GROUP BY job
"""


def upgrade() -> None:
    with op.batch_alter_table("job_run") as batch_op:
        batch_op.add_column(sa.Column("trigger", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("last_due", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("ticks", sa.Integer(), nullable=True))
    op.create_table(
        "job_trigger",
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("job", "trigger", name=op.f("pk_job_trigger")),
    )
    op.execute(GO_ON)
    op.execute("DELETE FROM job_run WHERE cause = 'added'")


def downgrade() -> None:
    op.drop_table("job_trigger")
    with op.batch_alter_table("job_run") as batch_op:
        batch_op.drop_column("ticks")
        batch_op.drop_column("last_due")
        batch_op.drop_column("trigger")
