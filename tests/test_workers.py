"""gunicorn's workers: replaced and ended under clients, none of whom may notice, counted.

What a test needs to happen meanwhile it makes happen: new code is imported until the test says so,
and what is to wait in the socket's queue waits for workers that are suspended.
"""

import contextlib
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil
import pytest
from breaking import append, edit, with_routes
from load import Load
from postgresql import PostgreSQL
from services import ANSWER_WITHIN, BakedProject, Server, gunicorn, http, wait_until
from test_production import log, post
from test_production_faults import THREADS, frozen, workers

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn does not run on Windows")

# The import says that it has begun, and ends when it may.
SLOW = """
import pathlib, time
folder = pathlib.Path(__file__).parent
(folder / "importing").touch()
while not (folder / "go").exists():
    time.sleep(0.01)
"""
BIG = """

@bp.get("/big")
def big():
    return b"x" * 20_000_000
"""


@pytest.fixture
def copy(project: BakedProject, tmp_path: Path) -> BakedProject:
    return project.copy(tmp_path)


@contextlib.contextmanager
def loaded(service: Server) -> Any:
    """Two loads, of new connections and of those that are kept; both are answered by 200 alone."""
    with (
        Load(service.url, threads=2) as fresh,
        Load(service.url, threads=1, keep_alive=True) as kept_alive,
    ):

        def both_go_on() -> None:
            fresh.goes_on()
            kept_alive.goes_on()

        both_go_on()
        yield both_go_on
        both_go_on()
    for load in (fresh, kept_alive):
        assert (load.errors, load.refused) == ([], [])


def imports_slowly(copy: BakedProject) -> Path:
    """Make the code such that is not loaded before this file is there."""
    append(copy.path / "backend/models.py", SLOW)
    return copy.path / "backend/go"


def replies(service: Server) -> str:
    reply: str = post(service.url, "Hi").json["reply"]
    return reply.removesuffix("Hi")


def test_sighup_loads_new_code_and_one_worker_serves_until_another_does(
    copy: BakedProject, migrated: dict[str, str]
) -> None:
    with gunicorn(copy, **migrated) as service, loaded(service) as goes_on:
        (old,) = workers(service)
        go = imports_slowly(copy)
        edit(copy.path / "backend/routes/chat.py", "You said: ", "Changed: ")
        service.process.send_signal(signal.SIGHUP)
        wait_until((copy.path / "backend/importing").exists)
        goes_on()
        assert (len(workers(service)), replies(service)) == (2, "You said: ")
        go.touch()
        wait_until(lambda: replies(service) == "Changed: ")
        wait_until(lambda: old not in workers(service))
        assert len(workers(service)) == 1


def test_a_request_that_came_while_the_worker_waited_for_another_client_is_answered(
    copy: BakedProject, migrated: dict[str, str]
) -> None:
    """At the end of a connection gunicorn waits two seconds for the client to close it, too."""
    edit(copy.path / "gunicorn.conf.py", "keepalive = 5", "keepalive = 1")
    with (
        gunicorn(copy, **migrated) as service,
        contextlib.closing(HTTPConnection("127.0.0.1", service.port, ANSWER_WITHIN)) as kept,
        socket.create_connection(("127.0.0.1", service.port), ANSWER_WITHIN) as slow,
    ):
        kept.request("GET", "/nothing")
        kept.getresponse().read()
        slow.sendall(b"GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        while slow.recv(4096):
            pass
        kept.request("GET", "/nothing")
        assert kept.getresponse().status == 404


def test_a_client_that_never_closes_its_end_and_sends_on_is_cut_off(
    project: BakedProject, migrated: dict[str, str]
) -> None:
    with (
        gunicorn(project, **migrated) as service,
        socket.create_connection(("127.0.0.1", service.port), ANSWER_WITHIN) as client,
    ):
        client.sendall(b"GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        while client.recv(4096):
            pass
        wait_until(lambda: refuses(client))
        assert http(f"{service.url}/ping").status == 200


def refuses(client: socket.socket) -> bool:
    """Return whether the other side takes nothing any more."""
    try:
        client.sendall(b"a")
    except ConnectionError:
        return True
    return False


def test_a_worker_that_has_served_enough_goes_on_until_another_serves(
    copy: BakedProject, migrated: dict[str, str]
) -> None:
    edit(copy.path / "gunicorn.conf.py", "max_requests = 50_000", "max_requests = 1_000")
    edit(copy.path / "gunicorn.conf.py", "max_requests_jitter = 5_000", "max_requests_jitter = 0")
    with gunicorn(copy, **migrated) as service, loaded(service) as goes_on:
        (old,) = workers(service)
        go = imports_slowly(copy)
        wait_until((copy.path / "backend/importing").exists)
        goes_on()
        assert old in workers(service)
        go.touch()
        wait_until(lambda: old not in workers(service))


def test_code_that_does_not_start_is_told_and_the_old_serves_until_it_is_mended(
    copy: BakedProject, migrated: dict[str, str]
) -> None:
    models = copy.path / "backend/models.py"
    with gunicorn(copy, **migrated) as service, loaded(service) as goes_on:
        (old,) = workers(service)
        append(models, "raise ValueError('not yet finished')")
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "the old ones serve on" in service.output)
        goes_on()
        assert workers(service) == {old}
        edit(models, "raise ValueError('not yet finished')", "")
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: old not in workers(service))
    errors = [line for line in log(service.output) if line["level"] == "ERROR"]
    assert "not yet finished" in errors[0]["exc_info"]
    assert service.process.returncode == 0


def test_a_worker_that_is_missing_starts_once_the_code_is_mended(
    copy: BakedProject, migrated: dict[str, str]
) -> None:
    models = copy.path / "backend/models.py"
    edit(copy.path / "launcher/serving/gunicorn_arbiter.py", "TRIES_AFTER = 5", "TRIES_AFTER = 0.1")
    with gunicorn(copy, **migrated) as service, loaded(service) as goes_on:
        (old,) = workers(service)
        append(models, "raise ValueError('not yet finished')")
        service.process.send_signal(signal.SIGTTIN)  # one more
        wait_until(lambda: "the old ones serve on" in service.output)
        goes_on()
        edit(models, "raise ValueError('not yet finished')", "")
        wait_until(lambda: len(workers(service)) == 2)
        assert old in workers(service)


def test_sigterm_during_a_reload_that_fails_ends_all(
    copy: BakedProject, migrated: dict[str, str]
) -> None:
    with gunicorn(copy, **migrated) as service:
        go = imports_slowly(copy)
        append(copy.path / "backend/models.py", "raise ValueError('not yet finished')")
        service.process.send_signal(signal.SIGHUP)
        wait_until((copy.path / "backend/importing").exists)
        processes = psutil.Process(service.process.pid).children()
        service.process.terminate()
        wait_until(lambda: "Handling signal: term" in service.output)
        go.touch()
        assert service.process.wait(ANSWER_WITHIN) == 0
    assert not any(process.is_running() for process in processes)
    assert "HaltServer" not in service.output


def test_who_waits_in_the_queue_at_sigterm_is_answered(
    copy: BakedProject, migrated: dict[str, str]
) -> None:
    with gunicorn(copy, **migrated | {"WEB_CONCURRENCY": "2"}) as service:
        both = wait_until(lambda: len(workers(service)) == 2 and workers(service))
        assert http(f"{service.url}/ping").status == 200
        processes = [psutil.Process(pid) for pid in both]
        for process in processes:
            process.suspend()
        with ThreadPoolExecutor(40) as pool:
            asked = [pool.submit(http, f"{service.url}/ping") for _ in range(40)]
            wait_until(lambda: waiting(service.port) == 40)
            service.process.terminate()
            wait_until(lambda: "Handling signal: term" in service.output)
            for process in processes:
                process.resume()
            assert [answer.result().status for answer in asked] == [200] * 40
        assert service.process.wait(ANSWER_WITHIN) == 0


def waiting(port: int) -> int:
    """Return how many clients are connected, by their own side."""
    here = psutil.Process().net_connections("tcp")
    return sum(c.status == psutil.CONN_ESTABLISHED and c.raddr[1:] == (port,) for c in here)


def test_ping_is_answered_while_all_threads_wait_for_the_database(
    project: BakedProject, server: PostgreSQL, migrated: dict[str, str]
) -> None:
    with gunicorn(project, **migrated) as service:
        assert post(service.url, "Hi").status == 200
        with ThreadPoolExecutor(THREADS) as pool:
            with frozen(server):
                asked = [pool.submit(post, service.url, "Hi") for _ in range(THREADS)]
                wait_until(lambda: waiting(service.port) == THREADS)
                for _ in range(3):
                    assert http(f"{service.url}/ping").status == 200
                assert not any(answer.done() for answer in asked)
            assert {answer.result().status for answer in asked} <= {200, 503}


def test_clients_that_do_not_take_their_answers_are_cut_off(
    project: BakedProject, migrated: dict[str, str], tmp_path: Path
) -> None:
    copy = with_routes(project, tmp_path, BIG)
    worker = copy.path / "launcher/serving/gunicorn_worker.py"
    edit(worker, "TAKEN_WITHIN = 10", "TAKEN_WITHIN = 1")
    with gunicorn(copy, **migrated) as service, contextlib.ExitStack() as stack:
        for _ in range(THREADS):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            client.sendall(b"GET /big HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert http(f"{service.url}/ping").status == 200
        assert post(service.url, "Hi").status == 200
