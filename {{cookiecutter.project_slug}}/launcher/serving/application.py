"""The application and its jobs, for the development server."""

import traceback
from collections.abc import Callable
from logging.config import dictConfig
from typing import Any

from backend.core.jobs.scheduler import Scheduler


def start(application: Any) -> Scheduler:
    dictConfig(application.config["LOGGING"])
    scheduler = Scheduler(application)
    scheduler.start()
    return scheduler


def start_changed() -> tuple[Any, Scheduler | None]:
    """Start the application whose code has changed: a mistake in it is shown, and not fatal."""
    try:
        from backend import create_app

        application = create_app()
        return application, start(application)
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        return broken(error), None


def broken(error: BaseException) -> Callable[..., Any]:
    def application(environ: Any, start_response: Any) -> Any:
        raise RuntimeError("the application could not be made") from error

    return application
