"""What every answer carries: the id of its request, and headers that protect its data.

The id comes in the header X-Request-ID, or is made here. It is on every log line of the request.
"""

import logging
import random
import re
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any

from flask import Flask

request_id: ContextVar[str] = ContextVar("request_id", default="-")
# Anything else that a caller sends could forge a line or fill the logs, and is replaced.
ACCEPTED = re.compile(r"[A-Za-z0-9._:/+=@-]{1,100}")

# Browsers must not guess an answer's type, store it, or show it in another site's frame. Data that
# is opened as a page loads nothing; a page does what it was written to do. Headers that a view sets
# stay as they are.
HEADERS = (("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"))
OF_DATA = ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
OF_PAGES = ("Content-Security-Policy", "frame-ancestors 'self'")


class AddRequestId(logging.Filter):
    """Gives every log record the attribute request_id, which is "-" outside requests.

    gunicorn's access lines also get the attributes method, path, status and milliseconds.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        if record.name == "gunicorn.access" and isinstance(record.args, Mapping):
            said = record.args
            vars(record).update(method=said["m"], path=said["U"])
            vars(record).update(status=int(str(said["s"])), milliseconds=said["M"])
        return True


class Headers:
    """WSGI middleware around everything else, so that every log line and every answer has them."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        this = environ.get("HTTP_X_REQUEST_ID")
        if this is None or not ACCEPTED.fullmatch(this):
            this = f"{random.getrandbits(128):032x}"
        request_id.set(this)

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            given = {name.lower(): value for name, value in headers}
            policy = OF_PAGES if "html" in given.get("content-type", "") else OF_DATA
            added = [header for header in (*HEADERS, policy) if header[0].lower() not in given]
            return start_response(status, [*headers, *added, ("X-Request-ID", this)], *error)

        return self.application(environ, start)


def init_app(app: Flask) -> None:
    app.wsgi_app = Headers(app.wsgi_app)  # type: ignore[method-assign]
