"""The routes: one module per noun, each with a blueprint called `bp`."""

from flask import Flask

from backend.routes import chat


def init_app(app: Flask) -> None:
    app.register_blueprint(chat.bp)
