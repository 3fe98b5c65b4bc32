from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from backend.core.database import db, now
from backend.jobs.delete_old_messages import delete_old_messages
from backend.models import Message

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("text", ["Hello", "こんにちは 🙂", " 'quoted' \n", "x" * 20])
def test_a_message_is_stored_and_answered(app: Flask, client: FlaskClient, text: str) -> None:
    app.config["CHAT_MESSAGE_MAX_LENGTH"] = 20
    answer = client.post("/api/chat", json={"message": text}).get_json()
    with app.app_context():
        message = db.session.get_one(Message, answer["id"])
        assert (message.text, message.reply) == (text, answer["reply"])


@pytest.mark.parametrize(
    "body",
    [
        b'["message"]',
        b"{}",
        b'{"message": 1}',
        b'{"message": null}',
        b'{"message": ""}',
        b'{"message": " \\n"}',
        b'{"message": "\\u0000"}',
        b'{"message": "\\ud800"}',
        b'{"message": "xxxxxxxxxxxxxxxxxxxxx"}',
        b"[" * 9_999,
    ],
)
def test_a_bad_message_is_refused(app: Flask, client: FlaskClient, body: bytes) -> None:
    app.config["CHAT_MESSAGE_MAX_LENGTH"] = 20
    answer = client.post("/api/chat", data=body, content_type="application/json")
    assert answer.status_code == 400
    with app.app_context():
        assert db.session.scalars(select(Message)).all() == []


def test_old_messages_are_deleted_and_new_ones_kept(app: Flask) -> None:
    limit = now() - timedelta(days=app.config["CHAT_MESSAGE_KEEP_DAYS"])
    with app.app_context():
        db.session.add(Message(text="old", reply="", created_at=limit - MINUTE))
        db.session.add(Message(text="new", reply="", created_at=limit + MINUTE))
        db.session.commit()
        delete_old_messages()
    with app.app_context():
        assert db.session.scalars(select(Message.text)).all() == ["new"]
