from flask import Flask
from flask.testing import FlaskClient

from backend import scheduler
from backend.models import now


def test_ping_answers_without_tables(empty_app: Flask) -> None:
    answer = empty_app.test_client().get("/ping")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_not_ready_before_the_migrations(empty_app: Flask) -> None:
    answer = empty_app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["migrations"]) == (503, "pending")


def test_ready_after_the_migrations(migrated_app: Flask) -> None:
    answer = migrated_app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["scheduler_seen"]) == (200, None)


def test_ready_tells_when_a_scheduler_was_seen(migrated_app: Flask) -> None:
    seen = now()
    scheduler.say_seen(migrated_app, seen)
    answer = migrated_app.test_client().get("/readyz")
    assert answer.json["scheduler_seen"] == seen.isoformat(timespec="seconds")


def test_an_unknown_page_is_not_found(client: FlaskClient) -> None:
    assert client.get("/nothing").status_code == 404
