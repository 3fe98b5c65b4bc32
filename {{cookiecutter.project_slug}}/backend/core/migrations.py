"""Migrations with Flask-Alembic. Importing it takes 70 ms, so only what needs it does."""

import logging
from functools import cache
from pathlib import Path
from typing import Any, Literal

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_alembic import Alembic
from sqlalchemy import Connection, text

from backend import models  # noqa: F401
from backend.core.database import Base, UtcDateTime

logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)

FOLDER = Path(__file__).resolve().parents[2] / "migrations"
# Any number will do that nothing else uses for an advisory lock in this database.
ADVISORY_LOCK = 20_251_102


class LockedAlembic(Alembic):
    """On PostgreSQL one migration runs at a time; the others wait, and find nothing to do.

    The lock ends with the migration's transaction. A migration may take its time.
    """

    def run_migrations(self, fn: Any, **kwargs: Any) -> None:
        connection = self.migration_context.connection
        if connection is not None and connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        super().run_migrations(fn, **kwargs)


def attach(app: Flask) -> Alembic:
    """Return the application's Flask-Alembic, registering it on the first call."""
    if "alembic" not in app.extensions:
        # Alembic reads the path through configparser, where % is special.
        app.config["ALEMBIC"] = {
            "script_location": str(FOLDER).replace("%", "%%"),
            "path_separator": "newline",
        }
        app.config["ALEMBIC_CONTEXT"] = {"render_as_batch": True, "render_item": render_item}
        metadata = Base.metadata
        LockedAlembic(app, run_mkdir=False, command_name="", metadatas=metadata)
    return app.extensions["alembic"]


def render_item(kind: str, item: Any, context: Any) -> str | Literal[False]:
    """Keep this package out of the migrations: they outlive what it is today."""
    return "sa.DateTime(timezone=True)" if isinstance(item, UtcDateTime) else False


@cache
def code_heads() -> set[str]:
    """Return the revisions that the files in migrations/ end in."""
    return set(ScriptDirectory(str(FOLDER), version_locations=[str(FOLDER)]).get_heads())


def is_current(connection: Connection) -> bool:
    """Return whether the schema that the connection sees is the one that the code expects."""
    return set(MigrationContext.configure(connection).get_current_heads()) == code_heads()
