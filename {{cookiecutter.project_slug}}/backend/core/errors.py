"""Errors under /api as application/problem+json (RFC 9457); Flask's own pages elsewhere."""

import sqlite3
from contextlib import suppress

from flask import Flask, current_app, jsonify, request
from sqlalchemy.exc import DBAPIError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from werkzeug.exceptions import BadRequest, HTTPException, ServiceUnavailable
from werkzeug.wrappers import Response

# PostgreSQL's codes, or how they begin: no connection, a standby, a conflict with others, no room,
# locked, cancelled or shutting down, a fault of its system.
SQLSTATES = ("08", "25006", "40", "53", "55P03", "57", "58")
SQLITE_CODES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_READONLY,
}


def init_app(app: Flask) -> None:
    app.register_error_handler(HTTPException, api_problem)
    # In this order: it is away or took too long; a standby may not write; all connections are busy.
    for error in (OperationalError, InternalError, NoConnectionFree):
        app.register_error_handler(error, database_unavailable)
    with suppress(ImportError):  # in development gunicorn is not there
        from gunicorn.http.errors import ParseException

        app.register_error_handler(ParseException, broken_body)


def api_problem(error: HTTPException) -> Response | HTTPException:
    if not request.path.startswith("/api/") or error.code is None or error.code < 400:
        return error
    body = {"type": "about:blank", "title": error.name, "status": error.code}
    response = error.get_response()
    response.data = jsonify(body | {"detail": error.description}).data
    response.content_type = "application/problem+json"
    return response


def database_unavailable(error: Exception) -> Response | HTTPException:
    if isinstance(error, DBAPIError) and not is_unavailable(error.orig):
        raise error
    current_app.logger.error("the database cannot do this now: %s", error)
    return api_problem(ServiceUnavailable("The database cannot do this now.", retry_after=5))


def is_unavailable(error: BaseException | None) -> bool:
    """Return whether the database is at fault rather than the statement."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        return code & 0xFF in SQLITE_CODES  # the rest says more about the same
    state = getattr(error, "sqlstate", None)
    return state is None or state.startswith(SQLSTATES)  # none: there was no connection


def broken_body(error: Exception) -> Response | HTTPException:
    """Answer ill-formed chunks, which gunicorn finds only when the view reads the body."""
    return api_problem(BadRequest("The body is not well-formed."))
