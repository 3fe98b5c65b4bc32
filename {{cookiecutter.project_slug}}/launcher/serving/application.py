"""The application and its jobs, for the development server."""

import sys
import traceback
from collections.abc import Callable
from logging.config import dictConfig
from typing import Any


def load(restarted: bool) -> tuple[Any, Any]:
    """Return the application and its scheduler. After a change, a mistake is shown, not fatal."""
    try:
        return start(restarted)
    except Exception as error:
        if not restarted:
            raise
        traceback.print_exc()
        return broken(error), None


def start(restarted: bool) -> tuple[Any, Any]:
    from backend import create_app
    from backend.core.jobs.scheduler import Scheduler
    from backend.core.sync_views import AsyncViewError

    try:
        application = create_app()
    except AsyncViewError as error:  # whose text says it all
        if restarted:
            raise
        sys.exit(str(error))
    dictConfig(application.config["LOGGING"])
    scheduler = Scheduler(application)
    scheduler.start()
    return application, scheduler


def broken(error: Exception) -> Callable[..., Any]:
    def application(environ: Any, start_response: Any) -> Any:
        raise error

    return application
