"""The commands that the application has, Flask's own among them."""

from collections.abc import Callable
from typing import Any

from flask.cli import FlaskGroup


def run(arguments: list[str], create_app: Callable[[], Any]) -> None:
    """Run one, and leave with its exit code."""
    FlaskGroup(create_app=create_app).main(arguments, "run.py")
