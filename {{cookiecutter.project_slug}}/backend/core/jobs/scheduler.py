"""Runs the jobs; of all processes that do so, on however many hosts, one runs each tick.

APScheduler says when a job is due, runs.py who runs it. All that several processes need to agree
on is in the database.
"""

import logging
import os
import signal
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from math import inf
from threading import Thread

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from backend.core.database import db
from backend.core.jobs import Job, registered_jobs, runs
from backend.core.jobs.clock import CLOCK, now
from backend.core.jobs.models import JobRun, SchedulerSeen
from backend.core.jobs.refusals import refusals
from backend.core.refusal import RefusedError

logger = logging.getLogger(__name__)

# Seconds, since the database was away or hung, in which processes say again that they live.
LAG = 5


def run_until_stopped(app: Flask) -> None:
    """Run the jobs until SIGTERM or Ctrl-C; running jobs may finish."""
    scheduler = Scheduler(app)
    for number in (signal.SIGINT, signal.SIGTERM):  # nothing is raised, wherever it may arrive
        signal.signal(number, lambda number, frame: scheduler.asked_to_end.append(number))
    scheduler.start()
    logger.info("the scheduler runs %d jobs", len(scheduler.jobs))
    while not scheduler.asked_to_end:
        time.sleep(0.2)
    ended = scheduler.stop(app.config["JOB_STOP_TIMEOUT"])
    logger.info("the scheduler has ended")
    logging.shutdown()
    os._exit(0 if ended else 1)  # threads that do not end would hold the process


class Scheduler:
    """Runs the jobs in its own threads.

    The timer holds one tick of each job, and gets the next one once that is recorded. So a process
    goes through a job's ticks one by one. A job whose tick could not be recorded is `waiting` for
    the database, with that tick; at the start all jobs are waiting, without a tick.
    """

    def __init__(self, app: Flask) -> None:
        # Each job may hold a connection to the database, and a second one for a moment.
        connections = ("DATABASE_POOL_SIZE", "DATABASE_MAX_OVERFLOW")
        threads = sum(app.config[key] for key in connections) // 2
        self.app, self.jobs = app, registered_jobs(app)
        self.pool = ThreadPoolExecutor(max(1, threads))
        # A process that was busy or asleep runs late what was due.
        self.timer = BackgroundScheduler(timezone=UTC, job_defaults={"misfire_grace_time": None})
        self.waiting: dict[Job, datetime | None] = dict.fromkeys(self.jobs)
        self.trouble: Exception | None = None
        self.away = self.stopping = False
        self.seen, self.since = -inf, time.monotonic()
        self.set_to = self.seconds_ahead()
        self.asked_to_end: list[int] = []

    def start(self) -> None:
        if refused := list(refusals(self.jobs, self.app.config["TIMEZONE"])):
            raise RefusedError(refused)
        self.timer.add_executor(self.pool)
        self.timer.start()
        Thread(target=self.watch, daemon=True).start()

    def watch(self) -> None:
        """Look after the runs: each second while the database is away or jobs wait, else seldom."""
        every = min([30, *(job.dead_after.total_seconds() / 3 for job in self.jobs)])
        while True:  # to the end of the process, as a job that it waits for must stay alive
            is_time = time.monotonic() > self.seen + every
            was_set = abs(self.seconds_ahead() - self.set_to) > 1
            if is_time or was_set or self.waiting or self.trouble or self.away:
                self.look()
            self.timer.wakeup()  # it would oversleep after the machine slept or its clock was set
            time.sleep(1)

    def seconds_ahead(self) -> float:
        """Return by how much the clock is ahead of the monotonic one, until somebody sets it."""
        return time.time() - time.monotonic()

    def look(self) -> None:
        begin = time.monotonic()
        trouble, self.trouble = self.trouble, None
        try:
            with self.app.app_context():
                self.look_after_runs(begin)
            self.seen = begin
        except Exception as error:
            trouble = error
        if trouble and not self.away:
            logger.error("the database does not answer, and jobs wait: %s", trouble)
        elif self.away and not trouble:
            logger.info("the database answers again")
        self.away = bool(trouble)

    def look_after_runs(self, begin: float) -> None:
        """Prove that this process is alive, end the runs of dead ones, let waiting jobs go on."""
        CLOCK.compare()
        runs.renew()
        db.session.merge(SchedulerSeen(**runs.PROCESS, seen_at=now()))
        db.session.commit()
        if self.away or time.monotonic() > begin + 1:  # for other processes too
            self.since = time.monotonic()
        if time.monotonic() > self.since + LAG:
            self.bury_the_dead()
        if abs(self.seconds_ahead() - self.set_to) > 1:
            self.set_to = self.seconds_ahead()
            self.wait_anew()
        blocked = runs.expired() if self.waiting else set()
        for job, unsure in self.waiting.copy().items():
            if job.id not in blocked:
                self.go_on(job, unsure)

    def go_on(self, job: Job, unsure: datetime | None) -> None:
        """Let the job continue from its last recorded tick: what was missed is due at once."""
        if unsure:  # it may have been claimed, and only the answer was lost
            this = (JobRun.job == job.id, JobRun.due == unsure)
            runs.close("skipped", *this, JobRun.process == runs.PROCESS["process"])
        last = runs.last_tick(job)
        if last > now() + timedelta(minutes=1):
            logger.error("job %s: a tick of %s is recorded, and none is due before", job.id, last)
        kept = now() - timedelta(days=self.app.config["JOB_RUN_KEEP_DAYS"])
        due = runs.next_tick(job, max(last, kept))
        del self.waiting[job]
        self.wait(job, due)

    def wait(self, job: Job, due: datetime) -> None:
        self.timer.add_job(self.tick, "date", [job, due], run_date=CLOCK.here(due))

    def wait_anew(self) -> None:
        """Set the timer again, as this machine's clock was set."""
        for waiting in self.timer.get_jobs():
            if waiting.func == self.tick:
                waiting.modify(next_run_time=CLOCK.here(waiting.args[1]))

    def tick(self, job: Job, due: datetime) -> None:
        """Run the tick or, if later ones are past too, the last of them; skip the others."""
        if self.stopping:
            return
        last = due
        with self.app.app_context():
            try:
                if due > now():  # this machine's clock was set forward
                    self.wait(job, due)
                    return
                last = deque(runs.ticks(job, due), maxlen=1).pop()
                grace = timedelta(seconds=self.app.config["JOB_MISFIRE_GRACE_TIME"])
                until = max(last, now() - grace)
                missed = takewhile(lambda tick: tick < until, runs.ticks(job, due))
                runs.skip(job, missed, "missed")
                ours = runs.claim(job, last, "tick")
                if ours and self.stopping:  # since it was looked at
                    runs.give_back(job, last)
                    return
                if not ours:
                    runs.skip(job, [last], "the run before had not ended")
                following = runs.next_tick(job, last)
            except Exception as error:  # whatever it is, the job must continue
                self.waiting[job], self.trouble = last, error
                return
            self.wait(job, following)
            if ours:
                runs.carry_out(job, last)

    def bury_the_dead(self) -> None:
        """End the runs whose process is gone, and run them once more if the job has `retry`."""
        jobs = {job.id: job for job in self.jobs}
        for run in runs.close("dead", JobRun.alive_until < now()):
            job = jobs.get(run.job)
            if job and job.retry and run.cause != "retry":
                self.timer.add_job(self.retry, args=[job])

    def retry(self, job: Job) -> None:
        if self.stopping:
            return
        with self.app.app_context():
            try:
                if not runs.run_now(job, "retry"):
                    logger.warning("job %s is not run once more: it is running", job.id)
            except SQLAlchemyError as error:
                self.trouble = error
                again = CLOCK.here(now() + timedelta(seconds=1))
                self.timer.add_job(self.retry, "date", [job], run_date=again)

    def stop(self, limit: float) -> bool:
        """Wait `limit` seconds for running jobs, record those still running; True if none are.

        A second signal ends the wait.
        """
        self.stopping = True
        self.timer.shutdown(wait=False)
        ending, end = Thread(target=self.pool.shutdown, daemon=True), time.monotonic() + limit
        ending.start()
        while ending.is_alive() and time.monotonic() < end and len(self.asked_to_end) < 2:
            ending.join(0.1)
        if not ending.is_alive():
            return True
        leaving = Thread(target=self.leave, daemon=True)
        leaving.start()
        leaving.join(5)  # a database that is frozen does not hold the process
        return False

    def leave(self) -> None:
        with self.app.app_context(), suppress(SQLAlchemyError):
            runs.close("left", JobRun.process == runs.PROCESS["process"])
