"""What `check` says of a service, beside what the service then really does."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from services import BakedProject, Server, free_port, gunicorn_alone, http, running

T = TypeVar("T")
# Starts the application as the development server does, and asks none of the checks.
UNCHECKED = """
import os, sys
sys.path.insert(0, os.getcwd())
from logging.config import dictConfig
from werkzeug.serving import make_server
from backend import create_app
from backend.core.jobs.scheduler import Scheduler
app = create_app()
dictConfig(app.config["LOGGING"])
Scheduler(app).start()
port = int(os.environ.get("PORT") or app.config["PORT"])
server = make_server(app.config["HOST"], port, app, threaded=True)
print(f"it is on http://127.0.0.1:{server.port}", flush=True)
server.serve_forever()
"""
URL = re.compile(r"http://[\w.:\[\]]+:\d+")
MESSAGE = json.dumps({"message": "Hello"}).encode()
# Seconds for a start, on a machine that has much else to do.
STARTS_WITHIN = 45
# What is red though the service would start, and the harm that it does.
HARM = {
    "views.async": "it costs a thread and an event loop for each request",
    "settings.unknown": "it is not read, and another setting is what it was",
    "settings.type": "it fails, or is misread, where it is used",
    "settings.value": "it is refused, or does what nobody meant, where it is used",
    "settings.missing": "whatever uses it fails",
    "settings.secret": "whoever guesses it signs sessions",
    "settings.debug": "it shows callers what the service is made of",
    "dependencies.missing": "it is not what was required and tested",
    "dependencies.version": "it is not what was required and tested",
    "port.invalid": "it listens nowhere, or on another port than that",
    "dependencies.broken": "no installer can read it",
    "jobs.timezone": "jobs run at other times than they say",
}


@dataclass(frozen=True)
class Change:
    """What was done to a service: the variables to start it with, and what no diff shows.

    `harm` is what is known to go wrong though it may start, "" if nothing does, None if nobody
    knows. `warnings` are those that it may give, None if it may give any.
    """

    environment: dict[str, str] = field(default_factory=dict)
    note: str = ""
    harm: str | None = None
    warnings: frozenset[str] | None = None


@dataclass(frozen=True)
class Said:
    """What `check --json` found, or, if it is no JSON, `crashed`."""

    ok: bool
    problems: tuple[dict[str, Any], ...] = ()
    crashed: str = ""

    def ids(self, level: str = "error") -> set[str]:
        return {problem["id"] for problem in self.problems if problem["level"] == level}


@dataclass(frozen=True)
class Done:
    """What a service answered: the status of each path, 0 where nothing came."""

    answers: dict[str, int] = field(default_factory=dict)
    output: str = ""

    @property
    def works(self) -> bool:
        return self.answers.get("/ping") == self.answers.get("/readyz") == 200


@dataclass(frozen=True)
class Verdict:
    """How a case ended, in a word, and what there is to say about it."""

    word: str
    facts: tuple[str, ...] = ()


def judge(service: BakedProject, change: Change) -> Verdict:
    """Compare what the check says with what the service does."""
    said = check(service, **change.environment)
    start = through_the_door if said.ok else past_the_checks
    done = start(service, **change.environment)
    facts = [*map(in_a_line, said.problems), f"it answered {done.answers}", done.output[-1500:]]
    if said.crashed or "check.crashed" in said.ids():
        return Verdict("UNSOUND", ("the check itself failed", said.crashed, *facts))
    word = word_for(said, done, change)
    return Verdict(word, (*([change.harm] if change.harm else []), *facts))


def word_for(said: Said, done: Done, change: Change) -> str:
    if not done.works:
        return "UNSOUND" if said.ok else "red, broken"
    if said.ok and change.harm:
        return "UNSOUND"
    if said.ok:
        alarm = change.warnings is not None and not said.ids("warning") <= change.warnings
        fine = "green, works" if done.answers["/api/chat"] == 200 else "in a view"
        return "FALSE ALARM" if alarm else fine
    by_policy = bool(said.ids()) and all(map(HARM.get, said.ids()))
    does_harm = by_policy or done.answers["/api/chat"] != 200 or change.harm
    return "red, harm" if does_harm and change.harm != "" else "FALSE ALARM"


def in_a_line(problem: dict[str, Any]) -> str:
    harm = HARM.get(problem["id"])
    fact = f"  {problem['id']}: {problem['where']} {problem['message']} -> {problem['hint']}"
    return f"{fact} ({harm})" if harm else fact


def check(service: BakedProject, **env: str) -> Said:
    done = service.run("run.py", "check", "--json", **env)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        ended_by_the_breakage = done.returncode not in (0, 1)  # in config/, which it imports
        said = f"exit {done.returncode}: {done.stdout}{done.stderr}"
        return Said(False, crashed="" if ended_by_the_breakage else said)
    problems = [problem for check in report["checks"] for problem in check["problems"]]
    crashed = "it and its exit code differ" if report["ok"] != (done.returncode == 0) else ""
    return Said(report["ok"], tuple(problems), crashed)


def through_the_door(service: BakedProject, **env: str) -> Done:
    """Start it as everybody does."""
    port = [] if "PORT" in env else ["--port", "0"]
    return started(service, [sys.executable, "run.py", "serve", *port], **env)


def past_the_checks(service: BakedProject, **env: str) -> Done:
    """Start the application itself, whatever the checks would say."""
    command: list[object] = [service.python, "-c", UNCHECKED]
    if env.get("ENVIRONMENT") == "production":
        port = env["PORT"] if env.get("PORT", "0") != "0" else free_port()
        command = list(gunicorn_alone(service, int(port)))
    try:
        return started(service, command, **env)
    except OSError as error:  # there is no Python
        return Done(output=str(error))


def started(service: BakedProject, command: list[object], **env: str) -> Done:
    with running(command, service.path, end=end_all, **{"WEB_CONCURRENCY": "1"} | env) as server:
        url = wait_for_url(server)
        answers = ask(server, url) if url else {}
    with suppress(OSError):
        os.killpg(server.process.pid, signal.SIGKILL)  # what a broken service may leave behind
    return Done(answers, server.output)


def end_all(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)


def ask(server: Server, url: str) -> dict[str, int]:
    answers = {path: status(server, url + path) for path in ("/ping", "/readyz")}
    if answers["/ping"]:
        answers["/api/chat"] = status(server, f"{url}/api/chat", MESSAGE)
    return answers


def wait_for_url(server: Server) -> str | None:
    def url() -> str | None:
        found = URL.search(server.output)
        return found and found[0]

    return first_of(server, url)


def status(server: Server, url: str, data: bytes | None = None) -> int:
    def asked() -> int | None:
        with suppress(OSError):
            return http(url, data, content_type="application/json").status
        return None

    return first_of(server, asked) or 0


def first_of(server: Server, question: Callable[[], T | None]) -> T | None:
    """Ask until there is an answer, the server has ended, or it is too late."""
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end:
        ended = server.process.poll() is not None
        if (answer := question()) is not None or ended:
            return answer
        time.sleep(0.03)
    return None
