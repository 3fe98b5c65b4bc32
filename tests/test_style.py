"""The style of the template's Python and of a service's, each by its own rules."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from services import TEMPLATE, BakedProject, bake

RUFF = {
    "check": ["-m", "ruff", "check", "--no-cache", "."],
    "format": ["-m", "ruff", "format", "--no-cache", "--check", "."],
}
NAMES = ["My Service", """it's "quoted" \\""", "気象サービス🎉", "x" * 150]
TEST_COMMAND = ".venv/bin/python -m pytest"


def lines_with(text: str, path: Path) -> list[str]:
    found = map(str.strip, path.read_text(encoding="utf-8").splitlines())
    return [line for line in found if text in line]


@pytest.mark.quick
@pytest.mark.parametrize("command", RUFF)
def test_the_template_s_own_python_is_clean(command: str) -> None:
    done = subprocess.run(
        [sys.executable, *RUFF[command]],
        cwd=TEMPLATE,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.quick
@pytest.mark.parametrize("command", RUFF)
def test_a_service_is_clean_by_its_own_rules(command: str, service: BakedProject) -> None:
    done = service.run(*RUFF[command], python=service.python)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.quick
@pytest.mark.parametrize("command", RUFF)
@pytest.mark.parametrize("name", NAMES, ids=["default", "quotes", "japanese", "long"])
def test_a_service_of_any_name_is_clean(command: str, name: str, cookies: Any) -> None:
    project = bake(cookies, project_name=name, project_slug="weather", author=name)
    done = project.run(*RUFF[command])
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_generated_tests_pass(service: BakedProject, tmp_path: Path) -> None:
    own = ("--basetemp", tmp_path / "generated")
    done = service.run("-m", "pytest", "-W", "error", *own, python=service.python)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.quick
def test_the_readme_s_test_command_is_the_one_of_ci() -> None:
    (command,) = lines_with(TEST_COMMAND, TEMPLATE / ".ci" / "run")
    assert lines_with(TEST_COMMAND, TEMPLATE / "README.md") == [command]
