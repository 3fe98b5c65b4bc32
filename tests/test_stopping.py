"""`stop` and `--replace` end this project's processes, however they came to be, and nobody else."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from breaking import append, edit, with_routes
from services import ANSWER_WITHIN, BakedProject, free_port, http, wait_until
from test_port import found_at
from test_processes import (
    alive,
    all_gone,
    answers,
    assert_nothing_is_left,
    is_free,
    is_listened_on,
    reaped,
)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="kills with POSIX signals")

RUNNING = "from launcher.system.running import hold; hold()\n"
# Ends at SIGTERM, and leaves a child that does not, and notes if it is told to.
STUBBORN = f"""{RUNNING}
import pathlib, signal
if not (child := os.fork()):
    signal.signal(signal.SIGTERM, lambda *_: pathlib.Path("told").touch())
    while True:
        signal.pause()
print(child)
"""
# Is in the same folder, and not started by the front door.
LISTENS = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1])
"""
# Hands on to a program all that may be handed on.
STARTS = """

@bp.get("/start")
def start():
    import subprocess, sys

    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    return [subprocess.Popen(command, close_fds=False, stdin=subprocess.PIPE).pid]
"""


@contextlib.contextmanager
def program(project: BakedProject, script: str) -> Iterator[tuple[psutil.Process, str]]:
    """Run a script in the service's folder; yields what it says. It ends with its input."""
    whole = f"import os, sys\n{script}\nprint(flush=True)\nsys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", whole],
        cwd=project.path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        yield psutil.Process(process.pid), process.stdout.readline()


def limit_patience(project: BakedProject) -> None:
    edit(project.path / "launcher/stopping.py", "KILLED_AFTER = 35", "KILLED_AFTER = 1")


def stop(project: BakedProject) -> str:
    done = project.run("run.py", "stop")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def running(project: BakedProject) -> set[int]:
    script = "from launcher.system.running import running; print(*running())"
    return set(map(int, project.run("-c", script).stdout.split()))


# Stop


def test_stop_ends_what_runs_and_says_so_and_not_what_a_view_has_started(
    service: BakedProject,
) -> None:
    append(service.path / "backend/routes/chat.py", STARTS)
    with (
        service.start() as reloader,
        service.start("--no-reload", python=service.python) as single,
    ):
        both = (reloader, single)
        families = [server.family for server in both]
        assert [len(family) for family in families] == [2, 1]
        started = [psutil.Process(http(f"{server.url}/api/start").json[0]) for server in both]
        assert [alive(process) for process in started] == [True, True]
        assert running(service) == {process.pid for family in families for process in family}
        with reaped(*both):
            said = stop(service)
        assert len(said.splitlines()) == 2
        for server, family in zip(both, families, strict=True):
            assert f"stopped {server.process.pid} `" in said
            assert server.process.returncode == -signal.SIGTERM
            assert all_gone(family)
            assert is_free(server.port)
    assert "stopped" not in stop(service)


def test_stop_works_without_anything_installed(service: BakedProject) -> None:
    with service.start() as server:
        assert http(f"{server.url}/ping").status == 200  # so that all is imported
        family = server.family
        (service.path / ".venv").rename(service.path.parent / "venv elsewhere")
        with reaped(server):
            assert f"stopped {server.process.pid} " in stop(service)
        assert_nothing_is_left(family, server.port)


def test_a_server_that_is_still_starting_is_stopped(service: BakedProject) -> None:
    port = free_port()
    with service.start("--port", port, wait=False) as server:
        wait_until(lambda: is_listened_on(port))
        family = server.family
        with reaped(server):
            assert f"stopped {server.process.pid} " in stop(service)
        assert_nothing_is_left(family, port)


def test_what_a_killed_parent_leaves_behind_is_named_and_ended(service: BakedProject) -> None:
    """Here its child is suspended: else it would leave by itself, if not in the same moment."""
    limit_patience(service)
    with service.start() as server:
        parent, child = server.family
        child.suspend()
        wait_until(lambda: child.status() == psutil.STATUS_STOPPED)
        parent.kill()
        server.process.wait(ANSWER_WITHIN)
        (problem,) = found_at(service, server.port)
        assert problem["level"] == "warning"
        (owner,) = problem["owners"]
        assert (owner["pid"], owner["this_project"]) == (child.pid, True)
        assert f"stopped {child.pid} " in stop(service)
        assert not alive(child)
        assert is_free(server.port)


def test_stop_waits_for_children_and_kills_those_that_do_not_end(bare: BakedProject) -> None:
    limit_patience(bare)
    with program(bare, STUBBORN) as (parent, said):
        child = psutil.Process(int(said))
        assert f"stopped {parent.pid} " in stop(bare)
        assert not alive(parent)
        assert not alive(child)
    assert not (bare.path / "told").exists(), "it was its parent's to end"


# Nobody else


def test_who_reads_the_lock_or_has_another_is_left_alone(
    bare: BakedProject, tmp_path: Path
) -> None:
    other = bare.copy(tmp_path / "another checkout")
    reads = "file = open('instance/running/lock')"
    with (
        program(other, RUNNING) as (elsewhere, _),
        program(bare, RUNNING) as (ours, _),
        program(bare, reads) as (backup, _),
    ):
        shutil.copytree(other.path / "instance", tmp_path / "kept")
        said = stop(bare)
        assert said.count("stopped") == 1
        assert f"stopped {ours.pid} " in said
        assert alive(elsewhere)
        assert alive(backup)
        assert "stopped" not in stop(bare)
        assert f"stopped {elsewhere.pid} " in stop(other)


def test_the_server_of_another_checkout_is_left_alone(
    service: BakedProject, tmp_path: Path
) -> None:
    with service.start() as server:
        path = tmp_path / "another checkout"
        shutil.copytree(service.path, path, symlinks=True)
        other = BakedProject(path, service.context)
        assert (path / "instance/running/lock").exists()
        assert "stopped" not in stop(other)
        (problem,) = found_at(other, server.port)
        assert problem["level"] == "error"
        assert not any(owner["this_project"] for owner in problem["owners"])
        assert other.run("run.py", "--replace", "--port", server.port).returncode == 1
        assert answers(server)


def test_a_moved_project_still_knows_its_server(service: BakedProject) -> None:
    with service.start() as server:
        assert answers(server)  # which has imported all that it needs
        moved = BakedProject(service.path.with_name("moved"), service.context)
        service.path.rename(moved.path)
        with reaped(server):
            assert f"stopped {server.process.pid} " in stop(moved)


def test_a_folder_that_cannot_be_written_is_served_from(service: BakedProject) -> None:
    running = service.path / "instance/running"
    shutil.rmtree(running, ignore_errors=True)
    running.touch()  # so that there cannot be such a folder, even for root
    with service.start() as server:
        assert answers(server)
        assert "not running" in stop(service)
        (problem,) = found_at(service, server.port)
        assert problem["level"] == "error"
        assert not any(owner["this_project"] for owner in problem["owners"])


# Replace


def test_replace_takes_over_the_port_from_the_own_server_and_leaves_one_on_another(
    service: BakedProject,
) -> None:
    with service.start() as first, service.start("--no-reload") as another:
        family = first.family
        port = str(first.port)
        with reaped(first), service.start("--replace", PORT=port) as second:
            first.process.wait(ANSWER_WITHIN)
            assert first.process.returncode == -signal.SIGTERM
            assert all_gone(family)
            assert second.port == first.port
            assert answers(second)
            assert answers(another)


def test_replace_does_not_end_a_stranger(bare: BakedProject) -> None:
    with program(bare, LISTENS) as (stranger, port):
        done = bare.run("run.py", "serve", "--replace", "--port", int(port))
        assert (done.returncode, done.stdout) == (1, "")
        assert f"port {int(port)} is held by" in done.stderr
        assert str(stranger.pid) in done.stderr
        assert alive(stranger)


def test_replaced_by_three_at_once_exactly_one_server_is_left(service: BakedProject) -> None:
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(service.start())
        port = first.port
        command = ("--replace", "--port", port)
        rivals = [stack.enter_context(service.start(*command, wait=False)) for _ in range(3)]
        everybody = [first, *rivals]
        wait_until(lambda: sum(rival.process.poll() is None for rival in everybody) == 1, 40)
        (left,) = (server for server in everybody if server.process.poll() is None)
        assert left is not first
        left.wait_for_url()
        assert left.port == port
        assert answers(left)
        for rival in rivals:
            assert rival is left or rival.process.returncode in (1, -signal.SIGTERM)
            assert "Traceback" not in rival.output
        (problem,) = found_at(service, port)
        assert problem["level"] == "warning"
        assert {owner["pid"] for owner in problem["owners"]} == {p.pid for p in left.family}


# Under gunicorn


@pytest.fixture
def in_production(project: BakedProject, tmp_path: Path) -> BakedProject:
    return with_routes(project, tmp_path, STARTS)


def test_gunicorn_and_its_workers_are_stopped_and_not_what_a_view_has_started(
    in_production: BakedProject, migrated: dict[str, str]
) -> None:
    with in_production.start(**migrated) as server:
        (started,) = http(f"{server.url}/start").json
        master, worker, program = server.family
        assert program.pid == started
        assert running(in_production) == {master.pid, worker.pid}
        with reaped(server):
            (said,) = stop(in_production).splitlines()
        assert f"stopped {master.pid} " in said
        assert server.process.returncode == 0
        assert all_gone([master, worker])
        assert is_free(server.port)


def test_workers_whose_master_was_killed_are_named_and_replaced(
    in_production: BakedProject, migrated: dict[str, str]
) -> None:
    """Here the worker is suspended: else it would leave by itself within a second."""
    limit_patience(in_production)
    with in_production.start(**migrated) as server:
        assert answers(server)
        master, worker = server.family
        worker.suspend()
        wait_until(lambda: worker.status() == psutil.STATUS_STOPPED)
        master.kill()
        server.process.wait(ANSWER_WITHIN)
        there = migrated | {"PORT": str(server.port)}
        (problem,) = found_at(in_production, server.port)
        assert problem["level"] == "warning"
        (owner,) = problem["owners"]
        assert (owner["pid"], owner["this_project"]) == (worker.pid, True)
        with in_production.start("--replace", **there) as second:
            assert f"stopped {worker.pid} " in second.output
            assert not alive(worker)
            assert second.port == server.port
            assert answers(second)
