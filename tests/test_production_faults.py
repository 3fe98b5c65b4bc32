"""Production while something fails: nothing that was acknowledged is lost, and it recovers."""

import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil
import pytest
from breaking import append, edit, migration, with_routes
from load import Load
from postgresql import PASSWORD, PostgreSQL, query
from services import ANSWER_WITHIN, BakedProject, Server, gunicorn, gunicorn_alone, http, wait_until
from test_production import CHAT, lines_of, log, post, serving

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills with POSIX signals")

THREADS = 2 * 8  # of gunicorn.conf.py
# Begins a transaction, says when it has begun, and ends a second after it is told to.
WAITING = """

@bp.get("/waiting/<name>")
def waiting(name):
    import pathlib, time
    from sqlalchemy import text

    db.session.execute(text("SELECT 1"))
    folder = pathlib.Path(__file__).parent
    (folder / f"{name}.begun").touch()
    end = time.monotonic() + 15
    while not (folder / "go").exists() and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(1)
    return {"answered": name}
"""
SLEEP = """

@bp.get("/api/sleep")
def sleep():
    from sqlalchemy import text

    db.session.execute(text("SELECT pg_sleep(60)"))
"""
LONG = """

@bp.get("/long")
def long():
    import time

    time.sleep(3)
    return {"answered": "late"}
"""
# Connections of others to the database, and whether each is tested before its next use.
OTHERS = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
UNUSED = f"SELECT bool_and(state_change < now() - interval '2 seconds') {OTHERS}"
HEAD = b"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
HALF_BODY = HEAD + b'Content-Length: 60000\r\n\r\n{"message": "'
HALF_HEADERS = HEAD + b"X-Slow: "
# What a client sends at first, and what it goes on with.
SLOW_CLIENTS = {
    "half of a body": (HALF_BODY, b""),
    "a body byte by byte": (HALF_BODY, b"a"),
    "half of the headers": (HALF_HEADERS, b""),
    "headers byte by byte": (HALF_HEADERS, b"a"),
    "nothing": (b"", b""),
}
GET = b"GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\n"
FLOODS = {
    "1000 headers": GET + b"".join(b"X-%d: a\r\n" % number for number in range(1000)) + b"\r\n",
    "a header of 100 KB": GET + b"X-Long: " + b"a" * 100_000 + b"\r\n\r\n",
    "a request line of 1 MB": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
}


def workers(service: Server) -> set[int]:
    return {child.pid for child in psutil.Process(service.process.pid).children()}


def both_workers(service: Server) -> Any:
    return wait_until(lambda: len(workers(service)) == 2 and workers(service))


@contextlib.contextmanager
def frozen(server: PostgreSQL) -> Iterator[None]:
    """Stop all of PostgreSQL's processes where they are."""
    assert server.process
    parent = psutil.Process(server.process.pid)
    parent.suspend()
    processes = [parent, *parent.children(recursive=True)]
    try:
        for process in processes:
            process.suspend()
        yield
    finally:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):  # it had ended, and is reaped now
                process.resume()


def is_cut_off(client: socket.socket, byte: bytes) -> bool:
    """Send one byte more, and return whether the server has ended the connection."""
    try:
        client.sendall(byte)
        return client.recv(4096, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def status_of(service: Server, request: bytes) -> int | None:
    """Return the status, or None if the connection is closed without an answer."""
    with socket.create_connection(("127.0.0.1", service.port), ANSWER_WITHIN) as client:
        try:
            client.sendall(request)
            return int(client.recv(4096).split()[1])
        except (ConnectionError, IndexError):
            return None


@pytest.fixture
def migrated(migrated: dict[str, str]) -> dict[str, str]:
    return migrated | {"WEB_CONCURRENCY": "2"}


@pytest.fixture
def waiting(project: BakedProject, tmp_path: Path) -> BakedProject:
    return with_routes(project, tmp_path, WAITING)


# Under load, and under attack


def test_a_killed_worker_is_logged_and_replaced_and_no_message_is_lost(
    project: BakedProject, migrated: dict[str, str]
) -> None:
    with project.start(**migrated) as service, Load(service.url) as load:
        before = both_workers(service)
        load.goes_on()
        killed = min(before)
        os.kill(killed, signal.SIGKILL)
        load.goes_on()
        wait_until(lambda: len(workers(service) - {killed}) == 2)
        assert before - {killed} < workers(service)
        load.goes_on()
    assert load.refused == []
    assert len(load.errors) <= len(load.threads), "more than what the worker had in flight"
    load.assert_stored(migrated["DATABASE_URL"])
    lines = log(service.output)
    assert any(line["level"] == "ERROR" and str(killed) in line["message"] for line in lines)


def test_with_the_database_restarted_the_workers_recover_and_no_message_is_lost(
    project: BakedProject, server: PostgreSQL, migrated: dict[str, str]
) -> None:
    with gunicorn(project, **migrated) as service, Load(service.url) as load:
        before = both_workers(service)
        load.goes_on()
        server.stop()
        try:
            wait_until(lambda: len(load.refused) >= 20)
            assert http(f"{service.url}/ping").status == 200
            assert http(f"{service.url}/readyz").status == 503
        finally:
            server.start()
        load.goes_on(200)
        assert http(f"{service.url}/readyz").status == 200
        assert workers(service) == before
    assert load.errors == []
    assert {answer.status for answer in load.refused} == {503}
    types = {answer.headers["Content-Type"] for answer in load.refused}
    assert types == {"application/problem+json"}
    load.assert_stored(migrated["DATABASE_URL"])


def test_connections_that_were_cut_off_while_unused_are_replaced(
    project: BakedProject, migrated: dict[str, str]
) -> None:
    url = migrated["DATABASE_URL"]
    with gunicorn(project, **migrated) as service:
        assert post(service.url, "Hi").status == 200
        wait_until(lambda: query(url, UNUSED) == [(True,)])
        assert query(url, f"SELECT pg_terminate_backend(pid, 60_000) {OTHERS}") != []
        assert {post(service.url, "Hi").status for _ in range(20)} == {200}


def test_a_database_that_goes_away_during_a_request_is_no_500(
    server: PostgreSQL, migrated: dict[str, str], waiting: BakedProject
) -> None:
    folder = waiting.path / "backend/core"
    with ThreadPoolExecutor() as pool, gunicorn(waiting, **migrated) as service:
        asked = pool.submit(http, f"{service.url}/waiting/one")
        wait_until((folder / "one.begun").exists)
        server.stop()
        try:
            (folder / "go").touch()
            answer = asked.result()
        finally:
            server.start()
    assert answer.status in (200, 503)
    assert answer.headers["X-Request-ID"]


def test_told_to_end_it_answers_what_it_has_begun_and_loses_no_message(
    migrated: dict[str, str], waiting: BakedProject
) -> None:
    folder = waiting.path / "backend/core"
    names = ("one", "two", "three")
    with (
        ThreadPoolExecutor() as pool,
        waiting.start(**migrated) as service,
        Load(service.url) as load,
    ):
        begun = [pool.submit(http, f"{service.url}/waiting/{name}") for name in names]
        wait_until(lambda: all((folder / f"{name}.begun").exists() for name in names))
        load.goes_on()
        service.process.terminate()
        wait_until(lambda: "Handling signal: term" in service.output)
        (folder / "go").touch()
        assert [answer.result().json for answer in begun] == [{"answered": name} for name in names]
        assert service.process.wait(ANSWER_WITHIN) == 0
    assert load.refused == []
    assert all(isinstance(error, ConnectionError) for error in load.errors)
    load.assert_stored(migrated["DATABASE_URL"])


def test_a_frozen_database_is_told_again_and_again_until_it_goes_on(
    project: BakedProject, server: PostgreSQL, migrated: dict[str, str]
) -> None:
    with gunicorn(project, **migrated) as service:
        assert http(f"{service.url}/readyz").status == 200
        with frozen(server):
            for _ in range(3):
                away = http(f"{service.url}/readyz")
                assert (away.status, away.json["database"]) == (503, "does not answer")
                assert http(f"{service.url}/ping").status == 200
        wait_until(lambda: http(f"{service.url}/readyz").status == 200)
        assert http(f"{service.url}/readyz").status == 200
        assert post(service.url, "Hi").status == 200


def test_twice_as_many_slow_clients_as_threads_are_cut_off(
    project: BakedProject, migrated: dict[str, str], tmp_path: Path
) -> None:
    copy = project.copy(tmp_path)
    worker = copy.path / "launcher/serving/gunicorn_worker.py"
    edit(worker, "READ_WITHIN = 10", "READ_WITHIN = 2")
    with (
        gunicorn(copy, **migrated) as service,
        contextlib.ExitStack() as stack,
        ThreadPoolExecutor() as pool,
    ):
        assert http(f"{service.url}/ping").status == 200
        connected = {}
        for number in range(2 * THREADS):
            kind = list(SLOW_CLIENTS)[number % len(SLOW_CLIENTS)]
            client = stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            client.sendall(SLOW_CLIENTS[kind][0])
            connected[client] = kind
        ping = pool.submit(http, f"{service.url}/ping")
        left = dict(connected)

        def all_are_cut_off() -> bool:
            for client, kind in list(left.items()):
                if is_cut_off(client, SLOW_CLIENTS[kind][1]):
                    del left[client]
            return not left

        wait_until(all_are_cut_off, seconds=40)
        assert ping.result().status == 200
        assert post(service.url, "Hi").status == 200


def test_a_view_that_takes_long_is_answered_and_its_connection_closed(
    project: BakedProject, migrated: dict[str, str], tmp_path: Path
) -> None:
    copy = with_routes(project, tmp_path, LONG)
    worker = copy.path / "launcher/serving/gunicorn_worker.py"
    edit(worker, "READ_WITHIN = 10", "READ_WITHIN = 1")
    with (
        gunicorn(copy, **migrated) as service,
        contextlib.closing(HTTPConnection("127.0.0.1", service.port)) as connection,
    ):
        for path, header in ("/ping", "keep-alive"), ("/long", "close"):
            connection.request("GET", path)
            answer = connection.getresponse()
            assert (answer.status, answer.headers["Connection"]) == (200, header)
            assert answer.read()


def test_a_database_that_may_only_be_read_is_503_until_it_may_be_written_to(
    project: BakedProject, migrated: dict[str, str]
) -> None:
    url = migrated["DATABASE_URL"]
    query(url, f"ALTER DATABASE {url.rpartition('/')[2]} SET default_transaction_read_only = on")
    with gunicorn(project, **migrated) as service:
        assert post(service.url, "Hi").status == 503
        unready = http(f"{service.url}/readyz")
        assert (unready.status, unready.json["database"]) == (503, "refuses")
        wait_until(lambda: query(url, UNUSED) == [(True,)])
        end_read_only(url)
        wait_until(lambda: post(service.url, "Hi").status == 200)
        assert http(f"{service.url}/readyz").status == 200


def end_read_only(url: str) -> None:
    """Let new connections write again, and cut those that may not."""
    name = url.rpartition("/")[2]
    writing = f"{url}?options=-cdefault_transaction_read_only%3Doff"
    query(writing, f"ALTER DATABASE {name} RESET default_transaction_read_only")
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    query(writing, f"{cut} WHERE datname = '{name}' AND pid <> pg_backend_pid()")


def test_a_flood_of_headers_is_refused_and_hurts_nobody(
    project: BakedProject, migrated: dict[str, str]
) -> None:
    with gunicorn(project, **migrated) as service:
        for request in [*FLOODS.values()] * THREADS:
            assert status_of(service, request) in (None, *range(400, 500))
        assert http(f"{service.url}/ping").status == 200


# Readiness


def test_a_schema_that_is_behind_is_not_ready_and_says_why(
    project: BakedProject, server: PostgreSQL, migrated: dict[str, str]
) -> None:
    url = server.new_database()
    with gunicorn(project, **migrated | {"DATABASE_URL": url}) as service:
        answer = http(f"{service.url}/readyz")
        assert http(f"{service.url}/ping").status == 200
    assert answer.status == 503
    assert answer.json == {"status": "unavailable", "database": "ok", "migrations": "pending"}


def test_without_one_of_its_tables_it_is_not_ready_and_says_which(
    project: BakedProject, migrated: dict[str, str]
) -> None:
    url = migrated["DATABASE_URL"]
    with gunicorn(project, **migrated) as service:
        assert http(f"{service.url}/readyz").status == 200
        query(url, "ALTER TABLE message RENAME TO gone")
        answer = http(f"{service.url}/readyz")
        assert (answer.status, answer.json["database"]) == (503, "lacks tables")
        wait_until(lambda: "the database has no table message" in service.output)
        query(url, "ALTER TABLE gone RENAME TO message")
        assert http(f"{service.url}/readyz").status == 200


@pytest.mark.parametrize("fault", ["wrong password", "no such database", "TLS required"])
def test_a_database_that_refuses_is_not_ready_and_says_no_secret(
    project: BakedProject, server: PostgreSQL, migrated: dict[str, str], fault: str
) -> None:
    urls = {
        "wrong password": server.url(password="falsch-4711"),
        "no such database": server.url(database="nosuchthing"),
        "TLS required": server.url() + "?sslmode=require",
    }
    variables = migrated | {"DATABASE_URL": urls[fault]}
    with serving(project, *gunicorn_alone(project), **variables) as service:
        answer = http(f"{service.url}/readyz")
        refused = post(service.url, CHAT)
        lines_of(service, refused.headers["X-Request-ID"], 2)
    assert answer.status == 503
    assert answer.json == {"status": "unavailable", "database": "does not answer"}
    assert (refused.status, refused.json["status"]) == (503, 503)
    told = answer.body + refused.body + service.output + service.errors
    for secret in (PASSWORD, "falsch-4711", migrated["SECRET_KEY"], CHAT):
        assert secret not in told


def test_readyz_says_when_a_scheduler_was_last_seen(
    project: BakedProject, migrated: dict[str, str]
) -> None:
    with gunicorn(project, **migrated) as service:
        before = http(f"{service.url}/readyz")
        assert (before.status, before.json["scheduler_seen"]) == (200, None)
        with serving(project, sys.executable, "run.py", "scheduler", **migrated) as scheduler:
            seen = wait_until(lambda: http(f"{service.url}/readyz").json["scheduler_seen"])
            scheduler.process.terminate()
            assert scheduler.process.wait(ANSWER_WITHIN) == 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", seen)
    assert scheduler.lines == log(scheduler.output)


# Deploying and rolling back

ADDITIVE = 'op.add_column("message", sa.Column("mood", sa.Text(), nullable=True))'


def test_a_deployment_and_its_rollback_lose_no_request(
    project: BakedProject, migrated: dict[str, str], tmp_path: Path
) -> None:
    """The older code answers until the newer does, and is started again on the newer schema."""
    newer = project.copy(tmp_path)
    (newer.path / "migrations/0002_mood.py").write_text(migration("0002", "0001", ADDITIVE))
    append(newer.path / "backend/models.py", "Message.mood = mapped_column(Text)")

    def is_ready(service: Server, migrations: str) -> None:
        answer = http(f"{service.url}/readyz")
        assert (answer.status, answer.json["migrations"]) == (200, migrations)

    with contextlib.ExitStack() as kept:

        def start(code: BakedProject) -> tuple[Server, Load]:
            service = kept.enter_context(gunicorn(code, **migrated))
            load = kept.enter_context(Load(service.url, threads=1))
            load.goes_on()
            return service, load

        old, old_load = start(project)
        done = newer.run("run.py", "db", "upgrade", **migrated)
        assert done.returncode == 0, done.stderr
        old_load.goes_on()
        is_ready(old, "ahead")
        new, new_load = start(newer)
        is_ready(new, "ok")
        back, back_load = start(project)
        is_ready(back, "ahead")
        old_load.goes_on()
    for load in (old_load, new_load, back_load):
        assert (load.refused, load.errors) == ([], [])
        load.assert_stored(migrated["DATABASE_URL"])


# Time-outs


def test_a_statement_that_takes_too_long_ends_in_503(
    project: BakedProject, migrated: dict[str, str], tmp_path: Path
) -> None:
    copy = with_routes(project, tmp_path, SLEEP)
    append(copy.path / "config/production.py", "DATABASE_STATEMENT_TIMEOUT = 1")
    with gunicorn(copy, **migrated) as service:
        answer = http(f"{service.url}/api/sleep")
        assert post(service.url, "Hi").status == 200
    assert (answer.status, answer.json["status"]) == (503, 503)


def test_a_migration_may_take_longer_than_a_statement(
    project: BakedProject, server: PostgreSQL, migrated: dict[str, str], tmp_path: Path
) -> None:
    copy = project.copy(tmp_path)
    append(copy.path / "config/production.py", "DATABASE_STATEMENT_TIMEOUT = 1")
    sleeping = migration("0002", "0001", 'op.execute("SELECT pg_sleep(2)")')
    (copy.path / "migrations/0002_sleeping.py").write_text(sleeping)
    url = server.new_database()
    done = copy.run("run.py", "db", "upgrade", **migrated | {"DATABASE_URL": url})
    assert done.returncode == 0, done.stderr
    assert copy.ids(**migrated | {"DATABASE_URL": url}) == set()
