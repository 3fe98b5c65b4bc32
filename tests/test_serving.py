"""`python run.py` in development: it answers, on the port it is told to, and follows the code."""

import contextlib
import re
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psutil
import pytest
from breaking import append, edit, write
from services import (
    ANSWER_WITHIN,
    BakedProject,
    Server,
    environment,
    free_port,
    http,
    running,
    wait_until,
)

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 answers on Linux alone")

# The debugger's page says so where it will run what it is sent.
CONSOLE = "EVALEX = true"
BOOM = '\n\n@bp.get("/boom")\ndef boom():\n    raise RuntimeError("boom")\n'
THREADS = """

@bp.get("/threads")
def threads():
    import threading

    return [thread.name for thread in threading.enumerate()]
"""
EVERY_SECOND = """
from backend.core.database import db
from backend.models import Message


def say_tick():
    db.session.add(Message(text="tick", reply=""))
    db.session.commit()


JOBS = (Job("every_second", say_tick, timedelta(seconds=1)),)
"""


def pythons(project: BakedProject) -> dict[str, object]:
    return {"the tests'": sys.executable, "the service's": project.python}


def reply(server: Server) -> Any:
    """Return the reply to a message, or the status of an error, or None while nobody answers."""
    url, body = f"{server.url}/api/chat", b'{"message": "Hi"}'
    with contextlib.suppress(OSError, HTTPException):
        answer = http(url, body, Content_Type="application/json")
        return answer.json["reply"] if answer.status == 200 else answer.status
    return None


@pytest.mark.quick
@pytest.mark.parametrize("whose", ["the tests'", "the service's"])
def test_it_answers_whichever_python_it_is_run_by_and_prints_its_url_and_no_warning(
    service: BakedProject, whose: str
) -> None:
    append(service.path / "backend/core/health.py", BOOM)
    with service.start(python=pythons(service)[whose]) as server:
        assert http(f"{server.url}/ping").json == {"status": "ok"}
        assert http(f"{server.url}/readyz").status == 200
        assert "Hi" in reply(server)
        parent, child = server.family  # and no third process
        assert Path(child.cmdline()[0]) == service.python
        wait_until(lambda: "POST /api/chat" in server.output)
        assert server.url in server.output.splitlines()[0]
        output = server.output.lower().replace("warning werkzeug [-]  * debugger is active!", "")
        for word in ("warning", "traceback", "deprecat", "do not use it in a production"):
            assert word not in output
        boom = http(f"{server.url}/boom")
        assert (boom.status, CONSOLE in boom.body) == (500, True)  # on loopback
    assert parent.pid == server.process.pid


def test_it_can_be_started_from_another_folder_and_serve_ipv6_loopback(
    service: BakedProject, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, service.path / "run.py", "--host", "::1", "--port", "0"]
    with running(command, elsewhere) as server:
        server.wait_for_url()
        assert server.url.startswith("http://[::1]:")
        assert "Hi" in reply(server)
    assert list(elsewhere.iterdir()) == []


def test_a_busy_port_is_never_exchanged_for_another(service: BakedProject) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        done = service.run("run.py", "serve", "--port", port)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"port {port}" in done.stderr
    assert "http://" not in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_line_wins_over_the_variable_and_the_variable_over_the_config(
    service: BakedProject,
) -> None:
    line, variable, config = (str(free_port()) for _ in range(3))
    append(service.path / "config/development.py", f"\nPORT = {config}\n")
    with service.start("--port", line, PORT=variable) as server:
        assert server.port == int(line)
    with service.start(PORT=variable) as server:
        assert server.port == int(variable)
    with running([sys.executable, "run.py"], service.path) as server:
        server.wait_for_url()
        assert server.port == int(config)
        assert http(f"{server.url}/ping").status == 200


# The reloader


def test_changed_code_is_served_on_the_same_port_by_the_same_parent(service: BakedProject) -> None:
    chat = service.path / "backend/routes/chat.py"
    with service.start() as server:
        parent, child = server.family
        assert reply(server) == "You said: Hi"
        edit(chat, "You said: ", "Changed: ")
        wait_until(lambda: reply(server) == "Changed: Hi")
        edit(chat, "Changed: ", "And again, longer: ")
        wait_until(lambda: reply(server) == "And again, longer: Hi")
        assert server.process.poll() is None
        now_parent, now_child = server.family
        assert now_parent == parent
        assert now_child.pid != child.pid
    assert len(re.findall(r" is on http://", server.output)) == 1


ASYNC = '@bp.get("/late")\nasync def late():\n    return "late"'
MISTAKES = (
    ("backend/routes/chat.py", "def broken(:"),
    ("backend/routes/chat.py", "raise SystemExit(3)"),  # which is Werkzeug's code for a restart
    ("backend/routes/chat.py", ASYNC),
    ("backend/__init__.py", "1 / 0"),
    ("config/default.py", "TIMEZONE = 'Nowhere'"),
)


def test_a_mistake_does_not_end_the_server_and_fixing_it_brings_the_answers_back(
    service: BakedProject,
) -> None:
    with service.start() as server:
        assert reply(server) == "You said: Hi"
        for name, mistake in MISTAKES:
            good = (service.path / name).read_text()
            append(service.path / name, mistake)
            wait_until(lambda: reply(server) == 500)
            write(service.path / name, good)
            wait_until(lambda: reply(server) == "You said: Hi")
        assert server.process.poll() is None
        assert "late is async; in Flask that only costs a thread" in server.output


def test_werkzeug_is_pinned_and_still_knows_the_variables_that_it_is_started_with(
    shared_service: BakedProject,
) -> None:
    (serving,) = (shared_service.path / ".venv").rglob("werkzeug/serving.py")
    source = serving.read_text(encoding="utf-8")
    assert "WERKZEUG_SERVER_FD" in source
    assert "WERKZEUG_RUN_MAIN" in source
    requirements = (shared_service.path / "requirements.txt").read_text()
    assert re.search(r"^Werkzeug==\d", requirements, re.MULTILINE)


# The debugger


def test_on_loopback_an_exception_offers_the_debugger(service: BakedProject) -> None:
    """As it does on 127.0.0.1, which is the default."""
    append(service.path / "backend/core/health.py", BOOM)
    with service.start("--host", "localhost") as server:
        answer = http(f"{server.url}/boom")
    assert answer.status == 500
    assert CONSOLE in answer.body


@linux_only
@pytest.mark.parametrize("arguments", [(), ("--no-reload",)])
def test_on_any_other_address_there_is_no_debugger(
    service: BakedProject, arguments: tuple[str, ...]
) -> None:
    append(service.path / "backend/core/health.py", BOOM)
    with service.start("--host", "127.0.0.2", *arguments, python=service.python) as server:
        answer = http(f"{server.url}/boom")
        console = http(f"{server.url}/console")
    assert answer.status == 500
    assert "__debugger__" not in answer.body
    assert "RuntimeError" not in answer.body
    assert console.status == 404


# The jobs


def ticks(project: BakedProject) -> tuple[int, int, int, int]:
    """Return the runs that were started, succeeded and were left, and the messages, at a moment."""
    with closing(sqlite3.connect(project.path / "instance/development.db")) as connection:
        found: tuple[int, int, int, int] = connection.execute(
            "SELECT (SELECT count(*) FROM job_run WHERE started_at IS NOT NULL),"
            " (SELECT count(*) FROM job_run WHERE outcome = 'succeeded'),"
            " (SELECT count(*) FROM job_run WHERE outcome = 'left'),"
            " (SELECT count(*) FROM message)"
        ).fetchone()
        return found


def schedulers(project: BakedProject) -> int:
    with closing(sqlite3.connect(project.path / "instance/development.db")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM scheduler_seen").fetchone()
        return int(count)


def all_ran_once(project: BakedProject, at_least: int, left_at_most: int = 0) -> bool:
    """Return whether all runs have ended; who was left may have written its message before."""
    claimed, succeeded, left, messages = ticks(project)
    assert messages <= claimed
    assert left <= left_at_most
    return claimed == succeeded + left and messages >= succeeded >= at_least


def test_every_tick_runs_once_with_the_reloader_and_after_a_reload(service: BakedProject) -> None:
    append(service.path / "backend/jobs/__init__.py", EVERY_SECOND)
    with service.start() as server:
        wait_until(lambda: all_ran_once(service, at_least=2))
        edit(service.path / "backend/routes/chat.py", "You said", "Changed")
        wait_until(lambda: reply(server) == "Changed: Hi")
        with closing(sqlite3.connect(service.path / "instance/development.db")) as connection:
            connection.execute("DELETE FROM message WHERE text = 'Hi'")
            connection.commit()
        before = ticks(service)[0]
        wait_until(lambda: all_ran_once(service, at_least=before + 2, left_at_most=1))


def test_every_tick_runs_once_with_two_servers(service: BakedProject) -> None:
    append(service.path / "backend/jobs/__init__.py", EVERY_SECOND)
    append(service.path / "backend/core/health.py", THREADS)
    earlier = schedulers(service)  # of the first start, at the end of bootstrap.py
    with service.start() as one, service.start() as two:
        assert len({0, one.port, two.port}) == 3
        assert "APScheduler" in http(f"{one.url}/threads").json
        wait_until(lambda: schedulers(service) == earlier + 2)
        before = ticks(service)[0]
        wait_until(lambda: all_ran_once(service, at_least=before + 3))


def test_flasks_own_commands_work_and_run_no_jobs(service: BakedProject) -> None:
    append(service.path / "backend/jobs/__init__.py", EVERY_SECOND)
    append(service.path / "backend/core/health.py", THREADS)
    flask: list[str | Path] = [service.python, "-m", "flask", "--app", "backend"]
    with closing(sqlite3.connect(service.path / "instance/development.db")) as connection:
        for table in ("job_run", "message", "scheduler_seen"):
            connection.execute(f"DELETE FROM {table}")
        connection.commit()
    with running([*flask, "run", "--port", "0"], service.path) as server:
        found = wait_until(lambda: re.search(r"Running on (http://\S+)", server.output))
        threads = http(f"{found[1]}/threads")
        assert threads.status == 200
        assert "APScheduler" not in threads.json
    heads = service.run(*flask[1:], "db", "current", python=service.python)
    assert "0001" in heads.stdout
    shell = subprocess.run(
        [*flask, "shell"],
        cwd=service.path,
        env=environment(),
        input="import threading\nprint([t.name for t in threading.enumerate()], app.name)\n"
        "print(app.url_map)\n",
        capture_output=True,
        text=True,
        timeout=ANSWER_WITHIN,
    )
    assert "'MainThread'" in shell.stdout
    assert "] backend" in shell.stdout
    assert "/api/chat" in shell.stdout
    assert "APScheduler" not in shell.stdout
    for done in (heads, shell):
        assert done.returncode == 0, done.stderr
    assert ticks(service) == (0, 0, 0, 0)
    assert schedulers(service) == 0


def test_flask_run_with_the_reloader_of_flask_answers(service: BakedProject) -> None:
    command = [service.python, "-m", "flask", "--app", "backend", "run", "--debug"]
    port = str(free_port())
    with running([*command, "--port", port], service.path) as server:
        server.url = f"http://127.0.0.1:{port}"
        family = wait_until(lambda: reply(server) == "You said: Hi" and server.family)
    # Flask's own reloader leaves its child behind when its parent is told to end.
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, ANSWER_WITHIN)


# Refusals


def test_production_with_nothing_set_is_refused_without_a_traceback(
    service: BakedProject,
) -> None:
    for arguments in ((), ("serve", "--no-reload"), ("--port", "0")):
        done = service.run("run.py", *arguments, ENVIRONMENT="production")
        assert (done.returncode, done.stdout) == (1, "")
        assert "SECRET_KEY" in done.stderr
        assert "DATABASE_URL" in done.stderr
        assert "Traceback" not in done.stderr
    ids = service.ids(ENVIRONMENT="production", PORT="0")
    assert ids == {"settings.missing", "dependencies.missing"}


def test_a_mistake_at_the_start_is_refused_without_serving(service: BakedProject) -> None:
    edit(service.path / "backend/routes/chat.py", "def post_message(", "async def post_message(")
    done = service.run("run.py", "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "backend/routes/chat.py:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_request_is_one_short_line_of_the_log_without_colours(service: BakedProject) -> None:
    with service.start() as server:
        http(f"{server.url}/ping")
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"GET /a\x1b[31m\xc3\xb6 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            client.recv(1)
        wait_until(lambda: " 404 " in server.output)
        lines = re.sub(r"\[\w{32}\] |\d+ ms", "", server.output).splitlines()
    assert r"INFO werkzeug GET /ping 200 " in lines
    assert r"INFO werkzeug GET /a\x1b[31m\xc3\xb6 404 " in lines
    assert "\033" not in server.output
