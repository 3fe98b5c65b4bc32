"""Errors under /api as application/problem+json (RFC 9457); Flask's own pages elsewhere."""

from contextlib import suppress

from flask import Flask, current_app, jsonify, request
from sqlalchemy.exc import InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from werkzeug.exceptions import BadRequest, HTTPException, ServiceUnavailable
from werkzeug.wrappers import Response


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
    current_app.logger.error("the database cannot do this now: %s", error)
    return api_problem(ServiceUnavailable("The database cannot do this now.", retry_after=5))


def broken_body(error: Exception) -> Response | HTTPException:
    """Answer ill-formed chunks, which gunicorn finds only when the view reads the body."""
    return api_problem(BadRequest("The body is not well-formed."))
