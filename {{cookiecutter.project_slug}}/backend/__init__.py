"""The application."""

from collections.abc import Mapping
from typing import Any

from flask import Flask


def create_app(overrides: Mapping[str, Any] | None = None) -> Flask:
    """Make the application from config/ and `overrides`."""
    from backend import models, routes  # noqa: F401
    from backend.core import commands, configuration, database, errors, headers, health, security
    from backend.core.jobs import register_jobs
    from backend.core.sync_views import refuse_async_views
    from backend.jobs import JOBS

    app = Flask(__name__)
    configuration.init_app(app, overrides)
    database.init_app(app)
    commands.init_app(app)
    errors.init_app(app)
    security.init_app(app)
    headers.init_app(app)
    health.init_app(app)
    register_jobs(app, JOBS)
    routes.init_app(app)
    refuse_async_views(app)
    return app
