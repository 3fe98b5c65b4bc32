"""Who keeps the service from its port is named, nobody else, and the hints lead past them."""

import contextlib
import datetime
import json
import os
import re
import socket
import subprocess
import sys
from typing import Any

import psutil
import pytest
from breaking import append, holding, posix_only, the
from services import BakedProject, free_port, http

ON_LINUX = sys.platform == "linux"
linux_only = pytest.mark.skipif(not ON_LINUX, reason="has 127.0.0.2 on Linux alone")
# Prints what the check of the port finds for each host and each port that it is told, in turn.
EACH = """
import json, os, pathlib, sys
from launcher.checks.port import check_port
from launcher.checks.service import Service
from launcher.server import take_port
asked, sys.argv = json.loads(sys.argv[1]), ["run.py"]
for host, port in asked:
    os.environ["PORT"] = port
    service = Service(pathlib.Path.cwd().resolve(), host)
    take_port(service)
    problems = [{**vars(problem), **problem.details} for problem in check_port(service)]
    print(json.dumps(problems, default=str))
    if service.listener:
        service.listener.close()
"""


def found_each(
    project: BakedProject, *asked: tuple[str | None, object]
) -> list[list[dict[str, Any]]]:
    """Return what the check of the port finds for each host and port, all in one process."""
    told = json.dumps([(host, str(port)) for host, port in asked])
    done = project.run("-c", EACH, told)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def found_at(project: BakedProject, port: object) -> list[dict[str, Any]]:
    (problems,) = found_each(project, (None, port))
    return problems


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
    assert found_at(bare, port) == []


@posix_only
def test_thirty_holders_are_all_named_and_fit_a_screen(bare: BakedProject) -> None:
    with holding(forks=29) as (port, holders):
        problem = the(found_at(bare, port), "port.busy")
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
                problem = the(found_at(bare, port), "port.busy")
    assert pids(problem) == {os.getpid()}


IN_THE_WAY = [
    # Where the service is to listen, who is in its way, and who is not.
    ("127.0.0.1", "127.0.0.1", "::1"),
    ("127.0.0.1", "0.0.0.0", "::1"),
    ("127.0.0.1", "::", None),
    ("localhost", "127.0.0.1", None),
    ("0.0.0.0", "127.0.0.1", "::1"),
    ("::1", "::1", "127.0.0.1"),
    ("::1", "::", None),
    ("::", "::1", None),
    ("::", "127.0.0.1", None),
]
if ON_LINUX:
    IN_THE_WAY += [
        ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
        ("127.0.0.1", "::ffff:127.0.0.1", "127.0.0.2"),
    ]


def test_only_who_is_in_the_way_is_named(bare: BakedProject) -> None:
    asked, expected = [], []
    with contextlib.ExitStack() as stack:
        for host, theirs, bystander in IN_THE_WAY:
            port, holders = stack.enter_context(holding(theirs))
            if bystander:
                stack.enter_context(holding(bystander, port))
            asked.append((host, port))
            expected.append(holders)
        found = found_each(bare, *asked)
    assert [pids(the(problems, "port.busy")) for problems in found] == expected


@linux_only
def test_a_server_on_another_address_is_nobody_s_business(bare: BakedProject) -> None:
    with holding("127.0.0.2") as (port, _):
        assert found_at(bare, port) == []


def test_a_port_that_is_bound_and_not_listened_on_is_busy(bare: BakedProject) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        problem = the(found_at(bare, bound.getsockname()[1]), "port.busy")
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
    assert found_at(bare, port) == []


# The service's own server


def test_the_own_server_is_no_error_and_the_hint_is_to_replace_it(service: BakedProject) -> None:
    with service.start() as server:
        port = str(server.port)
        report = service.check(PORT=port)
        assert report["ok"] is True
        (problem,) = (problem for check in report["checks"] for problem in check["problems"])
        assert (problem["id"], problem["level"]) == ("port.busy", "warning")
        assert pids(problem) == {process.pid for process in server.family}
        assert all(owner["this_project"] for owner in problem["owners"])
        refused = service.run("run.py", "serve", PORT=port)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert problem["message"][:50] in refused.stderr
        # What that does is tried in test_stopping.py.
        assert problem["hint"].split(", or ")[0].endswith(" run.py serve --replace")
    assert found_at(service, port) == []


# Where the hints lead


def test_the_port_of_the_hint_is_free_in_both_families(service: BakedProject) -> None:
    first = next(port for port in iter(free_port, 0) if is_free("::1", port + 1))
    with holding(port=first) as (port, _), holding("::1", port + 1):
        problem = the(found_at(service, port), "port.busy")
        command = re.search(r"python3? (run\.py serve --port (\d+))", problem["hint"])
        assert command
        assert found_at(service, command[2]) == []
        with service.start("--port", command[2], "--no-reload") as server:
            assert server.port == int(command[2])
            assert http(f"{server.url}/ping").status == 200


def test_a_port_held_in_the_other_address_family_is_a_warning(bare: BakedProject) -> None:
    with holding("::1") as (port, _):
        problem = the(found(bare, port), "port.shadowed")
        assert problem["level"] == "warning"
        command = re.search(r"python3? run\.py serve --port (\d+)", problem["hint"])
        assert command
        assert found_at(bare, command[1]) == []
    assert found_at(bare, port) == []


NO_PORTS = ("70000", "65536", "-1", "abc", "5001.0", "1e3", "0x50", " ", "99999999999999999999")


def test_what_is_no_port_is_invalid(bare: BakedProject) -> None:
    for problems in found_each(bare, *((None, port) for port in NO_PORTS)):
        problem = the(problems, "port.invalid")
        right = re.search(r'PORT ?= ?"(\d+)"', problem["hint"])
        assert right
        assert 1023 < int(right[1]) < 65536


@pytest.mark.parametrize("port", ["70000", "-1", "abc"])
def test_what_is_no_port_is_refused_in_a_sentence(bare: BakedProject, port: str) -> None:
    served = bare.run("run.py", "serve", "--port", port)
    assert served.returncode in (1, 2)
    assert served.stdout == ""
    assert "run.py serve --port " in served.stderr
    assert "Traceback" not in served.stderr


def test_an_address_of_another_machine_is_invalid(bare: BakedProject) -> None:
    listen_on(bare, "192.0.2.1")
    with holding() as (port, _):
        problem = the(found(bare, port), "port.invalid")
        command = re.search(r"run\.py serve --host 127\.0\.0\.1 --port (\d+)", problem["hint"])
        assert command
        assert int(command[1]) > port
