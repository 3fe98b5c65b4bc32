"""Runs JOBS; of all processes that do so, on however many hosts, one runs each tick.

APScheduler says when a job is due, backend/runs.py who runs it. All that several processes need
to agree on is in the database.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from inspect import iscoroutinefunction, isgeneratorfunction
from threading import Lock, Thread
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from flask import Flask
from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError

from backend import runs
from backend.database import db
from backend.jobs import JOBS, Job
from backend.models import JobRun, SchedulerSeen, now
from backend.triggers import read_trigger

logger = logging.getLogger(__name__)

# A process that was busy, asleep or without a database runs the last tick that it missed.
OPTIONS = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
SECOND = timedelta(seconds=1)


class TickExecutor(ThreadPoolExecutor):
    """Tells the job which tick it runs for, which APScheduler 3 keeps to itself."""

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:
        job.kwargs = {"due": run_times[-1].astimezone(UTC)}
        super()._do_submit_job(job, run_times)


def start(app: Flask) -> "Scheduler":
    """Run the jobs in threads of this process, beside whatever else it does."""
    scheduler = Scheduler(app)
    scheduler.start()
    return scheduler


def run(app: Flask) -> None:
    """Run the jobs until SIGTERM or Ctrl-C; those that are running may come to their end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    scheduler = start(app)
    try:
        while True:  # not in APScheduler's loop, which swallows what is raised at some places
            time.sleep(1)
    except (KeyboardInterrupt, SystemExit):
        ended = scheduler.stop(app.config["JOB_STOP_TIMEOUT"])
        logging.shutdown()
        os._exit(0 if ended else 1)  # threads that do not end would hold the process


class Scheduler:
    """`connected` is whether the database answered last, `behind` whether a tick may be missing.

    `recorded` holds of each job a tick up to which there is a row for every one. `since` is when
    the database came into sight: before, no process could say that it lives.
    """

    def __init__(self, app: Flask) -> None:
        self.app, self.timer = app, BackgroundScheduler(timezone=UTC)
        self.connected = self.behind = True
        self.lock = Lock()
        self.since = now()
        self.stopping = False
        self.recorded: dict[str, datetime] = {}

    def start(self) -> None:
        refuse_what_cannot_run(self.app.config["TIMEZONE"])
        # Each job may hold a connection to the database, and a second one for a moment.
        connections = ("DATABASE_POOL_SIZE", "DATABASE_MAX_OVERFLOW")
        threads = sum(self.app.config[key] for key in connections) // 2
        self.timer.add_executor(TickExecutor(max(1, threads)))
        self.timer.add_executor(ThreadPoolExecutor(1), "watch")
        every = min([30, *(job.dead_after.total_seconds() / 3 for job in JOBS)])
        trigger = IntervalTrigger(seconds=max(1, int(every)), timezone=UTC)
        self.timer.add_job(
            self.watch, trigger, id="watch", executor="watch", next_run_time=now(), **OPTIONS
        )
        self.timer.start()

    def watch(self) -> None:
        """Say that this process lives, look for runs whose process does not, and catch up."""
        behind, self.behind = self.behind, False
        with self.app.app_context():
            try:
                db.session.merge(SchedulerSeen(**runs.PROCESS, seen_at=now()))
                db.session.commit()
                self.bury_the_dead()
                if behind:
                    self.catch_up()
            except SQLAlchemyError as error:
                self.lost(error)
                return
        if not self.connected:
            logger.info("the database answers again")
            self.since = now()
        self.connected = True

    def lost(self, error: SQLAlchemyError) -> None:
        """Say once that the database is away, and look every second whether it is back."""
        with self.lock:
            was_connected, self.connected, self.behind = self.connected, False, True
        if was_connected:
            logger.error("the database does not answer, and jobs wait: %s", error)
        self.timer.modify_job("watch", next_run_time=now() + SECOND)

    def catch_up(self) -> None:
        """Let every job go on from its last recorded tick: what was missed is due at once."""
        for job in JOBS:
            trigger = read_trigger(job.trigger, self.app.config["TIMEZONE"])
            self.recorded[job.id] = runs.last_tick(job)
            due = runs.next_tick(job, self.recorded[job.id])
            self.timer.add_job(
                self.tick, trigger, [job], {"due": due}, job.id,
                next_run_time=due, replace_existing=True, **OPTIONS,
            )  # fmt: skip

    def tick(self, job: Job, due: datetime) -> None:
        """Run a job's tick; those that were missed before it are recorded as skipped."""
        limit = timedelta(seconds=self.app.config["JOB_MISFIRE_GRACE_TIME"])
        with self.app.app_context():
            try:
                runs.skip(job, self.missed(job, due), "missed")
                if due < now() - limit:
                    runs.skip(job, [due], "missed")
                elif not self.stopping and not runs.run(job, due, "tick"):
                    runs.skip(job, [due], "the run before had not ended")
                self.recorded[job.id] = due
            except SQLAlchemyError as error:
                self.lost(error)

    def missed(self, job: Job, due: datetime) -> Iterator[datetime]:
        """Yield the ticks before `due` of which nothing is recorded."""
        kept = now() - timedelta(days=self.app.config["JOB_RUN_KEEP_DAYS"])
        last = self.recorded.get(job.id) or runs.last_tick(job)
        tick = runs.next_tick(job, max(last, kept))
        while tick < due:
            yield tick
            tick = runs.next_tick(job, tick)

    def bury_the_dead(self) -> None:
        """End the runs whose process is gone, and run them once more if their job says so."""
        jobs = {job.id: job for job in JOBS}
        for run in runs.unended():
            job = jobs.get(run.job)
            # Unless it was heard of since: this process may have been stopped for a while.
            unheard = JobRun.seen_at == run.seen_at
            if not self.is_dead(run, job) or not runs.end(run, "dead", unheard):
                continue
            if job and job.retry and run.cause != "retry":
                self.timer.add_job(self.retry, args=[job], kwargs={"due": None}, **OPTIONS)

    def is_dead(self, run: Row[Any], job: Job | None) -> bool:
        if run.process == runs.PROCESS["process"]:  # it was inserted, but the answer was lost
            return (run.job, run.due) not in runs.running
        dead_after = job.dead_after if job else Job.dead_after
        return max(run.seen_at, self.since) < now() - dead_after

    def retry(self, job: Job, due: datetime) -> None:
        with self.app.app_context():
            try:
                if self.stopping or not runs.run(job, due, "retry"):
                    logger.warning("job %s is not run once more", job.id)
            except SQLAlchemyError as error:
                self.lost(error)

    def stop(self, limit: float) -> bool:
        """Wait `limit` seconds for what runs, record what then still does; True if nothing does."""
        self.stopping = True
        with suppress(KeyboardInterrupt, SystemExit):  # whoever asks again does not want to wait
            self.timer.shutdown(wait=False)
            with runs.ended:
                if runs.ended.wait_for(lambda: not runs.running, timeout=limit):
                    return True
        leaving = Thread(target=self.leave, daemon=True)
        leaving.start()
        leaving.join(5)  # a database that is frozen does not hold the process
        return False

    def leave(self) -> None:
        with self.app.app_context(), suppress(SQLAlchemyError):
            for run in runs.unended():
                if (run.job, run.due) in runs.running:
                    runs.end(run, "left")


def refuse_what_cannot_run(timezone: str) -> None:
    """Raise ValueError for what `check` reports too, if it can read it in the source."""
    ids: set[str] = set()
    for job in JOBS:
        read_trigger(job.trigger, timezone)
        if job.id in ids:
            raise ValueError(f"{job.id!r} is the id of several jobs")
        ids.add(job.id)
        if iscoroutinefunction(job.function) or isgeneratorfunction(job.function):
            raise ValueError(f"{job.id!r}: a call of its function would do nothing")
