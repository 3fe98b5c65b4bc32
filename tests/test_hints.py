"""No hint leads to the next finding: whoever does what the hints say has a service that is green.

In each test as many mistakes are made at once as do not disturb one another.
"""

from breaking import append, edit, migration, posix_only
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
TRUSTED_HOSTS = ["*.example.com"]
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


VIEW = """from flask import Blueprint

bp = Blueprint("more", __name__)


@bp.get("/more")
async def more(): ...
"""


def test_settings_that_cannot_be_imported(reader: Reader) -> None:
    append(reader.project.path / "config/default.py", "import stripe")
    append(reader.project.path / "config/development.py", "DEBUG = = True")
    (reader.project.path / "backend/routes/more.py").write_text(VIEW)
    follow_all(reader, "settings.broken", "views.async")


MODEL = """
import sqlalchemy as sa
Message.owner_id = mapped_column(sa.ForeignKey('owner.id'))
"""


def test_several_heads_a_folder_for_a_database_and_a_broken_model(reader: Reader) -> None:
    append(reader.project.path / "backend/models.py", MODEL)
    for name in ("a", "b"):
        (reader.project.path / f"migrations/{name}.py").write_text(migration(name, "0001"))
    path = reader.project.path / "instance/development.db"
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    path.mkdir()
    follow_all(reader, "database.migrations", "database.unreachable", "application.broken")


def test_a_model_without_its_migration(reader: Reader) -> None:
    models = reader.project.path / "backend/models.py"
    append(models, "    mood: Mapped[str | None]")
    follow_all(reader, "database.drift")


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


def test_files_that_do_not_parse_and_a_database_url(reader: Reader) -> None:
    root = reader.project.path
    edit(root / "backend/routes/chat.py", "def reply(", "def reply((")
    edit(root / "migrations/0001_initial_schema.py", "def upgrade()", "def upgrade(")
    append(root / "config/development.py", "SQLALCHEMY_DATABASE_URI = (\n    'mysql://u@h/x'\n)")
    follow_all(reader, "views.broken", "database.migrations", "database.url")
