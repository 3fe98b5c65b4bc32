"""What the application is asked before it serves. Each question yields what is wrong."""

import logging
from collections.abc import Iterator
from logging.config import dictConfig
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.test import Client, TestResponse

from launcher.checks.problem import Problem
from launcher.checks.service import command_line
from launcher.serving.errors import refused, without_root


def mappers(app: Flask) -> Iterator[Problem]:
    from sqlalchemy.orm import configure_mappers

    configure_mappers()
    yield from ()


def logs(app: Flask) -> Iterator[Problem]:
    dictConfig(app.config["LOGGING"])
    yield from ()


def views(app: Flask) -> Iterator[Problem]:
    from backend.core.sync_views import async_views

    yield from (refused(*view) for view in async_views(app))
    first: dict[Any, str] = {}
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            key = (rule.rule, rule.subdomain, rule.host, rule.websocket, method)
            answering = first.setdefault(key, rule.endpoint)
            if answering != rule.endpoint:
                fact = f"{method} {rule.rule} is answered by {answering}, never by {rule.endpoint}"
                hint = "give one of them another rule"
                yield Problem("views.shadowed", fact, hint, place_of(app, rule.endpoint), "warning")


def place_of(app: Flask, endpoint: str) -> str:
    code = getattr(app.view_functions.get(endpoint), "__code__", None)
    return without_root(f"{code.co_filename}:{code.co_firstlineno}") if code else ""


def jobs(app: Flask) -> Iterator[Problem]:
    from backend.core.jobs.refusals import refusals
    from backend.core.jobs.scheduler import Scheduler

    for refusal in refusals(Scheduler(app).jobs, app.config["TIMEZONE"]):
        yield refused(*refusal)


def ping(app: Flask) -> Iterator[Problem]:
    answer, _ = get(app, "/ping")
    if answer.status_code != 200:
        yield unanswered("/ping", answer)


def ready(app: Flask) -> Iterator[Problem]:
    """A schema that is behind, and a database that is not there, is what its check says."""
    if not has_database():
        return
    answer, logged = get(app, "/readyz")
    state = (answer.is_json and answer.get_json(silent=True)) or {}
    if answer.status_code == 200:
        if app.debug:
            yield from drift(app)
    elif "database" not in state:
        yield unanswered("/readyz", answer)
    elif "migrations" not in state:
        fact = f"GET /readyz answers 503: {logged}"
        yield Problem("database.unreachable", fact, "see what the check of the database says")


def has_database() -> bool:
    """Return whether asking would not make the file of SQLite's."""
    from backend.core.database import db

    url = db.engine.url
    return url.get_backend_name() != "sqlite" or Path(url.database or "").exists()


def unanswered(path: str, answer: TestResponse) -> Problem:
    fact = f"the application is created, and GET {path} answers {answer.status_code}"
    hint = "see that create_app in backend/__init__.py calls health.init_app, and what hooks do"
    return Problem("application.broken", fact, hint, "backend/__init__.py")


def get(app: Flask, path: str) -> tuple[TestResponse, str]:
    """Return the answer, and what was logged meanwhile; an error that was logged is raised."""
    logged: list[logging.LogRecord] = []

    def keep(record: logging.LogRecord) -> bool:
        logged.append(record)
        return False

    app.logger.addFilter(keep)
    try:
        answer = Client(app).get(
            path, base_url="http://127.0.0.1", environ_base={"REMOTE_ADDR": "127.0.0.1"}
        )
    finally:
        app.logger.removeFilter(keep)
    for record in logged:
        if record.exc_info and record.exc_info[1] and answer.status_code != 200:
            raise record.exc_info[1]
    return answer, "; ".join(record.getMessage() for record in logged)


def drift(app: Flask) -> Iterator[Problem]:
    """Warn of what the models have and the schema lacks; what only the schema has may be meant."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from backend.core.database import Base, db

    with db.engine.connect() as connection:
        options = app.config.get("ALEMBIC_CONTEXT", {})
        context = MigrationContext.configure(connection, opts=options)
        changes = compare_metadata(context, Base.metadata)
    named = [name_of(change) for change in changes]
    if found := [name for name in named if not name.startswith("remove ")]:
        fact = f"the models are not what the schema is: {', '.join(found)}"
        revise, upgrade = "db revision \"what changed\"", "db upgrade"
        hint = f"{command_line('run.py', revise)}, then {command_line('run.py', upgrade)}"
        yield Problem("database.drift", fact, hint, "backend/models.py", "warning")


def name_of(change: Any) -> str:
    """Return what alembic's tuple, or its list of tuples, is about: "add column message.mood"."""
    kind, *rest = change[0] if isinstance(change, list) else change
    names = [str(getattr(each, "name", each)) for each in rest[:3] if each is not None]
    return f"{kind.replace('_', ' ')} {'.'.join(names)}"
