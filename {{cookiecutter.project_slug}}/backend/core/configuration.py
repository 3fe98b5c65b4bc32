"""The settings: config/default.py, then the environment's own module, then the caller's."""

from collections.abc import Mapping
from typing import Any

from flask import Flask

from config import environment


def init_app(app: Flask, overrides: Mapping[str, Any] | None = None) -> None:
    """Raise RuntimeError if the variable ENVIRONMENT names no environment."""
    app.config.from_object("config.default")
    app.config.from_object(f"config.{environment()}")
    app.config.from_mapping(overrides or {})
