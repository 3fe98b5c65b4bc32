"""What the check of the database finds in the migrations, in SQLite's file, and in the URL."""

import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from breaking import append, edit, file_system, follow, found_by, line_of, write
from postgresql import PostgreSQL
from services import BakedProject, environment, http

MIGRATION = '"""next"""\n\n{}\n\n\ndef upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n'


def database(project: BakedProject) -> Path:
    return project.path / "instance/development.db"


def add(project: BakedProject, name: str, text: str, folder: str = "migrations") -> None:
    (project.path / folder / f"{name}.py").write_text(MIGRATION.format(text))


def ids(problems: list[dict[str, Any]]) -> list[str]:
    return [each["id"] for each in problems]


def only(problems: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = problems
    return found


# The schema


def make_missing(project: BakedProject) -> None:
    for path in database(project).parent.glob("development.db*"):
        path.unlink()


def make_folder_missing(project: BakedProject) -> None:
    make_missing(project)
    running = database(project).parent / "running"
    if running.exists():
        running.rmdir()
    database(project).parent.rmdir()


def make_empty(project: BakedProject) -> None:
    make_missing(project)
    database(project).touch()


def add_a_migration(project: BakedProject) -> None:
    add(project, "0002_next", 'revision: str = "0002"\ndown_revision: str | None = "0001"')


def test_a_schema_that_is_not_that_of_the_code_is_found_and_its_hint_migrates(
    service: BakedProject,
) -> None:
    found = []
    for fault in (add_a_migration, make_empty, make_missing, make_folder_missing):
        fault(service)
        found.append(only(found_by(service, "database")))
        assert found[-1]["id"] == "database.migrations"
    assert len({problem["hint"] for problem in found}) == 1
    assert follow(service, found[-1]).returncode == 0
    assert found_by(service, "database") == []


def test_a_schema_that_the_code_does_not_know_is_found(service: BakedProject) -> None:
    with closing(sqlite3.connect(database(service))) as connection, connection:
        connection.execute("INSERT INTO alembic_version VALUES ('from the future')")
    assert ids(found_by(service, "database")) == ["database.migrations"]


# The migrations, with nothing installed

BROKEN = {
    "0002_syntax": "revision = '0002'\ndef (",
    "0003_nothing": "import os",
    "0004_no_revision": "down_revision = '0001'",
    "0005_declared": "revision: str\ndown_revision = '0001'",
    "0006_bytes": "revision = '\0'",
}


@pytest.mark.quick
def test_with_nothing_installed_all_broken_migrations_are_found_beside_a_broken_database(
    bare: BakedProject,
) -> None:
    database(bare).parent.mkdir(exist_ok=True)
    database(bare).write_text("This is not a database. " * 100)
    for name, text in BROKEN.items():
        add(bare, name, text)
    *migrations, file = found_by(bare, "database")
    assert {each["id"] for each in migrations} == {"database.migrations"}
    assert [each["where"].partition(".py")[0] for each in migrations] == [
        f"migrations/{name}" for name in BROKEN
    ]
    assert migrations[0]["where"] == "migrations/0002_syntax.py:4"
    assert file["id"] == "database.unreachable"


@pytest.mark.quick
def test_with_nothing_installed_the_order_of_migrations_is_checked(bare: BakedProject) -> None:
    add(bare, "0003", "revision = '0003'\ndown_revision = '0002'\ndepends_on = ['core_0009']")
    lost = found_by(bare, "database")[:2]
    for name, problem in zip(("0002", "core_0009"), lost, strict=True):
        assert name in problem["message"]
        assert (problem["id"], problem["where"]) == ("database.migrations", "migrations/0003.py")
    add(bare, "0003", "revision = '0003'\ndown_revision = '0001'")
    add(bare, "0002", "revision = '0002'\ndown_revision = '0001'")
    heads = found_by(bare, "database")[0]
    assert (heads["id"], "0002, 0003" in heads["message"]) == ("database.migrations", True)
    assert "db merge" in heads["hint"]


@pytest.mark.quick
@pytest.mark.parametrize("taken", ["0001", "core_0001"])
def test_with_nothing_installed_a_revision_that_two_files_have_is_found(
    bare: BakedProject, taken: str
) -> None:
    """Alembic takes one of them and only warns."""
    add(bare, "0000", f"revision = '{taken}'\ndown_revision = None")
    problem = found_by(bare, "database")[0]
    assert (problem["id"], problem["where"]) == ("database.migrations", "migrations/0000.py")
    assert f"revision {taken}, as " in problem["message"]


def test_with_nothing_installed_a_database_that_is_not_made_yet_is_no_problem(
    bare: BakedProject,
) -> None:
    done = bare.run("-S", "run.py", "check", "--json", PORT="0")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert (checks["Database"]["status"], checks["Database"]["problems"]) == ("skipped", [])


# Shapes of migrations, each with the revisions that Alembic would have the schema at.
SHAPES = [
    ["revision = '0002'\ndown_revision = '0001'"],
    ["revision = '0002'; down_revision = '0001'"],
    ["revision = other = '0002'\ndown_revision = '0001'"],
    ["revision: str = '0002'\ndown_revision: tuple[str, ...] = ('0001',)"],
    ["revision = '0002'\ndown_revision = ['0001']"],
    [
        "revision = '0002'\ndown_revision = '0001'",
        "revision = '0003'\ndown_revision = '0001'",
        "revision = '0004'\ndown_revision = ('0002', '0003')",
    ],
    ["revision = '0002'\ndown_revision = '0001'\ndepends_on = 'core_0001'"],
    ["revision = '0002'\ndown_revision = '0001'\ndepends_on = ('core',)"],
    [
        "revision = '0002'\ndown_revision = '0001'\nbranch_labels = 'side'",
        "revision = '0003'\ndown_revision = '0001'\ndepends_on = 'side'",
    ],
    ["revision = '0002'\ndown_revision = '0001'\nbranch_labels = ['a', 'b']\ndepends_on = None"],
]
ENDS = """
import json, pathlib, sys
from alembic.script import ScriptDirectory
from launcher.checks import migrations
from launcher.checks.service import Service
def ends():
    found = yield from migrations.check_migrations(Service(pathlib.Path.cwd()))
    said.append(sorted(found[1]))
answers = []
for number, shape in enumerate(json.load(sys.stdin)):
    paths = [pathlib.Path("migrations", f"_{number}_{each}.py") for each in range(len(shape))]
    for path, text in zip(paths, shape):
        path.write_text(text)
    scripts = ScriptDirectory("migrations", version_locations=migrations.FOLDERS)
    said = [sorted(scripts.revision_map._real_heads)]
    problems = list(ends())
    assert problems == [], (shape, problems)
    answers.append(said)
    for path in paths:
        path.unlink()
print(json.dumps(answers))
"""


def test_the_migrations_end_where_alembic_says(service: BakedProject) -> None:
    (service.path / "migrations/.#0009.py").write_text("an editor's lock")
    shapes = [[MIGRATION.format(text) for text in shape] for shape in SHAPES]
    done = subprocess.run([service.python, "-c", ENDS], cwd=service.path, env=environment(),
                          input=json.dumps(shapes), capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    for shape, (heads, ends) in zip(SHAPES, json.loads(done.stdout), strict=True):
        assert heads == ends != [], shape


# The file


def test_what_is_no_database_is_found_and_is_to_be_moved_away(service: BakedProject) -> None:
    """A file, or a folder in its place."""
    make_missing(service)
    database(service).write_text("This is not a database. " * 100)
    file = only(found_by(service, "database"))
    database(service).unlink()
    database(service).mkdir()
    folder = only(found_by(service, "database"))
    assert file["id"] == folder["id"] == "database.unreachable"
    assert file["hint"] == folder["hint"]
    assert re.fullmatch(r"move .+ away, then .+run\.py db upgrade", file["hint"])


@pytest.mark.parametrize("begin", ["BEGIN EXCLUSIVE", "BEGIN IMMEDIATE"])
def test_a_locked_database_is_found_as_long_as_it_is_locked(
    service: BakedProject, begin: str
) -> None:
    with closing(sqlite3.connect(database(service), isolation_level=None)) as connection:
        connection.execute(begin)
        assert ids(found_by(service, "database")) == ["database.unreachable"]
        connection.execute("ROLLBACK")
        assert found_by(service, "database") == []


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system on which there is no room left but for what `make_room` deletes."""
    folder = tmp_path / "full"
    folder.mkdir()
    with file_system(folder, "size=1m"):
        yield folder


def fill(folder: Path) -> None:
    with (folder / "rest").open("wb", buffering=0) as rest, contextlib.suppress(OSError):
        while True:
            rest.write(bytes(512))


def test_a_full_disk_is_called_one(service: BakedProject, full_disk: Path) -> None:
    own = full_disk / "own.db"
    append(service.path / "config/development.py", f"SQLALCHEMY_DATABASE_URI = 'sqlite:///{own}'")
    fill(full_disk)
    missing = only(found_by(service, "database"))
    (full_disk / "rest").unlink()
    shutil.copy(database(service), own)
    fill(full_disk)
    there = only(found_by(service, "database"))
    for problem in (missing, there):
        assert problem["id"] == "database.unreachable"
        assert "No space left" in problem["message"]
        assert "free some space" in problem["hint"]


# The URL


@pytest.mark.parametrize("fixture", ["service", "bare"])
def test_a_database_of_another_kind_is_found(request: pytest.FixtureRequest, fixture: str) -> None:
    project: BakedProject = request.getfixturevalue(fixture)
    config = project.path / "config/development.py"
    good = config.read_text()
    urls = ["mysql://u@localhost/x", "not a URL", "sqlite://x.db"]
    if fixture == "service":
        urls += ["postgresql+asyncpg://h/x", "sqlite:///:memory:", "sqlite://", "sqlite:///",
                 "postgresql", "sqlite:///?a=b", "postgresql://u:p@ss@localhost/x"]  # fmt: skip
    for url in urls:
        append(config, f"SQLALCHEMY_DATABASE_URI = {url!r}")
        problem = only(found_by(project, "database"))
        where = f"config/development.py:{line_of(config, repr(url))}"
        assert (problem["id"], problem["where"]) == ("database.url", where), url
        assert "sqlite:///{quote(str(instance" in problem["hint"]
        write(config, good)


@pytest.mark.parametrize("url", ["sqlite+pysqlite:///below/own.db", "sqlite:///o%77n.db?timeout=3"])
def test_the_database_file_is_where_the_application_finds_it(
    service: BakedProject, url: str
) -> None:
    append(service.path / "config/development.py", f"SQLALCHEMY_DATABASE_URI = {url!r}")
    problem = only(found_by(service, "database"))
    assert problem["id"] == "database.migrations"
    assert follow(service, problem).returncode == 0
    assert found_by(service, "database") == []
    assert len(list((service.path / "instance").rglob("own.db"))) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_folder_of_any_name_works(shared_service: BakedProject, tmp_path: Path) -> None:
    folder = tmp_path / "a%2Fb?c#d\ne 'f' %41 100% 東京"
    service = shared_service.copy(folder)
    make_missing(service)
    add(service, "0002", "revision = '0002'\ndown_revision = '0001'\ndepends_on = 'core_0001'")
    assert follow(service, only(found_by(service, "database"))).returncode == 0
    assert database(service).exists()
    assert found_by(service, "database") == []
    with service.start() as server:
        assert http(f"{server.url}/readyz").json["migrations"] == "ok"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("name", ["a%2Fb", "a?b"])
def test_a_path_that_sqlalchemy_reads_as_another_is_refused(
    shared_service: BakedProject, tmp_path: Path, name: str
) -> None:
    service = shared_service.copy(tmp_path / name)
    config = service.path / "config/development.py"
    line = "SQLALCHEMY_DATABASE_URI = "
    good = config.read_text()
    edit(config, "{quote(str(instance / 'development.db'))}", "{instance / 'development.db'}")
    problem = only(found_by(service, "database"))
    assert (problem["id"], problem["where"][:22]) == ("database.url", "config/development.py:")
    hint = re.fullmatch(f"write ({line}.*) in config/development.py", problem["hint"])
    assert hint
    write(config, re.sub(f"{line}.*", hint[1], good))
    assert found_by(service, "database") == []


# PostgreSQL in development

needs_postgresql = pytest.mark.skipif(
    sys.platform == "win32", reason="the fixture's PostgreSQL is started the POSIX way"
)


@needs_postgresql
def test_development_may_have_a_postgresql_of_its_own(
    project: BakedProject, server: PostgreSQL, tmp_path: Path
) -> None:
    copy = project.copy(tmp_path)
    url = server.new_database()
    append(copy.path / "config/development.py", f"SQLALCHEMY_DATABASE_URI = {url!r}")
    append(copy.path / "requirements.txt", "psycopg[binary]")
    behind = only(found_by(copy, "database"))
    assert behind["id"] == "database.migrations"
    assert follow(copy, behind).returncode == 0
    assert found_by(copy, "database") == []
    with copy.start() as running:
        assert http(f"{running.url}/readyz").status == 200
    append(
        copy.path / "config/development.py",
        f"SQLALCHEMY_DATABASE_URI = {server.url('falsch-4711')!r}",
    )
    unreachable = only(found_by(copy, "database"))
    assert unreachable["id"] == "database.unreachable"
    assert "falsch-4711" not in str(unreachable)


def test_development_on_postgresql_requires_the_driver(service: BakedProject) -> None:
    url = "postgresql://u:geheim@127.0.0.1:1/x"
    append(service.path / "config/development.py", f"SQLALCHEMY_DATABASE_URI = {url!r}")
    missing = only(found_by(service, "database"))
    assert missing["id"] == "dependencies.missing"
    line = re.match(r"add (psycopg\[binary\]==[\d.]+) to requirements.txt, ", missing["hint"])
    assert line
    assert "sqlite:///{quote(" in missing["hint"]
    append(service.path / "requirements.txt", line[1])
    assert only(found_by(service, "database"))["message"] == "needs the dependencies"


def test_production_with_nothing_installed_is_skipped_but_for_the_url(bare: BakedProject) -> None:
    production = {"ENVIRONMENT": "production", "DATABASE_URL": "postgresql://u:geheim@h/x"}
    assert ids(found_by(bare, "database", **production)) == ["skipped"]
    edited = production | {"DATABASE_URL": "postgresql://u:ge@heim@h/x"}
    problem = only(found_by(bare, "database", **edited))
    assert problem["id"] == "database.url"
    assert "heim" not in str(problem)


@needs_postgresql
def test_a_machine_too_busy_to_import_the_driver_is_no_database_that_is_away(
    project: BakedProject, migrated: dict[str, str], tmp_path: Path
) -> None:
    copy = project.copy(tmp_path)
    edit(copy.path / "launcher/checks/postgresql.py", ", 10\n", ", 4\n")
    append(
        copy.path / "config/production.py",
        "import sys, time\n\n\nclass Busy:\n    def find_spec(self, name, *others):\n"
        "        time.sleep(5 * (name == 'psycopg'))\n\n\nsys.meta_path.insert(0, Busy())",
    )
    assert found_by(copy, "database", **migrated) == []


# The password

# What says more than the JSON, of a URL that is right and of one that is wrong.
ALL_COMMANDS = [["check"], ["check", "--json"], ["serve"], ["db", "current"]]
COMMANDS = dict.fromkeys(
    ("postgresql://u:geheim@127.0.0.1:1/x", "mysql://u:auch:geheim/@127.0.0.1:1/x"), ALL_COMMANDS
)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:geheim@127.0.0.1:1/x",
        "postgres://u:geheim@127.0.0.1:1/x",
        "mysql://u:geheim@127.0.0.1:1/x",
        "mysql://u:auch@geheim@127.0.0.1:1/x",
        "mysql://u:auch:geheim/@127.0.0.1:1/x",
        "mysql://:geheim@127.0.0.1:1/x",
        "mysql://127.0.0.1:1/x?user=u&password=geheim",
        "u:geheim@127.0.0.1:1/x",
    ],
)
def test_a_password_is_never_shown(service: BakedProject, url: str) -> None:
    # So that nothing is missing, and the URL is looked at.
    (service.path / "requirements-production.txt").write_text("-r requirements.txt\n")
    for arguments in COMMANDS.get(url, [["check", "--json"]]):
        done = service.run("run.py", *arguments, ENVIRONMENT="production", DATABASE_URL=url)
        assert done.returncode == 1
        assert "geheim" not in done.stdout + done.stderr


@pytest.mark.quick
def test_a_password_is_masked_as_it_is_written_and_as_it_is_meant(bare: BakedProject) -> None:
    url = "postgresql://me:p%40ss@host/name?password=s%3Dcret"
    script = f"from launcher.checks.masking import masked; print(masked(input(), {url!r}))"
    said = "no p@ss, no p%40ss, no s=cret, no s%3Dcret"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=bare.path, input=said, capture_output=True, text=True
    )
    assert done.stdout == "no ***, no ***, no ***, no ***\n"
