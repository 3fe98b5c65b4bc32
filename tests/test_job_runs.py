"""What becomes of a job's runs, in real processes: each is recorded, none is doubled or lost."""

import itertools
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
import services
from breaking import append, edit
from commands import commands
from services import ANSWER_WITHIN, BakedProject, Server, http, wait_until
from test_serving import THREADS, reply

pytestmark = pytest.mark.skipif(os.name == "nt", reason="ends processes with POSIX signals")

FLASK = ("-m", "flask", "--app", "backend")
SCHEDULER = (*FLASK, "scheduler")
SECOND = timedelta(seconds=1)
# What intervals are counted from.
START = datetime(2000, 1, 1, tzinfo=UTC)
NOT_ENDED, LOST, BACK = (
    "the run before had not ended",
    "the database does not answer, and jobs wait",
    "the database answers again",
)
# The calls are counted in a file, of which the recorded runs know nothing.
NO_JOBS = """
import os
import signal
import sys
import time

JOBS = ()


def say(what):
    with open("instance/calls", "a") as file:
        file.write(f"{what} {time.monotonic()}\\n")


def calls(what):
    with open("instance/calls") as file:
        return sum(line.startswith(what) for line in file)
"""
JOB = """

def {id}():
    say("{id} begins")
    {body}
    say("{id} ends")


JOBS += (Job("{id}", {id}, timedelta(seconds={seconds}), {options}),)
"""
# Sets the clock of the process forward, as when the machine was asleep.
JUMP = """from backend.core.jobs import runs, scheduler, ticks
    real = runs.now
    runs.now = scheduler.now = ticks.now = lambda: real() + timedelta(minutes=1)
    time.sleep(12)"""
NO_THREAD = """
import threading


def test_no_job_is_run(migrated_app):
    assert migrated_app.test_client().get("/readyz").status_code == 200
    names = [thread.name for thread in threading.enumerate()]
    assert not any("APScheduler" in name or "ThreadPool" in name for name in names)
"""


@dataclass(frozen=True)
class Run:
    """A row of job_run."""

    job: str
    due: datetime
    last_due: datetime | None
    ticks: int | None
    trigger: str | None
    cause: str
    pid: int
    started_at: datetime | None
    alive_until: datetime | None
    ended_at: datetime | None
    outcome: str | None
    error: str | None


@pytest.fixture
def service(service: BakedProject) -> BakedProject:
    """A service without jobs, of which nothing is recorded."""
    append(service.path / "backend/jobs/__init__.py", NO_JOBS)
    execute(service, "DELETE FROM job_run")
    execute(service, "DELETE FROM job_trigger")
    execute(service, "DELETE FROM scheduler_seen")
    (service.path / "instance/calls").touch()
    return service


def add_job(
    service: BakedProject, id: str, body: str = "pass", seconds: int = 1, options: str = ""
) -> None:
    source = JOB.format(id=id, body=body, seconds=seconds, options=options)
    append(service.path / "backend/jobs/__init__.py", source)


def add_due_job(service: BakedProject, id: str, body: str = "pass", options: str = "") -> None:
    """Add a job that is due now, as it was missed a moment ago, and not again for decades."""
    seconds = int((now() - START).total_seconds()) - 1
    add_job(service, id, body, seconds, options)
    added(service, id, seconds, now() - timedelta(minutes=1))


def record(
    service: BakedProject, job: str, due: datetime, cause: str = "tick", outcome: str | None = None
) -> None:
    """Record a run, as of the trigger with which the job was added, if it was."""
    execute(
        service,
        'INSERT INTO job_run (job, due, cause, process, host, pid, ended_at, outcome, "trigger")'
        " VALUES (?, ?, ?, 'gone', 'host', 1, ?, ?,"
        ' (SELECT "trigger" FROM job_trigger WHERE job = ?))',
        *(job, text(due), cause, text(due), outcome or cause, job),
    )


def added(service: BakedProject, job: str, seconds: int, since: datetime) -> None:
    """Let the job have had its interval since then."""
    values = (job, str(timedelta(seconds=seconds)), text(since))
    execute(service, "INSERT INTO job_trigger VALUES (?, ?, ?)", *values)


def connect(service: BakedProject) -> AbstractContextManager[sqlite3.Connection]:
    return closing(sqlite3.connect(service.path / "instance/development.db", isolation_level=None))


def execute(service: BakedProject, statement: str, *values: object) -> list[Any]:
    with connect(service) as connection:
        return connection.execute(statement, values).fetchall()


def runs(service: BakedProject, job: str | None = None) -> list[Run]:
    """Return what is recorded, in the order in which it was due."""
    found = execute(
        service,
        'SELECT job, due, last_due, ticks, "trigger", cause, pid, started_at, alive_until,'
        " ended_at, outcome, error FROM job_run"
        " WHERE job = coalesce(?, job) ORDER BY due",
        job,
    )
    return [Run(r[0], *map(moment, r[1:3]), *r[3:7], *map(moment, r[7:10]), *r[10:]) for r in found]


def moment(text: str | None) -> Any:
    return text and datetime.fromisoformat(text).replace(tzinfo=UTC)


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def now() -> datetime:
    return datetime.now(UTC)


def outcomes(service: BakedProject, job: str) -> list[tuple[str, str | None]]:
    return [(run.cause, run.outcome) for run in runs(service, job)]


def succeeded(service: BakedProject, job: str) -> int:
    return sum(run.outcome == "succeeded" for run in runs(service, job))


def go_on(service: BakedProject, job: str = "beat", times: int = 2) -> None:
    """Wait until the job has succeeded so many times more."""
    goal = succeeded(service, job) + times
    wait_until(lambda: succeeded(service, job) >= goal)


def calls(service: BakedProject, what: str) -> list[float]:
    """Return when it was said, on a clock that all processes share."""
    lines = (service.path / "instance/calls").read_text().splitlines()
    return [float(line.rpartition(" ")[2]) for line in lines if line.startswith(what)]


def missing(service: BakedProject, job: str = "beat") -> set[datetime]:
    """Return the ticks, a second apart, since the job was added of which nothing is recorded."""
    since = moment(execute(service, "SELECT since FROM job_trigger WHERE job = ?", job)[0][0])
    ticks = [run for run in runs(service, job) if run.cause == "tick"]
    recorded = {due for run in ticks for due in seconds_between(run.due, run.last_due or run.due)}
    return set(seconds_between(since.replace(microsecond=0) + SECOND, max(recorded))) - recorded


def seconds_between(first: datetime, last: datetime) -> Iterator[datetime]:
    return itertools.takewhile(
        lambda due: due <= last, (first + n * SECOND for n in itertools.count())
    )


def running(service: BakedProject, *command: object) -> AbstractContextManager[Server]:
    """Run a command with the service's Python; kill it afterwards if it still runs."""
    return services.running([service.python, *command], service.path, end=subprocess.Popen.kill)


def end(server: Server) -> int:
    """End it as a supervisor would, and return its exit code."""
    server.process.terminate()
    return server.process.wait(ANSWER_WITHIN)


def wait_for_call(service: BakedProject, what: str) -> None:
    wait_until(lambda: calls(service, what))


# A run that takes long


def test_a_job_that_overruns_is_not_started_again_before_it_ends(service: BakedProject) -> None:
    add_job(service, "slow", "time.sleep(3)")
    with running(service, *SCHEDULER) as one, running(service, *SCHEDULER) as two:
        wait_until(lambda: len(calls(service, "slow begins")) > 2)
        go_on(service, "slow", 1)
        assert end(one) == end(two) == 0
    begun, ended = calls(service, "slow begins"), calls(service, "slow ends")
    assert all(end < next for end, next in zip(ended, begun[1:], strict=False))
    assert len(begun) == len(ended) == succeeded(service, "slow")
    assert missing(service, "slow") == set()
    skipped = [run for run in runs(service, "slow") if not run.started_at]
    assert {(run.outcome, run.error) for run in skipped} >= {("skipped", NOT_ENDED)}
    assert {run.outcome for run in skipped} == {"skipped"}


def test_a_tick_is_skipped_while_the_job_is_run_by_hand(service: BakedProject) -> None:
    add_job(service, "slow", "time.sleep(3)")
    with running(service, *FLASK, "jobs", "run", "slow") as by_hand:
        wait_for_call(service, "slow begins")
        with running(service, *SCHEDULER) as scheduler:
            wait_until(lambda: [run for run in runs(service, "slow") if run.error == NOT_ENDED])
            assert by_hand.process.wait(ANSWER_WITHIN) == 0
            wait_until(lambda: len(calls(service, "slow begins")) == 2)
            assert end(scheduler) == 0
    assert len(calls(service, "slow ends")) == 2
    assert calls(service, "slow ends")[0] < calls(service, "slow begins")[1]


def test_a_run_longer_than_dead_after_in_a_living_process_is_not_dead(
    service: BakedProject,
) -> None:
    add_due_job(
        service, "long", "time.sleep(14)", "dead_after=10 * timedelta(seconds=1), retry=True"
    )
    with running(service, *SCHEDULER), running(service, *SCHEDULER):
        wait_until(lambda: outcomes(service, "long")[-1:] == [("tick", "succeeded")])
    assert len(calls(service, "long begins")) == 1
    assert outcomes(service, "long") == [("tick", "succeeded")]


# A run whose process dies


def test_runs_whose_process_is_killed_are_dead_and_run_once_more_if_they_may_be(
    service: BakedProject,
) -> None:
    options = "dead_after=2 * timedelta(seconds=1)"
    first_takes_long = 'time.sleep(60 if calls("again begins") == 1 else 0)'
    add_due_job(service, "long", "time.sleep(60)", options)
    add_due_job(service, "again", first_takes_long, f"{options}, retry=True")
    add_job(service, "beat", options=options)
    with running(service, *SCHEDULER) as one:
        for job in ("long", "again"):
            wait_for_call(service, f"{job} begins")
        with running(service, *SCHEDULER) as two:
            wait_until(lambda: len(execute(service, "SELECT * FROM scheduler_seen")) == 2)
            one.process.kill()
            one.process.wait(ANSWER_WITHIN)
            go_on(service)
            wait_until(lambda: succeeded(service, "again"))
            run = wait_until(
                lambda: next((run for run in runs(service, "long") if run.ended_at), 0)
            )
            go_on(service)
    assert (run.outcome, run.cause) == ("dead", "tick")
    assert run.ended_at > run.alive_until >= run.started_at + 2 * SECOND
    assert outcomes(service, "long") == [("tick", "dead")]
    assert outcomes(service, "again") == [("tick", "dead"), ("retry", "succeeded")]
    assert len(calls(service, "long begins")) == 1
    assert len(calls(service, "again begins")) == 2
    for job in ("long", "again"):  # beat may have been killed too
        assert len(re.findall(rf"job {job}: .*\(pid {run.pid}\) is dead", two.output)) == 1
    assert missing(service) == set()


def test_a_job_that_kills_its_process_each_time_is_retried_once(service: BakedProject) -> None:
    options = "dead_after=2 * timedelta(seconds=1), retry=True"
    add_due_job(service, "deadly", "os._exit(9)", options)
    add_job(service, "beat")
    for _ in range(2):
        with running(service, *SCHEDULER) as scheduler:
            assert scheduler.process.wait(ANSWER_WITHIN) == 9
    with running(service, *SCHEDULER) as scheduler:
        wait_until(lambda: [run.outcome for run in runs(service, "deadly")] == ["dead", "dead"])
        go_on(service, times=3)
        assert end(scheduler) == 0
    assert outcomes(service, "deadly") == [("tick", "dead"), ("retry", "dead")]
    assert len(calls(service, "deadly begins")) == 2


def test_what_was_missed_is_run_when_the_run_before_is_known_to_be_dead(
    service: BakedProject,
) -> None:
    """As after a power cut in the middle of a run."""
    add_due_job(service, "long")
    record(service, "long", now() - timedelta(seconds=50))
    unended = "UPDATE job_run SET ended_at = NULL, outcome = NULL, alive_until = ? WHERE cause = ?"
    execute(service, unended, text(now() - SECOND), "tick")
    with running(service, *SCHEDULER) as scheduler:
        wait_until(lambda: succeeded(service, "long"))
        assert end(scheduler) == 0
    assert outcomes(service, "long") == [("tick", "dead"), ("tick", "succeeded")]


def test_a_living_process_does_not_take_its_own_run_for_dead(service: BakedProject) -> None:
    """Though its clock is set forward, or it was asleep, for longer than the run may be silent."""
    options = "dead_after=6 * timedelta(seconds=1), retry=True"
    add_due_job(service, "long", JUMP, options)
    with running(service, *SCHEDULER):
        wait_until(lambda: succeeded(service, "long"))
    assert outcomes(service, "long") == [("tick", "succeeded")]


# A run that fails


@pytest.mark.parametrize("body", ["db.session.add(Message(text='', reply='')); db.session.flush()"])
def test_a_job_that_does_not_end_its_transaction_holds_nobody_up(
    service: BakedProject, body: str
) -> None:
    imports = "from backend.core.database import db\nfrom backend.models import Message\n"
    append(service.path / "backend/jobs/__init__.py", imports)
    add_job(service, "forgets", body)
    with running(service, *SCHEDULER) as scheduler:
        go_on(service, "forgets", 3)
        assert end(scheduler) == 0
    assert execute(service, "SELECT * FROM message") == []
    assert missing(service, "forgets") == set()


def test_whatever_a_job_raises_is_recorded(service: BakedProject) -> None:
    add_due_job(service, "strange", 'raise ValueError("\\udc80 \\0 \u91ce\u5bb6")')
    add_due_job(service, "base", "raise BaseException()")
    with running(service, *SCHEDULER) as scheduler:
        for job in ("strange", "base"):
            wait_until(lambda job=job: ("tick", "failed") in outcomes(service, job))
        assert end(scheduler) == 0


def test_a_job_that_raises_or_exits_is_logged_once_with_its_stack_and_its_schedule_goes_on(
    service: BakedProject,
) -> None:
    add_job(service, "bad", 'raise ValueError("no good")')
    add_job(service, "exits", 'sys.exit("no good")')
    with running(service, *SCHEDULER) as scheduler:
        wait_until(lambda: all(len(runs(service, job)) > 2 for job in ("bad", "exits")))
        assert end(scheduler) == 0
    for job, error in (("bad", "ValueError('no good')"), ("exits", "SystemExit('no good')")):
        found = runs(service, job)
        assert {(run.outcome, run.error) for run in found} == {("failed", error)}
        assert scheduler.output.count(f"job {job} failed\n") == len(found)
        assert missing(service, job) == set()
    assert scheduler.output.count("Traceback (most recent call last)") == len(runs(service))
    assert "backend/jobs/__init__.py" in scheduler.output


# The scheduler is ended


def test_all_signals_at_once_end_it_and_its_jobs_are_left(service: BakedProject) -> None:
    add_due_job(service, "long", "time.sleep(60)")
    with running(service, *SCHEDULER) as scheduler:
        wait_for_call(service, "long begins")
        for number in (signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGCONT):
            scheduler.process.send_signal(number)
        assert scheduler.process.wait(ANSWER_WITHIN) == 1
    assert outcomes(service, "long") == [("tick", "left")]
    assert "Traceback" not in scheduler.output


@pytest.mark.parametrize("arguments", [(), ("--no-reload",)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_job_that_runs_while_the_development_server_is_ended_is_left(
    service: BakedProject, arguments: tuple[str, ...], number: signal.Signals
) -> None:
    """Or else it would be taken for running until `dead_after`, and not run again."""
    add_due_job(service, "long", "time.sleep(60)")
    with service.start(*arguments) as server:
        wait_for_call(service, "long begins")
        server.process.send_signal(number)
        assert server.process.wait(ANSWER_WITHIN) == -number
    assert outcomes(service, "long") == [("tick", "left")]
    assert "Traceback" not in server.output


def test_at_sigterm_a_running_job_comes_to_its_end_and_no_other_begins(
    service: BakedProject,
) -> None:
    until_told = 'while not os.path.exists("instance/told"): time.sleep(0.01)'
    add_due_job(service, "slow", f"{until_told}\n    time.sleep(4)")
    add_job(service, "beat")
    with running(service, *SCHEDULER) as scheduler:
        wait_for_call(service, "slow begins")
        told = now()
        scheduler.process.terminate()
        (service.path / "instance/told").touch()
        assert scheduler.process.wait(ANSWER_WITHIN) == 0
    assert outcomes(service, "slow") == [("tick", "succeeded")]
    latest = told + 3 * SECOND  # for a process that is not told at once
    assert all(run.started_at and run.started_at < latest for run in runs(service, "beat"))
    assert "Traceback" not in scheduler.output


def test_a_job_that_the_scheduler_waits_for_is_not_dead_for_another(service: BakedProject) -> None:
    add_due_job(service, "slow", "time.sleep(14)", "dead_after=10 * timedelta(seconds=1)")
    add_job(service, "beat")
    with running(service, *SCHEDULER) as one:
        wait_for_call(service, "slow begins")
        with running(service, *SCHEDULER) as two:
            assert end(one) == 0
            assert end(two) == 0
    assert outcomes(service, "slow") == [("tick", "succeeded")]


def test_a_job_that_takes_longer_than_the_scheduler_waits_is_left(service: BakedProject) -> None:
    append(service.path / "config/development.py", "JOB_STOP_TIMEOUT = 1")
    add_due_job(service, "long", "time.sleep(60)")
    with running(service, *SCHEDULER) as scheduler:
        wait_for_call(service, "long begins")
        assert end(scheduler) == 1
    (run,) = runs(service, "long")
    assert (run.outcome, run.pid) == ("left", scheduler.process.pid)
    assert re.search(r"^ERROR .*job long: its run .* is left$", scheduler.output, re.M)
    assert "Traceback" not in scheduler.output


def test_who_ends_the_scheduler_twice_does_not_wait_for_its_jobs(service: BakedProject) -> None:
    say_so = 'LOGGING["loggers"]["apscheduler"] = {"level": "INFO"}'
    append(service.path / "config/development.py", say_so)
    add_due_job(service, "long", "time.sleep(60)")
    with running(service, *SCHEDULER) as scheduler:
        wait_for_call(service, "long begins")
        scheduler.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "Scheduler has been shut down" in scheduler.output)
        scheduler.process.send_signal(signal.SIGINT)
        assert scheduler.process.wait(ANSWER_WITHIN) == 1
    assert outcomes(service, "long") == [("tick", "left")]
    assert "Traceback" not in scheduler.output


def test_run_py_stop_ends_a_scheduler(service: BakedProject) -> None:
    with running(service, "run.py", "scheduler") as scheduler:
        wait_until(lambda: execute(service, "SELECT * FROM scheduler_seen"))
        stopped = service.run("run.py", "stop")
        assert scheduler.process.wait(ANSWER_WITHIN) == 0
    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert f"stopped {scheduler.process.pid} " in stopped.stdout


# The commands


def jobs(service: BakedProject, *arguments: str) -> subprocess.CompletedProcess[str]:
    return service.run("run.py", "jobs", *arguments)


def test_jobs_lists_what_is_due_and_how_it_went(service: BakedProject) -> None:
    add_job(service, "beat")
    add_job(service, "never", seconds=10**9)
    before = jobs(service).stdout.splitlines()
    assert before[0].startswith("beat: 0:00:01, next 20")
    assert before[0].endswith(", last never run")
    assert before[-1] == "No scheduler was seen yet"
    with running(service, *SCHEDULER) as scheduler:
        go_on(service)
        end(scheduler)
    (((seen,),), (*_, last)) = execute(service, "SELECT seen_at FROM scheduler_seen"), runs(service)
    beat, never, scheduled = jobs(service).stdout.splitlines()
    assert beat.endswith(f", last {last.outcome} {last.due:%Y-%m-%d %H:%M:%S} UTC")
    assert never.endswith(
        f"next {START + timedelta(seconds=10**9):%Y-%m-%d %H:%M:%S} UTC, last never run"
    )
    assert scheduled == f"A scheduler was last seen {moment(seen):%Y-%m-%d %H:%M:%S} UTC"


def test_a_job_that_is_run_by_hand_is_recorded_like_any_other(service: BakedProject) -> None:
    add_job(service, "good", seconds=10**9)
    add_job(service, "bad", "raise ValueError", seconds=10**9)
    add_job(service, "exits", "sys.exit(0)", seconds=10**9)
    bad = jobs(service, "run", "bad")
    assert (bad.returncode, bad.stdout) == (1, "bad failed\n")
    with commands(service) as give:
        code, said = give("jobs", "run", "good")
        assert (code, said.endswith("\ngood succeeded\n")) == (0, True)
        code, said = give("jobs", "run", "exits")
        assert (code, said.endswith("\nexits failed\n")) == (1, True)
        code, said = give("jobs", "run", "goood")
    assert code == 2
    assert "Usage:" in said
    assert "good" in said.replace("goood", "")
    for job, outcome in (("good", "succeeded"), ("bad", "failed"), ("exits", "failed")):
        assert outcomes(service, job) == [("command", outcome)]
        assert len(calls(service, f"{job} begins")) == 1
    assert len(runs(service)) == 3


def test_a_job_that_is_running_is_not_run_by_hand(service: BakedProject) -> None:
    add_due_job(service, "long", "time.sleep(60)")
    with running(service, *SCHEDULER):
        wait_for_call(service, "long begins")
        with commands(service) as give:
            code, said = give("jobs", "run", "long")
            assert "last running" in give("jobs")[1]
    assert code == 1
    assert said.startswith("Error: long is running already")
    assert len(calls(service, "long begins")) == 1
    assert len(runs(service, "long")) == 1


def test_ctrl_c_while_a_job_is_run_by_hand_is_recorded(service: BakedProject) -> None:
    add_job(service, "long", "time.sleep(60)")
    with running(service, "run.py", "jobs", "run", "long") as by_hand:
        wait_for_call(service, "long begins")
        by_hand.process.send_signal(signal.SIGINT)
        assert by_hand.process.wait(ANSWER_WITHIN) != 0
    assert outcomes(service, "long") == [("command", "left")]
    assert "Traceback" not in by_hand.output
    edit(service.path / "backend/jobs/__init__.py", "time.sleep(60)", "pass")
    assert jobs(service, "run", "long").returncode == 0


def test_readyz_says_how_the_jobs_stand(service: BakedProject) -> None:
    add_due_job(service, "bad", "raise ValueError")
    add_job(service, "beat")
    add_job(service, "never", seconds=10**9)

    def seen() -> str:
        ((said,),) = execute(service, "SELECT seen_at FROM scheduler_seen")
        return seconds(moment(said))

    with service.start() as server:
        wait_until(
            lambda: succeeded(service, "beat") and ("tick", "failed") in outcomes(service, "bad")
        )
        before = seen()
        answer = http(f"{server.url}/readyz")
        after = seen()
    assert answer.status == 200
    bad, beat, never = answer.json["jobs"]
    assert bad["last"] == {"outcome": "failed", "due": seconds(runs(service, "bad")[-1].due)}
    assert beat["last"]["due"] in [seconds(run.due) for run in runs(service, "beat")]
    assert datetime.fromisoformat(beat["next_due"]) > datetime.fromisoformat(beat["last"]["due"])
    assert never == {"id": "never", "next_due": "2031-09-09T01:46:40+00:00", "last": None}
    assert answer.json["scheduler_seen"] in (before, after)


def seconds(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


# What is kept


def test_old_runs_are_deleted_but_each_job_s_newest_tick(service: BakedProject) -> None:
    edit(service.path / "backend/jobs/__init__.py", "\nJOBS = ()\n", "\n")
    append(service.path / "config/development.py", "JOB_RUN_KEEP_DAYS = 10")
    ages = {"gone": [40, 30, 20], "going on": [40, 11, 9, 1], "skipping": [12, 11]}
    ticks = {(job, now() - timedelta(days=age)) for job in ages for age in ages[job]}
    for job, due in ticks:
        record(service, job, due, outcome="skipped" if job == "skipping" else "succeeded")
    record(service, "gone", now() - timedelta(days=35), "command", "succeeded")
    for age in (11, 9):
        row = (f"{age} days old", text(now() - timedelta(days=age)))
        execute(service, "INSERT INTO scheduler_seen VALUES (?, 'host', 1, ?)", *row)
    assert jobs(service, "run", "delete_old_runs").returncode == 0
    left = {(run.job, run.due) for run in runs(service) if run.job != "delete_old_runs"}
    newest = {max(tick for tick in ticks if tick[0] == job) for job in ages}
    assert left == newest | {tick for tick in ticks if tick[1] > now() - timedelta(days=10)}
    assert execute(service, "SELECT process FROM scheduler_seen") == [("9 days old",)]


# What was missed


def test_a_run_by_hand_does_not_hide_a_missed_tick(service: BakedProject) -> None:
    add_due_job(service, "once")
    add_job(service, "beat")
    added(service, "beat", 1, now() - timedelta(seconds=10))
    with commands(service) as give:
        for job in ("once", "beat"):
            assert give("jobs", "run", job)[0] == 0
    with running(service, *SCHEDULER) as scheduler:
        go_on(service)
        wait_until(lambda: len(runs(service, "once")) == 2)
        assert end(scheduler) == 0
    assert outcomes(service, "once") == [("tick", "succeeded"), ("command", "succeeded")]
    assert missing(service) == set()
    assert max(run.ticks or 1 for run in runs(service, "beat")) > 5


def test_the_first_tick_of_a_new_job_is_caught_up(service: BakedProject) -> None:
    """All processes are killed before it is due, and one is started after it."""
    due = int((now() - START).total_seconds()) + 15
    add_job(service, "once", seconds=due)
    with running(service, *SCHEDULER):
        wait_until(lambda: execute(service, "SELECT * FROM job_trigger WHERE job = 'once'"))
    assert now() < START + timedelta(seconds=due)
    wait_until(lambda: now() > START + timedelta(seconds=due))
    with running(service, *SCHEDULER):
        wait_until(lambda: succeeded(service, "once"))
    (run,) = runs(service, "once")
    assert (run.due, run.cause) == (START + timedelta(seconds=due), "tick")


def test_a_trigger_that_is_changed_starts_anew(service: BakedProject) -> None:
    """The ticks that it would have had before are not missed; its first one is run."""
    add_job(service, "beat", seconds=10**9)
    added(service, "beat", 10**9, now() - timedelta(days=20))
    edit(service.path / "backend/jobs/__init__.py", str(10**9), "1")
    changed = now()
    with running(service, *SCHEDULER) as scheduler:
        go_on(service)
        assert end(scheduler) == 0
    assert min(run.due for run in runs(service)) > changed


def test_a_locked_database_is_waited_for_and_nothing_is_lost(service: BakedProject) -> None:
    """While it is, one job ends, one is due every second, and one but once."""
    add_job(service, "beat")
    add_due_job(service, "slow", 'while not os.path.exists("instance/locked"): time.sleep(0.01)')
    due = now().replace(microsecond=0) + 5 * SECOND
    add_job(service, "once", seconds=int((due - START).total_seconds()))
    added(service, "once", int((due - START).total_seconds()), due - timedelta(minutes=1))
    with running(service, *SCHEDULER) as scheduler:
        go_on(service)
        with connect(service) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            (service.path / "instance/locked").touch()
            # SQLite itself waits for 5 s.
            wait_until(lambda: LOST in scheduler.output and now() > due + 6 * SECOND)
            connection.execute("ROLLBACK")
        wait_until(lambda: BACK in scheduler.output)
        wait_until(lambda: succeeded(service, "slow") and succeeded(service, "once"))
        go_on(service)
        assert end(scheduler) == 0
    assert (scheduler.output.count(LOST), scheduler.output.count(BACK)) == (1, 1)
    assert "Traceback" not in scheduler.output
    assert missing(service) == set()
    assert {run.outcome for run in runs(service)} <= {"succeeded", "skipped", "missed"}
    for job in ("beat", "slow", "once"):
        assert len(calls(service, f"{job} begins")) == succeeded(service, job)
    assert outcomes(service, "once") == outcomes(service, "slow") == [("tick", "succeeded")]


def test_a_reload_does_not_wait_for_a_job_and_loses_and_doubles_nothing(
    service: BakedProject,
) -> None:
    add_due_job(service, "long", "time.sleep(60)")
    add_job(service, "beat")
    with service.start() as server:
        assert http(f"{server.url}/ping").status == 200  # from now on it watches files
        wait_for_call(service, "long begins")
        edit(service.path / "backend/routes/chat.py", "You said", "Changed")
        wait_until(lambda: reply(server) == "Changed: Hi")
        wait_until(lambda: runs(service, "long")[0].outcome)
        go_on(service)
    assert outcomes(service, "long") == [("tick", "left")]
    assert len(calls(service, "long begins")) == 1
    assert calls(service, "long ends") == []
    assert "Traceback" not in server.output
    assert missing(service) == set()
    started = [run for run in runs(service, "beat") if run.started_at]
    assert len(calls(service, "beat begins")) <= len(started)


# Where no jobs run


def test_the_service_s_own_tests_run_no_jobs(service: BakedProject, tmp_path: Path) -> None:
    add_job(service, "beat")
    (service.path / "tests/test_threads.py").write_text(NO_THREAD)
    own = ("tests/test_threads.py", "--basetemp", tmp_path / "own")
    done = service.run("-m", "pytest", "-q", *own, python=service.python)
    assert done.returncode == 0, done.stdout
    assert calls(service, "beat") == []


def test_gunicorn_s_workers_run_no_jobs(
    project: BakedProject, migrated: dict[str, str], tmp_path: Path
) -> None:
    copy = project.copy(tmp_path)
    append(copy.path / "backend/jobs/__init__.py", NO_JOBS)
    add_job(copy, "beat")
    append(copy.path / "backend/core/health.py", THREADS)
    with copy.start(**migrated) as serving:
        workers = wait_until(lambda: psutil.Process(serving.process.pid).children())
        for _ in range(4 * len(workers)):
            assert "APScheduler" not in http(f"{serving.url}/threads").json
        state = http(f"{serving.url}/readyz").json
    assert state["scheduler_seen"] is None
    assert [job["last"] for job in state["jobs"]] == [None]
    assert not (copy.path / "instance/calls").exists()
