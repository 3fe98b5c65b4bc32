"""Migrations with Flask-Alembic. Importing it takes 70 ms, so only what needs it does.

They are two branches: `core`, in this folder, makes the tables of backend/core/, and `default`, in
migrations/, those of the service. So an update can change the first without touching the second.
"""

import logging
import re
from functools import cache
from pathlib import Path
from typing import Any, Literal

from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from click import ClickException
from flask import Flask
from flask_alembic import Alembic
from sqlalchemy import Connection, text

from backend.core.database import Base, UtcDateTime

logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)

CORE = Path(__file__).resolve().parent
OWN = CORE.parents[2] / "migrations"
# Any number that nothing else in this database uses for an advisory lock.
ADVISORY_LOCK = 20_251_102


class TwoBranches(Alembic):
    """Restricts steps up and down, and merges, to the branch `default`.

    With several branches Alembic would take any of them, or none. On PostgreSQL one migration runs
    at a time, however long it takes; the others wait, and then find nothing to do.
    """

    def current(self) -> tuple[Script, ...]:
        self.refuse_a_newer_schema()
        return super().current()

    def upgrade(self, target: int | str | Script = "heads") -> None:
        super().upgrade(self.on_own_branch(target))

    def downgrade(self, target: int | str | Script = -1) -> None:
        wanted = self.on_own_branch(target)
        applied = any("default" in script.branch_labels for script in self.current())
        if wanted.startswith("default@-") and not applied:
            raise ClickException("No migration in migrations/ is applied: there is no step back.")
        super().downgrade(wanted)

    def on_own_branch(self, target: int | str | Script) -> str:
        (wanted,) = self._simplify_rev(target, handle_int=True)
        return f"default@{wanted}" if re.fullmatch(r"[+-]\d+", wanted) else wanted

    def merge(self, revisions: Any = "heads", *arguments: Any, **named: Any) -> Script | None:
        heads = "default@heads" if revisions == "heads" else revisions
        return super().merge(heads, *arguments, **named)

    def refuse_a_newer_schema(self) -> None:
        known, _ = code_revisions()
        if unknown := set(self.migration_context.get_current_heads()) - known:
            raise ClickException(
                f"The schema is at {', '.join(sorted(unknown))}, which this code does not have."
                " Run this with the newer code, which has it."
            )

    def run_migrations(self, fn: Any, **kwargs: Any) -> None:
        self.refuse_a_newer_schema()
        connection = self.migration_context.connection
        if connection is not None and connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        super().run_migrations(fn, **kwargs)


def attach(app: Flask) -> Alembic:
    """Return the application's Flask-Alembic, registering it on the first call."""
    if "alembic" not in app.extensions:
        own, context = app.config.get("ALEMBIC", {}), app.config.get("ALEMBIC_CONTEXT", {})
        branches = [("core", escaped(CORE)), *own.get("version_locations", [])]
        separator = "os" if "\n" in str(CORE) else "newline"  # one that the paths have not
        places = {"script_location": escaped(OWN), "path_separator": separator}
        app.config["ALEMBIC"] = places | own | {"version_locations": branches}
        app.config["ALEMBIC_CONTEXT"] = CONTEXT | context
        TwoBranches(app, run_mkdir=False, command_name="", metadatas=Base.metadata)
    alembic: Alembic = app.extensions["alembic"]
    return alembic


def escaped(path: Path) -> str:
    """Write % as configparser wants it, through which Alembic reads the paths."""
    return str(path).replace("%", "%%")


def render_item(kind: str, item: Any, context: Any) -> str | Literal[False]:
    """Keep this package out of the migrations: they outlive what it is today."""
    return "sa.DateTime(timezone=True)" if isinstance(item, UtcDateTime) else False


CONTEXT = {"render_as_batch": True, "render_item": render_item}


@cache
def code_revisions() -> tuple[set[str], set[str]]:
    """Return the revisions that both folders have, and those that no other one follows or needs."""
    scripts = ScriptDirectory(str(OWN), version_locations=[str(OWN), str(CORE)])
    ends = {script.revision for script in scripts.get_revisions("heads") if script}
    return {script.revision for script in scripts.walk_revisions()}, ends


def schema_state(connection: Connection) -> Literal["ok", "ahead", "pending"]:
    """Compare the schema that the connection sees with the one that the code expects.

    It is ahead where a newer code has migrated it, on each branch that is not at its end here.
    """
    current = set(MigrationContext.configure(connection).get_current_heads())
    known, ends = code_revisions()
    if current == ends:
        return "ok"
    is_ahead = current & known <= ends and len(current) >= len(ends)
    return "ahead" if is_ahead else "pending"
