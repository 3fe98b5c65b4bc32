from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from backend.core.database import db, now
from backend.core.jobs import Job, register_jobs, runs
from backend.core.jobs.delete_old_runs import delete_old_runs
from backend.core.jobs.models import JobRun
from backend.core.jobs.refusals import refusals
from backend.core.jobs.scheduler import Scheduler
from backend.core.jobs.triggers import INTERVALS_START, next_due, read_trigger
from flask import Flask
from sqlalchemy import event, select

from .conftest import Note, texts

MINUTE = timedelta(minutes=1)
CENTURY = timedelta(days=36500)


def test_old_runs_are_deleted_but_not_the_last_tick(app: Flask) -> None:
    old = now() - timedelta(days=app.config["JOB_RUN_KEEP_DAYS"] + 1)
    with app.app_context():
        runs.skip(job_that(print), [old, old + MINUTE, old + 2 * MINUTE], "missed")
        delete_old_runs()
        assert db.session.scalars(select(JobRun.due)).all() == [old + 2 * MINUTE]


def test_no_statement_deletes_more_than_a_batch(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.core.jobs.delete_old_runs.BATCH", 3)
    old = now() - timedelta(days=app.config["JOB_RUN_KEEP_DAYS"] + 1)
    deletions: list[str] = []
    with app.app_context():
        for id in ("one", "two"):
            ticks = [old + number * MINUTE for number in range(8)]
            runs.skip(Job(id, print, MINUTE), ticks, "missed")

        @event.listens_for(db.engine, "after_cursor_execute")
        def count(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            if statement.startswith("DELETE FROM job_run"):
                deletions.append(statement)

        delete_old_runs()
        assert db.session.scalars(select(JobRun.due)).all() == [old + 7 * MINUTE] * 2
    assert len(deletions) == 6  # of 3, 3 and 1 rows for each job


class Unspeakable(Exception):
    def __repr__(self) -> str:
        raise ValueError


@pytest.mark.parametrize("error", [Unspeakable, KeyboardInterrupt, SystemExit])
def test_whatever_a_job_raises_it_has_failed_with_an_error(
    app: Flask, error: type[BaseException]
) -> None:
    def fail() -> None:
        raise error

    scheduler = Scheduler(app)
    run = Thread(target=scheduler.tick, args=(job_that(fail), this_minute()))
    run.start()
    run.join()
    with app.app_context():
        (recorded,) = db.session.scalars(select(JobRun).where(JobRun.cause == "tick"))
    assert recorded.outcome == "failed"
    assert error.__name__ in (recorded.error or "")


def test_a_claim_that_is_made_while_the_scheduler_stops_is_given_back(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    job, scheduler, claim = job_that(lambda: calls.append("called")), Scheduler(app), runs.claim

    def claim_and_stop(*arguments: Any) -> bool:
        scheduler.stopping = True
        return claim(*arguments)

    monkeypatch.setattr(runs, "claim", claim_and_stop)
    scheduler.tick(job, this_minute())
    assert (calls, outcomes(app)) == ([], [])
    monkeypatch.undo()
    scheduler.stopping = False
    scheduler.tick(job, this_minute())
    assert (calls, outcomes(app)) == (["called"], ["succeeded"])


def test_all_processes_agree_on_when_a_job_was_added(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_that(print)
    with app.app_context():
        first = runs.last_tick(job)
        another_clock = now() - MINUTE
        monkeypatch.setattr(runs, "now", lambda: another_clock)
        added = runs.row(job, INTERVALS_START, "added", ended_at=another_clock, outcome="added")
        assert runs.insert([added]) == 0
        delete_old_runs()
        assert runs.last_tick(job) == first


@pytest.mark.parametrize("trigger", [MINUTE, "* * * * *"], ids=["interval", "cron"])
def test_the_tick_right_after_a_moment_is_not_passed_over(trigger: str | timedelta) -> None:
    minute, found = this_minute(), read_trigger(trigger, "UTC")
    assert next_due(found, minute - timedelta(microseconds=1)) == minute
    assert next_due(found, minute) == minute + MINUTE
    assert next_due(found, minute + timedelta(microseconds=1)) == minute + MINUTE


def test_a_tick_is_run_once_and_the_next_one_too(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    job, scheduler = job_that(lambda: calls.append("called")), Scheduler(app)
    scheduler.tick(job, this_minute())
    scheduler.tick(job, this_minute())
    scheduler.tick(job, this_minute() + MINUTE)
    assert calls == ["called"], "and it waits for what is not due"
    monkeypatch.setattr("backend.core.jobs.scheduler.now", lambda: this_minute() + MINUTE)
    scheduler.tick(job, this_minute() + MINUTE)
    assert calls == ["called", "called"]
    assert outcomes(app) == ["succeeded", "succeeded"]


def test_a_failing_job_is_recorded_and_leaves_nothing_half_done(app: Flask) -> None:
    def fail() -> None:
        db.session.add(Note(text="half done"))
        db.session.flush()
        raise ValueError("no good")

    Scheduler(app).tick(job_that(fail), this_minute())
    with app.app_context():
        run = db.session.scalars(select(JobRun).where(JobRun.cause == "tick")).one()
        assert (run.outcome, run.error) == ("failed", "ValueError('no good')")
        assert texts() == []


def test_of_a_long_error_only_the_beginning_is_recorded(app: Flask) -> None:
    def fail() -> None:
        raise ValueError("x" * 1_000_000)

    Scheduler(app).tick(job_that(fail), this_minute())
    with app.app_context():
        error = db.session.scalars(select(JobRun.error).where(JobRun.cause == "tick")).one()
        assert error == "ValueError('" + "x" * (10_000 - len("ValueError('"))


def test_a_job_that_does_not_commit_leaves_nothing_open(app: Flask) -> None:
    def forget() -> None:
        db.session.add(Note(text="no commit"))
        db.session.flush()

    Scheduler(app).tick(job_that(forget), this_minute())
    with app.app_context():
        assert texts() == []
    assert outcomes(app) == ["succeeded"]


def test_missed_ticks_are_skipped_and_the_last_is_run(app: Flask) -> None:
    Scheduler(app).tick(job_that(print), this_minute() - 2 * MINUTE)
    assert outcomes(app) == ["skipped", "skipped", "succeeded"]


def test_a_tick_that_is_too_late_is_skipped(app: Flask) -> None:
    late = timedelta(seconds=app.config["JOB_MISFIRE_GRACE_TIME"]) + MINUTE
    Scheduler(app).tick(job_that(print, CENTURY), this_minute() - late)
    assert outcomes(app) == ["skipped"]


def test_a_job_does_not_run_twice_at_a_time(app: Flask) -> None:
    scheduler = Scheduler(app)
    job = job_that(lambda: scheduler.tick(job, this_minute()), CENTURY)
    scheduler.tick(job, this_minute() - MINUTE)
    assert outcomes(app) == ["succeeded", "skipped"]


def test_a_run_whose_process_is_dead_is_recorded_so(app: Flask) -> None:
    job = job_that(print)
    with app.app_context():
        gone = {"started_at": this_minute() - MINUTE, "alive_until": this_minute()}
        runs.insert([runs.row(job, this_minute() - MINUTE, "tick", **gone)])
        Scheduler(app).bury_the_dead()
    assert outcomes(app) == ["dead"]


def test_a_job_can_be_run_by_hand(app: Flask) -> None:
    register_jobs(app, [job_that(print)])
    runner = app.test_cli_runner()
    with app.app_context():
        result = runner.invoke(args=["jobs", "run", "example"])
        assert (result.exit_code, result.stdout) == (0, "\nexample succeeded\n")
        assert "last succeeded" in runner.invoke(args=["jobs"]).output


def test_a_job_that_there_is_not_cannot_be_run(app: Flask) -> None:
    register_jobs(app, [job_that(print)])
    with app.app_context():
        result = app.test_cli_runner().invoke(args=["jobs", "run", "exmaple"])
    assert (result.exit_code, "example" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    "trigger",
    ["* * * *", "0 * * * * *", "@daily", "0 6 * * 1", "0 6 * * mon#1", "61 * * * *", MINUTE / 7],
)
def test_a_trigger_that_would_be_misread_is_refused(trigger: str | timedelta) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_trigger(trigger, "UTC")


@pytest.mark.parametrize("name", ["", "../UTC", "Europe", "MEZ", "Mars/Olympus"])
def test_an_unknown_time_zone_hides_nothing_else(name: str) -> None:
    refused = refusals([job_that(print), job_that(print, MINUTE / 7)], name)
    assert {each.id for each in refused} == {"jobs.timezone", "jobs.trigger", "jobs.duplicate"}


def job_that(function: Callable[[], object], every: timedelta = MINUTE) -> Job:
    return Job("example", function, every)


def this_minute() -> datetime:
    return now().replace(second=0, microsecond=0)


def outcomes(app: Flask) -> list[str | None]:
    """Return what became of the runs, in the order in which they were due."""
    with app.app_context():
        ran = select(JobRun.outcome).where(JobRun.cause != "added").order_by(JobRun.due)
        return list(db.session.scalars(ran))
