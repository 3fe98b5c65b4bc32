"""The development server: reloader, debugger, scheduler."""

import os

from werkzeug.serving import run_simple

from launcher.checks.problem import Report
from launcher.serving.application import start, start_changed
from launcher.system.address import announcement

# Werkzeug's exit code of a process that is to be started again.
RELOAD = 3
LOOPBACK = ("127.0.0.1", "::1")


def serve(report: Report | None, reload: bool, *address: str) -> int:
    """Serve the application of the report, or, without one, what a change has made of it.

    The address is a listener's descriptor, host, port and URL, of which Werkzeug is told as it
    tells its own child. Return the exit code: RELOAD if the code has changed.
    """
    listener, host, port, url = address
    os.environ |= {"WERKZEUG_RUN_MAIN": "true", "WERKZEUG_SERVER_FD": listener}
    if report and report.application:
        application, scheduler = start(report.application)
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
