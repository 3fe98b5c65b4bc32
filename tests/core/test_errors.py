import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from backend import create_app
from backend.core.database import db
from backend.core.errors import is_unavailable
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

SECRET = "in the error's text"


def test_a_database_that_does_not_answer_is_a_problem(tmp_path: Path) -> None:
    app = create_app({"SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}"})
    answer = app.test_client().post("/api/notes", json={"text": "Hello"})
    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.get_json()["status"] == 503
    assert answer.get_json()["detail"] == "The database cannot do this now."


@pytest.mark.parametrize("path", ["/api/fails", "/fails"])
def test_an_uncaught_error_says_nothing_and_is_logged_once(
    app: Flask, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule(path, view_func=fail)
    answer = app.test_client().get(path)
    assert (answer.status_code, SECRET in answer.text) == (500, False)
    assert (answer.content_type == "application/problem+json") == path.startswith("/api/")
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info
    assert str(record.exc_info[1]) == SECRET


@pytest.mark.parametrize("debug", [False, True])
def test_a_statement_that_is_wrong_is_an_error_with_its_stack(
    migrated_app: Flask, caplog: pytest.LogCaptureFixture, debug: bool
) -> None:
    app = migrated_app
    app.config["PROPAGATE_EXCEPTIONS"] = debug
    app.add_url_rule("/api/misspelt", view_func=misspelt)
    if debug:
        with pytest.raises(DBAPIError):  # which the debugger shows
            app.test_client().get("/api/misspelt")
        return
    answer = app.test_client().get("/api/misspelt")
    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info


def misspelt() -> str:
    return str(db.session.scalar(text("SELECT colour FROM job_run")))


@pytest.mark.parametrize("state", ["08006", "25006", "40P01", "53300", "55P03", "57014", None])
def test_a_database_that_cannot_is_no_mistake(state: str | None) -> None:
    assert is_unavailable(error_of(state))


@pytest.mark.parametrize("state", ["42703", "22P02", "23505", "25001", "XX000"])
def test_a_mistake_is_no_database_that_cannot(state: str) -> None:
    assert not is_unavailable(error_of(state))


def error_of(state: str | None) -> Exception:
    error = Exception("as PostgreSQL's driver raises it")
    error.sqlstate = state  # type: ignore[attr-defined]
    return error


def test_a_locked_and_a_read_only_file_of_sqlite_are_no_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "locked.db"
    with closing(sqlite3.connect(path)) as holder:
        holder.execute("CREATE TABLE one (id)")
        holder.execute("BEGIN EXCLUSIVE")
        for mode, kind in (("rw", "locked"), ("ro", "readonly")):
            address = f"{path.as_uri()}?mode={mode}"
            with closing(sqlite3.connect(address, timeout=0, uri=True)) as other:
                with pytest.raises(sqlite3.OperationalError, match=kind) as caught:
                    other.execute("INSERT INTO one VALUES (1)")
                assert is_unavailable(caught.value)
            holder.rollback()


def fail() -> str:
    raise ValueError(SECRET)
