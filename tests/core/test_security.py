from collections.abc import Callable

import pytest
from backend import create_app
from flask import Flask, request, session
from flask.testing import FlaskClient

FORWARDED = {
    "X-Forwarded-For": "192.0.2.1, 192.0.2.2",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "shop.example",
}


@pytest.mark.parametrize("path", ["/ping", "/readyz"])
def test_a_probe_may_name_any_host(migrated_app: Flask, path: str) -> None:
    migrated_app.config["TRUSTED_HOSTS"] = ["shop.example"]
    client = migrated_app.test_client()
    assert client.get(path, base_url="http://192.0.2.1:8000").status_code == 200


def test_only_a_trusted_host_is_answered(app: Flask, client: FlaskClient) -> None:
    app.config["TRUSTED_HOSTS"] = ["shop.example"]
    named = ("shop.example", 200), ("Shop.Example:80", 200), ("evil.example", 400), ("[::1]", 400)
    for host, status in named:
        answer = client.post("/api/notes", json={"text": "Hello"}, base_url=f"http://{host}")
        assert answer.status_code == status, host


@pytest.mark.parametrize(
    ("count", "seen"),
    [(0, ["127.0.0.1", "http://localhost/"]), (1, ["192.0.2.2", "https://shop.example/"])],
)
def test_a_proxy_is_believed_only_when_there_is_one(
    app: Flask, count: int, seen: list[str | None]
) -> None:
    proxied = create_app(app.config | {"PROXY_COUNT": count})
    proxied.add_url_rule("/seen", view_func=lambda: [request.remote_addr, request.url_root])
    assert proxied.test_client().get("/seen", headers=FORWARDED).json == seen


def test_a_cookie_signed_with_a_former_key_is_still_read(app: Flask) -> None:
    app.add_url_rule("/set", view_func=set_name)
    app.add_url_rule("/get", view_func=get_name)
    client = app.test_client()
    app.config["SECRET_KEY"] = "former"
    client.get("/set")
    app.config |= {"SECRET_KEY": "new", "SECRET_KEY_FALLBACKS": ["former"]}
    assert client.get("/get").text == "Ada"
    app.config["SECRET_KEY_FALLBACKS"] = []
    assert client.get("/get").text == "nobody"


@pytest.mark.parametrize("cookie", ["", "session=", "session=forged"])
def test_a_session_that_nobody_touches_sets_no_cookie(client: FlaskClient, cookie: str) -> None:
    headers = client.get("/ping", headers={"Cookie": cookie}).headers
    assert ("Set-Cookie" in headers, "Vary" in headers) == (False, False)


def test_a_session_that_is_emptied_deletes_its_cookie(app: Flask) -> None:
    views: list[Callable[[], str]] = [set_name, clear]
    for view in views:
        app.add_url_rule(f"/{view.__name__}", view_func=view)
    client = app.test_client()
    assert "HttpOnly" in client.get("/set_name").headers["Set-Cookie"]
    assert client.get("/ping").headers.get("Set-Cookie") is None
    assert "Max-Age=0" in client.get("/clear").headers["Set-Cookie"]


def set_name() -> str:
    session["name"] = "Ada"
    return "set"


def get_name() -> str:
    return str(session.get("name", "nobody"))


def clear() -> str:
    session.clear()
    return "cleared"
