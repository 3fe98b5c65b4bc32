"""No hint leads to the next finding: whoever does what the hints say has a service that is green.

In each test as many mistakes are made at once as do not disturb one another.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from breaking import append, edit, posix_only
from hints import Reader, follow_all, ids

pytestmark = posix_only


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


@pytest.mark.parametrize("line", ["DEBUG = = True", "import stripe"])
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


@pytest.mark.parametrize(
    ("damage", "id"),
    [
        (delete_the_database, "database.migrations"),
        (write_garbage, "database.unreachable"),
        (make_a_folder_of_it, "database.unreachable"),
    ],
)
def test_a_database(reader: Reader, damage: Callable[[Path], None], id: str) -> None:
    damage(reader.project.path / "instance/development.db")
    follow_all(reader, id)


def test_a_database_url(reader: Reader) -> None:
    config = reader.project.path / "config/development.py"
    append(config, "SQLALCHEMY_DATABASE_URI = (\n    'mysql://u@h/x'\n)")
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


def test_a_broken_model(reader: Reader) -> None:
    text = "import sqlalchemy as sa\nMessage.owner_id = mapped_column(sa.ForeignKey('owner.id'))"
    append(reader.project.path / "backend/models.py", text)
    follow_all(reader, "application.broken")


def test_a_file_that_does_not_parse(reader: Reader) -> None:
    edit(reader.project.path / "backend/routes/chat.py", "def reply(", "def reply((")
    edit(reader.project.path / "migrations/0001_initial_schema.py", "def upgrade()", "def upgrade(")
    follow_all(reader, "views.broken", "database.migrations")
