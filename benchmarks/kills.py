"""Jobs under kills: how many ticks are lost or doubled, here and by what people use instead.

Usage: .venv/bin/python benchmarks/kills.py [seconds] [seed]

Three processes of each run a job every second that takes 0.3 s and notes each call in a table of a
PostgreSQL database of its own. Every two seconds or so one of them is killed with SIGKILL and
started again. Beside the service: APScheduler with its own job store, shared by the processes, and
Procrastinate's periodic tasks with its handling of stalled jobs.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
from scheduler import make_service, write_jobs

TEMPLATE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TEMPLATE / "tests"))

from postgresql import postgresql  # noqa: E402

PROCESSES, SECONDS_BETWEEN_KILLS = 3, 2
PEERS = ("apscheduler==3.11.3", "sqlalchemy==2.1.9", "procrastinate==3.10.0", "psycopg[binary]")
CALLED = "CREATE TABLE called (due bigint)"
# Notes that the job is called for the tick, which is a whole second.
NOTE = """
import os, time, psycopg


def note(due):
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute("INSERT INTO called VALUES (%s)", (round(due),))
    time.sleep(0.3)
"""
SERVICE_JOB = """
from backend.jobs.note import note


def beat():
    from backend.core.jobs.runs import RUNNING

    note(next(iter(RUNNING))[1].timestamp())


JOBS = (Job("beat", beat, timedelta(seconds=1), dead_after=timedelta(seconds=3)),)
"""
APSCHEDULER = """
import os, time
from datetime import UTC, datetime
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.blocking import BlockingScheduler
from note import note


def beat():
    note(int(time.time()))


if __name__ == "__main__":
    from peer import beat

    store = SQLAlchemyJobStore(os.environ["DATABASE_URL"].replace("://", "+psycopg://"))
    scheduler = BlockingScheduler({"default": store}, timezone=UTC)
    start = datetime(2000, 1, 1, tzinfo=UTC)
    every = {"seconds": 1, "start_date": start, "misfire_grace_time": 60}
    scheduler.add_job(beat, "interval", id="beat", replace_existing=True, **every)
    scheduler.start()
"""
PROCRASTINATE = """
import os
from procrastinate import App, PsycopgConnector
from note import note

app = App(connector=PsycopgConnector(conninfo=os.environ["DATABASE_URL"]))


@app.periodic(cron="* * * * * *")
@app.task
def beat(timestamp):
    note(timestamp)


@app.periodic(cron="*/10 * * * * *")
@app.task(queueing_lock="retry_stalled", pass_context=True)
async def retry_stalled(context, timestamp):
    for job in await app.job_manager.get_stalled_jobs():
        await app.job_manager.retry_job(job)


if __name__ == "__main__":
    app.run_worker(concurrency=5)
"""

HAS_RECORDS = "SELECT to_regclass('job_run') IS NOT NULL"
RECORDED = (
    "SELECT extract(epoch FROM due), extract(epoch FROM coalesce(last_due, due)) FROM job_run"
    " WHERE job = 'beat' AND cause = 'tick'"
)


def main() -> None:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    print(f"{seconds} s, {PROCESSES} processes, seed {seed}")
    with tempfile.TemporaryDirectory() as name, postgresql() as server:
        folder = Path(name)
        peers = folder / "peers"
        subprocess.run([sys.executable, "-m", "venv", peers], check=True)
        python = peers / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "-q", *PEERS], check=True)
        (peers / "note.py").write_text(NOTE)
        for start, place in ((new_service, folder), (new_scheduler, peers), (new_queue, peers)):
            url = server.new_database()
            os.environ["DATABASE_URL"] = url
            execute(url, CALLED)
            command, cwd = start(place)
            begin, end, killed = run(command, cwd, seconds, random.Random(seed))
            print(f"{start.__name__:14}{figures(url, begin, end, killed)}", flush=True)


def new_service(folder: Path) -> tuple[list[str], Path]:
    service = make_service(folder, os.environ["DATABASE_URL"])
    (service / "backend/jobs/note.py").write_text(NOTE)
    write_jobs(service, SERVICE_JOB)
    python = str(service / ".venv" / "bin" / "python")
    return [python, "-m", "flask", "--app", "backend", "scheduler"], service


def new_scheduler(folder: Path, source: str = APSCHEDULER) -> tuple[list[str], Path]:
    (folder / "peer.py").write_text(source)
    return [str(folder / "bin" / "python"), "peer.py"], folder


def new_queue(folder: Path) -> tuple[list[str], Path]:
    command, cwd = new_scheduler(folder, PROCRASTINATE)
    schema = [command[0], "-m", "procrastinate", "--app=peer.app", "schema", "--apply"]
    subprocess.run(schema, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return command, cwd


def run(command: list[str], cwd: Path, seconds: int, chance: random.Random) -> tuple[int, int, int]:
    """Return the first and the last tick that count, and the number of kills."""
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    killed, processes = 0, [subprocess.Popen(command, cwd=cwd, **quiet) for _ in range(PROCESSES)]
    try:
        time.sleep(10)  # all have started
        begin = int(time.time()) + 1
        while time.time() < begin + seconds:
            time.sleep(chance.uniform(0.5, 1.5) * SECONDS_BETWEEN_KILLS)
            process = processes.pop(chance.randrange(PROCESSES))
            process.kill()
            process.wait()
            killed += 1
            processes.append(subprocess.Popen(command, cwd=cwd, **quiet))
        end = int(time.time())
        time.sleep(90)  # what is found to be dead may run once more
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return begin, end, killed


def figures(url: str, begin: int, end: int, killed: int) -> str:
    calls = Counter(due for (due,) in execute(url, "SELECT due FROM called") if begin <= due < end)
    recorded = {
        due
        for first, last in (execute(url, RECORDED) if execute(url, HAS_RECORDS)[0][0] else [])
        for due in range(int(first), int(last) + 1)
    }
    ticks = set(range(begin, end))
    doubled = sum(count > 1 for count in calls.values())
    return (
        f"{len(ticks)} ticks, {killed} kills: called {len(calls)}, twice or more {doubled},"
        f" not called but recorded {len(ticks & recorded - set(calls))},"
        f" lost {len(ticks - recorded - set(calls))}"
    )


def execute(url: str, statement: str) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


if __name__ == "__main__":
    main()
