"""Errors under /api as application/problem+json (RFC 9457); Flask's own pages elsewhere."""

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException


def init_app(app: Flask) -> None:
    app.register_error_handler(HTTPException, api_problem)


def api_problem(error: HTTPException) -> Response | HTTPException:
    if not request.path.startswith("/api/") or error.code is None or error.code < 400:
        return error
    body = {"type": "about:blank", "title": error.name, "status": error.code}
    response = error.get_response()
    response.data = jsonify(body | {"detail": error.description}).data
    response.content_type = "application/problem+json"
    return response  # type: ignore[return-value]
