"""Keeps values that users sent out of the log when PostgreSQL's driver raises an error."""

from typing import Any

from sqlalchemy import ExceptionContext
from sqlalchemy.exc import DataError

from backend.core.errors import is_unavailable

KINDS = ("schema", "table", "column", "constraint")


def hide_values(context: ExceptionContext) -> None:
    """Replace the text of the error, and of SQLAlchemy's error that is raised for it."""
    error: Any = context.original_exception
    shown = context.sqlalchemy_exception
    if shown is None or not hasattr(error, "diag") or not str(error):
        return
    text = text_without_values(error, isinstance(shown, DataError))
    shown.args = (str(shown.args[0]).replace(str(error), text, 1), *shown.args[1:])
    error.args = (text, *error.args[1:])


def text_without_values(error: Any, about_data: bool) -> str:
    """Return the SQLSTATE and the names that PostgreSQL sends apart from its message.

    Values cannot be cut out of the message safely: they may contain quotes, and languages quote
    differently. So the message is kept only if it cannot contain a value: if it is about the
    server, or about the text of the statement, which is logged anyway.
    """
    state, about = error.sqlstate, error.diag
    if state is None:
        return "the driver refuses a value" if about_data else str(error)
    if is_unavailable(error) or about.statement_position:
        return f"SQLSTATE {state}: {about.message_primary}"
    named = ((kind, getattr(about, f"{kind}_name")) for kind in KINDS)
    return ", ".join([f"SQLSTATE {state}", *(f"{kind} {name}" for kind, name in named if name)])
