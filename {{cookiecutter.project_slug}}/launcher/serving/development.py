"""The development server: reloader, debugger, scheduler."""

import os

from werkzeug.serving import run_simple

from launcher.checks.problem import Report
from launcher.serving.application import start, start_changed
from launcher.system.address import announcement

LOOPBACK = ("127.0.0.1", "::1")


def serve(report: Report | None, listener: str, host: str, port: str, url: str, reload: bool) -> int:
    """Serve the application of the report, or, without one, what a change has made of it.

    Werkzeug is told by these variables what it tells its own child by. Return the exit code, 3 if
    the code has changed and this process is to be started again.
    """
    os.environ |= {"WERKZEUG_RUN_MAIN": "true", "WERKZEUG_SERVER_FD": listener}
    if report and report.application:
        application, scheduler = report.application, start(report.application)
        name = application.config["SERVICE_NAME"]
        print(announcement(name, url, "development, Ctrl-C stops it"), flush=True)
    else:
        application, scheduler = start_changed()
    try:
        run_simple(
            host,
            int(port),
            application,
            use_reloader=reload,
            use_debugger=host in LOOPBACK,  # it runs whatever code it is sent
            threaded=True,
        )
    except SystemExit as restart:  # no job is waited for
        if scheduler:
            scheduler.stop(0)
        return int(restart.code or 0)
    return 0
