"""Runs the jobs; of all processes that do so, on however many hosts, one runs each tick.

APScheduler says when a job is due, ticks.py and runs.py who runs it. All that several processes
need to agree on is in the database.
"""

import logging
import os
import signal
import time
from contextlib import suppress
from datetime import UTC, datetime
from math import inf
from queue import SimpleQueue
from threading import Thread

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.job import Job as TimerJob
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from backend.core.database import db
from backend.core.jobs import Job, registered_jobs, runs, ticks
from backend.core.jobs.clock import CLOCK, now
from backend.core.jobs.models import SchedulerSeen
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

    The timer holds one tick of each job, and gets the next one once that has a record. A job whose
    tick could not be recorded is put into `parked`, and asks the database again once it answers.
    """

    def __init__(self, app: Flask) -> None:
        # Each job may hold a connection to the database, and a second one for a moment.
        connections = ("DATABASE_POOL_SIZE", "DATABASE_MAX_OVERFLOW")
        threads = sum(app.config[key] for key in connections) // 2
        self.app, self.jobs = app, registered_jobs(app)
        self.pool = ThreadPoolExecutor(max(1, threads))
        # A process that was busy or asleep runs late what was due.
        self.timer = BackgroundScheduler(timezone=UTC, job_defaults={"misfire_grace_time": None})
        self.parked: SimpleQueue[tuple[Job, Exception | None]] = SimpleQueue()
        self.stopping = False
        self.clocks_set = 0  # how often
        self.asked_to_end: list[int] = []

    def start(self) -> None:
        if refused := list(refusals(self.jobs, self.app.config["TIMEZONE"])):
            raise RefusedError(refused)
        self.timer.add_executor(self.pool)
        self.timer.start()
        Thread(target=Watch(self).watch, daemon=True).start()

    def wait(self, job: Job, due: datetime | None) -> TimerJob:
        """Let the timer begin the tick when it is due; without one, ask for the next one now."""
        when = CLOCK.here(due) if due else datetime.now(UTC)
        return self.timer.add_job(self.tick, "date", [job, due], run_date=when)

    def wait_anew(self) -> None:
        """Let all jobs ask for their next tick, as a clock was set."""
        self.clocks_set += 1
        for waiting in self.timer.get_jobs():
            if waiting.func == self.tick:
                ask_anew(waiting)

    def tick(self, job: Job, due: datetime | None) -> None:
        """Run the tick, if this process gets it, and wait for the next one."""
        if self.stopping:
            return
        clocks_set = self.clocks_set
        with self.app.app_context():
            try:
                claimed, following = ticks.take(job, due)
                if claimed and self.stopping:  # since it was looked at
                    runs.give_back(job, claimed)
                    return
            except ticks.NotBuriedError:
                self.parked.put((job, None))
                return
            except Exception as error:  # whatever it is, the job must continue
                self.parked.put((job, error))
                return
            waiting = self.wait(job, following)
            if self.clocks_set != clocks_set:  # `following` may be by the clock as it was before
                ask_anew(waiting)
            if claimed:
                runs.carry_out(job, claimed)

    def retry(self, job: Job, claimed: datetime) -> None:
        with self.app.app_context():
            runs.carry_out(job, claimed)

    def stop(self, limit: float) -> bool:
        """Wait `limit` seconds for running jobs, record those still running; True if none are.

        A second signal ends the wait.
        """
        self.stopping = True
        self.timer.pause()
        self.timer.remove_all_jobs()  # APScheduler stumbles if it is ended while it starts some
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
            runs.leave()


def ask_anew(waiting: TimerJob) -> None:
    """Let what waits in the timer ask for its tick now."""
    with suppress(JobLookupError):  # it has just begun
        waiting.modify(args=[waiting.args[0], None], next_run_time=datetime.now(UTC))


class Watch:
    """Proves that the runs of this process are alive, and ends those of dead processes.

    It lets jobs that wait for the database go on. Its fields belong to its one thread.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler, self.app = scheduler, scheduler.app
        self.jobs = {job.id: job for job in scheduler.jobs}
        self.every = min([10, *(job.dead_after.total_seconds() / 3 for job in scheduler.jobs)])
        self.waiting = list(scheduler.jobs)
        self.looked, self.steady_since = -inf, time.monotonic()
        self.away = False

    def watch(self) -> None:
        """Look each second while the database is away or jobs wait, else seldom."""
        while True:  # to the end of the process, as a job that it waits for must stay alive
            trouble = self.fetch_parked()
            if CLOCK.was_set():
                self.scheduler.wait_anew()
            is_time = time.monotonic() > self.looked + self.every
            if is_time or self.waiting or self.away:
                self.report(self.look() or trouble)
            self.scheduler.timer.wakeup()  # it would oversleep after the machine slept
            time.sleep(1)

    def fetch_parked(self) -> Exception | None:
        """Return what kept one of the jobs that were parked since."""
        trouble = None
        while not self.scheduler.parked.empty():
            job, error = self.scheduler.parked.get()
            self.waiting.append(job)
            trouble = trouble or error
        return trouble

    def report(self, trouble: Exception | None) -> None:
        if trouble and not self.away:
            logger.error("the database does not answer, and jobs wait: %s", trouble)
        elif self.away and not trouble:
            logger.info("the database answers again")
        self.away = bool(trouble)

    def look(self) -> Exception | None:
        begin = time.monotonic()
        try:
            with self.app.app_context():
                self.look_after_runs(begin)
        except Exception as error:
            self.steady_since = inf
            return error
        self.looked = begin
        return None

    def look_after_runs(self, begin: float) -> None:
        if CLOCK.compare():
            self.scheduler.wait_anew()
        runs.renew()
        db.session.merge(SchedulerSeen(**runs.PROCESS, seen_at=now()))
        db.session.commit()
        if self.steady_since == inf or time.monotonic() > begin + 1:  # for other processes too
            self.steady_since = time.monotonic()
        if time.monotonic() > self.steady_since + LAG and not self.scheduler.stopping:
            self.bury_the_dead()
        while self.waiting:
            self.scheduler.wait(self.waiting[-1], None)
            self.waiting.pop()

    def bury_the_dead(self) -> None:
        """End the runs whose process is gone, and run them once more if the job has `retry`."""
        for run in runs.dead_runs():
            job = self.jobs.get(run.job)
            again = job if job and job.retry and run.cause != "retry" else None
            if claimed := runs.bury(run, again):
                self.scheduler.timer.add_job(self.scheduler.retry, args=[again, claimed])
