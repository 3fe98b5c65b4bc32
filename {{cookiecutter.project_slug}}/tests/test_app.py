from flask import Flask
from flask.testing import FlaskClient

from backend.core import jobs
from backend.core.database import now
from backend.core.jobs.ticks import next_tick


def test_it_answers(client: FlaskClient) -> None:
    assert client.get("/ping").status_code == 200


def test_it_is_ready_after_the_migrations(migrated_app: Flask) -> None:
    answer = migrated_app.test_client().get("/readyz")
    assert answer.status_code == 200, answer.text


def test_every_job_has_its_own_id_and_is_due_some_time(app: Flask) -> None:
    registered = jobs.registered_jobs(app)
    assert len({job.id for job in registered}) == len(registered)
    with app.app_context():
        for job in registered:
            assert next_tick(job, now()) > now()
