from datetime import timedelta

from flask import Flask
from sqlalchemy import select

from backend import scheduler
from backend.database import db
from backend.jobs import JOBS, Job
from backend.jobs.delete_old_messages import delete_old_messages
from backend.models import Message, now

MINUTE = timedelta(minutes=1)


def test_old_messages_are_deleted_and_new_ones_kept(app: Flask) -> None:
    limit = now() - timedelta(days=app.config["CHAT_MESSAGE_KEEP_DAYS"])
    with app.app_context():
        db.session.add(Message(text="old", reply="", created_at=limit - MINUTE))
        db.session.add(Message(text="new", reply="", created_at=limit + MINUTE))
        db.session.commit()
        delete_old_messages()
    with app.app_context():
        assert db.session.scalars(select(Message.text)).all() == ["new"]


def test_a_tick_is_run_once_and_the_next_one_too(app: Flask) -> None:
    calls = []
    job = Job("count", lambda: calls.append("called"), "* * * * *")
    due = now()
    scheduler.run_tick(app, job, due)
    scheduler.run_tick(app, job, due)
    assert calls == ["called"]
    scheduler.run_tick(app, job, due + MINUTE)
    assert calls == ["called", "called"]
    with app.app_context():
        assert scheduler.last_run(job).outcome == "succeeded"


def test_a_failing_job_is_recorded_and_leaves_nothing_half_done(app: Flask) -> None:
    def fail() -> None:
        db.session.add(Message(text="half done", reply=""))
        db.session.flush()
        raise ValueError("no good")

    job = Job("fail", fail, "* * * * *")
    scheduler.run_tick(app, job, now())
    with app.app_context():
        run = scheduler.last_run(job)
        assert (run.outcome, run.error) == ("failed", "ValueError('no good')")
        assert db.session.scalars(select(Message)).all() == []


def test_every_job_has_its_own_id_and_is_due_some_time(app: Flask) -> None:
    assert len({job.id for job in JOBS}) == len(JOBS)
    for job in JOBS:
        assert scheduler.next_due(job, app.config["TIMEZONE"]) > now()
