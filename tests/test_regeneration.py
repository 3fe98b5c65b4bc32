"""Making a service again, over what its owner has made of it: nothing of his is lost."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from breaking import edit
from generating import (
    COOKIECUTTER,
    ODD_FOLDER,
    SERVICE,
    another_template,
    files_of,
    generate,
    made_in,
    questions,
    rendered,
    write_config,
)
from services import TEMPLATE, BakedProject, python_in
from updating import Repository, begin

OLDEST = "2.1.1"
NAME = 'it\'s \\ "気象" 🎉 %x% {0}'
OWN = {
    "backend/routes/orders.py": "an own route\n",
    "backend/core/own.py": "where it does not belong\n",
    "migrations/0002_orders.py": "an own migration\n",
    "tests/test_orders.py": "an own test\n",
    ".github/workflows/deploy.yml": "an own workflow\n",
    ".env": "SECRET_KEY=mine\n",
    ".venv/pyvenv.cfg": "an own environment\n",
    "instance/development.db": "an own database\n",
}
EDITED = ("backend/routes/__init__.py", "requirements.txt", "config/production.py", "README.md")
DELETED = "wsgi.py"


@pytest.fixture(scope="module", params=[OLDEST, pytest.param("current", marks=pytest.mark.quick)])
def command(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Sequence[str]:
    """The command of the oldest cookiecutter that the README names, and of ours."""
    if request.param == "current":
        return COOKIECUTTER
    folder, uv = tmp_path_factory.mktemp("older"), [sys.executable, "-m", "uv"]
    python = python_in(folder)
    for step in (
        ["venv", "--quiet", "--python", sys.executable, str(folder)],
        ["pip", "install", "--quiet", "--python", str(python), f"cookiecutter=={OLDEST}"],
    ):
        subprocess.run([*uv, *step], check=True)
    return str(python), "-m", "cookiecutter"


@pytest.fixture
def owned(tmp_path: Path, command: Sequence[str]) -> BakedProject:
    """A service that its owner has committed, after a week of work."""
    folder = tmp_path / ODD_FOLDER
    assert generate(folder, "bootstrap=no", command=command).returncode == 0
    project = made_in(folder)
    for name, text in OWN.items():
        (project.path / name).parent.mkdir(exist_ok=True)
        (project.path / name).write_text(text, encoding="utf-8")
    for name in EDITED:
        with (project.path / name).open("a", encoding="utf-8") as file:
            file.write("# the owner's own\n")
    (project.path / DELETED).unlink()
    begin(project.path, "week")
    return project


def again(project: BakedProject, *options: str, command: Sequence[str]) -> str:
    done = generate(project.path.parent.parent, *options, command=command)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_what_exists_is_skipped_and_what_is_new_is_added(
    owned: BakedProject, command: Sequence[str]
) -> None:
    before = files_of(owned.path)
    said = again(owned, "-f", "-s", command=command)
    after = files_of(owned.path)
    assert after.keys() - before.keys() == {DELETED}
    assert {name: after[name] for name in before} == before
    assert Repository(owned.path).git("status", "--short").split() == ["??", DELETED]
    assert "`git diff`" in said
    assert "[1/6]" not in said, "an environment that is newer is left as it is"


def test_files_of_the_same_name_are_overwritten_and_no_others(
    owned: BakedProject, command: Sequence[str], tmp_path: Path
) -> None:
    fresh = tmp_path / "fresh"
    assert generate(fresh, "bootstrap=no", command=command).returncode == 0
    before = files_of(owned.path)
    again(owned, "-f", "bootstrap=no", command=command)
    after, new = files_of(owned.path), files_of(made_in(fresh).path)
    assert after == before | new
    assert set(OWN) == after.keys() - new.keys()
    changed = {line[3:] for line in Repository(owned.path).git("status", "--short").splitlines()}
    assert changed == {*EDITED, DELETED}, "git shows what was overwritten, and has it"


def test_changes_that_are_not_committed_are_not_overwritten(
    owned: BakedProject, command: Sequence[str]
) -> None:
    edit(owned.path / "backend/routes/__init__.py", "# the owner's own", "# not committed")
    before = files_of(owned.path)
    refused = generate(owned.path.parent.parent, "-f", command=command)
    assert refused.returncode != 0
    assert "commit or stash them first" in refused.stdout
    assert files_of(owned.path) == before
    Repository(owned.path).commit("more")
    again(owned, "-f", command=command)


def test_a_refusal_over_an_existing_service_changes_nothing(
    owned: BakedProject, command: Sequence[str]
) -> None:
    before = files_of(owned.path)
    assert generate(owned.path.parent.parent, "-f", "port=80", command=command).returncode != 0
    assert files_of(owned.path) == before


def test_a_service_is_made_again_from_its_own_file_by_a_template_with_a_new_question(
    command: Sequence[str], tmp_path: Path
) -> None:
    write_config(tmp_path, project_name=NAME, author=NAME, port="5999", bootstrap="no")
    assert generate(tmp_path, command=command).returncode == 0
    (first,) = (tmp_path / "out").iterdir()
    made_from = json.loads((first / "made-from.json").read_text(encoding="utf-8"))
    assert made_from["template"] == str(TEMPLATE)
    assert made_from["default_context"]["project_name"] == NAME

    newer = another_template(tmp_path / "newer", {"colour": "blue"} | questions())
    again = ("--config-file", str(first / "made-from.json"))
    done = generate(tmp_path / "again", *again, command=command, template=str(newer))
    assert done.returncode == 0, done.stdout
    second = made_in(tmp_path / "again", first.name).path
    made_from["template"] = str(newer)
    files = files_of(second)
    assert json.loads(files.pop("made-from.json")) == made_from
    assert files == {name: files_of(first)[name] for name in files}
    assert len(files) > 100


@pytest.mark.quick
@pytest.mark.parametrize(
    ("address", "kept"),
    [
        (
            "https://user:secret@example.org/org/template.git",
            "https://example.org/org/template.git",
        ),
        ("git@example.org:org/template.git", "git@example.org:org/template.git"),
        ("gh:org/template", "gh:org/template"),
        ("C:\\templates\\ours", "C:\\templates\\ours"),
    ],
)
def test_what_a_service_was_made_from_holds_no_password(
    address: str, kept: str, bare_service: BakedProject
) -> None:
    text = rendered(SERVICE / "made-from.json", bare_service.context | {"_template": address})
    assert json.loads(text)["template"] == kept


@pytest.mark.quick
def test_the_version_is_that_of_the_changelog(bare_service: BakedProject) -> None:
    made_from = json.loads((bare_service.path / "made-from.json").read_text(encoding="utf-8"))
    lines = (TEMPLATE / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    newest = next(line for line in lines if line.startswith("## "))
    assert newest.split()[1] == made_from["version"]
