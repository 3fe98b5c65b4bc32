"""Whatever ends the server, whatever it is doing: nothing stays behind, nobody else is hurt."""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator

import psutil
import pytest
from breaking import append
from services import ANSWER_WITHIN, BakedProject, Server, free_port, http, wait_until

pytestmark = pytest.mark.skipif(os.name == "nt", reason="kills with POSIX signals")

# Most of the kills are where they cost least.
TIMES = {"bound": 15, "child started": 10, "idle": 4, "in requests": 8, "in a reload": 2}
SLOW = """

@bp.get("/slow")
def slow():
    import pathlib, threading

    pathlib.Path(current_app.instance_path, "entered").touch()
    threading.Event().wait()
"""


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except OSError:
            return False
        return True


def is_listened_on(port: int) -> bool:
    """Ask without taking the port, of which a server that is just starting would hear."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def all_gone(family: Iterable[psutil.Process]) -> bool:
    return not any(alive(process) for process in family)


def alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def answers(server: Server) -> bool:
    with contextlib.suppress(OSError):
        return http(f"{server.url}/ping").status == 200
    return False


def assert_nothing_is_left(family: Iterable[psutil.Process], port: int) -> None:
    wait_until(lambda: all_gone(family) and is_free(port))


@contextlib.contextmanager
def reaped(*servers: Server) -> Iterator[None]:
    """Wait for the servers, as the shell that started them would: nobody remains a zombie."""
    threads = [threading.Thread(target=server.process.wait) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join(ANSWER_WITHIN)


# Killed


@pytest.mark.parametrize("moment", ["bound", "child started"])
def test_killed_at_the_start_it_leaves_nobody_on_the_port(
    service: BakedProject, moment: str
) -> None:
    for _ in range(TIMES[moment]):
        port = free_port()
        with service.start("--port", port, wait=False) as server:
            if moment == "bound":
                wait_until(lambda port=port: is_listened_on(port))
            else:
                wait_until(lambda server=server: len(server.family) > 1)
            family = server.family
            server.process.kill()
            assert server.process.wait(ANSWER_WITHIN) == -signal.SIGKILL
            assert_nothing_is_left(family, port)


@pytest.mark.parametrize("arguments", [(), ("--no-reload",)])
def test_killed_while_idle_it_leaves_nobody_on_the_port(
    service: BakedProject, arguments: tuple[str, ...]
) -> None:
    for _ in range(TIMES["idle"]):
        with service.start(*arguments) as server:
            family = server.family
            assert len(family) == (1 if arguments else 2)
            server.process.kill()
            server.process.wait(ANSWER_WITHIN)
            assert_nothing_is_left(family, server.port)


def test_killed_during_requests_it_leaves_nobody_on_the_port(service: BakedProject) -> None:
    health = service.path / "backend/core/health.py"
    append(health, SLOW)
    entered = service.path / "instance/entered"
    for _ in range(TIMES["in requests"]):
        entered.unlink(missing_ok=True)
        with service.start() as server:
            address = ("127.0.0.1", server.port)
            clients = [socket.create_connection(address) for _ in range(3)]
            for client in clients:
                client.sendall(b"GET /slow HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            wait_until(entered.exists)
            family = server.family
            server.process.kill()
            server.process.wait(ANSWER_WITHIN)
            assert_nothing_is_left(family, server.port)
            for client in clients:
                client.close()


REACHED: dict[str, Callable[[Server, psutil.Process, psutil.Process], object]] = {
    "noticed": lambda server, parent, child: "reloading" in server.output,
    "child gone": lambda server, parent, child: not alive(child),
    "child started": lambda server, parent, child: set(server.family) - {parent, child},
}


@pytest.mark.parametrize("moment", REACHED)
def test_killed_during_a_reload_it_leaves_nobody_on_the_port(
    service: BakedProject, moment: str
) -> None:
    chat = service.path / "backend/routes/chat.py"
    for _ in range(TIMES["in a reload"]):
        with service.start() as server:
            assert answers(server)
            parent, child = server.family
            append(chat, "\n# changed")
            wait_until(lambda run=(server, parent, child): REACHED[moment](*run))
            family = {child, *server.family}
            server.process.kill()
            server.process.wait(ANSWER_WITHIN)
            assert_nothing_is_left(family, server.port)


def test_a_killed_child_ends_the_parent_with_a_failure(service: BakedProject) -> None:
    with service.start() as server:
        parent, child = family = server.family
        child.kill()
        assert server.process.wait(ANSWER_WITHIN) not in (0, None)
        assert_nothing_is_left(family, server.port)
    assert parent not in psutil.process_iter()


def test_a_killed_group_leaves_nobody_on_the_port(service: BakedProject) -> None:
    with service.start() as server:
        family = server.family
        os.killpg(server.process.pid, signal.SIGKILL)
        assert server.process.wait(ANSWER_WITHIN) == -signal.SIGKILL
        assert_nothing_is_left(family, server.port)


# Told to end


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
@pytest.mark.parametrize("mode", ["reloader", "single process"])
def test_a_signal_ends_everything_and_is_the_exit_code(
    service: BakedProject, name: str, mode: str
) -> None:
    """The signal that is sent to a whole group is that of a terminal, or of a supervisor."""
    number = signal.Signals[name]
    arguments = () if mode == "reloader" else ("--no-reload",)
    python = service.python if mode == "single process" else sys.executable
    for to in (os.kill, os.killpg) if name == "SIGINT" else (os.kill,):
        with service.start(*arguments, python=python) as server:
            assert answers(server)
            family = server.family
            assert len(family) == (2 if mode == "reloader" else 1)
            to(server.process.pid, number)
            assert server.process.wait(ANSWER_WITHIN) == -number
            assert_nothing_is_left(family, server.port)
        assert "Traceback" not in server.output


def test_a_supervisor_that_tells_the_whole_group_sees_no_traceback(service: BakedProject) -> None:
    for _ in range(TIMES["idle"]):
        with service.start() as server:
            assert answers(server)
            os.killpg(server.process.pid, signal.SIGTERM)
            assert server.process.wait(ANSWER_WITHIN) == -signal.SIGTERM
        assert "Traceback" not in server.output


def test_a_signal_during_a_request_ends_everything(service: BakedProject) -> None:
    append(service.path / "backend/core/health.py", SLOW)
    with service.start() as server:
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"GET /slow HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            wait_until((service.path / "instance/entered").exists)
            family = server.family
            server.process.terminate()
            assert server.process.wait(ANSWER_WITHIN) == -signal.SIGTERM
        assert_nothing_is_left(family, server.port)


def command_lines(server: Server) -> Iterator[list[str]]:
    for process in server.family:
        with contextlib.suppress(psutil.NoSuchProcess):
            yield process.cmdline()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_before_the_url_ends_everything(service: BakedProject, name: str) -> None:
    port = free_port()
    with service.start("--port", port, wait=False) as server:
        # Not one that only tries whether .venv has a Python: the next one is still starting then.
        wait_until(lambda: any("launcher.serving.child" in each for each in command_lines(server)))
        family = server.family
        server.process.send_signal(signal.Signals[name])
        assert server.process.wait(ANSWER_WITHIN) == -signal.Signals[name]
        assert_nothing_is_left(family, port)
    assert "Traceback" not in server.output


def test_nothing_is_said_to_be_leaked_at_a_reload_or_at_the_end(service: BakedProject) -> None:
    """Where processes are not forked, as in Python 3.14, Werkzeug's debugger has a semaphore."""
    chat = service.path / "backend/routes/chat.py"
    append(
        chat, "\nimport multiprocessing\nmultiprocessing.set_start_method('spawn', force=True)\n"
    )
    with service.start() as server:
        assert answers(server)
        append(chat, "\n# changed")
        wait_until(lambda: server.output.count("Debugger is active") == 2)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(ANSWER_WITHIN) == -signal.SIGINT
    assert "leaked" not in server.output
