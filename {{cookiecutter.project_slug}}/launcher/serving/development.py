"""The development server: the application, its jobs, reloader, debugger."""

import atexit
import os
import traceback
from collections.abc import Callable
from logging.config import dictConfig
from typing import Any

from werkzeug.serving import run_simple

from launcher.checks.problem import Report
from launcher.serving.request_log import RequestHandler
from launcher.system.address import announcement

# Werkzeug's exit code of a process that is to be started again.
RELOAD = 3
LOOPBACK = ("127.0.0.1", "::1")


def serve(report: Report | None, reload: bool, *address: str) -> int:
    """Serve the application of the report or, without a report, of the changed code.

    The address is a listener's descriptor, host, port and URL; Werkzeug gets them as its own child
    would. Return the exit code: RELOAD if the code has changed.
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


def start_changed() -> Any:
    """Start the application whose code has changed. A mistake in it is shown, not fatal."""
    try:
        from backend import create_app

        return start(create_app())
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        return broken(error)


def broken(error: BaseException) -> Callable[..., Any]:
    def application(environ: Any, start_response: Any) -> Any:
        raise RuntimeError("the application could not be made") from error

    return application
