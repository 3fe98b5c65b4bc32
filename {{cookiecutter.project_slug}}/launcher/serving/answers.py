"""What the application answers to /ping and /readyz, and whether the schema is its models'."""

import logging
import os
from collections.abc import Iterator
from typing import Any

from flask import Flask
from werkzeug.test import Client, TestResponse

from backend.core import health
from backend.core.database import Base, db
from launcher.checks.problem import Problem
from launcher.checks.service import Service, command_line
from launcher.serving.errors import ROOT

# Seconds that /readyz has here, where no load balancer waits for it: this machine may be busy.
PATIENCE = 20


def ping(app: Flask) -> Iterator[Problem]:
    answer, _ = get(app, "/ping")
    if answer.status_code != 200:
        yield unanswered("/ping", answer)


def ready(app: Flask) -> Iterator[Problem]:
    """Of the database, say only what its own check does not see."""
    url = db.engine.url
    if url.get_backend_name() == "sqlite" and not os.path.exists(url.database or ""):
        return  # asking would make it
    health.ANSWERS_WITHIN = PATIENCE
    answer, logged = get(app, "/readyz")
    state = (answer.is_json and answer.get_json(silent=True)) or {}
    if state.get("database") == "lacks tables":
        yield from drift(app, "error")
    elif answer.status_code == 200:
        yield from drift(app) if Service(ROOT).environment == "development" else ()
    elif "database" not in state:
        yield unanswered("/readyz", answer)
    elif "migrations" not in state:
        hint = "check that the database answers, and that nobody has changed its tables by hand"
        yield Problem("database.unreachable", f"GET /readyz answers 503: {logged}", hint)


def unanswered(path: str, answer: TestResponse) -> Problem:
    fact = f"the application is created, and GET {path} answers {answer.status_code}"
    hint = "find the hook that answers instead"
    if answer.status_code == 404:
        hint = "check that create_app calls health.init_app(app)"
    return Problem("application.broken", fact, hint, "backend/__init__.py")


def get(app: Flask, path: str) -> tuple[TestResponse, str]:
    """Return the answer and what is logged meanwhile. Raise the error that it may be of."""
    logged: list[logging.LogRecord] = []

    def note(record: logging.LogRecord) -> bool:
        logged.append(record)
        return False

    app.logger.addFilter(note)
    try:
        answer = Client(app).get(
            path, base_url="http://127.0.0.1", environ_base={"REMOTE_ADDR": "127.0.0.1"}
        )
    finally:
        app.logger.removeFilter(note)
    for record in logged:
        if record.exc_info and record.exc_info[1] and answer.status_code == 500:
            raise record.exc_info[1]
    return answer, "; ".join(record.getMessage() for record in logged)


def drift(app: Flask, level: str = "warning") -> Iterator[Problem]:
    """Say what the models have and the schema lacks; what it has besides may be meant."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with db.engine.connect() as connection:
        options = app.config.get("ALEMBIC_CONTEXT", {})
        context = MigrationContext.configure(connection, opts=options)
        changes = [name_of(change) for change in compare_metadata(context, Base.metadata)]
    if changes := [change for change in changes if not change.startswith("remove ")]:
        revise = command_line("run.py", 'db revision "what changed"')
        hint = f"{revise}, then {command_line('run.py', 'db upgrade')}"
        fact = f"the database differs from the models: {', '.join(changes)}"
        yield Problem("database.drift", fact, hint, "backend/models.py", level)


def name_of(change: Any) -> str:
    """Return what one of Alembic's tuples is about, such as "add column message.mood"."""
    kind, *rest = change[0] if isinstance(change, list) else change
    names = [str(getattr(each, "name", each)) for each in rest[:3] if each is not None]
    return f"{kind.replace('_', ' ')} {'.'.join(names)}"
