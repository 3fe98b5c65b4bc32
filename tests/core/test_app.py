from collections.abc import Callable
from typing import Any

import pytest
from backend import create_app, routes
from backend.core.refusal import RefusedError
from flask import Flask


def test_an_async_view_is_refused(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow() -> str:
        return "slow"

    monkeypatch.setattr(routes, "init_app", lambda app: app.add_url_rule("/", view_func=slow))
    with pytest.raises(RefusedError, match="slow is async"):
        create_app(app.config)


REGISTERED: dict[str, Callable[[Flask, Any], object]] = {
    "hook before": lambda app, function: app.before_request(function),
    "hook after": lambda app, function: app.after_request(function),
    "teardown": lambda app, function: app.teardown_request(function),
    "teardown of the context": lambda app, function: app.teardown_appcontext(function),
    "handler": lambda app, function: app.register_error_handler(404, function),
    "template context": lambda app, function: app.context_processor(function),
    "template filter": lambda app, function: app.add_template_filter(function),
    "template test": lambda app, function: app.add_template_test(function),
    "values": lambda app, function: app.url_value_preprocessor(function),
    "defaults": lambda app, function: app.url_defaults(function),
}


@pytest.mark.parametrize("register", REGISTERED.values(), ids=REGISTERED)
def test_whatever_else_a_request_calls_may_not_be_async_either(
    app: Flask, monkeypatch: pytest.MonkeyPatch, register: Callable[[Flask, Any], object]
) -> None:
    async def slow() -> None: ...

    monkeypatch.setattr(routes, "init_app", lambda app: register(app, slow))
    with pytest.raises(RefusedError, match="slow is async"):
        create_app(app.config)


def test_an_unknown_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "prodution")
    with pytest.raises(RuntimeError, match="'prodution'"):
        create_app()


def test_a_missing_database_is_refused() -> None:
    with pytest.raises(RuntimeError, match="DATABASE_URL"):
        create_app({"SQLALCHEMY_DATABASE_URI": None})
