"""Migrations in every form that Alembic reads."""

from legitimate.edits import Edits

FOLDER = "migrations"
EMPTY = "\n\n\ndef upgrade():\n    pass\n\n\ndef downgrade():\n    pass"
FIRST = 'revision = "{}"\ndown_revision = {}\nbranch_labels = None\ndepends_on = None' + EMPTY
MIGRATIONS: Edits = {
    "migrations: many": [
        (f"{FOLDER}/a_branch.py", FIRST.format("a1", '"0001"')),
        (f"{FOLDER}/another_branch.py", FIRST.format("a2", '"0001"')),
        (f"{FOLDER}/merged.py", FIRST.format("a3", '("a1", "a2")')),
        (f"{FOLDER}/2026_01_01-plain größe.py", f'"""x"""\nrevision, down_revision = "a4", "a3"{EMPTY}'),
        (f"{FOLDER}/computed.py", f'BEFORE = "a4"\nrevision = "a" + str(5)\ndown_revision = BEFORE{EMPTY}'),
        (f"{FOLDER}/typed.py", "from __future__ import annotations\nrevision: str = 'a6'\n"
         f"down_revision: str | None = f'a{{5}}'\nbranch_labels: str | None = None{EMPTY}"),
        (f"{FOLDER}/labelled.py", FIRST.format("a7", "['a6']").replace("branch_labels = None", "branch_labels = ['seven']")),
        (f"{FOLDER}/depends.py", FIRST.format("a8", "'a7'").replace("depends_on = None", "depends_on = 'core_0001'")),
        (f"{FOLDER}/data.py", "from alembic import context, op\nimport sqlalchemy as sa\nfrom backend.models import Message\n"
         "revision = 'a9'\ndown_revision = 'a8'\n\n\ndef upgrade():\n    op.execute(sa.text('SELECT 1'))\n"
         "    op.execute(sa.delete(Message).where(Message.id < 0))\n\n\ndef downgrade():\n    pass"),
        (f"{FOLDER}/README", "About these."),
    ],
}  # fmt: skip
