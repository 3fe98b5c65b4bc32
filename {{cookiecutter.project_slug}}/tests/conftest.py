"""Fixtures: for every test an application with a database of its own.

That is a new SQLite file, or, where TEST_DATABASE_URL names a PostgreSQL database, a new schema
in it, which is dropped afterwards.
"""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, make_url
from sqlalchemy.schema import CreateSchema, DropSchema

from backend import create_app
from backend.core.database import Base, db, engine_url


@pytest.fixture(autouse=True)
def _development(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENVIRONMENT", raising=False)


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield from new_schema(url)
    else:
        yield f"sqlite:///{tmp_path / 'test.db'}"


def new_schema(url: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    engine = create_engine(engine_url(url))
    with engine.begin() as connection:
        connection.execute(CreateSchema(name))
    own = make_url(url).update_query_dict({"options": f"-csearch_path={name}"})
    yield own.render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(DropSchema(name, cascade=True))
    engine.dispose()


@pytest.fixture
def empty_app(database_url: str) -> Iterator[Flask]:
    """The application before its first migration: the database has no tables."""
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": database_url})
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(empty_app: Flask) -> Flask:
    """The application with the tables of its models, made without the migrations."""
    with empty_app.app_context():
        Base.metadata.create_all(db.engine)
    return empty_app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def migrated_app(empty_app: Flask) -> Flask:
    """The application with the tables that its migrations make."""
    with empty_app.app_context():
        result = empty_app.test_cli_runner().invoke(args=["db", "upgrade"])
    assert result.exit_code == 0, result.output
    return empty_app
