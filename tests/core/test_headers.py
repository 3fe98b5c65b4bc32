import logging

import pytest
from backend.core.headers import AddRequestId
from flask import Flask, current_app
from flask.testing import FlaskClient
from werkzeug.test import TestResponse


@pytest.mark.parametrize("given", ["a", "6f9619ff-8b86-d011-b42d-00c04fc964ff", "Root=1/a:b+c@d_="])
def test_a_request_id_comes_back(client: FlaskClient, given: str) -> None:
    assert request_ids(ask(client, given)) == [given]


def test_a_request_id_is_made_where_none_is_given(client: FlaskClient) -> None:
    first, second = client.get("/ping"), client.get("/nothing")
    assert request_ids(first) != request_ids(second)
    assert all(len(one) == 32 for one in request_ids(first) + request_ids(second))


@pytest.mark.parametrize("given", ["", "a b", "x" * 101, '{"level":"ERROR"}', "é", "a\tb"])
def test_a_hostile_request_id_is_replaced(client: FlaskClient, given: str) -> None:
    (made,) = request_ids(ask(client, given))
    assert (made != given, len(made)) == (True, 32)


PAGE = "frame-ancestors 'self'"
DATA = "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize(
    ("path", "policy"), [("/ping", DATA), ("/api/nothing", DATA), ("/nothing", PAGE)]
)
def test_every_answer_has_the_headers(client: FlaskClient, path: str, policy: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers.getlist("Content-Security-Policy") == [policy]


def test_a_header_that_a_view_sets_is_left_as_it_is(app: Flask) -> None:
    own = {"cache-control": "max-age=60"}
    app.add_url_rule("/kept", view_func=lambda: ("kept", own))
    assert app.test_client().get("/kept").headers.getlist("Cache-Control") == ["max-age=60"]


def test_the_request_id_is_on_the_log_lines_of_the_request(
    app: Flask, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def logging_view() -> str:
        current_app.logger.warning("seen")
        return "seen"

    app.add_url_rule("/logs", view_func=logging_view)
    monkeypatch.setattr(caplog.handler, "filters", [AddRequestId()])
    for given in ("first", "second"):
        app.test_client().get("/logs", headers={"X-Request-ID": given})
    assert [id_of(record) for record in caplog.records] == ["first", "second"]


def ask(client: FlaskClient, given: str) -> TestResponse:
    return client.get("/ping", headers={"X-Request-ID": given})


def request_ids(answer: TestResponse) -> list[str]:
    return answer.headers.getlist("X-Request-ID")


def id_of(record: logging.LogRecord) -> str:
    return str(vars(record)["request_id"])
