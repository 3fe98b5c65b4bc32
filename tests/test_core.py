"""The tests of backend/core/, in tests/core/, run in a service; its owner gets only his own."""

import shutil
import sys
from pathlib import Path

import pytest
from postgresql import PostgreSQL
from services import TEMPLATE, BakedProject


def run_core_tests(project: BakedProject, **env: str) -> None:
    shutil.copytree(TEMPLATE / "tests/core", project.path / "tests/core")
    own = ("--basetemp", project.path.with_name("tests-of-core"))
    arguments = ("-m", "pytest", "-q", "-W", "error", *own, "tests/core")
    done = project.run(*arguments, python=project.python, **env)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tests_of_core_pass_on_sqlite(service: BakedProject) -> None:
    run_core_tests(service)


@pytest.mark.skipif(sys.platform == "win32", reason="PostgreSQL is started the POSIX way")
def test_the_tests_of_core_pass_on_postgresql(
    project: BakedProject, server: PostgreSQL, tmp_path: Path
) -> None:
    run_core_tests(project.copy(tmp_path), TEST_DATABASE_URL=server.new_database())
