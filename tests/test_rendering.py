"""What a bake writes: every file, nothing else, and each answer exactly as it was given."""

import datetime
import os
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from generating import (
    SERVICE,
    another_template,
    files_of,
    generate,
    made_in,
    questions,
    rendered,
)
from services import TEMPLATE, BakedProject, bake

pytestmark = pytest.mark.quick

HOOKS = sorted((TEMPLATE / "hooks").glob("*.py"))
RUFF = [sys.executable, "-m", "ruff"]
# The files that hold answers, and those that have to say {{ }} themselves.
RENDERED = {"README.md", "compose.yaml", "config/default.py", "docs/operations.md",
            "docs/recipes.md", "made-from.json", "pyproject.toml",
            ".github/workflows/ci.yml"}  # fmt: skip
HOSTILE = {
    "quotes": """it's "quoted" '''thrice\"\"\" `so`""",
    "escapes": '気象\'サービス\\n🎉"""',
    "last-backslash": "ends with a \\",
    "braces": "{} { { } }} %} #} }{",
    "percent": "100 % %s %(x)s {} {0} ${HOME} $(id) ; & | < >",
    "markup": "<script>alert(1)</script> [x](y) **b** # = [section]",
    "japanese": "日本語の、長い「名前」",
    "long": "A long name, and on it goes " * 20,
}


def rendered_config(project: BakedProject) -> dict[str, Any]:
    return runpy.run_path(str(project.path / "config" / "default.py"))


def test_a_bake_has_exactly_the_files_that_git_knows(bare_service: BakedProject) -> None:
    listed = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", SERVICE.name],
        cwd=TEMPLATE,
        encoding="utf-8",
    )
    known = {name for name in listed.split("\0") if name and (TEMPLATE / name).exists()}
    assert set(files_of(bare_service.path)) == {name.partition("/")[2] for name in known}


def test_nothing_is_left_unrendered(bare_service: BakedProject) -> None:
    left = re.compile(rb"\{\{ ?cookiecutter|\{%")
    assert [name for name, data in files_of(bare_service.path).items() if left.search(data)] == []


def test_files_that_hold_no_answer_are_those_of_the_template(bare_service: BakedProject) -> None:
    made, plain = files_of(bare_service.path), files_of(SERVICE)
    assert {name for name in made if made[name] != plain[name]} == RENDERED
    marks = plain[".github/workflows/ci.yml"].partition(b"\n")[::2]
    assert marks[0] == b"{% raw -%}"
    assert marks[1] == made[".github/workflows/ci.yml"] + b"{%- endraw %}\n"


def test_every_file_is_utf_8_with_plain_line_ends(bare_service: BakedProject) -> None:
    for name, data in files_of(bare_service.path).items():
        text = data.decode("utf-8")
        assert "\r" not in text, name
        assert not text.startswith("\ufeff"), name
        assert text.endswith("\n") or not text, name


def test_every_answer_is_asked_for_a_reason(cookies: Any) -> None:
    """Each of them is found in what is rendered."""
    answers = {"project_name": "Some Name", "project_slug": "some-slug", "author": "Some Owner",
               "description": "Some purpose", "port": "4321", "timezone": "Asia/Tokyo"}  # fmt: skip
    text = b"".join(files_of(bake(cookies, **answers).path).values()).decode()
    assert [key for key, answer in answers.items() if answer not in text] == []


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_is_data(kind: str, cookies: Any) -> None:
    text = HOSTILE[kind]
    answers = dict.fromkeys(("project_name", "description", "author"), text)
    project = bake(cookies, project_slug="weather", **answers)
    assert rendered_config(project)["SERVICE_NAME"] == text
    assert_sound(project)


def assert_sound(project: BakedProject) -> None:
    files = files_of(project.path)
    assert tomllib.loads(files["pyproject.toml"].decode())["project"]["name"] == "weather"
    assert len(files["README.md"]) > 1000
    for name, data in files.items():
        if name.endswith(".py"):
            compile(data, name, "exec")
    for command in (["check"], ["format", "--check"]):
        done = project.run("-m", "ruff", *command, "--no-cache", "config/default.py")
        assert done.returncode == 0, done.stdout


def test_the_year_is_the_same_with_the_extension_of_older_cookiecutters(
    cookies: Any, bare_service: BakedProject, tmp_path: Path
) -> None:
    """Newer ones have the tag `now` built in, older ones bring jinja2_time for it."""
    ours, year = readme(bare_service.path), datetime.datetime.now(datetime.UTC).year
    assert "{% now 'utc', '%Y' %}" in readme(SERVICE)
    assert str(year) in ours
    assert "_extensions" not in questions(), "without jinja2_time, generation would fail"
    extended = questions() | {"_extensions": ["jinja2_time.TimeExtension"]}
    older = another_template(tmp_path / "older", extended)
    result = cookies.bake(template=str(older), extra_context={"bootstrap": "no"})
    assert result.exception is None, result.exception
    assert readme(result.project_path) == ours


def readme(folder: Path) -> str:
    return (folder / "README.md").read_text(encoding="utf-8")


def test_the_hooks_are_short() -> None:
    assert len(HOOKS) == 2
    assert sum(len(hook.read_text(encoding="utf-8").splitlines()) for hook in HOOKS) <= 115


@pytest.mark.parametrize("text", ["My Service", *HOSTILE.values()], ids=["default", *HOSTILE])
def test_the_rendered_hooks_are_clean(
    text: str, bare_service: BakedProject, tmp_path: Path
) -> None:
    answers = bare_service.context | dict.fromkeys(("project_name", "description", "author"), text)
    for hook in HOOKS:
        source = rendered(hook, answers)
        (tmp_path / hook.name).write_text(source + "\n", encoding="utf-8")
    done = subprocess.run(
        [
            *RUFF,
            "check",
            "--no-cache",
            "--config",
            str(TEMPLATE / "pyproject.toml"),
            *(["--ignore", "E501"] if text in HOSTILE.values() else []),
            str(tmp_path),
        ],
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout


def test_a_folder_that_exists_is_refused_and_nothing_in_it_changes(tmp_path: Path) -> None:
    assert generate(tmp_path, "bootstrap=no").returncode == 0
    project = made_in(tmp_path).path
    (project / "run.py").write_text("# the owner's own\n", encoding="utf-8")
    (project / "wsgi.py").unlink()
    before = {path: os.stat(path).st_mtime_ns for path in project.rglob("*")}
    again = generate(tmp_path, "bootstrap=no", "project_name=My Service")
    assert again.returncode != 0
    assert "already exists" in again.stdout
    assert {path: os.stat(path).st_mtime_ns for path in project.rglob("*")} == before
