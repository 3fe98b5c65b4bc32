"""What the application is asked before it serves.

Each question yields what is wrong, or raises it.
"""

import inspect
import os
import runpy
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from logging.config import dictConfig
from operator import attrgetter
from typing import Any

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import configure_mappers

from backend.core.database import Base
from backend.core.jobs.refusals import refusals
from backend.core.jobs.scheduler import Scheduler
from backend.core.sync_views import async_views, place
from launcher.checks.problem import Problem
from launcher.checks.service import Service
from launcher.serving.answers import ping
from launcher.serving.errors import ROOT, fact_of, refused, without_root


def mappers(app: Flask) -> Iterator[Problem]:
    try:
        configure_mappers()
    except SQLAlchemyError as error:
        failed = [m.class_ for m in Base.registry.mappers if getattr(m, "_configure_failed", None)]
        if not failed:
            raise
        line = inspect.getsourcelines(failed[0])[1]
        where = without_root(f"{inspect.getsourcefile(failed[0])}:{line}")
        yield Problem("application.broken", fact_of(error), f"fix {where}", where)


def tables(app: Flask) -> tuple[()]:
    for table in Base.metadata.tables.values():
        list(map(attrgetter("column"), table.foreign_keys))  # which looks for what they name
    return ()


def logs(app: Flask) -> tuple[()]:
    dictConfig(app.config["LOGGING"])
    return ()


def gunicorn(app: Flask) -> tuple[()]:
    if Service(ROOT).environment == "production" and sys.platform != "win32":
        from gunicorn.config import Config
        from gunicorn.util import import_app

        settings = Config()
        for name, value in runpy.run_path(str(ROOT / "gunicorn.conf.py")).items():
            if name in settings.settings:
                settings.set(name, value)
        settings.worker_class.check_config(settings, settings.logger_class(settings))
        import_app(settings.wsgi_app)
        ThreadPoolExecutor(settings.threads)  # which there have to be
        folder = os.path.dirname(settings.pidfile or "")
        for path in filter(None, (settings.certfile, settings.keyfile, folder)):
            os.stat(path)
    return ()


def views(app: Flask) -> Iterator[Problem]:
    yield from (refused(*view) for view in async_views(app))
    first: dict[Any, str] = {}
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            key = (rule.rule, rule.subdomain, rule.host, rule.websocket, method)
            answering = first.setdefault(key, rule.endpoint)
            if answering != rule.endpoint:
                fact = f"{method} {rule.rule} is answered by {answering}, never by {rule.endpoint}"
                where, hint = place_of_view(app, rule.endpoint), "give one of them another rule"
                yield Problem("views.shadowed", fact, hint, where, "warning")


def place_of_view(app: Flask, endpoint: str) -> str:
    code = getattr(app.view_functions.get(endpoint), "__code__", None)
    return without_root(place(code)) if code else ""


def jobs(app: Flask) -> Iterator[Problem]:
    for refusal in refusals(Scheduler(app).jobs, app.config["TIMEZONE"]):
        yield refused(*refusal)


# Each with the file that it is about.
QUESTIONS = (
    (mappers, "backend/models.py"),
    (tables, "backend/models.py"),
    (gunicorn, "gunicorn.conf.py"),
    (logs, "config/logs.py"),
    (views, "backend/__init__.py"),
    (jobs, "backend/jobs/__init__.py"),
    (ping, "backend/__init__.py"),
)
