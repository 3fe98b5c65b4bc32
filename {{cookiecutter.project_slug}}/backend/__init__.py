"""The application."""

import os
from collections.abc import Mapping
from typing import Any

from flask import Flask

from backend import routes
from backend.core import commands, database, errors, headers, security
from backend.core.sync_views import refuse_async_views

ENVIRONMENTS = ("development", "production")


def create_app(overrides: Mapping[str, Any] | None = None) -> Flask:
    """Make the application from config/ and `overrides`.

    The variable ENVIRONMENT says which module of config/ applies; unset, it is development.
    Raises RuntimeError on an unknown ENVIRONMENT or a missing database URL, AsyncViewError
    on an async view.
    """
    app = create_database_app(overrides)
    errors.init_app(app)
    security.init_app(app)
    routes.init_app(app)
    headers.init_app(app)
    refuse_async_views(app)
    return app


def create_database_app(overrides: Mapping[str, Any] | None = None) -> Flask:
    """Make the application without its routes, which a migration can do without."""
    app = Flask(__name__)
    app.config.from_object("config.default")
    app.config.from_object(f"config.{environment()}")
    app.config.from_mapping(overrides or {})
    database.init_app(app)
    commands.init_app(app)
    return app


def environment() -> str:
    name = os.environ.get("ENVIRONMENT") or "development"
    if name not in ENVIRONMENTS:
        raise RuntimeError(f"ENVIRONMENT is {name!r}; it must be one of {', '.join(ENVIRONMENTS)}")
    return name
