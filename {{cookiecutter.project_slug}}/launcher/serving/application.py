"""The application and its jobs, for the development server."""

import traceback
from collections.abc import Callable
from logging.config import dictConfig
from typing import Any

from backend.core.jobs.scheduler import Scheduler


def start(application: Any) -> tuple[Any, Any]:
    """Return the application and the scheduler of its jobs."""
    dictConfig(application.config["LOGGING"])
    scheduler = Scheduler(application)
    scheduler.start()
    return application, scheduler


def start_changed() -> tuple[Any, Any]:
    """Start the application whose code has changed: a mistake in it is shown, and not fatal."""
    try:
        from backend import create_app

        return start(create_app())
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        return broken(error), None


def broken(error: BaseException) -> Callable[..., Any]:
    def application(environ: Any, start_response: Any) -> Any:
        raise RuntimeError("the application could not be made") from error

    return application
