from datetime import datetime
from pathlib import Path
from threading import Event

import pytest
from backend import create_app
from backend.core import health
from backend.core.database import now
from backend.core.jobs import registered_jobs
from backend.core.jobs.scheduler import Scheduler, Watch
from backend.core.migrations import code_revisions
from flask import Flask
from flask.testing import FlaskClient


def test_ping_answers_without_tables(empty_app: Flask) -> None:
    answer = empty_app.test_client().get("/ping")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_not_ready_before_the_migrations(empty_app: Flask) -> None:
    answer = empty_app.test_client().get("/readyz")
    assert (answer.status_code, answer.get_json()["migrations"]) == (503, "pending")


def test_ready_after_the_migrations(migrated_app: Flask) -> None:
    answer = migrated_app.test_client().get("/readyz")
    assert (answer.status_code, answer.get_json()["scheduler_seen"]) == (200, None)


def test_ready_tells_when_a_scheduler_was_seen(migrated_app: Flask) -> None:
    before = now().replace(microsecond=0)
    Watch(Scheduler(migrated_app)).look()
    answer = migrated_app.test_client().get("/readyz")
    assert datetime.fromisoformat(answer.get_json()["scheduler_seen"]) >= before
    assert [job["id"] for job in answer.get_json()["jobs"]] == [
        job.id for job in registered_jobs(migrated_app)
    ]


def test_an_unknown_page_is_not_found(client: FlaskClient) -> None:
    assert client.get("/nothing").status_code == 404


def test_not_ready_while_the_database_is_away(tmp_path: Path) -> None:
    app = create_app({"SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}"})
    assert app.test_client().get("/ping").status_code == 200
    assert_no_answer(app)


def test_not_ready_while_a_migration_is_broken(
    migrated_app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "0002_broken.py").write_text("revision = (")
    code_revisions.cache_clear()
    with monkeypatch.context() as broken:
        broken.setattr("backend.core.migrations.OWN", tmp_path)
        assert migrated_app.test_client().get("/readyz").status_code == 503
    code_revisions.cache_clear()
    assert migrated_app.test_client().get("/readyz").status_code == 200


def test_not_ready_while_the_database_takes_too_long(
    migrated_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = Event()
    monkeypatch.setattr(health, "ANSWERS_WITHIN", 0.05)
    with monkeypatch.context() as slow:
        slow.setattr("backend.core.migrations.schema_state", lambda connection: answered.wait(20))
        assert_no_answer(migrated_app)
        assert_no_answer(migrated_app)  # while the first still waits
        answered.set()
        with health.examining:
            pass  # it has come to its end
    monkeypatch.setattr(health, "ANSWERS_WITHIN", 20)
    assert migrated_app.test_client().get("/readyz").status_code == 200


def assert_no_answer(app: Flask) -> None:
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json == {"status": "unavailable", "database": "does not answer"}
