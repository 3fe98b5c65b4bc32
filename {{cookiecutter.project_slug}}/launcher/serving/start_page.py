"""The page that the development server shows at `/` where the application has none.

Loopback alone gets it: it names files, and it runs a check when it is asked to.
"""

import atexit
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from secrets import token_urlsafe
from threading import Lock
from typing import Any

from flask import Flask
from jinja2 import Environment, FileSystemLoader
from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Request, Response

from backend.core.database import db, now
from backend.core.jobs import registered_jobs
from backend.core.jobs.models import JobRun
from backend.core.jobs.runs import last_runs
from backend.core.jobs.ticks import next_tick
from launcher.checks.masking import masked
from launcher.checks.service import command_line
from launcher.serving.errors import ROOT, without_root
from launcher.serving.questions import place_of_view

RUNS = 40
POLICY = (
    "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self';"
    " form-action 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
)
PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("page")),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    # Not the usual ones, which Cookiecutter would fill in.
    variable_start_string="[[",
    variable_end_string="]]",
    block_start_string="[%",
    block_end_string="%]",
)
checking = Lock()


def respond(app: Flask, request: Request, checks: list[dict[str, Any]]) -> Response:
    """Show the page; where the form was sent, check anew before."""
    if request.method == "POST":
        if request.headers.get("Origin") != request.host_url.rstrip("/"):
            return Forbidden("Another site has sent this.").get_response(request.environ)
        with checking:
            checks[:] = check()
        return Response(status=303, headers={"Location": "/"})
    nonce, live = token_urlsafe(), "live" in request.args
    with app.app_context():
        known = facts(app) | {"checks": checks, "host": request.host}
        page = PAGES.get_template("page.html").render(known, nonce=nonce, live=live)
    policy = POLICY.format(nonce=nonce)
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return Response(page, mimetype="text/html", headers=headers)


def check() -> list[dict[str, Any]]:
    """Return what `run.py check` finds, for any port: this server has its own."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("WERKZEUG_")}
    command = [sys.executable, "run.py", "check", "--json"]
    env["PORT"] = "0"
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE) as process:
        atexit.register(process.kill)
        said, _ = process.communicate()
        atexit.unregister(process.kill)
    try:
        checks: list[dict[str, Any]] = json.loads(said)["checks"]
    except ValueError:
        problem = {"message": "it gave no answer", "hint": command_line("run.py", "check")}
        return [{"name": "Check", "status": "error", "problems": [problem]}]
    return checks


def facts(app: Flask) -> dict[str, Any]:
    return {
        "name": app.config["SERVICE_NAME"],
        "routes": sorted(routes(app), key=lambda route: (route["rule"], route["methods"])),
        "database": database(),
        "jobs": list(jobs(app)),
        "python": platform.python_version(),
        "packages": packages(),
    }


@cache  # the page asks every few seconds
def packages() -> list[tuple[str, str]]:
    found = {package.name.lower(): package.version for package in distributions()}
    return sorted(found.items())


def routes(app: Flask) -> Iterator[dict[str, Any]]:
    for rule in app.url_map.iter_rules():
        where = place_of_view(app, rule.endpoint)
        yield {
            "rule": rule.rule,
            "methods": sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}),
            "function": rule.endpoint,
            "where": "" if where.startswith((".venv", os.sep)) else where,
            "open": "GET" in (rule.methods or ()) and not rule.arguments,
            "send": "POST" in (rule.methods or ()) and not rule.arguments,
        }


def database() -> dict[str, str]:
    from alembic.migration import MigrationContext

    from backend.core.migrations import schema_state

    url = db.engine.url.render_as_string(hide_password=False)
    shown = {"url": masked(url, url).replace(str(ROOT), "…")}
    try:
        with db.engine.connect() as connection:
            heads = MigrationContext.configure(connection).get_current_heads()
            schema = f"{', '.join(sorted(heads)) or 'none'} ({schema_state(connection)})"
            tables = inspect(connection).get_table_names()
            return shown | {"schema": schema, "tables": ", ".join(sorted(tables))}
    except SQLAlchemyError as error:
        return shown | {"schema": f"unknown: {type(error).__name__}", "tables": ""}


def jobs(app: Flask) -> Iterator[dict[str, Any]]:
    for job in registered_jobs(app):
        try:
            runs = list(last_runs(job, RUNS))[::-1]
        except SQLAlchemyError:
            runs = []
        due = next_tick(job, now())
        every = job.trigger if isinstance(job.trigger, str) else f"every {job.trigger}"
        yield {"id": job.id, "trigger": every, "where": without_root(job.where), "due": due,
               "last": runs[-1] if runs else None, "bars": list(bars(runs))}  # fmt: skip


def bars(runs: list[JobRun]) -> Iterator[dict[str, Any]]:
    """Yield a bar for each run, as high as it took long beside the others."""
    took = [(run.ended_at - run.started_at).total_seconds() if run.ended_at and run.started_at
            else 0 for run in runs]  # fmt: skip
    longest = max(took, default=0) or 1
    for run, seconds in zip(runs, took, strict=True):
        outcome = run.outcome or "running"
        text = f"{run.due:%Y-%m-%d %H:%M:%S} {outcome}, {seconds:.2f} s"
        yield {"outcome": outcome, "height": 4 + 24 * seconds / longest, "text": text}
