import logging
from pathlib import Path

import pytest
from backend import create_app
from flask import Flask

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


def fail() -> str:
    raise ValueError(SECRET)
