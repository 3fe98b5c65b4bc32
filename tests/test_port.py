"""Who keeps the service from its port is named, nobody else, and the hints lead past them."""

import contextlib
import datetime
import os
import re
import shlex
import socket
import subprocess
import sys
from typing import Any

import psutil
import pytest
from breaking import append, holding, posix_only, the
from services import BakedProject, free_port, http

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="has 127.0.0.2 on Linux alone")


def found(project: BakedProject, port: object) -> list[dict[str, Any]]:
    """What `check` says of the port."""
    (check,) = (each for each in project.check(PORT=str(port))["checks"] if each["name"] == "Port")
    problems: list[dict[str, Any]] = check["problems"]
    return problems


def pids(problem: dict[str, Any]) -> set[int]:
    return {owner["pid"] for owner in problem["owners"]}


def listen_on(project: BakedProject, host: str) -> None:
    append(project.path / "config/development.py", f"HOST = {host!r}")


def is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6) as probe, contextlib.suppress(OSError):
        probe.bind((host, port))
        return True
    return False


# Who is there


def test_the_process_that_holds_the_port_is_named(bare: BakedProject) -> None:
    with holding() as (port, holders):
        problem = the(found(bare, port), "port.busy")
    (owner,) = problem["owners"]
    assert set(owner) == {"pid", "command", "user", "started", "this_project"}
    assert {owner["pid"]} == holders
    assert "listener.listen()" in owner["command"]
    assert owner["user"] == psutil.Process().username()
    assert owner["this_project"] is False
    age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(owner["started"])
    assert abs(age.total_seconds()) < 120
    assert problem["level"] == "error"
    assert "--replace" not in problem["hint"]
    assert found(bare, port) == []


@posix_only
def test_thirty_holders_are_all_named_and_fit_a_screen(bare: BakedProject) -> None:
    with holding(forks=29) as (port, holders):
        problem = the(found(bare, port), "port.busy")
    assert len(holders) == 30
    assert pids(problem) == holders
    assert all(str(pid) in problem["message"] for pid in holders)
    assert "and 27 more: " in problem["message"]
    assert len(problem["message"]) < 10 * 80


@posix_only
def test_who_only_talks_on_the_port_does_not_hold_it(bare: BakedProject) -> None:
    """A process that was given a connection, and not the socket that listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), listener.accept()[0] as accepted:
            command = [sys.executable, "-c", "input()"]
            talker = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[accepted.fileno()])
            with talker:
                problem = the(found(bare, port), "port.busy")
    assert pids(problem) == {os.getpid()}


@pytest.mark.parametrize(
    ("host", "theirs", "bystander"),
    [
        pytest.param("127.0.0.1", "127.0.0.1", "127.0.0.2", marks=linux_only),
        ("127.0.0.1", "127.0.0.1", "::1"),
        ("127.0.0.1", "0.0.0.0", "::1"),
        ("127.0.0.1", "::", None),
        pytest.param("127.0.0.1", "::ffff:127.0.0.1", "127.0.0.2", marks=linux_only),
        ("localhost", "127.0.0.1", None),
        ("0.0.0.0", "127.0.0.1", "::1"),
        ("::1", "::1", "127.0.0.1"),
        ("::1", "::", None),
        ("::", "::1", None),
        ("::", "127.0.0.1", None),
    ],
)
def test_only_who_is_in_the_way_is_named(
    bare: BakedProject, host: str, theirs: str, bystander: str | None
) -> None:
    listen_on(bare, host)
    with holding(theirs) as (port, holders):
        beside = holding(bystander, port) if bystander else contextlib.nullcontext()
        with beside:
            assert pids(the(found(bare, port), "port.busy")) == holders


@linux_only
def test_a_server_on_another_address_is_nobody_s_business(bare: BakedProject) -> None:
    with holding("127.0.0.2") as (port, _):
        assert found(bare, port) == []


def test_a_port_that_is_bound_and_not_listened_on_is_busy(bare: BakedProject) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        problem = the(found(bare, bound.getsockname()[1]), "port.busy")
    assert problem.get("owners", []) == []
    assert problem["hint"]


def test_a_port_in_time_wait_is_not_busy(bare: BakedProject) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = listener.accept()
        accepted.close()  # who closes first is left with TIME_WAIT
        assert client.recv(1) == b""
        client.close()
    if os.name == "posix":
        with socket.socket() as plain, pytest.raises(OSError, match="in use"):
            plain.bind(("127.0.0.1", port))
    assert found(bare, port) == []


# The service's own server


def test_the_own_server_is_no_error_and_can_be_replaced(service: BakedProject) -> None:
    with service.start() as server:
        port = str(server.port)
        assert service.check(PORT=port)["ok"] is True
        (problem,) = found(service, port)
        assert (problem["id"], problem["level"]) == ("port.busy", "warning")
        assert pids(problem) == {process.pid for process in server.family}
        assert all(owner["this_project"] for owner in problem["owners"])
        refused = service.run("run.py", "serve", PORT=port)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert problem["message"][:50] in refused.stderr
        command = problem["hint"].split(", or ")[0]
        assert command.endswith("--replace")
        with service.start(*shlex.split(command)[3:], PORT=port, wait=False) as second:
            second.wait_for_url()
            assert second.port == server.port
            server.process.wait()
    assert found(service, port) == []


# Where the hints lead


def test_the_port_of_the_hint_is_free_in_both_families(service: BakedProject) -> None:
    first = next(port for port in iter(free_port, 0) if is_free("::1", port + 1))
    with holding(port=first) as (port, _), holding("::1", port + 1):
        problem = the(found(service, port), "port.busy")
        command = re.search(r"python3? (run\.py serve --port (\d+))", problem["hint"])
        assert command
        assert found(service, command[2]) == []
        with service.start("--port", command[2], "--no-reload") as server:
            assert server.port == int(command[2])
            assert http(f"{server.url}/ping").status == 200


def test_a_port_held_in_the_other_address_family_is_a_warning(bare: BakedProject) -> None:
    with holding("::1") as (port, _):
        problem = the(found(bare, port), "port.shadowed")
        assert problem["level"] == "warning"
        command = re.search(r"python3? run\.py serve --port (\d+)", problem["hint"])
        assert command
        assert found(bare, command[1]) == []
    assert found(bare, port) == []


@pytest.mark.parametrize(
    "port", ["70000", "65536", "-1", "abc", "5001.0", "1e3", "0x50", " ", "99999999999999999999"]
)
def test_what_is_no_port_is_invalid(bare: BakedProject, port: str) -> None:
    problem = the(found(bare, port), "port.invalid")
    right = re.search(r'PORT ?= ?"(\d+)"', problem["hint"])
    assert right
    assert 1023 < int(right[1]) < 65536
    served = bare.run("run.py", "serve", "--port", port)
    assert served.returncode in (1, 2)
    assert "run.py serve --port " in served.stderr
    assert "Traceback" not in served.stderr


def test_an_address_of_another_machine_is_invalid(bare: BakedProject) -> None:
    listen_on(bare, "192.0.2.1")
    with holding() as (port, _):
        problem = the(found(bare, port), "port.invalid")
        command = re.search(r"run\.py serve --host 127\.0\.0\.1 --port (\d+)", problem["hint"])
        assert command
        assert int(command[1]) > port
