"""No hint leads to the next finding: whoever does what the hints say has a service that is green.

In each test as many mistakes are made at once as do not disturb one another.
"""

import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from breaking import append, edit, holding, posix_only
from hints import Problem, Reader, steps_of
from postgresql import PostgreSQL
from services import BakedProject, Server, environment, http, running
from test_checks import on_any_port

pytestmark = posix_only


@pytest.fixture
def reader(shared_service: BakedProject, tmp_path: Path) -> Reader:
    base = on_any_port(shared_service.copy(tmp_path / "base"))
    return Reader(base.copy(tmp_path / "own"), base)


def ids(problems: list[Problem]) -> set[str]:
    return {problem["id"] for problem in problems}


def follow_all(reader: Reader, *expected: str, **env: str) -> None:
    """Do what is said of these, all of which is said, and find that nothing is said any more."""
    problems = reader.problems(**env)
    assert ids(problems) == set(expected), problems
    reader.follow(problems)
    assert reader.problems(**env) == [], "\n".join(reader.said)


SETTINGS = """
QLALCHEMY_TRACK_MODIFICATIONS = False
if DEBUG:
    TRACK_MODIFICATIONS = False
DEBGU = True
CHAT_MESAGE_KEEP_DAYS = (
    30
)
SCHEDULER_API_ENABLED = dict(
    x=1,
)
SQLALCHEMY_DATABASE_URL = os.getenv("DATABASE_URL")
JWT_SECRET_KEY = os.getenv("JWT_SECRET_KEY", "x")
WEATHER_STATION = (
    "Oslo"
)
timezone = "UTC"
CHAT_MESSAGE_MAX_LENGTH = "2000"
JOB_RUN_KEEP_DAYS = 0
PROXY_COUNT = 100
TRUSTED_HOSTS = ["EXAMPLE.com"]
HOST = None
TIMEZONE = "Asia/Tokio"
"""


def test_settings(reader: Reader) -> None:
    config = reader.project.path / "config/development.py"
    edit(config, "from pathlib", "import os\nfrom pathlib")
    append(config, SETTINGS)
    follow_all(reader, "settings.unknown", "settings.type", "settings.value", "settings.missing",
               "jobs.timezone")  # fmt: skip


def test_settings_that_are_missing(reader: Reader) -> None:
    for file, names in (("default", ("JOB_STOP_TIMEOUT", "HOST")),
                        ("development", ("SQLALCHEMY_DATABASE_URI", "SECRET_KEY"))):  # fmt: skip
        path = reader.project.path / f"config/{file}.py"
        lines = path.read_text("utf-8").splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not line.startswith(names)))
    follow_all(reader, "settings.missing")


@pytest.mark.parametrize("line", ["DEBUG = = True", "import stripe", "DEBUG = 1 / 0"])
def test_settings_that_cannot_be_imported(reader: Reader, line: str) -> None:
    append(reader.project.path / "config/development.py", line)
    edit(
        reader.project.path / "backend/routes/chat.py",
        "def post_message(",
        "async def post_message(",
    )
    follow_all(reader, "settings.broken", "views.async")


ANOTHER = """
revision = "{0}"
down_revision = "0001"
branch_labels = depends_on = None


def upgrade(): ...


def downgrade(): ...
"""


def test_several_heads(reader: Reader) -> None:
    for name in ("a", "b"):
        (reader.project.path / f"migrations/{name}.py").write_text(ANOTHER.format(name))
    follow_all(reader, "database.migrations")


def test_a_model_without_its_migration(reader: Reader) -> None:
    models = reader.project.path / "backend/models.py"
    append(models, "    mood: Mapped[str | None]")
    follow_all(reader, "database.drift")


def delete_the_database(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def write_garbage(path: Path) -> None:
    delete_the_database(path)
    path.write_bytes(b"This is no database. " * 100)


def make_a_folder_of_it(path: Path) -> None:
    delete_the_database(path)
    path.mkdir()


def forget_the_revision(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM alembic_version WHERE version_num = '0001'")
        connection.execute("DROP TABLE message")


@pytest.mark.parametrize(
    ("damage", "id"),
    [
        (delete_the_database, "database.migrations"),
        (write_garbage, "database.unreachable"),
        (make_a_folder_of_it, "database.unreachable"),
        (forget_the_revision, "database.migrations"),
    ],
)
def test_a_database(reader: Reader, damage: Callable[[Path], None], id: str) -> None:
    damage(reader.project.path / "instance/development.db")
    follow_all(reader, id)


@pytest.mark.parametrize("url", ["'mysql://u@h/x'", "'sqlite:///:memory:'", "(\n    'no URL'\n)"])
def test_a_database_url(reader: Reader, url: str) -> None:
    config = reader.project.path / "config/development.py"
    append(config, f"SQLALCHEMY_DATABASE_URI = {url}")
    follow_all(reader, "database.url")


CHAT = """
bp.add_url_rule("/chat", "post_message", lambda: "again")
"""
JOBS = """
JOBS += (
    Job("delete_old_runs", delete_old_runs, "0 6 * * 1"),
    Job("sweep", delete_old_runs, timedelta(0)),
    Job("yield", iter, "0 6 * * mon"),
    Job("late", delete_old_runs, "0 0 31 2 *"),
    "delete_old_runs",
)
"""


def test_what_the_application_says(reader: Reader) -> None:
    root = reader.project.path
    append(root / "backend/routes/chat.py", CHAT)
    append(root / "backend/jobs/__init__.py", JOBS)
    edit(root / "backend/routes/chat.py", "def post_message(", "async def post_message(")
    problems = reader.problems()
    assert {"application.broken", "jobs.trigger", "views.async"} <= ids(problems), problems
    reader.follow(problems)
    assert reader.problems() == []


@pytest.mark.parametrize("of", ["Integr", "sa.ForeignKey('owner.id')"])
def test_a_broken_model(reader: Reader, of: str) -> None:
    text = f"import sqlalchemy as sa\nMessage.owner_id = mapped_column({of})"
    append(reader.project.path / "backend/models.py", text)
    follow_all(reader, "application.broken")


def test_a_file_that_does_not_parse(reader: Reader) -> None:
    edit(reader.project.path / "backend/routes/chat.py", "def reply(", "def reply((")
    edit(reader.project.path / "migrations/0001_initial_schema.py", "def upgrade()", "def upgrade(")
    follow_all(reader, "views.broken", "database.migrations")


def test_packages(reader: Reader, shared_service: BakedProject, tmp_path: Path) -> None:
    """One that is required nowhere, and all the damage that an installer may leave."""
    project = shared_service.copy(tmp_path / "packages", own_environment=True)
    reader = Reader(on_any_port(project), reader.base)
    append(project.path / "backend/routes/chat.py", "import six  # noqa: E402, F401")
    (packages,) = project.path.glob(".venv/lib/python*/site-packages")
    damage(packages)
    problems = reader.problems()
    assert ids(problems) >= {"dependencies.missing"}, problems
    for _ in range(2):  # what is not there hides what the application needs
        reader.follow(problems)
        problems = reader.problems()
    assert problems == [], "\n".join(reader.said)


def damage(packages: Path) -> None:
    shutil.rmtree(next(packages.glob("click-*.dist-info")))
    shutil.rmtree(packages / "blinker")
    next(packages.glob("itsdangerous-*.dist-info/METADATA")).unlink()
    next(packages.glob("markupsafe-*.dist-info/RECORD")).unlink()
    (info,) = packages.glob("tzlocal-*.dist-info")
    info.rename(packages / "tzlocal-1.0.dist-info")
    (packages / "jinja2/environment.py").unlink()


def a_file(venv: Path) -> None:
    venv.touch()


def a_dangling_link(venv: Path) -> None:
    venv.symlink_to("nowhere")


def of_another_python(venv: Path) -> None:
    (venv / "bin").mkdir(parents=True)
    (venv / "pyvenv.cfg").write_text("home = /nowhere\nversion = 3.9.1\n")
    python = venv / "bin/python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)


def without_pip(venv: Path) -> None:
    """As `uv venv` or `python -m venv --without-pip` makes one, and nobody else."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)


@pytest.mark.parametrize("make", [a_file, a_dangling_link, of_another_python, without_pip])
def test_an_environment(reader: Reader, make: Callable[[Path], None]) -> None:
    (reader.project.path / ".venv").unlink()
    make(reader.project.path / ".venv")
    problems = reader.problems()
    assert ids(problems) & {"python.version", "dependencies.missing"}, problems
    reader.follow(problems)
    assert reader.problems() == [], "\n".join(reader.said)


def test_a_folder_that_begins_with_a_dash(reader: Reader, tmp_path: Path) -> None:
    """The command is followed where it was read, which is not in the folder."""
    (reader.project.path / "instance/development.db").unlink()
    folder = reader.project.path.rename(tmp_path / "-dash")
    said = subprocess.run([sys.executable, "--", "-dash/run.py", "check"], cwd=tmp_path,
                          env=environment(), capture_output=True, text=True).stdout  # fmt: skip
    hint = next(line for line in said.splitlines() if "db upgrade" in line).strip(" →->")
    elsewhere = Reader(BakedProject(tmp_path), reader.base)
    elsewhere.give(hint)
    assert BakedProject(folder).problems() == [], "\n".join(elsewhere.said)


def test_a_busy_port(reader: Reader) -> None:
    with holding() as (port, _):
        (problem,) = reader.problems(PORT=str(port))
        (command,) = steps_of(problem["hint"])
        with started(reader, command) as server:
            assert http(f"{server.url}/ping").status == 200
            again = [sys.executable, "run.py", "serve", "--port", str(server.port)]
            refused = subprocess.run(again, cwd=reader.project.path, env=environment(),
                                     capture_output=True, text=True).stderr  # fmt: skip
            hint = next(line for line in refused.splitlines() if "--replace" in line)
            with started(reader, steps_of(hint.strip(" →->"))[0]) as other:
                assert (other.port, http(f"{other.url}/ping").status) == (server.port, 200)


@contextmanager
def started(reader: Reader, command: str) -> Iterator[Server]:
    name, *arguments = shlex.split(command)
    assert name.startswith("python")
    with running([sys.executable, *arguments], reader.project.path) as server:
        server.wait_for_url()
        yield server


def test_production(reader: Reader, server: PostgreSQL, production_service: BakedProject) -> None:
    reader.project.path.joinpath(".venv").unlink()
    reader.project.path.joinpath(".venv").symlink_to(production_service.path / ".venv")
    append(reader.project.path / "config/default.py", "POINTS: Annotated[int, range(10)] = 5")
    append(
        reader.project.path / "config/production.py", "POINTS = number('POINTS', 5)\nDEBUG = True"
    )
    reader.url = server.new_database()
    reader.exported = {"ENVIRONMENT": "production", "POINTS": "x", "WEB_CONCURRENCY": "0",
                       "PROXY_COUNT": "x", "TRUSTED_HOSTS": "EXAMPLE.com", "PORT": "0",
                       "SECRET_KEY_FALLBACKS": "short"}  # fmt: skip
    follow_all(reader, "settings.missing", "settings.type", "settings.value", "settings.secret",
               "settings.debug")  # fmt: skip


@pytest.mark.parametrize("name", ["prodution", "developmnt"])
def test_an_environment_that_there_is_not(reader: Reader, name: str) -> None:
    reader.exported = {"ENVIRONMENT": name}
    problems = reader.problems()
    assert ids(problems) == {"settings.environment"}
    reader.follow(problems)
    assert "settings.environment" not in ids(reader.problems())
