"""The development server: the application, its jobs, reloader, debugger."""

import atexit
import os
import re
import traceback
from collections.abc import Callable
from logging.config import dictConfig
from typing import Any

from flask import Flask
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.serving import run_simple
from werkzeug.wrappers import Request, Response

from launcher.checks.problem import Report
from launcher.serving.inspection import uncollected
from launcher.serving.request_log import RequestHandler
from launcher.system.address import announcement

# Werkzeug's exit code of a process that is to be started again.
RELOAD = 3
LOOPBACK = ("127.0.0.1", "::1")
OWN_HOST = re.compile(r"(127\.0\.0\.1|\[::1\]|localhost)(:\d+)?")


def serve(report: Report | None, reload: bool, checks: list[Any], *address: str) -> int:
    """Serve the application of the report or, without a report, of the changed code.

    The checks' results are shown by the start page. The address is a listener's descriptor, host,
    port and URL; Werkzeug gets them as its own child would. Return the exit code: RELOAD if the
    code has changed.
    """
    listener, host, port, url = address
    os.environ |= {"WERKZEUG_RUN_MAIN": "true", "WERKZEUG_SERVER_FD": listener}
    if report and report.application:
        application = start(report.application)
        name = application.config["SERVICE_NAME"]
        print(announcement(name, url, "development, Ctrl-C stops it"), flush=True)
    else:
        application = start_changed()
    debug = host in LOOPBACK  # it runs whatever code it is sent
    if debug and isinstance(application, Flask):
        application = with_start_page(application, checks)
    try:
        run_simple(
            host,
            int(port),
            application,
            reload,
            debug,
            threaded=True,
            request_handler=RequestHandler,
        )
    except SystemExit as restart:
        return int(restart.code or 0)
    return 0


def start(application: Any) -> Any:
    """Start the application's jobs. The end does not wait for them."""
    from backend.core.jobs.scheduler import Scheduler

    dictConfig(application.config["LOGGING"])
    scheduler = Scheduler(application)
    scheduler.start()
    atexit.register(scheduler.stop, 0)
    return application


def with_start_page(app: Flask, checks: list[Any]) -> Callable[..., Any]:
    """Answer `/` where the application has nothing there, to whoever sits at this machine."""

    def application(environ: Any, start_response: Any) -> Any:
        if environ["PATH_INFO"] != "/" or not OWN_HOST.fullmatch(environ.get("HTTP_HOST", "")):
            return app(environ, start_response)
        answer = Response.from_app(app, environ)
        if answer.status_code == 404 and lacks_root(app):
            from launcher.serving import start_page

            answer = start_page.respond(app, Request(environ), checks)
        return answer(environ, start_response)

    return application


def lacks_root(app: Flask) -> bool:
    try:
        app.url_map.bind("localhost").match("/")
    except NotFound:
        return True
    except HTTPException:  # there is something, for another method or elsewhere
        pass
    return False


def start_changed() -> Any:
    """Start the application whose code has changed. A mistake in it is shown, not fatal."""
    try:
        with uncollected():
            from backend import create_app

            application = create_app()
        return start(application)
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        return broken(error)


def broken(error: BaseException) -> Callable[..., Any]:
    def application(environ: Any, start_response: Any) -> Any:
        raise RuntimeError("the application could not be made") from error

    return application
