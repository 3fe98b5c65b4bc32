"""The application of `run.py db`: the database and the tables, whatever is wrong with a view."""

from flask import Flask

from backend import models  # noqa: F401
from backend.core import commands, configuration, database


def create_app() -> Flask:
    app = Flask("backend")
    configuration.init_app(app)
    database.init_app(app)
    commands.init_app(app)
    return app
