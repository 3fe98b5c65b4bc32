import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any
from unittest.mock import MagicMock, Mock

import pytest
from apscheduler.schedulers.base import STATE_RUNNING
from backend.core.database import db, now
from backend.core.jobs import Job, clock, register_jobs, runs, ticks
from backend.core.jobs.delete_old_runs import delete_old_runs
from backend.core.jobs.models import JobRun, JobTrigger
from backend.core.jobs.refusals import refusals
from backend.core.jobs.scheduler import Scheduler, Watch
from backend.core.jobs.triggers import count, latest, next_due, read_trigger
from flask import Flask
from sqlalchemy import event, select, update

from .conftest import Note, texts

MINUTE = timedelta(minutes=1)
CENTURY = timedelta(days=36500)


@pytest.fixture(autouse=True)
def _nothing_is_running() -> None:
    runs.RUNNING.clear()


@pytest.fixture(autouse=True)
def _no_minute_ends() -> None:
    """What is due by the minute would be another tick after its end."""
    while now().second >= 50:
        time.sleep(0.1)


def test_old_runs_are_deleted_but_not_the_last_tick(app: Flask) -> None:
    old = now() - timedelta(days=app.config["JOB_RUN_KEEP_DAYS"] + 1)
    with app.app_context():
        for tick in (old, old + MINUTE, old + 2 * MINUTE):
            ticks.record(job_that(print), tick, outcome="skipped")
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
            for number in range(8):
                ticks.record(Job(id, print, MINUTE), old + number * MINUTE, outcome="skipped")

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

    monkeypatch.setattr(ticks, "claim", claim_and_stop)
    scheduler.tick(job, this_minute())
    assert (calls, outcomes(app)) == ([], [])
    monkeypatch.undo()
    scheduler.stopping = False
    scheduler.tick(job, this_minute())
    assert (calls, outcomes(app)) == (["called"], ["succeeded"])


def test_a_scheduler_that_is_stopped_while_it_starts_jobs_does_not_stumble(app: Flask) -> None:
    """With -W error, an error in the timer's thread fails the test."""
    scheduler, stopped = Scheduler(app), list[bool]()
    submit = scheduler.pool.submit_job
    stopping = Thread(target=lambda: stopped.append(scheduler.stop(5)))

    def submit_meanwhile(*arguments: Any) -> None:
        stopping.start()
        while scheduler.timer.state == STATE_RUNNING:
            time.sleep(0.001)
        submit(*arguments)

    scheduler.pool.submit_job = submit_meanwhile
    scheduler.timer.add_executor(scheduler.pool)
    scheduler.timer.start()
    scheduler.wait(job_that(print), None)
    while not stopped:
        time.sleep(0.001)
    assert stopped == [True]


def test_a_tick_that_is_under_way_while_a_clock_is_set_asks_again(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it would wait for may be an hour away."""
    scheduler, an_hour_on = Scheduler(app), datetime.now(UTC) + timedelta(hours=1)

    def take_meanwhile(*arguments: Any) -> tuple[None, datetime]:
        scheduler.wait_anew()
        return None, an_hour_on

    monkeypatch.setattr(ticks, "take", take_meanwhile)
    scheduler.tick(job_that(print), this_minute())
    (waiting,) = scheduler.timer.get_jobs()
    assert waiting.args[1] is None
    assert waiting.next_run_time <= datetime.now(UTC)


def test_a_time_that_was_long_in_coming_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database said it somewhere in these seconds, so that it would be wrong by as many."""
    moments = iter([0.0, 11.0, 11.0, 11.1])
    said = iter([datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)])
    database = MagicMock()
    connection = database.engine.connect().execution_options().__enter__()
    connection.execute().scalar_one = lambda: next(said)
    monkeypatch.setattr(clock, "db", database)
    monkeypatch.setattr(clock, "time", Mock(monotonic=lambda: next(moments), time=time.time))
    assert clock.Clock.ask(Mock()) == (datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC), 11.05)


def test_all_processes_agree_on_since_when_a_job_has_its_trigger(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_that(print)
    with app.app_context():
        first = ticks.last_recorded(job)
        another_clock = now() - MINUTE
        monkeypatch.setattr(ticks, "now", lambda: another_clock)
        delete_old_runs()
        assert ticks.last_recorded(job) == first


def test_a_job_goes_on_from_its_last_tick_of_the_same_trigger(app: Flask) -> None:
    job, other = job_that(print), job_that(print, timedelta(hours=1))
    with app.app_context():
        assert ticks.first_unrecorded(job) == this_minute() + MINUTE
        since(job, this_minute() - 9 * MINUTE)
        last = this_minute() - 5 * MINUTE
        ticks.record(job, last, outcome="skipped")
        assert ticks.last_recorded(job) == last
        assert ticks.last_recorded(other) > last - MINUTE
        assert ticks.first_unrecorded(other) > now()


def test_a_trigger_that_comes_back_was_not_due_while_another_one_was(app: Flask) -> None:
    grace = timedelta(seconds=app.config["JOB_MISFIRE_GRACE_TIME"])
    job, other = job_that(print), job_that(print, timedelta(seconds=7))
    with app.app_context():
        for each, days in ((job, 2), (other, 1)):
            since(each, now() - timedelta(days=days))
        ticks.record(job, this_minute() - timedelta(days=1), outcome="skipped")
        ticks.record(other, this_minute() - MINUTE / 2, outcome="skipped")
        assert ticks.first_unrecorded(job) == this_minute() - grace


def test_what_is_recorded_for_later_than_now_is_forgotten(app: Flask) -> None:
    job = job_that(print)
    with app.app_context():
        for hours in (-1, 1, 2):
            ticks.record(job, this_minute() + timedelta(hours=hours), outcome="skipped")
        since(job, now() - timedelta(days=1))
        assert ticks.first_unrecorded(job) == this_minute() - 59 * MINUTE
        assert outcomes(app) == ["skipped"]


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
    monkeypatch.setattr(ticks, "now", lambda: this_minute() + MINUTE)
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


def test_missed_ticks_are_one_row_and_the_last_is_run(app: Flask) -> None:
    with app.app_context():
        since(job_that(print), this_minute() - 6 * MINUTE)
    Scheduler(app).tick(job_that(print), this_minute() - 5 * MINUTE)
    assert outcomes(app) == ["missed", "succeeded"]
    with app.app_context():
        missed = db.session.scalars(select(JobRun).order_by(JobRun.due)).first()
        assert missed
        assert (missed.due, missed.last_due, missed.ticks) == (
            this_minute() - 5 * MINUTE,
            this_minute() - MINUTE,
            5,
        )
        assert ticks.last_recorded(job_that(print)) == this_minute()


def test_of_processes_that_see_different_ticks_as_missed_one_records_them(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them a minute later than the other: nothing is recorded twice, or left out."""
    job, first = job_that(print), this_minute() - 5 * MINUTE
    with app.app_context():
        since(job, first - MINUTE)
        ticks.record_missed(job, first, this_minute() - 2 * MINUTE)  # and dies
        assert ticks.take(job, first) == (this_minute(), this_minute() + MINUTE)
        rows = db.session.execute(select(JobRun.due, JobRun.last_due).order_by(JobRun.due)).all()
    one, two, three = rows
    assert one == (first, this_minute() - 2 * MINUTE)
    assert two == (this_minute() - MINUTE, this_minute() - MINUTE)
    assert three == (this_minute(), None)


def test_a_tick_that_others_have_recorded_as_missed_is_waited_beyond(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a process that the database kept waiting while it claimed the tick."""
    job, first = job_that(print), this_minute() - 5 * MINUTE
    with app.app_context():
        since(job, first - MINUTE)
        ticks.record_missed(job, first, first + 3 * MINUTE)
        monkeypatch.setattr(ticks, "now", lambda: first)
        assert ticks.take(job, first) == (None, first + 4 * MINUTE)


def test_a_tick_that_is_too_late_is_missed(app: Flask) -> None:
    late = timedelta(seconds=app.config["JOB_MISFIRE_GRACE_TIME"]) + MINUTE
    Scheduler(app).tick(job_that(print, CENTURY), this_minute() - late)
    assert outcomes(app) == ["missed"]


@pytest.mark.parametrize(
    "timezone", ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata"]
)
@pytest.mark.parametrize(
    "trigger",
    ["*/7 * * * *", "0,30 2 * * *", "15 */3 * * mon-fri", "* 1-3 4,29 * *", timedelta(minutes=7)],
)
def test_missed_ticks_are_counted_and_the_last_is_found(
    trigger: str | timedelta, timezone: str
) -> None:
    """Over a change of the clocks, the same as by going through them one by one."""
    found = read_trigger(trigger, timezone)
    for begin in (datetime(2026, 3, 26, tzinfo=UTC), datetime(2026, 10, 2, 3, 44, tzinfo=UTC)):
        end, due = begin + timedelta(days=5), next_due(found, begin)
        first, number = due, 0
        while due < end:
            last, number, due = due, number + 1, next_due(found, due)
        assert number > 0
        assert latest(found, first, end) == last
        assert count(found, first, last) == number


def test_a_job_does_not_run_twice_at_a_time(app: Flask) -> None:
    scheduler = Scheduler(app)
    job = job_that(lambda: scheduler.tick(job, this_minute()), CENTURY)
    scheduler.tick(job, this_minute() - MINUTE)
    assert outcomes(app) == ["succeeded", "skipped"]


def test_a_run_whose_process_is_dead_is_recorded_so(app: Flask) -> None:
    with app.app_context():
        (run,) = dead_run(job_that(print))
        assert runs.bury(run, None) is None
    assert outcomes(app) == ["dead"]


def test_a_retry_is_claimed_when_the_dead_run_is_recorded_or_neither_is(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job("example", print, MINUTE, retry=True)
    with app.app_context():
        (run,) = dead_run(job)
        monkeypatch.setattr(runs, "begun", no_row)
        with pytest.raises(ValueError, match="no row"):
            runs.bury(run, job)
        monkeypatch.undo()
        assert (outcomes(app), runs.RUNNING) == ([None], set())
        due = runs.bury(run, job)
        assert due
        assert (outcomes(app), runs.RUNNING) == (["dead", None], {(job, due)})
        assert runs.bury(run, job) is None, "it is buried once"
        Scheduler(app).retry(job, due)
    assert (outcomes(app), runs.RUNNING) == (["dead", "succeeded"], set())


def no_row(*_: Any) -> None:
    raise ValueError("no row")


def dead_run(job: Job) -> Any:
    gone = {"started_at": this_minute() - MINUTE, "alive_until": this_minute()}
    runs.insert_row(JobRun, runs.row(job, this_minute() - MINUTE, "tick") | gone)
    return runs.dead_runs()


def test_after_the_database_hung_nobody_is_buried_at_once(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other processes, for which it hung too, have to prove first that their runs are alive."""
    watch = Watch(Scheduler(app))
    watch.waiting, watch.steady_since = [], time.monotonic() - 60
    with app.app_context():
        dead_run(job_that(print))
    monkeypatch.setattr(runs, "renew", lambda: time.sleep(1.1))
    assert watch.look() is None
    assert outcomes(app) == [None]
    monkeypatch.undo()
    watch.steady_since = time.monotonic() - 60
    assert watch.look() is None
    assert outcomes(app) == ["dead"]


def test_a_claim_whose_answer_was_lost_is_run(app: Flask) -> None:
    calls: list[str] = []
    job, scheduler = job_that(lambda: calls.append("called")), Scheduler(app)
    with app.app_context():
        assert runs.claim(job, this_minute(), "tick")
        runs.RUNNING.clear()
    scheduler.tick(job, None)
    assert (calls, outcomes(app)) == (["called"], ["succeeded"])


def test_a_tick_waits_while_a_dead_run_is_not_recorded_as_dead(app: Flask) -> None:
    job, scheduler = job_that(print), Scheduler(app)
    with app.app_context():
        dead_run(job)
    scheduler.tick(job, this_minute())
    assert (outcomes(app), scheduler.parked.get()) == ([None], (job, None))


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


def since(job: Job, moment: datetime) -> None:
    """Let the job have had its trigger since then."""
    ticks.had_since(job)
    db.session.execute(
        update(JobTrigger).where(JobTrigger.trigger == ticks.trigger_name(job)).values(since=moment)
    )
    db.session.commit()


def this_minute() -> datetime:
    return now().replace(second=0, microsecond=0)


def outcomes(app: Flask) -> list[str | None]:
    """Return what became of the runs, in the order in which they were due."""
    with app.app_context():
        return list(db.session.scalars(select(JobRun.outcome).order_by(JobRun.due)))
