import pytest
from backend import create_app, routes
from backend.core.sync_views import AsyncViewError
from flask import Flask


def test_an_async_view_is_refused(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow() -> str:
        return "slow"

    monkeypatch.setattr(routes, "init_app", lambda app: app.add_url_rule("/", view_func=slow))
    with pytest.raises(AsyncViewError, match="slow is async"):
        create_app(app.config)


def test_an_unknown_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "prodution")
    with pytest.raises(RuntimeError, match="'prodution'"):
        create_app()


def test_a_missing_database_is_refused() -> None:
    with pytest.raises(RuntimeError, match="DATABASE_URL"):
        create_app({"SQLALCHEMY_DATABASE_URI": None})
