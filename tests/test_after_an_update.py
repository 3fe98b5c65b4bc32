"""After an update `check` says what is to be done next, and that is all there is to do."""

import re
import shutil
from pathlib import Path

import pytest
from breaking import append, edit, line_of, migration, on_any_port, write
from hints import Reader, ids
from services import BakedProject, link
from test_cruft import bump_everywhere
from updating import SERVICE, Repository, create, new_template, update

# Where each is, and what finds it with nothing installed.
CONFLICTS = {
    "constraints.txt": ("click==", "dependencies.broken"),
    "requirements.txt": ("packaging==", "dependencies.broken"),
    "config/default.py": ("PORT: ", "settings.broken"),
    "migrations/0001_initial_schema.py": ("op.create_table(", "database.migrations"),
    "backend/jobs/__init__.py": ("Job(", "views.broken"),
    "backend/models.py": ("class Message", "views.broken"),
}
CONFLICT = re.compile(r"<<<<<<< .*\n((?:.*\n)*?)=======\n((?:.*\n)*?)>>>>>>> .*\n")


def release(template: Path) -> None:
    """Another pin, a migration and a setting of core's, and lines that the owner changed too."""
    service = template / SERVICE
    bump_everywhere(service, "packaging==26.2")
    core = service / "backend/core"
    (core / "migrations/0003_more.py").write_text(migration("core_0003", "core_0002"))
    append(core / "settings.py", "PATIENCE: int = 5")
    edit(service / "backend/routes/__init__.py", "of each module.", "of each of the modules.")


def owner(service: BakedProject) -> None:
    edit(service.path / "requirements.txt", "# reads these files", "# reads them")
    edit(service.path / "backend/routes/__init__.py", "of each module.", "of every module.")


def working(service: BakedProject, other: BakedProject) -> BakedProject:
    """Give it a copy of what bootstrap.py made for another one."""
    venv, database = ".venv", "instance/development.db"
    shutil.copytree(other.path / venv, service.path / venv, symlinks=True, copy_function=link)
    (service.path / "instance").mkdir()
    shutil.copy2(other.path / database, service.path / database)
    return on_any_port(service)


def resolve(path: Path, side: int) -> None:
    path.write_text(CONFLICT.sub(rf"\{side}", path.read_text()))


def test_check_leads_from_the_update_to_a_service_that_is_green(
    shared_service: BakedProject, tmp_path: Path
) -> None:
    template = new_template(tmp_path / "template")
    service = working(create(tmp_path, template, {"bootstrap": "no"}), shared_service)
    owner(service)
    Repository(service.path).commit("week")
    reader = Reader(service, service)
    assert reader.problems() == []

    release(template.path)
    template.commit("release")
    said = update(tmp_path, service.path).stderr
    names = ("requirements.txt", "backend/routes/__init__.py")
    assert sorted(re.findall(r"'(.*)' with conflicts", said)) == sorted(names)
    problems = reader.problems()
    assert {(each["id"], each["where"].partition(":")[0]) for each in problems} == {
        ("dependencies.broken", "requirements.txt"),
        ("settings.missing", "config/default.py"),
        ("database.migrations", ""),
        ("views.broken", "backend/routes/__init__.py"),
    }
    for problem in problems:
        if "conflict" in problem["message"]:
            name, _, line = problem["where"].partition(":")
            marked = (service.path / name).read_text().splitlines()[int(line) - 1]
            assert marked.startswith("<<<<<<< ")
    for side, name in enumerate(names, 1):
        resolve(service.path / name, 3 - side)
    problems = reader.problems()
    assert ids(problems) == {"dependencies.version", "settings.missing", "database.migrations"}
    reader.follow(problems)
    assert reader.problems() == [], "\n".join(reader.said)


@pytest.mark.quick
def test_a_conflict_is_called_one_wherever_it_is(bare: BakedProject) -> None:
    expected = set()
    for name, (text, id) in CONFLICTS.items():
        line = line_of(bare.path / name, text)
        lines = (bare.path / name).read_text().splitlines()
        both = ["<<<<<<< ours", lines[line - 1], "=======", lines[line - 1], ">>>>>>> theirs"]
        lines[line - 1 : line] = both
        write(bare.path / name, "\n".join(lines) + "\n")
        expected.add((id, f"{name}:{line}"))
    problems = bare.problems()
    assert {(each["id"], each["where"]) for each in problems} == expected
    assert {"conflict" in each["message"] for each in problems} == {True}
