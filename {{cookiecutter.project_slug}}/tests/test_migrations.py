from typing import Any

from flask import Flask
from sqlalchemy import inspect

from backend.core.database import db
from backend.core.migrations import attach


def test_the_migrations_make_the_schema_of_the_models(migrated_app: Flask) -> None:
    assert differences(migrated_app) == []


def test_the_migrations_go_down_and_up_again(migrated_app: Flask) -> None:
    run(migrated_app, "db", "downgrade", "base")
    with migrated_app.app_context():
        assert inspect(db.engine).get_table_names() == ["alembic_version"]
    run(migrated_app, "db", "upgrade")
    assert differences(migrated_app) == []


def run(app: Flask, *arguments: str) -> None:
    with app.app_context():
        result = app.test_cli_runner().invoke(args=arguments)
    assert result.exit_code == 0, result.output


def differences(app: Flask) -> list[Any]:
    """Return what `python run.py db revision` would write into a new migration."""
    with app.app_context():
        return attach(app).compare_metadata()
