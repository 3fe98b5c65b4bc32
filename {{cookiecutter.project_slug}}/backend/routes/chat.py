"""Chat: POST /api/chat stores a message and answers it."""

from typing import Any

from flask import Blueprint, abort, current_app, request
from werkzeug.exceptions import BadRequest

from backend.core.database import db
from backend.models import Message

bp = Blueprint("chat", __name__, url_prefix="/api")


@bp.post("/chat")
def post_message() -> dict[str, Any]:
    text = requested_message()
    message = Message(text=text, reply=reply(text))
    db.session.add(message)
    db.session.flush()
    answer = {"id": message.id, "reply": message.reply}
    db.session.commit()
    return answer


def reply(text: str) -> str:
    """Answer a message. This is the place for what your service is about."""
    return f"You said: {text}"


def requested_message() -> str:
    """Return the body's message; a 400, 413 or 415 says what is wrong with the body."""
    body = requested_json()
    if not isinstance(body, dict) or "message" not in body:
        abort(400, 'The body must be a JSON object such as {"message": "Hello"}.')
    message = body["message"]
    if not isinstance(message, str):
        abort(400, "The message must be a string.")
    limit = current_app.config["CHAT_MESSAGE_MAX_LENGTH"]
    if not 1 <= len(message.strip()) <= len(message) <= limit:
        abort(400, f"The message must have 1 to {limit} characters and must not be blank.")
    if "\0" in message or any("\ud800" <= character <= "\udfff" for character in message):
        abort(400, "The message must not contain NUL characters or lone surrogates.")
    return message


def requested_json() -> Any:
    try:
        return request.get_json()
    except RecursionError:
        raise BadRequest("The JSON is nested too deeply.") from None
