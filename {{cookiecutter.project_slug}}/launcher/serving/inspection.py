"""The application is asked, by the process that is to serve it: all that is wrong, at once.

Hints name commands by sys.argv[0], which is to be what the reader started.
"""

import gc
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from contextvars import copy_context
from typing import Any

from launcher.checks.problem import Problem, Report
from launcher.checks.service import Service
from launcher.checks.views import async_views_in_source
from launcher.serving import modules
from launcher.serving.errors import ROOT, problems_of, traceback_of


def inspect(thorough: bool) -> Report:
    """Return the application, and what is wrong with it. Only KeyboardInterrupt is raised.

    `thorough` is to ask also whether it is ready, and whether the schema is that of the models.
    What a request leaves in the context is gone when this ends.
    """
    with uncollected():
        return copy_context().run(look, thorough)


@contextmanager
def uncollected() -> Iterator[None]:
    """Import a tenth faster: nothing of what is imported is garbage, so none is looked for."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def look(thorough: bool) -> Report:
    report = Report(None)
    with redirect_stdout(sys.stderr):
        with noted(report, "backend/__init__.py"):
            report.application = create()
        if report.application is None:
            look_further(report)
        else:
            ask(report, thorough)
    report.problems = list(dict.fromkeys(report.problems))
    return report


@contextmanager
def noted(report: Report, file: str = "") -> Iterator[None]:
    """Note in the report what is raised, which is of that file if nobody knows better."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if not modules.only_follows(error):
            note(error, report, file)
        modules.block(error)


def note(error: BaseException, report: Report, file: str) -> None:
    """A package that is missing, or damaged, is one finding, however many modules import it."""
    known = {problem.hint for problem in report.problems}
    for problem in problems_of(error, file):
        if not isinstance(error, ImportError | SyntaxError) or problem.hint not in known:
            report.problems.append(problem)
    report.traceback += traceback_of(error)


def create() -> Any:
    """Return the application, in production as wsgi.py has it, which may also wrap it."""
    create_app = importlib.import_module("backend").create_app
    from flask import Flask

    from backend.core.refusal import Refusal, RefusedError

    production = Service(ROOT).environment == "production"
    served = importlib.import_module("wsgi").app if production else None
    application = served if isinstance(served, Flask) else create_app()
    if not isinstance(application, Flask):
        fact = f"create_app returned {application!r}, not a Flask application"
        hint = "check that create_app ends with `return app`"
        raise RefusedError([Refusal("application.broken", fact, hint, "backend/__init__.py")])
    return application


def ask(report: Report, thorough: bool) -> None:
    """Where jobs are refused, /readyz fails too, and is not asked."""
    from launcher.serving.answers import ready
    from launcher.serving.questions import QUESTIONS

    app: Any = report.application
    for question, file in QUESTIONS:
        with noted(report, file), app.app_context():
            report.problems += question(app)
    if thorough and not any(each.id.startswith("jobs.") for each in report.problems):
        with noted(report, "backend/models.py"), app.app_context():
            report.problems += ready(app)


def look_further(report: Report) -> None:
    """Find what else is wrong where the application could not be created."""
    for name in modules.needed():
        with noted(report):
            importlib.import_module(name)
    with noted(report, "backend/jobs/__init__.py"):
        report.problems += problems_of_jobs()
    if not any(problem.id == "views.async" for problem in report.problems):
        report.problems += async_views_in_source(ROOT)


def problems_of_jobs() -> list[Problem]:
    from flask import Flask

    from backend.core import configuration
    from backend.core.jobs import register_jobs
    from launcher.serving import questions

    app = Flask("backend")
    configuration.init_app(app)
    register_jobs(app, getattr(importlib.import_module("backend.jobs"), "JOBS", ()))
    return list(questions.jobs(app))
