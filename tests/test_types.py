"""All Python, a service's, its tests and the template's own, is clean under mypy --strict."""

import shutil
import subprocess
import sys
from pathlib import Path

from generating import rendered
from services import TEMPLATE, BakedProject
from test_rendering import HOOKS, HOSTILE


def test_a_service_is_clean_under_mypy(service: BakedProject) -> None:
    shutil.copytree(TEMPLATE / "tests/core", service.path / "tests/core")
    options = ("--strict", "--no-error-summary", "--python-executable", service.python)
    done = service.run("-m", "mypy", *options, "--cache-dir", service.path / ".mypy_cache", ".")
    assert done.stdout + done.stderr == ""


def test_the_template_s_own_python_is_clean_under_mypy(tmp_path: Path) -> None:
    assert mypy(TEMPLATE, tmp_path) == ""


def test_the_rendered_hooks_are_clean_under_mypy(
    bare_service: BakedProject, tmp_path: Path
) -> None:
    folder = tmp_path / "hooks"
    folder.mkdir()
    for number, text in enumerate(["My Service", *HOSTILE.values()]):
        asked = dict.fromkeys(("project_name", "description", "author"), text)
        answers = bare_service.context | asked | {"bootstrap": number % 2 == 0}
        for hook in HOOKS:
            path = folder / f"{hook.stem}_{number}.py"
            path.write_text(rendered(hook, answers) + "\n", encoding="utf-8")
    assert mypy(folder, tmp_path, "--strict", ".") == ""


def mypy(folder: Path, tmp_path: Path, *arguments: str) -> str:
    """Return what it finds, by the rules that the folder has."""
    options = ("--no-error-summary", "--cache-dir", str(tmp_path / "cache"), *arguments)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
    )
    return done.stdout + done.stderr
