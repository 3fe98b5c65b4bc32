"""The development server's log of a request: one short line."""

import logging
import time

from werkzeug.serving import WSGIRequestHandler

logger = logging.getLogger("werkzeug")


class RequestHandler(WSGIRequestHandler):
    """Logs method, path, status and milliseconds, without colours: the log may be a file."""

    begin: float | None = None

    def run_wsgi(self) -> None:
        self.begin = time.perf_counter()
        super().run_wsgi()

    def log_request(self, code: object = "-", size: object = "-") -> None:
        if self.path == "/?live":  # the start page keeps itself up to date
            return
        request = self.requestline.removesuffix(f" {self.request_version}")
        line = request.encode("unicode_escape").decode("ascii")  # it may hold anything
        took = 1000 * (time.perf_counter() - self.begin) if self.begin else 0
        logger.info("%s %s %.0f ms", line, code, took)
