"""Two branches of migrations: core's, which updates bring, and the owner's."""

import sys

import pytest
from breaking import append, the
from databases import read
from postgresql import PostgreSQL
from services import BakedProject, production

# Tables as the first version made them, in one chain of migrations that ended in 0001.
FIRST_VERSION = """
from datetime import UTC, datetime
from sqlalchemy import text
from backend import create_app
from backend.core.database import db, now
from backend.core.jobs.models import JobRun
from backend.models import Message
with create_app().app_context():
    db.session.execute(text("DELETE FROM alembic_version WHERE version_num = 'core_0001'"))
    db.session.add(Message(text="old", reply="kept"))
    run = {"cause": "tick", "process": "p", "host": "h", "pid": 1, "outcome": "succeeded"}
    due = datetime(2026, 1, 1, tzinfo=UTC)
    db.session.add(JobRun(job="old", due=due, ended_at=now(), **run))
    db.session.commit()
"""
LATER = '''
"""later"""
import sqlalchemy as sa
from alembic import op
revision: str = "{revision}"
down_revision: str | None = "{down}"
branch_labels = None
depends_on = None
def upgrade() -> None:
    op.create_table("{table}", sa.Column("id", sa.Integer(), primary_key=True))
def downgrade() -> None:
    op.drop_table("{table}")
'''


class Migrated:
    """A service with a database of its own, and what `db` commands make of it."""

    def __init__(self, project: BakedProject, **env: str) -> None:
        self.project, self.env = project, {"PORT": "0"} | env

    def db(self, *arguments: str) -> str:
        done = self.project.run("run.py", "db", *arguments, **self.env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def python(self, code: str) -> None:
        done = self.project.run("-c", code, python=self.project.python, **self.env)
        assert done.returncode == 0, done.stderr

    @property
    def state(self) -> str:
        """The number of rows in each table, and where the schema is."""
        file = self.project.path / "instance/development.db"
        url = self.env.get("DATABASE_URL", f"sqlite:///{file}")
        names = "information_schema.tables" if "DATABASE_URL" in self.env else "sqlite_master"
        column = "table_name" if "DATABASE_URL" in self.env else "name"
        tables = {name for (name,) in read(url, f"SELECT {column} FROM {names}")[0]}
        rows = {}
        for name in sorted(tables & {"message", "job_run"}):
            # The first start of bootstrap.py may have noted that the jobs are there.
            runs = " WHERE cause <> 'added'" if name == "job_run" else ""
            [[(rows[name],)]] = read(url, f"SELECT count(*) FROM {name}{runs}")
        (versions,) = read(url, "SELECT version_num FROM alembic_version ORDER BY 1")
        return f"{rows} {[version for (version,) in versions]}"

    def ids(self) -> set[str]:
        return self.project.ids(**self.env)


@pytest.fixture
def on_postgresql(server: PostgreSQL, model: str) -> dict[str, str]:
    return production(server.new_database(model))


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated(request: pytest.FixtureRequest) -> Migrated:
    if request.param == "sqlite":
        return Migrated(request.getfixturevalue("service"))
    if sys.platform == "win32":
        pytest.skip("PostgreSQL is started the POSIX way")
    return Migrated(request.getfixturevalue("project"), **request.getfixturevalue("on_postgresql"))


def test_a_database_of_the_first_version_is_upgraded_without_loss(migrated: Migrated) -> None:
    migrated.python(FIRST_VERSION)
    assert migrated.ids() == {"database.migrations"}
    migrated.db("upgrade")
    assert migrated.state == "{'job_run': 1, 'message': 1} ['0001', 'core_0001']"
    assert migrated.ids() == set()
    migrated.db("downgrade")
    assert migrated.state == "{'job_run': 1} ['core_0001']"
    again = migrated.project.run("run.py", "db", "downgrade", **migrated.env)
    assert (again.returncode, "no step back" in again.stderr) == (1, True)
    assert "Traceback" not in again.stderr
    migrated.db("upgrade")
    assert migrated.state == "{'job_run': 1, 'message': 0} ['0001', 'core_0001']"
    migrated.db("downgrade", "base")
    assert migrated.state == "{} []"
    migrated.db("upgrade")
    assert migrated.state == "{'job_run': 0, 'message': 0} ['0001', 'core_0001']"


def test_a_new_migration_is_the_owner_s(service: BakedProject) -> None:
    migrated = Migrated(service)
    append(
        service.path / "backend/models.py",
        'class Page(Base):\n    __tablename__ = "page"\n'
        "    id: Mapped[int] = mapped_column(primary_key=True)",
    )
    before = set(service.path.rglob("*.py"))
    migrated.db("revision", "pages")
    (made,) = set(service.path.rglob("*.py")) - before
    assert made.parent == service.path / "migrations"
    assert 'down_revision: str | None = "0001"' in made.read_text()
    assert "job_run" not in made.read_text()
    assert migrated.ids() == {"database.migrations"}
    migrated.db("upgrade")
    assert migrated.ids() == set()
    migrated.db("downgrade")
    assert migrated.state == "{'job_run': 0, 'message': 0} ['0001', 'core_0001']"


def add(project: BakedProject, folder: str, revision: str, down: str) -> None:
    text = LATER.format(revision=revision, down=down, table=f"table_{revision}")
    (project.path / folder / f"{revision}.py").write_text(text.lstrip())


def test_core_s_branch_goes_on_without_the_owner_s_and_back(service: BakedProject) -> None:
    migrated = Migrated(service)
    add(service, "backend/core/migrations", "core_0002", "core_0001")
    add(service, "migrations", "0002", "0001")
    assert migrated.ids() == {"database.migrations"}
    migrated.db("upgrade", "core@head")
    assert migrated.state.endswith("['0001', 'core_0002']")
    migrated.db("upgrade")
    assert migrated.state.endswith("['0002', 'core_0002']")
    migrated.db("downgrade", "2")
    assert migrated.state == "{'job_run': 0} ['core_0002']"
    migrated.db("downgrade", "core@core_0001")
    migrated.db("upgrade", "1")
    assert migrated.state.endswith("['0001', 'core_0001']")
    migrated.db("upgrade", "0002")
    assert migrated.state.endswith("['0002', 'core_0001']")


def test_two_ends_of_the_owner_s_branch_are_told_and_merged(service: BakedProject) -> None:
    migrated = Migrated(service)
    add(service, "migrations", "0002", "0001")
    add(service, "migrations", "0003", "0001")
    problem = the(service.problems(PORT="0"), "database.migrations")
    assert "0002, 0003" in problem["message"]
    migrated.db("merge")
    migrated.db("upgrade")
    assert migrated.ids() == set()
    assert len(list((service.path / "migrations").glob("*.py"))) == 4
