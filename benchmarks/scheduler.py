"""Jobs: how many ticks a second, how late, with how much memory, against plain APScheduler.

Usage: .venv/bin/python benchmarks/scheduler.py [seconds] [rows]

Bakes a service with 1, 100 and 10,000 jobs that do nothing, and lets one `run.py scheduler` run
them on a PostgreSQL of its own; beside it the same jobs in APScheduler alone, which records
nothing and asks nobody. Every job is due every second, but of the 10,000 every 10 seconds, all at
once. The ratios are those of the two medians. If rows are given, the table job_run has so many
before, of past runs of the first hundred jobs.
"""

import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from cookiecutter.main import cookiecutter

TEMPLATE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TEMPLATE / "tests"))

from postgresql import postgresql  # noqa: E402

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
# The same of the service, from its table.
RECORDED = """
import os, psycopg
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    for row in connection.execute(
        "SELECT extract(epoch FROM started_at - due) FROM job_run"
        " WHERE cause = 'tick' AND started_at IS NOT NULL AND process <> 'past'"
    ):
        print(float(row[0]))
    connection.execute("DELETE FROM job_run WHERE due > now() - interval '1 hour'")
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


def main() -> None:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    with tempfile.TemporaryDirectory() as folder, postgresql() as server:
        os.environ |= {"DATABASE_URL": server.url(), "SECRET_KEY": secrets.token_hex(32)}
        os.environ |= {"ENVIRONMENT": "production", "FLASK_SAFE_START_BOOTSTRAP": "no"}
        service = Path(cookiecutter(str(TEMPLATE), no_input=True, output_dir=folder))
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([sys.executable, "bootstrap.py"], cwd=service, **quiet)
        run(service, "run.py", "db", "upgrade")
        if len(sys.argv) > 2:
            run(service, "-c", FILLED, sys.argv[2])
        for count, interval in INTERVALS.items():
            compare(service, count, interval, seconds)


def compare(service: Path, count: int, interval: int, seconds: int) -> None:
    write_jobs(service, count, interval)
    memory = schedule(service, seconds)
    ours = delays(service, "-c", RECORDED)
    plain = delays(service, "-c", PLAIN, str(count), str(interval), str(seconds))
    rate, delay = len(ours) / seconds, statistics.median(ours)
    print(f"{count:>6} jobs, each due every {interval} s, for {seconds} s")
    print(f"       service      {rate:7.1f} ticks/s, {delay * 1000:6.0f} ms late, {memory:.0f} MB")
    plain_rate, plain_delay = len(plain) / seconds, statistics.median(plain)
    print(f"       APScheduler  {plain_rate:7.1f} ticks/s, {plain_delay * 1000:6.0f} ms late")
    print(f"       ratio        {rate / plain_rate:7.2f}           {delay / plain_delay:6.1f}")


def write_jobs(service: Path, count: int, interval: int) -> None:
    path = service / "backend" / "jobs" / "__init__.py"
    text = path.read_text().partition("\nJOBS = ")[0]
    path.write_text(text + JOBS.format(count=count, interval=interval))


def schedule(service: Path, seconds: int) -> float:
    """Let the scheduler run for so long, and return the megabytes that it took."""
    with subprocess.Popen(
        [sys.executable, "run.py", "scheduler"], cwd=service, stdout=subprocess.DEVNULL
    ) as process:
        time.sleep(seconds)
        memory = psutil.Process(process.pid).memory_info().rss / 1e6
        process.terminate()
    return memory


def delays(service: Path, *arguments: str) -> list[float]:
    return [float(line) for line in run(service, *arguments).splitlines()]


def run(service: Path, *arguments: str) -> str:
    python = service / ".venv" / "bin" / "python"
    return subprocess.run(
        [python, *arguments], cwd=service, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


if __name__ == "__main__":
    main()
