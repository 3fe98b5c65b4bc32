"""The sample is deleted as the service's README says, before and after it was deployed."""

import re
from pathlib import Path

import pytest
from services import BakedProject

STYLE = (("ruff", "check", "--no-cache"), ("ruff", "format", "--no-cache", "--check"))


def files_of_the_sample(project: BakedProject) -> list[Path]:
    """The list under "Deleting the sample"."""
    readme = (project.path / "README.md").read_text(encoding="utf-8")
    section = readme.partition("**Deleting the sample.**")[2].partition("\n\n**")[0]
    names = re.findall(r"^- `([\w/.]+)`", section, re.MULTILINE)
    assert len(names) == 4
    return [project.path / name for name in names]


def delete_lines(project: BakedProject) -> None:
    for path in project.path.rglob("*.py"):
        if ".venv" not in path.parts:
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in lines if not line.rstrip().endswith("# sample")]
            path.write_text("".join(kept), encoding="utf-8")


def run(project: BakedProject, *command: str) -> None:
    done = project.run("-m", *command, python=project.python)
    assert done.returncode == 0, done.stdout + done.stderr


def db(project: BakedProject, *arguments: str) -> None:
    done = project.run("run.py", "db", *arguments)
    assert done.returncode == 0, done.stderr


def assert_green(project: BakedProject) -> None:
    assert {check["status"] for check in project.check(PORT="0")["checks"]} == {"ok"}


def assert_sound(project: BakedProject) -> None:
    assert_green(project)
    for command in STYLE:
        run(project, *command)
    run(project, "pytest", "-q", "-W", "error", "--basetemp", f"{project.path}-tests")
    with project.start():
        pass


def test_a_sample_that_was_never_deployed_leaves_nothing(service: BakedProject) -> None:
    db(service, "downgrade")
    for path in files_of_the_sample(service):
        path.unlink()
    delete_lines(service)
    run(service, "ruff", "format", "--no-cache")
    assert_sound(service)
    left = [path for path in service.path.rglob("*.py") if ".venv" not in path.parts]
    assert not [path for path in left if re.search("chat|sample", path.read_text().lower())]
    db(service, "upgrade")
    db(service, "revision", "first")
    db(service, "upgrade")
    assert_green(service)
    for command in STYLE:
        run(service, *command)


def test_a_sample_that_was_deployed_is_dropped_by_a_migration(service: BakedProject) -> None:
    for path in files_of_the_sample(service):
        if path.parent.name != "migrations":
            path.unlink()
    delete_lines(service)
    run(service, "ruff", "format", "--no-cache")
    db(service, "revision", "no messages")
    db(service, "upgrade")
    assert_sound(service)
    made = max((service.path / "migrations").glob("*.py"), key=lambda path: path.stat().st_mtime)
    assert 'op.drop_table("message")' in made.read_text().replace("'", '"')


@pytest.mark.quick
@pytest.mark.parametrize("name", ["backend/core", "launcher"])
def test_no_line_of_the_sample_is_in_what_updates_replace(
    bare_service: BakedProject, name: str
) -> None:
    for path in (bare_service.path / name).rglob("*.py"):
        assert "# sample" not in path.read_text()
