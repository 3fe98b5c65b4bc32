"""The cookiecutter command itself, from the answers to a service that has answered."""

import contextlib
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from generating import (
    C_LOCALE,
    CONSOLES,
    COOKIECUTTER,
    INDEX,
    NAME_FOR_EVERY_CONSOLE,
    NOISE,
    ODD_FOLDER,
    OUT_OF_TIME,
    closed_port,
    command_line,
    generate,
    generator_environment,
    made_in,
    only_index,
    silent_index,
    write_config,
)
from services import BakedProject, http, wait_until


@dataclass(frozen=True)
class Generated:
    project: BakedProject
    code: int
    output: str


@pytest.fixture(scope="module")
def oddly_placed(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    """A service with the default answers in a folder whose name has everything in it."""
    folder = tmp_path_factory.mktemp("odd") / ODD_FOLDER
    done = generate(folder)
    return Generated(made_in(folder), done.returncode, done.stdout)


def test_one_command_leaves_a_service_that_has_answered(oddly_placed: Generated) -> None:
    assert oddly_placed.code == 0, oddly_placed.output
    assert "GET /ping answered 200" in oddly_placed.output
    assert oddly_placed.output.rstrip().endswith("run.py"), "the last line is how to go on"
    assert oddly_placed.project.ids(PORT="0") == set()


def test_a_good_run_prints_no_traceback_and_no_warning(oddly_placed: Generated) -> None:
    assert not NOISE.search(oddly_placed.output), oddly_placed.output


def test_run_py_serves_in_a_folder_with_an_odd_name(oddly_placed: Generated) -> None:
    with oddly_placed.project.start() as server:
        assert http(f"{server.url}/ping").json == {"status": "ok"}


def test_the_database_upgrades_in_a_folder_with_an_odd_name(oddly_placed: Generated) -> None:
    project = oddly_placed.project
    for database in (project.path / "instance").glob("development.db*"):
        database.unlink()
    assert "database.migrations" in project.ids(PORT="0")
    done = project.run("run.py", "db", "upgrade")
    assert done.returncode == 0, done.stderr
    assert project.ids(PORT="0") == set()


def test_the_generated_tests_pass_in_a_folder_with_an_odd_name(
    oddly_placed: Generated, tmp_path: Path
) -> None:
    project, own = oddly_placed.project, ("--basetemp", tmp_path / "generated")
    done = project.run("-m", "pytest", *own, python=project.python)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_name_that_the_console_cannot_show_breaks_nothing(tmp_path: Path) -> None:
    write_config(tmp_path, project_name=NAME_FOR_EVERY_CONSOLE, project_slug="weather")
    done = generate(tmp_path, encoding="cp932", **CONSOLES["cp932"])
    assert done.returncode == 0, done.stdout
    assert "GET /ping answered 200" in done.stdout
    assert not NOISE.search(done.stdout), done.stdout
    for console in CONSOLES.values():
        with made_in(tmp_path, "weather").start(**console) as server:
            assert http(f"{server.url}/ping").status == 200


def test_a_name_that_the_console_cannot_show_is_generated_in_the_c_locale(tmp_path: Path) -> None:
    write_config(tmp_path, project_name=NAME_FOR_EVERY_CONSOLE, project_slug="weather")
    done = generate(tmp_path, "bootstrap=no", encoding="ascii", **C_LOCALE)
    refused_to_bootstrap(done, made_in(tmp_path, "weather"))
    assert not NOISE.search(done.stdout), done.stdout


@pytest.mark.quick
def test_the_answer_no_skips_the_bootstrap(tmp_path: Path) -> None:
    refused_to_bootstrap(generate(tmp_path, "bootstrap=no"), made_in(tmp_path))


@pytest.mark.quick
def test_a_variable_skips_the_bootstrap(tmp_path: Path) -> None:
    done = generate(tmp_path, FLASK_SAFE_START_BOOTSTRAP="no")
    refused_to_bootstrap(done, made_in(tmp_path))


def refused_to_bootstrap(done: subprocess.CompletedProcess[str], project: BakedProject) -> None:
    assert done.returncode == 0, done.stdout
    assert "bootstrap.py" in done.stdout
    assert (project.path / "bootstrap.py").exists()
    assert not (project.path / ".venv").exists()


def test_a_busy_port_keeps_the_project_and_names_the_port(tmp_path: Path) -> None:
    project = made_in(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        done = generate(tmp_path, f"port={port}", PORT="")
        assert done.returncode == 0, done.stdout
        assert f"port {port}" in done.stdout
        assert "bootstrap.py" in done.stdout.splitlines()[-1], "the last line is how to go on"
        assert project.ids() == {"port.busy"}


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_an_index_that_does_not_answer_keeps_the_project(installer: str, tmp_path: Path) -> None:
    project = made_in(tmp_path)
    with closed_port() as port, only_index(port, installer):
        done = generate(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "apt" not in done.stdout, "the network is at fault, not the system's packages"
    assert "the package index cannot be reached" in done.stdout
    assert re.search(f"(unset |Env:){INDEX[installer]}", done.stdout)
    assert "bootstrap.py" in done.stdout.splitlines()[-1], "the last line is how to go on"
    assert "Traceback" not in done.stdout
    assert "dependencies.missing" in project.ids(PORT="0")
    if installer == "uv":  # after pip's failure, the next test goes on
        done_again = project.run("bootstrap.py", PORT="0")
        assert done_again.returncode == 0, done_again.stdout + done_again.stderr


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent to a process group, as on POSIX")
@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_ctrl_c_during_the_install_leaves_a_project_that_goes_on(
    installer: str, tmp_path: Path
) -> None:
    project, output_path = made_in(tmp_path), tmp_path / "output"
    with silent_index(installer) as index, output_path.open("wb") as output:
        process = subprocess.Popen(
            command_line(tmp_path, command=COOKIECUTTER),
            env=generator_environment(tmp_path),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with ended_in_the_end(process):
            connection, _ = index.accept()
            with connection:
                os.killpg(process.pid, signal.SIGINT)
                process.wait(OUT_OF_TIME)
                wait_until(lambda: nobody_in_group(process.pid))
    assert "bootstrap.py" in output_path.read_text(encoding="utf-8"), "it says how to go on"
    assert (project.path / "bootstrap.py").exists()
    if installer == "uv":  # which has half copied packages, and is quick
        done = project.run("bootstrap.py", PORT="0")
        assert done.returncode == 0, done.stdout + done.stderr


@contextlib.contextmanager
def ended_in_the_end(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def nobody_in_group(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return True
    return False
