"""Two branches of migrations: core's, which updates bring, and the owner's."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from breaking import append, found_by, migration, the
from commands import Command, commands
from databases import read
from postgresql import PostgreSQL
from services import BakedProject, http, production

# What the first version had, whose tables one chain of migrations made, which ended in 0001.
FIRST_VERSION = (
    "DELETE FROM alembic_version WHERE version_num = 'core_0001'",
    "INSERT INTO message (text, reply, created_at) VALUES ('old', 'kept', '2026-01-01')",
    "INSERT INTO job_run (job, due, ended_at, cause, process, host, pid, outcome)"
    " VALUES ('old', '2026-01-01', '2026-01-01', 'tick', 'p', 'h', 1, 'succeeded')",
)
MODULE = "launcher.serving.database"  # whose application `run.py db` makes
STATE = """
from backend import create_app
from backend.core.database import db
from backend.core.migrations import schema_state
with create_app().app_context():
    print(schema_state(db.session.connection()))
"""


class Migrated:
    """A service with a database of its own, and what `db` commands make of it."""

    def __init__(self, project: BakedProject, give: Command, **env: str) -> None:
        self.project, self.give, self.env = project, give, {"PORT": "0"} | env
        file = project.path / "instance/development.db"
        self.url = env.get("DATABASE_URL", f"sqlite:///{file}")

    def db(self, *arguments: str) -> None:
        code, said = self.give("db", *arguments)
        assert code == 0, said

    def run_db(self, *arguments: str) -> None:
        """Give the command as a reader would."""
        done = self.project.run("run.py", "db", *arguments, **self.env)
        assert done.returncode == 0, done.stderr

    @property
    def state(self) -> str:
        """The number of rows in each table, and where the schema is."""
        names = "information_schema.tables" if "DATABASE_URL" in self.env else "sqlite_master"
        column = "table_name" if "DATABASE_URL" in self.env else "name"
        tables = {name for (name,) in read(self.url, f"SELECT {column} FROM {names}")[0]}
        rows = {}
        for name in sorted(tables & {"message", "job_run"}):
            [[(rows[name],)]] = read(self.url, f"SELECT count(*) FROM {name}")
        (versions,) = read(self.url, "SELECT version_num FROM alembic_version ORDER BY 1")
        return f"{rows} {[version for (version,) in versions]}"

    def ids(self) -> set[str]:
        return self.project.ids(**self.env)

    def ids_of_the_database(self) -> set[str]:
        return {problem["id"] for problem in found_by(self.project, "database", **self.env)}


@pytest.fixture
def on_postgresql(server: PostgreSQL, model: str) -> dict[str, str]:
    return production(server.new_database(model))


@pytest.fixture
def migrated(service: BakedProject) -> Iterator[Migrated]:
    with commands(service, MODULE) as give:
        yield Migrated(service, give)


@pytest.fixture(params=["sqlite", "postgresql"])
def first_version(request: pytest.FixtureRequest) -> Iterator[Migrated]:
    if request.param == "sqlite":
        migrated: Migrated = request.getfixturevalue("migrated")
        migrated.db("downgrade", "core@core_0001")
        read(migrated.url, *FIRST_VERSION)
        yield migrated
        return
    if sys.platform == "win32":
        pytest.skip("PostgreSQL is started the POSIX way")
    project, env = (request.getfixturevalue(name) for name in ("project", "on_postgresql"))
    with commands(project, MODULE, **env) as give:
        migrated = Migrated(project, give, **env)
        migrated.db("downgrade", "core@core_0001")
        read(migrated.url, *FIRST_VERSION)
        yield migrated


def test_a_database_of_the_first_version_is_upgraded_without_loss(first_version: Migrated) -> None:
    migrated = first_version
    assert migrated.ids_of_the_database() == {"database.migrations"}
    migrated.run_db("upgrade")
    assert migrated.state == "{'job_run': 1, 'message': 1} ['0001', 'core_0002']"
    assert read(migrated.url, 'SELECT job, "trigger" FROM job_trigger') == [[("old", "")]]
    assert migrated.ids() == set()
    migrated.db("downgrade")
    assert migrated.state == "{'job_run': 1} ['core_0002']"
    code, said = migrated.give("db", "downgrade")
    assert (code, "no step back" in said) == (1, True)
    assert "Traceback" not in said
    migrated.db("upgrade")
    assert migrated.state == "{'job_run': 1, 'message': 0} ['0001', 'core_0002']"
    migrated.db("downgrade", "base")
    assert migrated.state == "{} []"
    migrated.db("upgrade")
    assert migrated.state == "{'job_run': 0, 'message': 0} ['0001', 'core_0002']"


def test_a_new_migration_is_the_owner_s(migrated: Migrated) -> None:
    service = migrated.project
    append(
        service.path / "backend/models.py",
        'class Page(Base):\n    __tablename__ = "page"\n'
        "    id: Mapped[int] = mapped_column(primary_key=True)",
    )
    before = set(service.path.rglob("*.py"))
    migrated.run_db("revision", "pages")
    (made,) = set(service.path.rglob("*.py")) - before
    assert made.parent == service.path / "migrations"
    assert 'down_revision: str | None = "0001"' in made.read_text()
    assert "job_run" not in made.read_text()
    assert migrated.ids_of_the_database() == {"database.migrations"}
    migrated.db("upgrade")
    assert migrated.ids() == set()
    migrated.db("downgrade")
    assert migrated.state == "{'job_run': 0, 'message': 0} ['0001', 'core_0002']"


def add(project: BakedProject, folder: str, revision: str, down: str) -> None:
    table = f"table_{revision}"
    up = f'op.create_table("{table}", sa.Column("id", sa.Integer(), primary_key=True))'
    text = migration(revision, down, up, f'op.drop_table("{table}")')
    (project.path / folder / f"{revision}.py").write_text(text)


def test_core_s_branch_goes_on_without_the_owner_s_and_back(migrated: Migrated) -> None:
    service = migrated.project
    add(service, "backend/core/migrations", "core_0003", "core_0002")
    add(service, "migrations", "0002", "0001")
    assert migrated.ids_of_the_database() == {"database.migrations"}
    migrated.run_db("upgrade", "core@head")
    assert migrated.state.endswith("['0001', 'core_0003']")
    migrated.db("upgrade")
    assert migrated.state.endswith("['0002', 'core_0003']")
    migrated.db("downgrade", "2")
    assert migrated.state == "{'job_run': 0} ['core_0003']"
    migrated.db("downgrade", "core@core_0002")
    migrated.db("upgrade", "1")
    assert migrated.state.endswith("['0001', 'core_0002']")
    migrated.db("upgrade", "0002")
    assert migrated.state.endswith("['0002', 'core_0002']")


def test_two_ends_of_the_owner_s_branch_are_told_and_merged(migrated: Migrated) -> None:
    service = migrated.project
    add(service, "migrations", "0002", "0001")
    add(service, "migrations", "0003", "0001")
    problem = the(found_by(service, "database"), "database.migrations")
    assert "0002, 0003" in problem["message"]
    migrated.run_db("merge")
    migrated.db("upgrade")
    assert migrated.ids() == set()
    assert len(list((service.path / "migrations").glob("*.py"))) == 4


def test_code_that_is_older_than_the_schema_is_warned_and_serves(migrated: Migrated) -> None:
    service = migrated.project
    newer = service.path / "migrations/0002.py"
    add(service, "migrations", "0002", "0001")
    migrated.run_db("upgrade")
    newer.unlink()
    assert migrated.ids() == set()
    assert service.ids("warning", **migrated.env) == {"database.migrations"}
    with service.start() as server:
        ready = http(f"{server.url}/readyz")
    assert (ready.status, ready.json["migrations"]) == (200, "ahead")
    for command in (["downgrade"], ["upgrade"], ["current"], ["downgrade", "0001"]):
        done = service.run("run.py", "db", *command, **migrated.env)
        assert (done.returncode, "newer code" in done.stderr) == (1, True), done.stderr
        assert "Traceback" not in done.stderr
    assert migrated.state.endswith("['0002', 'core_0002']")


@pytest.mark.parametrize(
    ("revisions", "level"),
    [
        (["0009", "core_0002"], "warning"),
        (["0001", "core_0009"], "warning"),
        (["0009", "core_0009"], "warning"),
        (["0001", "core_0002", "third_0001"], "warning"),
        (["0009"], "error"),  # the branch of core may be missing
        (["core_0002"], "error"),
        (["0001", "0009"], "warning"),
    ],
)
def test_ahead_is_a_schema_that_has_all_that_the_code_wants(
    shared_service: BakedProject, tmp_path: Path, revisions: list[str], level: str
) -> None:
    """The check, which only reads files, and /readyz, which asks Alembic, agree."""
    service = shared_service.copy(tmp_path)
    insert = "INSERT INTO alembic_version VALUES ('{}')"
    url = f"sqlite:///{service.path}/instance/development.db"
    read(url, "DELETE FROM alembic_version", *map(insert.format, revisions))
    problem = the(found_by(service, "database"), "database.migrations")
    assert problem["level"] == level
    done = service.run("-c", STATE, python=service.python)
    assert done.stdout.split() == ["ahead" if level == "warning" else "pending"], done.stderr
