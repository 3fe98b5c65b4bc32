"""Jobs: how many ticks a second, how late, with how much memory, against plain APScheduler.

Usage: .venv/bin/python benchmarks/scheduler.py [seconds] [rows]

Bakes a service with 1, 100 and 10,000 jobs that do nothing, and lets one `run.py scheduler` run
them on a PostgreSQL of its own; beside it the same jobs in APScheduler alone, which records
nothing and asks nobody. Every job is due every second, but of the 10,000 every 10 seconds, all at
once, which no Python keeps up with. It is counted from when all jobs are known. If rows are given,
the table job_run has so many before, of past runs of the first hundred jobs.
"""

import os
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from cookiecutter.main import cookiecutter
from rows import Row, show

TEMPLATE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TEMPLATE / "tests"))

from postgresql import USER, PostgreSQL, postgresql  # noqa: E402

INTERVALS = {1: 1, 100: 1, 10_000: 10}
JOBS = """
def nothing():
    pass


JOBS = tuple(Job(f"job{{n}}", nothing, timedelta(seconds={interval})) for n in range({count}))
"""
# Prints for every tick its delay in seconds; the ticks are counted as the service counts them.
PLAIN = """
import os, sys, time
from datetime import UTC, datetime
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
count, interval, seconds = map(int, sys.argv[1:])
started = []
scheduler = BackgroundScheduler(timezone=UTC)
start = datetime(2000, 1, 1, tzinfo=UTC)
for n in range(count):
    trigger = IntervalTrigger(seconds=interval, start_date=start, timezone=UTC)
    scheduler.add_job(lambda: started.append(time.time()), trigger, misfire_grace_time=None)
scheduler.start()
time.sleep(seconds)
for moment in list(started):
    print(moment % interval)
sys.stdout.flush()
os._exit(0)  # whatever else is due
"""
# The same of the service, from its table, since a moment.
RECORDED = """
import os, sys, psycopg
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    for row in connection.execute(
        "SELECT extract(epoch FROM started_at - due) FROM job_run"
        " WHERE cause = 'tick' AND started_at >= to_timestamp(%s)", (sys.argv[1],)
    ):
        print(float(row[0]))
    connection.execute("DELETE FROM job_run WHERE due > now() - interval '1 hour'")
    connection.execute("DELETE FROM job_trigger")
"""
KNOWN = """
import os, psycopg
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    print(*connection.execute("SELECT count(*) FROM job_trigger").fetchone())
"""
FILLED = """
import os, sys, psycopg
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    connection.execute(
        "INSERT INTO job_run (job, due, cause, process, host, pid, ended_at, outcome)"
        " SELECT 'job' || n %% 100, now() - interval '1 day' - n * interval '1 s', 'tick',"
        " 'past', 'host', 1, now(), 'succeeded' FROM generate_series(1, %s) AS n", (sys.argv[1],)
    )
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    connection.execute("VACUUM ANALYZE job_run")
"""


def rows(seconds: int = 30, past: int = 0) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder, postgresql() as server:
        service = make_service(Path(folder), server.url())
        if past:
            run(service, "-c", FILLED, str(past))
        for count, interval in INTERVALS.items():
            yield from compare(service, count, interval, seconds)
        count_statements(service, server, seconds)


def make_service(folder: Path, url: str) -> Path:
    """Bake one, install what production needs, and migrate its database."""
    os.environ |= {"DATABASE_URL": url, "SECRET_KEY": secrets.token_hex(32)}
    os.environ |= {"ENVIRONMENT": "production", "FLASK_SAFE_START_BOOTSTRAP": "no"}
    service = Path(cookiecutter(str(TEMPLATE), no_input=True, output_dir=str(folder)))
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([sys.executable, "bootstrap.py"], cwd=service, **quiet)
    run(service, "run.py", "db", "upgrade")
    return service


def compare(service: Path, count: int, interval: int, seconds: int) -> Iterator[Row]:
    write_jobs(service, JOBS.format(count=count, interval=interval))
    memory, begin = schedule(service, count, seconds)
    ours = delays(service, "-c", RECORDED, str(begin))
    plain = delays(service, "-c", PLAIN, str(count), str(interval), str(seconds))
    work, beside = f"{count} jobs, each every {interval} s", "APScheduler alone"
    rates = ([len(found) / seconds] for found in (ours, plain))
    yield Row(work, beside, "ticks/s", *rates)
    late = ([statistics.median(found) * 1000] for found in (ours, plain))
    yield Row("", beside, "ms late", *late)
    print(f"{'':<34} {memory:8.4g} MB")


def write_jobs(service: Path, jobs: str) -> None:
    path = service / "backend" / "jobs" / "__init__.py"
    path.write_text(path.read_text().partition("\nJOBS = ")[0] + jobs)


def schedule(service: Path, count: int, seconds: int) -> tuple[float, float]:
    """Run it for so long once it knows all jobs; return its megabytes, and since when."""
    with subprocess.Popen(
        [sys.executable, "run.py", "scheduler"], cwd=service, stdout=subprocess.DEVNULL
    ) as process:
        while int(run(service, "-c", KNOWN)) < count:
            time.sleep(1)
        begin = time.time()
        time.sleep(seconds)
        memory = psutil.Process(process.pid).memory_info().rss / 1e6
        process.terminate()
    return memory, begin


def count_statements(service: Path, server: PostgreSQL, seconds: int) -> None:
    """Print how many statements a tick of 100 jobs takes, which the server's log tells."""
    write_jobs(service, JOBS.format(count=100, interval=1))
    server.execute(f"ALTER ROLE {USER} SET log_statement = 'all'")
    log = server.folder / "log"
    begin = log.stat().st_size
    schedule(service, 100, seconds)
    with log.open() as lines:
        lines.seek(begin)
        statements = len(re.findall(r"LOG:  (?:statement|execute .*?): ", lines.read()))
    server.execute(f"ALTER ROLE {USER} RESET log_statement")
    ticks = len(delays(service, "-c", RECORDED, "0"))
    print(f"{'':<34} {statements / ticks:8.4g} statements a tick of 100 jobs")


def delays(service: Path, *arguments: str) -> list[float]:
    return [float(line) for line in run(service, *arguments).splitlines()]


def run(service: Path, *arguments: str) -> str:
    python = service / ".venv" / "bin" / "python"
    return subprocess.run(
        [python, *arguments], cwd=service, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


if __name__ == "__main__":
    show(rows(*map(int, sys.argv[1:])))
