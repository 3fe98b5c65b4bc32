"""The routes: one module per noun, each with a blueprint called `bp`."""

from flask import Flask

from backend.routes import chat, health


def init_app(app: Flask) -> None:
    app.register_blueprint(health.bp)
    app.register_blueprint(chat.bp)
