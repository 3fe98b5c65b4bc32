"""The tests of backend/core/, in tests/core/, run in a service; its owner gets only his own."""

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import TEMPLATE, BakedProject, bake
from postgresql import postgresql


def run_core_tests(project: BakedProject, **env: str) -> None:
    shutil.copytree(TEMPLATE / "tests/core", project.path / "tests/core")
    own = ("--basetemp", project.path.with_name("tests-of-core"))
    arguments = ("-m", "pytest", "-q", "-W", "error", *own, "tests/core")
    done = project.run(*arguments, python=project.python, **env)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tests_of_core_pass_on_sqlite(service: BakedProject):
    run_core_tests(service)


@pytest.mark.skipif(sys.platform == "win32", reason="PostgreSQL is started the POSIX way")
def test_the_tests_of_core_pass_on_postgresql(service_with_driver: BakedProject):
    with postgresql() as server:
        run_core_tests(service_with_driver, TEST_DATABASE_URL=server.url())


@pytest.fixture
def service_with_driver(cookies: Any, tmp_path: Path) -> BakedProject:
    """A service with what development and production require."""
    project = bake(cookies)
    assert project.run("bootstrap.py", PORT="0").returncode == 0
    required = str(project.path / "requirements-production.txt")
    installer = (sys.executable, "-m", "uv", "pip", "install", "-q", "--python", project.python)
    done = project.run(*installer[1:], "-r", required)
    assert done.returncode == 0, done.stderr
    return project
