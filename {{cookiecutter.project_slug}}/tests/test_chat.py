import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.wrappers import Response

from backend.core.database import db
from backend.models import Message

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("text", ["Hello", "こんにちは 🙂", " 'quoted' \n", "x" * 20])
def test_a_message_is_stored_and_answered(app: Flask, client: FlaskClient, text: str) -> None:
    answer = client.post("/api/chat", json={"message": text})
    assert answer.status_code == 200
    with app.app_context():
        message = db.session.get_one(Message, answer.json["id"])
        assert (message.text, message.reply) == (text, answer.json["reply"])


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", JSON, 400),
        (b'{"message": ', JSON, 400),
        (b"\xff", JSON, 400),
        (b'["message"]', JSON, 400),
        (b"{}", JSON, 400),
        (b'{"message": 1}', JSON, 400),
        (b'{"message": null}', JSON, 400),
        (b'{"message": ""}', JSON, 400),
        (b'{"message": " \\n"}', JSON, 400),
        (b'{"message": "\\u0000"}', JSON, 400),
        (b'{"message": "\\ud800"}', JSON, 400),
        (b'{"message": "xxxxxxxxxxxxxxxxxxxxx"}', JSON, 400),
        (b'{"message": "Hello"}'.ljust(1001), JSON, 413),
        (b'{"message": "Hello"}', "text/plain", 415),
        (b"message=Hello", FORM, 415),
    ],
)
def test_a_bad_message_is_refused(
    app: Flask, client: FlaskClient, body: bytes, content_type: str, status: int
) -> None:
    assert_problem(client.post("/api/chat", data=body, content_type=content_type), status)
    with app.app_context():
        assert db.session.scalars(select(Message)).all() == []


def test_an_unknown_path_is_a_problem(client: FlaskClient) -> None:
    assert_problem(client.get("/api/nothing"), 404)


def test_a_wrong_method_is_a_problem(client: FlaskClient) -> None:
    answer = client.get("/api/chat")
    assert_problem(answer, 405)
    assert "POST" in answer.headers["Allow"]


def assert_problem(answer: Response, status: int) -> None:
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    problem = answer.get_json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
