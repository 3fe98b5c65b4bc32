"""The routes: one module per noun, each with a blueprint called `bp`."""

from flask import Flask

from backend.routes import chat  # sample


def init_app(app: Flask) -> None:
    """Register the blueprint of each module."""
    app.register_blueprint(chat.bp)  # sample
