"""What a log says of an error of PostgreSQL's driver: no value that a user has sent."""

from typing import Any

from sqlalchemy import ExceptionContext
from sqlalchemy.exc import DataError

from backend.core.errors import is_unavailable

KINDS = ("schema", "table", "column", "constraint")


def hide_values(context: ExceptionContext) -> None:
    """Let the error, and SQLAlchemy's that is raised for it, have another text."""
    error: Any = context.original_exception
    shown = context.sqlalchemy_exception
    if shown is None or not hasattr(error, "diag") or not str(error):
        return
    text = text_without_values(error, isinstance(shown, DataError))
    shown.args = (str(shown.args[0]).replace(str(error), text, 1), *shown.args[1:])
    error.args = (text, *error.args[1:])


def text_without_values(error: Any, about_data: bool) -> str:
    """Return the code and the names that PostgreSQL gives apart from its message.

    What the message quotes ends nowhere for sure, and is quoted otherwise in other languages. So
    the message is kept only if no value can be in it: if it is about the server, or about the
    text of the statement, which is logged anyway.
    """
    state, about = error.sqlstate, error.diag
    if state is None:
        return "the driver refuses a value" if about_data else str(error)
    if is_unavailable(error) or about.statement_position:
        return f"SQLSTATE {state}: {about.message_primary}"
    named = ((kind, getattr(about, f"{kind}_name")) for kind in KINDS)
    return ", ".join([f"SQLSTATE {state}", *(f"{kind} {name}" for kind, name in named if name)])
