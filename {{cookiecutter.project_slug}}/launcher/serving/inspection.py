"""What the process that is to serve says of the application: it imports, creates and asks it.

Hints name commands by sys.argv[0], which is to be what the reader started.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from launcher.checks.problem import Report
from launcher.checks.views import async_views_in_source
from launcher.serving import modules
from launcher.serving.errors import ROOT, problems_of, traceback_of

__all__ = ["Report", "inspect"]


def inspect(thorough: bool) -> Report:
    """Return the application, and what is wrong with it. Nothing is raised but KeyboardInterrupt.

    `thorough` is to ask also whether it is ready, and whether the schema is that of the models.
    """
    report = Report(None)
    with redirect_stdout(sys.stderr):
        with noted(report):
            report.application = create()
        if report.application is None:
            look_further(report)
        else:
            ask(report.application, thorough, report)
    report.problems = list(dict.fromkeys(report.problems))
    return report


@contextmanager
def noted(report: Report) -> Iterator[None]:
    """Note in the report what is raised."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if not modules.only_follows(error):
            report.problems += problems_of(error)
            report.traceback += traceback_of(error)
        modules.block(error)


def create() -> Any:
    """Return the application, in production as wsgi.py has it, which may also wrap it."""
    environment = importlib.import_module("config").environment
    from flask import Flask

    from backend.core.refusal import Refusal, RefusedError

    create_app = importlib.import_module("backend").create_app
    served = importlib.import_module("wsgi").app if environment() == "production" else None
    application = served if isinstance(served, Flask) else create_app()
    if not isinstance(application, Flask):
        fact = f"create_app returned {application!r}, not a Flask application"
        hint = "end create_app with `return app`"
        raise RefusedError([Refusal("application.broken", fact, hint, "backend/__init__.py")])
    return application


def ask(app: Any, thorough: bool, report: Report) -> None:
    from launcher.serving import questions

    asked = [questions.mappers, questions.logs, questions.views, questions.jobs, questions.ping]
    for question in (*asked, questions.ready) if thorough else asked:
        with noted(report), app.app_context():
            report.problems += question(app)


def look_further(report: Report) -> None:
    """Find what else is wrong where the application could not be created."""
    for name in modules.needed():
        with noted(report):
            importlib.import_module(name)
    with noted(report):
        ask_jobs(report)
    if not any(problem.id == "views.async" for problem in report.problems):
        report.problems += async_views_in_source(ROOT)


def ask_jobs(report: Report) -> None:
    from flask import Flask

    from backend.core import configuration
    from backend.core.jobs import register_jobs
    from backend.jobs import JOBS
    from launcher.serving import questions

    app = Flask("backend")
    configuration.init_app(app)
    register_jobs(app, JOBS)
    report.problems += questions.jobs(app)
