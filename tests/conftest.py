"""Fixtures: a service in several states, made once for all workers, and a PostgreSQL for each."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from breaking import on_any_port
from filelock import FileLock
from generating import generate, made_in
from hints import Reader
from playwright.sync_api import Browser, Error, sync_playwright
from postgresql import PostgreSQL, postgresql
from services import (
    UNSET,
    BakedProject,
    bake,
    left_behind,
    production,
    program,
    python_in,
    wait_until,
)

# What uv calls the options of pip's that say where packages are.
UV_NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
}
# Python compiles what a test imports; an installer would compile everything.
QUICKLY = {
    "UV_COMPILE_BYTECODE": "0",
    "PIP_NO_COMPILE": "1",
    "UV_INDEX_STRATEGY": "unsafe-best-match",  # which is pip's
}


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Start more workers than there are cores: most tests wait, most of the time."""
    return 2 * (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session", autouse=True)
def _plain_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The hooks run in the environment of the tests, so it has to be a plain one.

    Cookiecutter leaves the rendered hooks in the folder for temporary files.
    """
    # A shell that runs the tests in the background has them, and all they start, ignore Ctrl-C;
    # nohup has them ignore the end of the terminal.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if os.name != "nt":
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.getbasetemp()))
        for name in UNSET:
            patch.delenv(name, raising=False)
        for name, value in (QUICKLY | uv_as_pip()).items():
            patch.setenv(name, value)
        yield


def uv_as_pip() -> dict[str, str]:
    """Let uv install from where pip is told to: bootstrap.py would prefer pip, which is slow."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    told = re.findall(rf"\.({'|'.join(UV_NAMES)})='(.*)'", listed)
    return {UV_NAMES[option]: value for option, value in told}


@pytest.fixture(scope="session")
def made_once(
    tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Callable[[str, Callable[[Path], None]], Path]:
    """Returns the folder of that name, which the first worker that wants it makes for all."""
    own = tmp_path_factory.getbasetemp()
    common = own if worker_id == "master" else own.parent

    def get(name: str, make: Callable[[Path], None]) -> Path:
        folder, made = common / name, common / f"{name}.made"
        with FileLock(common / f"{name}.lock"):
            if not made.exists():
                shutil.rmtree(folder, ignore_errors=True)
                make(folder)
                made.touch()
        return folder

    return get


@pytest.fixture(scope="session")
def bare_service(cookies_session: Any) -> BakedProject:
    """A service with the default answers, nothing installed. Do not change it: copy it."""
    return bake(cookies_session)


@pytest.fixture(scope="session")
def shared_service(made_once: Callable[..., Path]) -> BakedProject:
    """A bootstrapped service with the default answers. Do not change it: copy it."""
    return made_in(made_once("development", make_service))


def make_service(folder: Path) -> None:
    done = generate(folder, UV_COMPILE_BYTECODE="1")
    assert "answered 200" in done.stdout, done.stdout


@pytest.fixture(scope="session")
def production_service(made_once: Callable[..., Path]) -> BakedProject:
    """A service with what production, and its own tests, require. Do not change it: copy it."""
    return made_in(made_once("production", make_production_service))


@pytest.fixture(scope="session")
def project(
    production_service: BakedProject, tmp_path_factory: pytest.TempPathFactory
) -> BakedProject:
    """This worker's copy of it. To break it, copy it once more."""
    return production_service.copy(tmp_path_factory.mktemp("project"))


def make_production_service(folder: Path) -> None:
    make_service(folder)
    done = made_in(folder).run("bootstrap.py", ENVIRONMENT="production", UV_COMPILE_BYTECODE="1")
    assert "installed with" in done.stdout, done.stdout + done.stderr


@pytest.fixture(scope="session")
def server() -> Iterator[PostgreSQL]:
    """A PostgreSQL of this worker's own: whoever stops or freezes it lets it go on afterwards."""
    with postgresql() as running:
        yield running


@pytest.fixture(scope="session")
def model(project: BakedProject, server: PostgreSQL) -> str:
    """The name of a database that is migrated and empty, for others to be copied from."""
    server.execute("CREATE DATABASE model")
    done = project.run("run.py", "db", "upgrade", **production(server.url(database="model")))
    assert done.returncode == 0, done.stderr
    return "model"


@pytest.fixture
def migrated(server: PostgreSQL, model: str) -> dict[str, str]:
    """The variables of a production whose database is the test's own, migrated and empty."""
    return production(server.new_database(model))


@pytest.fixture(scope="session")
def empty_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python for which nothing is installed, not even pip."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, symlinks=os.name != "nt")
    return python_in(folder)


@pytest.fixture
def bare(bare_service: BakedProject, tmp_path: Path) -> BakedProject:
    """A service to break, nothing installed."""
    return bare_service.copy(tmp_path)


@pytest.fixture
def service(shared_service: BakedProject, tmp_path: Path) -> BakedProject:
    """A bootstrapped service to break."""
    return shared_service.copy(tmp_path)


@pytest.fixture
def reader(shared_service: BakedProject, tmp_path: Path) -> Reader:
    """Somebody who follows hints in a bootstrapped service, and knows what it was."""
    base = on_any_port(shared_service.copy(tmp_path / "base"))
    return Reader(base.copy(tmp_path / "own"), base)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or the Chrome that is installed."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if sys.platform == "linux" and not found:
        program("chromium")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=found, channel=None if found else "chrome", args=["--no-sandbox"]
            )
        except Error:
            if found:
                raise
            pytest.skip("Chrome is not installed")
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def _no_process_left_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    yield
    base = str(tmp_path_factory.getbasetemp())
    try:
        wait_until(lambda: not left_behind(base))
    finally:
        for process in left_behind(base):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
