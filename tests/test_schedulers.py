"""Several schedulers while something fails: no tick is lost, none is run twice."""

import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import psutil
import pytest
import services
from breaking import append, edit
from databases import read
from postgresql import PASSWORD, USER, PostgreSQL, another_user, is_root
from services import (
    ANSWER_WITHIN,
    BakedProject,
    environment,
    free_port,
    http,
    production,
    program,
    wait_until,
)
from test_production import log, post
from test_production_faults import frozen

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills with POSIX signals")

# Each call of a function is a row, with the tick that it belongs to: a process has at most one run
# of a job without an end. The monotonic clock is the same in all processes.
JOBS = """
import time

from sqlalchemy import text

from backend.core.database import db


def note(job, seconds):
    from backend.core.jobs.runs import PROCESS

    call = {"job": job, "process": PROCESS["process"], "begun": time.monotonic()}
    due = "SELECT due FROM job_run WHERE job = :job AND process = :process AND ended_at IS NULL"
    row = f"INSERT INTO called VALUES (:job, ({due}), :process, :begun, NULL)"
    db.session.execute(text(row), call)
    db.session.commit()
    time.sleep(seconds)
    end = "UPDATE called SET ended = :now WHERE process = :process AND begun = :begun"
    db.session.execute(text(end), call | {"now": time.monotonic()})
    db.session.commit()


def quick():
    note("quick", 0)


def slow():
    note("slow", 1.5)


def again():
    note("again", 0.4)


def seldom():
    note("seldom", 0)


JOBS += (
    Job("quick", quick, timedelta(seconds=1), dead_after=timedelta(seconds=6)),
    Job("slow", slow, timedelta(seconds=1), dead_after=timedelta(seconds=9)),
    Job("again", again, timedelta(seconds=2), dead_after=timedelta(seconds=3), retry=True),
    Job("seldom", seldom, timedelta(seconds=3)),
)
"""
LONG_JOB = """
def long():
    note("long", 15)


JOBS += (Job("long", long, timedelta(seconds=1), dead_after=timedelta(seconds=9)),)
"""
RARE_JOB = """
def rare():
    note("rare", 0)


JOBS += (Job("rare", rare, timedelta(seconds={})),)
"""
MINUTELY_JOBS = """
JOBS += tuple(Job(f"minutely{n}", quick, "* * * * *") for n in range(1, 21))
"""
# As if the job had been there for so many seconds, and nobody to run it.
ADDED = "INSERT INTO job_trigger VALUES ('rare', '{}', now() - interval '{} s')"
# A scheduler that is stopped when it has decided which runs are dead, and has not said so.
STOPPED_WHILE_IT_LOOKS = """
import os, signal, time
from logging.config import dictConfig

from backend import create_app
from backend.core.jobs import runs, scheduler


def stop_once(*arguments):
    found = dead_runs(*arguments)
    if not stopped:
        stopped.append(True)
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(0.5)  # this thread may be the last to be stopped
    return found


stopped = []
dead_runs, runs.dead_runs = runs.dead_runs, stop_once
app = create_app()
dictConfig(app.config["LOGGING"])
scheduler.run_until_stopped(app)
"""
TERMINATED_AS_A_TICK_BEGINS = """
import os, signal

from apscheduler.executors.base import BaseExecutor
from backend import create_app
from backend.core.jobs import scheduler


def terminated(self, job, run_times):
    if job.args and job.args[0].id == "quick":
        BaseExecutor.submit_job = submit_job
        os.kill(os.getpid(), signal.SIGTERM)
    submit_job(self, job, run_times)


submit_job, BaseExecutor.submit_job = BaseExecutor.submit_job, terminated
scheduler.run_until_stopped(create_app())
"""
INTERVALS = {"quick": 1, "slow": 1, "again": 2, "seldom": 3}
# The way from a host of its own network to the database, whose socket file is for all.
RELAY = """
import asyncio, contextlib, sys


async def copy(reader, writer):
    with contextlib.suppress(OSError), contextlib.closing(writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


async def relay(reader, writer):
    from_database, to_database = await asyncio.open_unix_connection(sys.argv[2])
    await asyncio.gather(copy(reader, to_database), copy(from_database, writer))


async def main():
    server = await asyncio.start_server(relay, "127.0.0.1", int(sys.argv[1]))
    print("listening", flush=True)
    await server.serve_forever()


asyncio.run(main())
"""
CALLED = "CREATE TABLE called (job text, due {}, process text, begun float, ended float)"
# Cuts all connections again and again, most often when a tick has just begun.
CUT = """
import random, sys, time, psycopg

chance, cuts = random.Random(int(sys.argv[2])), 0
terminate = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    for _ in range(int(sys.argv[3])):
        time.sleep(1 - time.time() % 1)
        for _ in range(5):
            time.sleep(chance.uniform(0, 0.03))
            cuts += connection.execute(terminate).fetchone()[0]
        time.sleep(chance.uniform(0, 0.8))
        cuts += connection.execute(terminate).fetchone()[0]
print(cuts)
"""
LOST = "the database does not answer, and jobs wait"
BACK = "the database answers again"
# Only what asks for the time without naming the schema finds this function.
SLOW_CLOCK = """
CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql
    AS $$SELECT pg_catalog.clock_timestamp() - interval '1 hour'$$;
ALTER DATABASE {} SET search_path = public, pg_catalog
"""
# What Python says that the time is, in this process; the kernel and the database know better.
FAKE_CLOCK = """
import datetime, os, time

real, real_time = datetime.datetime, time.time


def ahead():
    with open(os.environ["CLOCK_AHEAD"]) as file:
        return float(file.read())


time.time = lambda: real_time() + ahead()


class Kind(type):
    def __instancecheck__(cls, value):
        return isinstance(value, real)


class Ahead(real, metaclass=Kind):
    @classmethod
    def now(cls, tz=None):
        return real.now(tz) + datetime.timedelta(seconds=ahead())


datetime.datetime = Ahead
"""
PGBOUNCER_INI = """
[databases]
* = host=127.0.0.1 port={server_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = transaction
"""
# Once as a process that was just started counts, once as APScheduler goes on in one that runs.
YEAR_OF_TICKS = """
import json, sys
from datetime import UTC, datetime, timedelta
from backend.core.jobs.triggers import next_due, read_trigger


def year(next_tick):
    due = next_due(trigger, datetime(2026, 1, 1, 12, tzinfo=UTC))
    for _ in range(9000):  # a trigger may come to the same time for ever
        if due.astimezone(UTC).year > 2026:
            break
        yield due.astimezone(UTC).astimezone(trigger.timezone).isoformat()
        due = next_tick(due)


trigger, moment = read_trigger(*sys.argv[1:]), timedelta(milliseconds=5)
asked = year(lambda due: next_due(trigger, due))
going_on = year(lambda due: trigger.get_next_fire_time(due, due.astimezone(UTC) + moment))
print(json.dumps([list(asked), list(going_on)]))
"""


@dataclass(frozen=True)
class Run:
    """A row of job_run, times as seconds."""

    job: str
    due: float
    last_due: float | None
    ticks: int | None
    trigger: str | None
    cause: str
    process: str
    host: str
    started_at: float | None
    ended_at: float | None
    outcome: str | None

    def dues(self, step: int) -> range:
        """Return the ticks that it is about: several if they were missed."""
        return range(int(self.due), int(self.last_due or self.due) + 1, step)


@dataclass(frozen=True)
class Call:
    """One call of a job's function; `due` is None if its run had been taken for dead by then."""

    job: str
    due: float | None
    process: str
    begun: float
    ended: float | None


@dataclass(frozen=True)
class Ticks:
    """What the database says in the end of ticks, runs and calls."""

    runs: list[Run]
    calls: list[Call]
    since: dict[tuple[str, str], float]

    def ticks(self, job: str) -> list[Run]:
        return [run for run in self.runs if run.job == job and run.cause == "tick"]

    def started(self, job: str) -> list[Run]:
        return [run for run in self.runs if run.job == job and run.started_at]

    def lost(self, job: str) -> list[float]:
        """Return the ticks without a record, since the job had its trigger and to its last one."""
        ((trigger, since),) = ((t, since) for (j, t), since in self.since.items() if j == job)
        return self.lost_by(job, trigger, since, INTERVALS[job])

    def lost_by(self, job: str, trigger: str, since: float, step: int) -> list[float]:
        of_trigger = [run for run in self.ticks(job) if run.trigger == trigger]
        recorded = {due for run in of_trigger for due in run.dues(step)}
        each = [(run.due, run.last_due, run.ticks, run.outcome) for run in of_trigger]
        assert len(recorded) == sum(run.ticks or 1 for run in of_trigger), f"one record of {each}"
        due = range((int(since) // step + 1) * step, int(max(recorded, default=0)) + 1, step)
        assert recorded <= set(due)
        return sorted(set(due) - recorded)

    def doubled(self, job: str) -> list[float]:
        """Return the ticks for which the function was called more often than a run was started."""
        calls = [call for call in self.calls if call.job == job]
        assert len(calls) <= len(self.started(job)), self.figures
        counts = Counter(call.due for call in calls if call.due)
        return [due for due, count in counts.items() if count > 1]

    def overlapping(self, job: str) -> list[tuple[Call, Call]]:
        """Return the calls during which another one began, but for those of dead runs."""
        dead = {run.due for run in self.runs if run.job == job and run.outcome == "dead"} | {None}
        calls = sorted((call for call in self.calls if call.job == job), key=lambda c: c.begun)
        return [
            (one, two)
            for one, two in itertools.pairwise(calls)
            if one.ended and not {one.due, two.due} & dead and two.begun < one.ended
        ]

    def missing(self, job: str) -> list[Run]:
        """Return the runs that are said to have succeeded, and whose function was not called."""
        called = {call.due for call in self.calls if call.job == job}
        return [r for r in self.started(job) if r.outcome == "succeeded" and r.due not in called]

    @property
    def figures(self) -> str:
        """Return all that there is to say, a line for each job."""
        lines = [f"{job}: {self.figures_of(job)}" for job in INTERVALS]
        return "\n".join(lines)

    def figures_of(self, job: str) -> str:
        outcomes = dict(Counter(run.outcome for run in self.ticks(job)))
        calls = sum(call.job == job for call in self.calls)
        return f"{len(self.started(job))} started, {calls} calls, {outcomes}"

    def assert_each_once(self) -> None:
        print(self.figures)
        for job in INTERVALS:
            assert self.lost(job) == [], self.figures
            assert self.doubled(job) == [], self.figures
            assert self.overlapping(job) == [], self.figures
            assert self.missing(job) == [], self.figures
        assert len(self.started("quick")) > 3, self.figures


class Schedulers:
    """Scheduler processes, each with a log of its own. Inside a with statement they are running."""

    def __init__(self, service: BakedProject, count: int, **env: str) -> None:
        self.service, self.count, self.env = service, count, env
        self.folder = Path(tempfile.mkdtemp(dir=service.path.parent))
        self.processes: list[subprocess.Popen[bytes]] = []
        self.logs: list[Path] = []

    def __enter__(self) -> Self:
        for _ in range(self.count):
            self.start()
        return self

    def __exit__(self, *error: object) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait(ANSWER_WITHIN)

    def start(
        self,
        command: Sequence[str] = ("-m", "flask", "--app", "backend", "scheduler"),
        before: Sequence[str] = (),
        **env: str,
    ) -> int:
        """Start a scheduler, and return its number."""
        self.logs.append(self.folder / str(len(self.logs)))
        with self.logs[-1].open("wb") as output:
            process = subprocess.Popen(
                [*before, str(self.service.python), *command],
                cwd=self.service.path,
                env=environment(**self.env | env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        return len(self.processes) - 1

    def signal(self, index: int, number: int) -> None:
        self.processes[index].send_signal(number)

    def kill(self, index: int) -> None:
        self.signal(index, signal.SIGKILL)
        self.processes[index].wait(ANSWER_WITHIN)

    def kill_any(self, chance: random.Random) -> None:
        """Kill one of those that run, and start another."""
        running = [i for i, process in enumerate(self.processes) if process.poll() is None]
        self.kill(chance.choice(running))
        self.start()

    def stop_any(self, chance: random.Random) -> None:
        """Stop one for a while, in which it does nothing and keeps what it has."""
        index = chance.randrange(len(self.processes))
        self.signal(index, signal.SIGSTOP)
        time.sleep(chance.uniform(0.5, 8))
        self.signal(index, signal.SIGCONT)

    def lines(self, index: int) -> list[dict[str, Any]]:
        return log(self.logs[index].read_text(encoding="utf-8", errors="replace"))

    def said(self, index: int, text: str) -> int:
        """Return how many messages begin so, without reading all of JSON: it is asked often."""
        output = self.logs[index].read_text(encoding="utf-8", errors="replace")
        return output.count(f'"message": "{text}')

    def succeeded(self, job: str) -> int:
        return sum(self.said(index, f"job {job} succeeded") for index in range(len(self.logs)))

    def go_on(self, job: str = "quick", times: int = 2) -> None:
        """Wait until a job has succeeded so many times more."""
        goal = self.succeeded(job) + times
        wait_until(lambda: self.succeeded(job) >= goal)

    def leave(self) -> None:
        """End them all as a supervisor would, and see that they leave in order."""
        left = [index for index, process in enumerate(self.processes) if process.poll() is None]
        for index in left:  # one that has only been started would not know what it is told
            wait_until(lambda index=index: self.said(index, "the scheduler runs"))
            self.processes[index].terminate()
        assert [self.processes[index].wait(ANSWER_WITHIN) for index in left] == [0] * len(left)
        lines = [line for index in range(len(self.logs)) for line in self.lines(index)]
        from_apscheduler = [line for line in lines if str(line["logger"]).startswith("apscheduler")]
        assert [line for line in from_apscheduler if line["level"] == "ERROR"] == []


def pause(chance: random.Random) -> None:
    """Wait for any moment that the seed decides, or for one in which a tick has just begun."""
    rest = 1 - time.time() % 1
    time.sleep(chance.choice([chance.uniform(0.1, 1), rest + chance.uniform(0, 0.05)]))


def seconds(moment: Any) -> Any:
    """Return the time as seconds; SQLite stores it as text without its time zone, which is UTC."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    return moment and moment.timestamp()


def read_ticks(url: str) -> Ticks:
    run = (
        'SELECT job, due, last_due, ticks, "trigger", cause, process, host, started_at, ended_at,'
        " outcome FROM job_run"
    )
    called, had = "SELECT * FROM called ORDER BY begun", "SELECT * FROM job_trigger"
    runs, calls, triggers = read(url, run, called, had)
    return Ticks(
        [
            Run(*r[:1], *map(seconds, r[1:3]), *r[3:8], *map(seconds, r[8:10]), *r[10:])
            for r in runs
        ],
        [Call(call[0], seconds(call[1]), *call[2:]) for call in calls],
        {(job, trigger): seconds(since) for job, trigger, since in triggers},
    )


@pytest.fixture(scope="module")
def service(project: BakedProject, tmp_path_factory: pytest.TempPathFactory) -> BakedProject:
    """A service with jobs that are due every second, or nearly so."""
    copy = project.copy(tmp_path_factory.mktemp("schedulers"))
    append(copy.path / "backend/jobs/__init__.py", JOBS)
    return copy


@pytest.fixture(scope="module")
def model(service: BakedProject, server: PostgreSQL) -> str:
    """The name of a database with the schema, for others to be copied from."""
    url = server.new_database()
    migrate(service, url, "timestamptz")
    return url.rpartition("/")[2]


@pytest.fixture
def url(service: BakedProject, server: PostgreSQL, model: str) -> str:
    """A database of the test's own."""
    return server.new_database(model)


def migrate(service: BakedProject, url: str, moment: str) -> None:
    upgrade = ("-m", "flask", "--app", "backend", "db", "upgrade")
    done = service.run(*upgrade, python=service.python, **production(url))
    assert done.returncode == 0, done.stderr
    read(url, CALLED.format(moment))


def schedulers(service: BakedProject, count: int, url: str) -> Schedulers:
    return Schedulers(service, count, **production(url))


@pytest.mark.parametrize("seed", [1])
def test_schedulers_are_killed_at_random(service: BakedProject, url: str, seed: int) -> None:
    ticks = killed(service, url, 4, random.Random(seed))
    assert len({run.process for run in ticks.runs if run.started_at}) > 3


@pytest.mark.parametrize("seed", [2])
def test_schedulers_on_sqlite_are_killed_at_random(
    service: BakedProject, tmp_path: Path, seed: int
) -> None:
    url = f"sqlite:///{tmp_path / 'schedulers.db'}"
    migrate(service, url, "timestamp")
    killed(service, url, 2, random.Random(seed))


def killed(service: BakedProject, url: str, count: int, chance: random.Random) -> Ticks:
    with schedulers(service, count, url) as running:
        running.go_on()
        for _ in range(12):
            pause(chance)
            running.kill_any(chance)
        running.go_on()
        running.leave()
    ticks = read_ticks(url)
    ticks.assert_each_once()
    return ticks


@pytest.mark.parametrize("seed", [3])
def test_schedulers_are_stopped_at_random_and_go_on(
    service: BakedProject, url: str, seed: int
) -> None:
    chance = random.Random(seed)
    with schedulers(service, 4, url) as running:
        running.go_on()
        for _ in range(3):
            pause(chance)
            running.stop_any(chance)
        running.go_on()
        running.leave()
    read_ticks(url).assert_each_once()


def test_a_scheduler_is_stopped_in_the_middle_of_a_job(service: BakedProject, url: str) -> None:
    """It holds nobody up, is taken for dead, and its tick is not run by anybody else."""
    with schedulers(service, 3, url) as running:
        due, pid = wait_until(lambda: stop_in_the_middle(url, running))
        (index,) = (i for i, process in enumerate(running.processes) if process.pid == pid)
        running.go_on("quick", 3)
        running.go_on("slow", 1)
        running.signal(index, signal.SIGCONT)
        wait_until(lambda: running.said(index, "job slow: the end of this run was recorded before"))
        running.go_on()
        running.leave()
    ticks = read_ticks(url)
    ticks.assert_each_once()
    (run,) = (run for run in ticks.ticks("slow") if run.due == due)
    (call,) = (call for call in ticks.calls if call.job == "slow" and call.due == due)
    assert (run.outcome, call.process) == ("dead", run.process)
    assert call.ended is not None
    assert call.ended - call.begun > 9


def stop_in_the_middle(url: str, running: Schedulers) -> tuple[float, int] | None:
    """Stop the process that runs the job `slow`; return the tick and the pid, or None."""
    current = "SELECT due, pid FROM job_run WHERE job = 'slow' AND ended_at IS NULL"
    called = "SELECT due FROM called WHERE job = 'slow' AND ended IS NULL"
    (found,) = read(url, current)
    for due, pid in found:
        os.kill(pid, signal.SIGSTOP)
        still, calls = read(url, current, called)
        if still == found and (due,) in calls:
            return seconds(due), pid
        os.kill(pid, signal.SIGCONT)
    return None


def test_a_scheduler_that_was_stopped_takes_no_living_run_for_dead(
    service: BakedProject, url: str, tmp_path: Path
) -> None:
    copy = service.copy(tmp_path)
    append(copy.path / "backend/jobs/__init__.py", LONG_JOB)
    with schedulers(copy, 1, url) as running:
        wait_until(lambda: read(url, "SELECT due FROM called WHERE job = 'long'") != [[]])
        index = running.start(("-c", STOPPED_WHILE_IT_LOOKS))
        stopped = psutil.Process(running.processes[index].pid)
        wait_until(lambda: stopped.status() == psutil.STATUS_STOPPED)
        running.go_on("quick", 5)
        running.signal(index, signal.SIGCONT)
        running.go_on("long", 1)
        running.leave()
    ticks = read_ticks(url)
    ticks.assert_each_once()
    assert {run.outcome for run in ticks.started("long")} == {"succeeded"}


def test_a_scheduler_that_is_terminated_as_a_tick_begins_leaves(
    service: BakedProject, url: str
) -> None:
    with schedulers(service, 0, url) as running:
        index = running.start(("-c", TERMINATED_AS_A_TICK_BEGINS))
        assert running.processes[index].wait(ANSWER_WITHIN) == 0


@pytest.mark.parametrize("seed", [4])
def test_all_connections_are_cut_at_random(service: BakedProject, url: str, seed: int) -> None:
    with schedulers(service, 4, url) as running:
        running.go_on()
        assert cut(service, url, seed, 10) > 10
        running.go_on()
        running.leave()
    read_ticks(url).assert_each_once()


def cut(service: BakedProject, url: str, seed: int, seconds: int) -> int:
    """Cut all connections for so many seconds, and return how many that were."""
    done = service.run("-c", CUT, url, seed, seconds, python=service.python)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_the_database_stops_and_starts_again(
    service: BakedProject, server: PostgreSQL, url: str
) -> None:
    """Each scheduler says so once, goes on, and what was missed is recorded."""
    with schedulers(service, 3, url) as running:
        for index in range(3):
            wait_until(lambda index=index: running.said(index, "job "))
        wait_until(lambda: time.time() % 1 > 0.9)  # several ticks begin while it stops
        server.stop()
        stopped = time.time()
        try:
            wait_until(lambda: all(running.said(index, LOST) for index in range(3)))
            wait_until(lambda: time.time() > stopped + 4)
        finally:
            server.start()
        wait_until(lambda: all(running.said(index, BACK) for index in range(3)))
        running.go_on()
        said = [(running.said(i, LOST), running.said(i, BACK)) for i in range(3)]
        running.leave()
    ticks = read_ticks(url)
    ticks.assert_each_once()
    recorded = [due for run in ticks.ticks("quick") for due in run.dues(1)]
    assert sum(stopped < due < stopped + 4 for due in recorded) == 4
    assert said == [(1, 1)] * 3


def test_the_database_hangs_and_no_living_run_is_taken_for_dead(
    service: BakedProject, server: PostgreSQL, url: str, tmp_path: Path
) -> None:
    copy = service.copy(tmp_path)
    append(copy.path / "backend/jobs/__init__.py", LONG_JOB)
    with schedulers(copy, 3, url) as running:
        wait_until(lambda: read(url, "SELECT due FROM called WHERE job = 'long'") != [[]])
        with frozen(server):
            stopped = time.time()
            wait_until(lambda: time.time() > stopped + 11)  # a run may be silent for 9
        running.go_on("long", 1)
        running.go_on()
        running.leave()
    ticks = read_ticks(url)
    ticks.assert_each_once()
    assert "dead" not in {run.outcome for run in ticks.runs}


@pytest.mark.parametrize("ahead", [2, 86_400, -3_600])
def test_the_clock_of_one_scheduler_is_wrong(
    service: BakedProject, url: str, tmp_path: Path, ahead: int
) -> None:
    """The database's holds: no tick is run or recorded before its time, by whichever runs alone."""
    with schedulers(service, 1, url) as running:
        index = running.start(**fake_clock(tmp_path, ahead))
        running.go_on("quick", 3)
        running.signal(0, signal.SIGSTOP)
        running.go_on("quick", 3)
        running.signal(0, signal.SIGCONT)
        running.kill(index)
        running.go_on("quick", 3)
        assert newest_tick(url) < time.time() + 0.5
        running.leave()
    ticks = read_ticks(url)
    ticks.assert_each_once()
    assert len({run.process for run in ticks.started("quick")}) == 2
    assert all((run.started_at or 0) > run.due - 0.5 for run in ticks.started("quick"))
    said = running.logs[index].read_text()
    assert said.count("by the database's, which jobs follow") == (abs(ahead) > 5)


def test_a_clock_that_is_set_stops_no_job(service: BakedProject, url: str, tmp_path: Path) -> None:
    with schedulers(service, 0, url) as running:
        running.start(**fake_clock(tmp_path, 0))
        for ahead in (0, 86_400, 0, -3_600, 0):
            set_clock(tmp_path, ahead)
            running.go_on("quick", 3)
            assert newest_tick(url) < time.time() + 0.5
        running.leave()
    read_ticks(url).assert_each_once()


def test_the_database_s_clock_is_set_back_and_jobs_go_on(service: BakedProject, url: str) -> None:
    """What is recorded for later is deleted, but for a run that each scheduler had under way."""
    of_quick = "SELECT count(*) FROM job_run WHERE job = 'quick' AND "
    statements = (
        of_quick + "outcome = 'succeeded' AND now() - due BETWEEN '3590 s' AND '3700 s'",
        of_quick + "now() - due < '3590 s'",
    )
    with schedulers(service, 2, url) as running:
        running.go_on()
        read(url, *SLOW_CLOCK.format(url.rpartition("/")[2]).split(";"))
        cut(service, url, 1, 1)  # what is connected keeps the clock that it had

        def go_on_an_hour_ago() -> bool:
            (((again,),), ((later,),)) = read(url, *statements)
            return bool(again >= 6 and later <= 2)

        wait_until(go_on_an_hour_ago)
        running.leave()
    assert any(running.said(index, "job quick: the clock was set back") for index in range(2))


def fake_clock(folder: Path, ahead: int) -> dict[str, str]:
    """Return the variables of a process whose clock can be set."""
    (folder / "sitecustomize.py").write_text(FAKE_CLOCK)
    set_clock(folder, ahead)
    return {"PYTHONPATH": str(folder), "CLOCK_AHEAD": str(folder / "ahead")}


def set_clock(folder: Path, ahead: int) -> None:
    (folder / "new").write_text(str(ahead))
    (folder / "new").replace(folder / "ahead")


def newest_tick(url: str) -> float:
    ((found,),) = read(url, "SELECT max(due) FROM job_run WHERE job = 'quick'")
    return seconds(found[0]) or 0


@pytest.fixture(scope="module")
def bouncer(server: PostgreSQL) -> Iterator[int]:
    """The port of a PgBouncer before the server; its options are the default ones."""
    pgbouncer = program("pgbouncer")
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-", dir="/tmp"))  # within the reach of nobody
    process = None
    try:
        port = free_port()
        process = start_pgbouncer(pgbouncer, folder, port, server.port)
        wait_until(lambda: "process up" in (folder / "log").read_text())
        yield port
    finally:
        if process:
            process.terminate()
            process.wait(ANSWER_WITHIN)
        shutil.rmtree(folder)


def start_pgbouncer(
    program: str, folder: Path, port: int, server_port: int
) -> subprocess.Popen[bytes]:
    (folder / "users").write_text(f'"{USER}" "{PASSWORD}"\n')
    ini = PGBOUNCER_INI.format(server_port=server_port, port=port, folder=folder)
    (folder / "pgbouncer.ini").write_text(ini)
    folder.chmod(0o755)
    with (folder / "log").open("wb") as output:
        return subprocess.Popen(
            [program, str(folder / "pgbouncer.ini")],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            **another_user(),
        )


@pytest.mark.parametrize("seed", [6])
def test_pgbouncer_is_between_and_schedulers_and_connections_are_killed(
    service: BakedProject, server: PostgreSQL, url: str, bouncer: int, seed: int
) -> None:
    chance, through = random.Random(seed), url.replace(f":{server.port}/", f":{bouncer}/")
    with schedulers(service, 4, through) as running:
        running.go_on()
        for _ in range(6):
            pause(chance)
            running.kill_any(chance)
        cut(service, url, seed, 5)
        running.go_on()
        running.leave()
    read_ticks(url).assert_each_once()


def test_pgbouncer_is_between_while_the_schema_is_made_and_the_web_serves(
    service: BakedProject, server: PostgreSQL, bouncer: int
) -> None:
    url = server.new_database().replace(f":{server.port}/", f":{bouncer}/")
    migrate(service, url, "timestamptz")
    with service.start(**production(url)) as serving:
        assert [post(serving.url, f"message {i}").status for i in range(30)] == [200] * 30
        assert http(f"{serving.url}/readyz").status == 200
    assert read(url, "SELECT count(*) FROM message") == [[(30,)]]


def new_host(name: str, *namespaces: str) -> list[str]:
    """Return what starts a command on a host with a name, and if need be a network, of its own."""
    if not is_root():
        pytest.skip("only root can make a host")
    command = [program("unshare"), "--uts", *namespaces, program("sh"), "-c"]
    set_up = f'{program("hostname")} "$0" && exec "$@"'
    if subprocess.run([*command, set_up, "probe", "true"], capture_output=True).returncode != 0:
        pytest.skip("this system lets nobody make a host")
    return [*command, set_up, name]


def test_two_hosts_share_the_ticks(service: BakedProject, url: str) -> None:
    with schedulers(service, 0, url) as running:
        for name in ("one", "two"):
            running.start(("run.py", "scheduler"), before=new_host(name))
        for index in range(2):
            wait_until(lambda index=index: running.said(index, "job quick succeeded"))
        running.go_on("quick", 3)
        running.kill(0)
        running.go_on("quick", 3)
        running.leave()
    ticks = read_ticks(url)
    ticks.assert_each_once()
    assert {run.host for run in ticks.runs if run.started_at} == {"one", "two"}


@contextlib.contextmanager
def host(name: str, server: PostgreSQL, folder: Path) -> Iterator[list[str]]:
    """A host with a name and a network of its own, which reaches the database at the same URL.

    Yields what starts a command there.
    """
    ip, nsenter = program("ip"), program("nsenter")
    relay = (sys.executable, "-c", RELAY, server.port, server.folder / f".s.PGSQL.{server.port}")
    listening = ("sh", "-c", f'{ip} link set lo up && exec "$@"', "sh", *relay)
    with services.running([*new_host(name, "--net"), *listening], folder) as running:
        wait_until(lambda: "listening" in running.output)
        yield [nsenter, "--target", str(running.process.pid), "--uts", "--net"]


def test_one_of_two_hosts_loses_its_network_for_a_while(
    service: BakedProject, server: PostgreSQL, url: str
) -> None:
    with (
        host("one", server, service.path) as one,
        host("two", server, service.path) as two,
        schedulers(service, 0, url) as running,
    ):
        for index, within in enumerate((one, two)):
            running.start(before=within)
            wait_until(lambda index=index: running.said(index, "job quick succeeded"))
        subprocess.run([*one, program("ip"), "link", "set", "lo", "down"], check=True)
        running.go_on("quick", 6)
        running.go_on("quick", 6)
        wait_until(lambda: running.said(0, LOST))
        subprocess.run([*one, program("ip"), "link", "set", "lo", "up"], check=True)
        wait_until(lambda: running.said(0, BACK))
        running.kill(1)
        running.go_on("quick", 3)
        running.leave()
    ticks = read_ticks(url)
    ticks.assert_each_once()
    assert {run.host for run in ticks.runs if run.started_at} == {"one", "two"}


def test_all_schedulers_are_away_for_a_while(service: BakedProject, url: str) -> None:
    with schedulers(service, 2, url) as running:
        running.go_on()
        running.leave()
        gone = time.time()
        wait_until(lambda: time.time() > gone + 5)
        running.start()
        running.go_on("quick", 3)
        running.leave()
    ticks = read_ticks(url)
    ticks.assert_each_once()
    (missed,) = (run for run in ticks.ticks("quick") if int(gone) + 2 in run.dues(1))
    assert missed.outcome == "missed"
    assert missed.ticks == len(missed.dues(1)) >= 4


@pytest.mark.parametrize(
    ("grace", "outcomes"), [(3600, [("missed", 3), ("succeeded", None)]), (1, [("missed", 4)])]
)
def test_the_last_missed_tick_is_caught_up_unless_it_is_too_old(
    service: BakedProject, url: str, tmp_path: Path, grace: int, outcomes: list[Any]
) -> None:
    copy, step = service.copy(tmp_path), interval_under_way()
    append(copy.path / "backend/jobs/__init__.py", RARE_JOB.format(step))
    append(copy.path / "config/production.py", f"JOB_MISFIRE_GRACE_TIME = {grace}")
    read(url, ADDED.format(timedelta(seconds=step), 4 * step))
    recorded = "SELECT outcome, ticks FROM job_run WHERE job = 'rare' ORDER BY due"
    with schedulers(copy, 1, url) as running:
        wait_until(lambda: read(url, recorded) == [outcomes])
        running.leave()


def test_a_month_of_missed_ticks_is_one_row(
    service: BakedProject, url: str, tmp_path: Path
) -> None:
    copy = service.copy(tmp_path)
    append(copy.path / "backend/jobs/__init__.py", MINUTELY_JOBS)
    had = "INSERT INTO job_trigger SELECT 'minutely' || n, '* * * * * UTC', {} FROM {}"
    begin = "date_trunc('minute', now()) - interval '30 days' + interval '10 s'"
    read(url, had.format(begin, "generate_series(1, 20) AS n"))
    of_outcome = " FROM job_run WHERE job LIKE 'minutely%' AND outcome = '{}'"
    missed = of_outcome.format("missed") + " GROUP BY job"
    recorded = "SELECT max(ticks), count(*)" + missed
    succeeded = "SELECT count(DISTINCT job)" + of_outcome.format("succeeded")
    with schedulers(copy, 2, url) as running:
        wait_until(lambda: read(url, succeeded) == [[(20,)]])
        running.leave()
    (found,) = read(url, recorded)
    assert len(found) == 20
    for ticks, rows in found:
        assert 43_190 < ticks < 43_210
        assert rows <= 3  # a minute may go by meanwhile


@pytest.mark.parametrize("seed", [7])
def test_two_versions_with_other_triggers_run_beside_each_other(
    service: BakedProject, url: str, tmp_path: Path, seed: int
) -> None:
    """As in a rolling deployment, in which processes of both versions are killed and started."""
    chance, newer = random.Random(seed), service.copy(tmp_path)
    jobs = newer.path / "backend/jobs/__init__.py"
    edit(jobs, "quick, timedelta(seconds=1)", 'quick, "* * * * *"')
    edit(jobs, "again, timedelta(seconds=2)", "again, timedelta(seconds=3)")
    with schedulers(service, 2, url) as old, schedulers(newer, 0, url) as new:
        old.go_on()
        began = time.time()
        new.start()
        new.start()
        for _ in range(4):
            new.go_on("again", 1)
            old.go_on("quick", 1)
            for each in (old, new):
                each.kill_any(chance)
        new.go_on("again", 2)
        old.go_on()
        old.leave()
        new.leave()
    ticks = read_ticks(url)
    for job, step in (("quick", 1), ("again", 2), ("again", 3)):
        trigger = str(timedelta(seconds=step))
        since = ticks.since[job, trigger]
        others = {run.due for run in ticks.ticks(job) if run.trigger != trigger}
        assert set(ticks.lost_by(job, trigger, since, step)) <= others
    assert ticks.since["again", "0:00:03"] > began
    assert min(run.due for run in ticks.ticks("again") if run.trigger == "0:00:03") > began
    for job in ("quick", "seldom", "slow", "again"):
        assert ticks.doubled(job) == []
        assert ticks.overlapping(job) == []


def interval_under_way() -> int:
    """Return one that was due some seconds ago, and will not be again during the test."""
    since = time.time() - datetime(2000, 1, 1, tzinfo=UTC).timestamp()
    return next(step for step in range(60, 1000) if 3 < since % step < 10)


@pytest.mark.parametrize("timezone", ["Europe/Berlin", "America/New_York", "America/Havana"])
@pytest.mark.parametrize("line", ["0 0 * * *", "30 0 * * *", "30 2 * * *", "15 3 * * *"])
def test_a_daily_job_is_due_every_day_where_clocks_change(
    service: BakedProject, line: str, timezone: str
) -> None:
    ticks = year_of_ticks(service, line, timezone)
    days = {datetime.fromisoformat(tick).timetuple().tm_yday for tick in ticks}
    assert set(range(2, 366)) - days == set()
    assert len(ticks) <= 366  # once more where the hour comes twice


@pytest.mark.parametrize("timezone", ["Europe/Berlin", "America/New_York", "America/Havana"])
def test_an_hourly_job_is_due_every_hour_where_clocks_change(
    service: BakedProject, timezone: str
) -> None:
    ticks = year_of_ticks(service, "0 * * * *", timezone)
    hours = {int(datetime.fromisoformat(tick).timestamp()) // 3600 for tick in ticks}
    assert len(hours) == len(ticks) == max(hours) - min(hours) + 1 > 8700


def year_of_ticks(service: BakedProject, line: str, timezone: str) -> list[str]:
    """Return when a job is due in 2026, upon which all processes agree."""
    done = service.run("-c", YEAR_OF_TICKS, line, timezone, python=service.python)
    assert done.returncode == 0, done.stderr
    asked: list[str]
    asked, going_on = json.loads(done.stdout)
    assert asked == going_on == sorted(set(asked), key=datetime.fromisoformat)
    return asked
