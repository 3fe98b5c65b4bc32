"""Processes, on every system: whoever is killed, nobody stays; what runs is known and can be ended.

On Windows three to five processes are a service, of which the Python that the reader starts is one.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest
from services import ANSWER_WITHIN, BakedProject, Server, production, running, wait_until
from test_processes import all_gone

MODES = ("development", "no reload", "production", "scheduler")


@contextlib.contextmanager
def started(project: BakedProject, mode: str) -> Iterator[Server]:
    env = {}
    if mode in ("production", "scheduler"):
        env = production(f"sqlite:///{(project.path / 'instance/production.db').as_posix()}")
        assert project.run("run.py", "db", "upgrade", **env).returncode == 0
    if mode == "scheduler":
        with running([sys.executable, "run.py", "scheduler"], project.path, **env) as server:
            wait_until(lambda: "the scheduler runs" in server.output)
            yield server
    else:
        with project.start(*["--no-reload"] * (mode == "no reload"), **env) as server:
            yield server


@pytest.mark.parametrize("mode", MODES)
def test_whichever_process_is_killed_none_is_left(
    production_service: BakedProject, mode: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """But for gunicorn's workers, of which a killed one is replaced."""
    project = production_service.copy(tmp_path_factory.mktemp("killed"))
    index, count = 0, 1
    while index < count:
        with started(project, mode) as server:
            family = server.family
            count = 1 if mode == "production" and os.name != "nt" else len(family)
            family[index].kill()
            server.process.wait(ANSWER_WITHIN)
            wait_until(lambda family=family: all_gone(family))
        index += 1


@pytest.mark.parametrize("mode", MODES)
def test_what_runs_is_known_and_can_be_ended(
    production_service: BakedProject, mode: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    project = production_service.copy(tmp_path_factory.mktemp("ended"))
    with started(project, mode) as server:
        family = server.family
        if server.url:
            check = project.run("run.py", "check", "--json", PORT=str(server.port))
            assert '"level": "warning"' in check.stdout, check.stdout
            assert "run.py serve --replace" in check.stdout
        done = project.run("run.py", "stop")
        assert (done.returncode, done.stderr) == (0, "")
        assert "stopped " in done.stdout
        server.process.wait(ANSWER_WITHIN)
        wait_until(lambda: all_gone(family))


def test_what_runs_in_the_place_of_another_process_ends_with_it(bare: BakedProject) -> None:
    """As on Windows, which has no exec; pipes are the same everywhere."""
    inner = "from launcher.system.interpreter import leave_with_parent as leave; leave(); input()"
    outer = "import sys; from launcher.system.interpreter import outlived_by_none as run\n"
    outer += f"run([sys.executable, '-c', {inner!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", outer], cwd=bare.path, stdin=subprocess.PIPE
    ) as process:
        (child,) = wait_until(psutil.Process(process.pid).children)
        wait_until(lambda: child.num_threads() > 1)
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: all_gone([child]))
