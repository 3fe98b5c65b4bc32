"""Every fault is found, is named by its id, and is gone once its hint has been followed."""

import contextlib
import itertools
import json
import os
import re
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from breaking import (
    TYPO,
    append,
    edit,
    follow,
    holding,
    line_of,
    make_async,
    posix_only,
    the,
)
from services import ANSWER_WITHIN, BakedProject, environment


@pytest.fixture
def service(service: BakedProject) -> BakedProject:
    return on_any_port(service)


@pytest.fixture
def bare(bare: BakedProject) -> BakedProject:
    return on_any_port(bare)


def on_any_port(project: BakedProject) -> BakedProject:
    """Let a check that is told no port take a free one: others may use that of the template."""
    default = project.path / "config/default.py"
    default.write_text(re.sub(r"(PORT: int =) \d+", r"\1 0", default.read_text(encoding="utf-8")))
    return project


# Nothing is wrong


@pytest.mark.quick
def test_a_bootstrapped_service_has_no_problem(service: BakedProject) -> None:
    done = service.run("run.py", "check", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert report["ok"] is True
    assert report["environment"] == "development"
    assert [check["name"] for check in report["checks"]] == [
        "Python", "Dependencies", "Settings", "Database", "Application", "Views", "Jobs", "Port",
    ]  # fmt: skip
    for check in report["checks"]:
        assert (check["status"], check["problems"]) == ("ok", [])
        assert check["elapsed_ms"] >= 0


# The incident


FAULTS = {
    "not installed": {"dependencies.missing"},
    "typo": {"settings.unknown"},
    "async view": {"views.async"},
    "busy port": {"port.busy"},
}
MIXTURES = [mixture for size in range(5) for mixture in itertools.combinations(FAULTS, size)]


@posix_only
@pytest.mark.parametrize("mixture", MIXTURES, ids=", ".join)
def test_any_mixture_of_the_incident_is_reported_at_once(
    service: BakedProject, mixture: tuple[str, ...]
) -> None:
    expected = set().union(*(FAULTS[fault] for fault in mixture))
    if "not installed" in mixture:
        (service.path / ".venv").rename(service.path.parent / "venv elsewhere")
    if "typo" in mixture:
        append(service.path / "config/development.py", TYPO)
    if "async view" in mixture:
        make_async(service)
    holder: contextlib.AbstractContextManager[tuple[int, set[int]]]
    holder = holding(forks=2) if "busy port" in mixture else contextlib.nullcontext((0, set()))
    with holder as held:
        port, pids = held
        problems = service.problems(PORT=str(port))
    assert {problem["id"] for problem in problems} == expected
    assert len(problems) == len(expected)
    assert all(problem["hint"] for problem in problems)
    if pids:
        assert {owner["pid"] for owner in the(problems, "port.busy")["owners"]} == pids


@pytest.mark.quick
def test_with_nothing_installed_everything_is_on_the_first_screen(bare: BakedProject) -> None:
    append(bare.path / "config/development.py", TYPO)
    make_async(bare)
    with holding() as (port, _):
        screen = bare.run("run.py", "check", PORT=str(port))
        served = bare.run("run.py", PORT=str(port))
        ids = bare.ids(PORT=str(port))
    assert ids == set().union(*FAULTS.values())
    assert (screen.returncode, screen.stderr) == (1, "")
    assert (served.returncode, served.stdout) == (1, "")
    for text in (screen.stdout, served.stderr):
        assert "QLALCHEMY_TRACK_MODIFICATIONS" in text
        assert "post_message" in text
        assert str(port) in text
        assert all(name in text for name in ("APScheduler", "Flask", "SQLAlchemy"))
        assert "Traceback" not in text


def test_the_hints_followed_in_the_order_shown_make_the_service_start(bare: BakedProject) -> None:
    append(bare.path / "config/development.py", TYPO)
    make_async(bare)
    with holding() as (port, _):
        problems = bare.problems(PORT=str(port))
        *first, busy = problems
        assert busy["id"] == "port.busy"
        for problem in first:
            follow(bare, problem)
        assert bare.ids(PORT=str(port)) == {"port.busy"}
        free = re.search(r"run\.py serve --port (\d+)", busy["hint"])
        assert free
        with bare.start("--port", free[1]) as server:
            assert server.port == int(free[1])


def test_exit_codes_and_the_report_agree(service: BakedProject) -> None:
    append(service.path / "config/development.py", "WEATHER_STATION = 'Oslo'")
    warned = service.run("run.py", "check", "--json")
    assert (warned.returncode, json.loads(warned.stdout)["ok"]) == (0, True)
    append(service.path / "config/development.py", TYPO)
    wrong = service.run("run.py", "check", "--json")
    assert (wrong.returncode, json.loads(wrong.stdout)["ok"]) == (1, False)
    assert wrong.stderr == ""


# Settings


@pytest.mark.parametrize(
    "line",
    [
        TYPO,
        "SECRT_KEY = 'for development only'",
        "DEBGU = True",
        "SQLALCHEMY_DATABASE_URL = SQLALCHEMY_DATABASE_URI",
        "CHAT_MESAGE_KEEP_DAYS = 3",
        "TESTNG = False",
        "SCHEDULER_API_ENABLED = True",
    ],
)
def test_a_misspelt_setting_is_found_where_it_stands(service: BakedProject, line: str) -> None:
    config = service.path / "config/development.py"
    append(config, line)
    (problem,) = service.problems()
    assert problem["id"] == "settings.unknown"
    assert problem["where"] == f"config/development.py:{line_of(config, line)}"
    assert line.split()[0] in problem["message"]
    follow(service, problem)
    assert service.ids() == set()


@pytest.mark.parametrize("line", ["WEATHER_STATION = 'Oslo'", "X = 1", "ÜBERMUT = 1"])
def test_a_setting_like_no_other_is_a_warning(service: BakedProject, line: str) -> None:
    append(service.path / "config/development.py", line)
    assert service.ids() == set()
    (warning,) = service.problems("warning")
    assert warning["id"] == "settings.unknown"
    append(service.path / "config/default.py", f"{line.split()[0]}: object")
    assert service.ids("warning") == set()


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("DEBGU: bool = True", "development.py"),
        ("SECRT_KEY, TIMEZONE = 'x', 'UTC'", "development.py"),
        ("if True:\n    DEBGU = True  # here", "development.py"),
        ("try:\n    pass\nfinally:\n    DEBGU = True  # here", "development.py"),
        ("for DEBGU in [True]:  # here\n    pass", "development.py"),
        ("DEBGU = False\nDEBGU = True  # here", "development.py"),
        ("from config.shared import *", "shared.py"),
        ("from .shared import *", "shared.py"),
        ("from config.shared import DEBGU  # here", "development.py"),
        ("from config.shared import SHARED as DEBGU  # here", "development.py"),
    ],
)
def test_a_setting_is_found_however_it_is_bound(
    service: BakedProject, line: str, file: str
) -> None:
    (service.path / "config/shared.py").write_text(
        '"""Shared."""\n\n__all__ = ["DEBGU"]\nSHARED = 1\nDEBGU = True  # here\n'
    )
    append(service.path / "config/development.py", line)
    (problem,) = service.problems()
    path = service.path / "config" / file
    mark = "# here" if "# here" in path.read_text() else line
    assert problem["id"] == "settings.unknown"
    assert problem["where"] == f"config/{file}:{line_of(path, mark)}"


@pytest.mark.parametrize(
    ("line", "id"),
    [
        ("CHAT_MESSAGE_KEEP_DAYS = '30'", "settings.type"),
        ("CHAT_MESSAGE_KEEP_DAYS = True", "settings.type"),
        ("CHAT_MESSAGE_KEEP_DAYS = 1.5", "settings.type"),
        ("TIMEZONE = 9", "settings.type"),
        ("SECRET_KEY = b'bytes'", "settings.type"),
        ("SECRET_KEY = None", "settings.missing"),
        ("SQLALCHEMY_DATABASE_URI = None", "settings.missing"),
    ],
)
def test_a_setting_of_the_wrong_type_or_without_a_value_is_found(
    service: BakedProject, line: str, id: str
) -> None:
    config = service.path / "config/development.py"
    append(config, line)
    (problem,) = service.problems()
    assert problem["id"] == id
    assert problem["where"] == f"config/development.py:{line_of(config, line)}"
    assert problem["hint"]


def test_what_a_config_module_prints_does_not_get_into_the_report(service: BakedProject) -> None:
    append(service.path / "config/development.py", "print('Good morning')")
    assert service.ids() == set()


@pytest.mark.parametrize("file", ["default.py", "development.py"])
@pytest.mark.parametrize(
    "line",
    [
        "DEBUG = = True",
        "DEBUG = (",
        "raise RuntimeError('no')",
        "import a_package_that_is_not_there",
        "DEBUG = 1 / 0",
        "raise SystemExit(3)",
        "raise KeyboardInterrupt",
    ],
)
def test_a_config_module_that_cannot_be_imported_is_found(
    service: BakedProject, file: str, line: str
) -> None:
    config = service.path / "config" / file
    append(config, line)
    make_async(service)
    problems = service.problems()
    assert {problem["id"] for problem in problems} == {"settings.broken", "views.async"}
    broken = the(problems, "settings.broken")
    assert broken["where"] == f"config/{file}:{line_of(config, line)}"
    follow(service, broken)
    assert service.ids() == {"views.async"}


def test_a_mistake_in_a_module_that_the_config_imports_is_found_there(
    service: BakedProject,
) -> None:
    shared = service.path / "config/shared.py"
    shared.write_text("\n\ndef port():\n    return 1 / 0\n\n\nPORT = port()\n")
    append(service.path / "config/development.py", "from config.shared import PORT")
    broken = the(service.problems(), "settings.broken")
    assert broken["where"] == "config/shared.py:4"


@pytest.mark.parametrize("name", ["prodution", "Production ", "PRODUCTION", "default", "../x", " "])
def test_an_unknown_environment_is_refused_and_not_taken_for_development(
    service: BakedProject, name: str
) -> None:
    assert service.ids(ENVIRONMENT=name) == {"settings.environment"}
    served = service.run("run.py", ENVIRONMENT=name)
    assert served.returncode == 1
    assert "Traceback" not in served.stderr


def test_production_without_anything_says_all_that_it_lacks(service: BakedProject) -> None:
    problems = service.problems(ENVIRONMENT="production")
    assert [problem["id"] for problem in problems] == [
        "dependencies.missing", "settings.missing", "settings.missing",
    ]  # fmt: skip
    lacking = " ".join(problem["message"] for problem in problems)
    assert "DATABASE_URL" in lacking
    assert "SECRET_KEY" in lacking


def test_a_short_secret_will_not_do_in_production(service: BakedProject) -> None:
    url = "postgresql://u@127.0.0.1:1/x"
    ids = service.ids(ENVIRONMENT="production", DATABASE_URL=url, SECRET_KEY="short")
    assert ids == {"dependencies.missing", "settings.secret"}
    ids = service.ids(ENVIRONMENT="production", DATABASE_URL=url, SECRET_KEY=secrets.token_hex(32))
    assert ids == {"dependencies.missing"}


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
    for arguments in (("check",), ("check", "--json"), ("serve",), ("db", "current")):
        done = service.run("run.py", *arguments, ENVIRONMENT="production", DATABASE_URL=url)
        assert done.returncode == 1
        assert "geheim" not in done.stdout + done.stderr


# Views


def test_the_sync_view_that_the_hint_makes_is_served(service: BakedProject) -> None:
    make_async(service)
    (problem,) = service.problems()
    follow(service, problem)
    assert service.ids() == set()


@pytest.mark.parametrize("line", ["async def broken(:", "def broken(:", "x = 'never closed"])
def test_a_source_file_that_does_not_parse_is_found(service: BakedProject, line: str) -> None:
    chat = service.path / "backend/routes/chat.py"
    append(chat, line)
    (problem,) = service.problems()
    assert problem["id"] == "views.broken"
    assert problem["where"] == f"backend/routes/chat.py:{line_of(chat, line)}"


# Database


def database(project: BakedProject) -> Path:
    return project.path / "instance/development.db"


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
    (project.path / "migrations/0002_next.py").write_text(
        '"""next"""\n\nrevision: str = "0002"\ndown_revision: str | None = "0001"\n'
        "branch_labels = None\ndepends_on = None\n\n\n"
        "def upgrade() -> None:\n    pass\n\n\ndef downgrade() -> None:\n    pass\n"
    )


@pytest.mark.parametrize("fault", [make_missing, make_folder_missing, make_empty, add_a_migration])
def test_a_schema_that_is_not_that_of_the_code_is_found_and_its_hint_migrates(
    service: BakedProject, fault: Callable[[BakedProject], None]
) -> None:
    fault(service)
    (problem,) = service.problems()
    assert problem["id"] == "database.migrations"
    assert follow(service, problem).returncode == 0
    assert service.ids() == set()


def test_a_schema_that_the_code_does_not_know_is_found(service: BakedProject) -> None:
    with closing(sqlite3.connect(database(service))) as connection, connection:
        connection.execute("INSERT INTO alembic_version VALUES ('from the future')")
    assert service.ids() == {"database.migrations"}


def test_a_file_that_is_no_database_is_found_and_its_hint_mends_it(service: BakedProject) -> None:
    make_missing(service)
    database(service).write_text("This is not a database. " * 100)
    (problem,) = service.problems()
    assert problem["id"] == "database.unreachable"
    hint = re.fullmatch(r"move (.+) away, then (.+)", problem["hint"])
    assert hint
    path, command = hint.groups()
    database(service).rename(f"{path}.old")
    assert follow(service, problem | {"hint": command}).returncode == 0
    assert service.ids() == set()


@pytest.mark.parametrize("begin", ["BEGIN EXCLUSIVE", "BEGIN IMMEDIATE"])
def test_a_locked_database_is_found_as_long_as_it_is_locked(
    service: BakedProject, begin: str
) -> None:
    with closing(sqlite3.connect(database(service), isolation_level=None)) as connection:
        connection.execute(begin)
        assert service.ids() == {"database.unreachable"}
        connection.execute("ROLLBACK")
        assert service.ids() == set()


@pytest.mark.parametrize("url", ["mysql://u@localhost/x", "not a URL", "postgresql+asyncpg://h/x"])
def test_a_database_of_another_kind_is_found(service: BakedProject, url: str) -> None:
    config = service.path / "config/development.py"
    append(config, f"SQLALCHEMY_DATABASE_URI = {url!r}")
    (problem,) = service.problems()
    assert problem["id"] == "database.url"
    assert problem["where"] == f"config/development.py:{line_of(config, url)}"


def test_the_database_file_need_not_have_an_absolute_path(service: BakedProject) -> None:
    append(
        service.path / "config/development.py",
        "SQLALCHEMY_DATABASE_URI = 'sqlite:///development.db'",
    )
    assert service.ids() == set()


# The reader


def test_a_reader_who_has_seen_enough_sees_no_traceback(service: BakedProject) -> None:
    command = [sys.executable, "run.py", "check"]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command, cwd=service.path, env=environment(), stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


# Checks that fail themselves


def replace_a_check(project: BakedProject, body: str) -> None:
    append(
        project.path / "launcher/checks/database.py",
        f"def check_database(service):\n    {body}\n    yield from ()",
    )


@pytest.mark.parametrize("mistake", ["raise KeyError('x')", "1 / 0", "raise SystemExit(0)"])
def test_a_check_that_crashes_is_a_finding_and_hides_nobody_elses(
    service: BakedProject, mistake: str
) -> None:
    append(service.path / "config/development.py", TYPO)
    replace_a_check(service, mistake)
    with holding() as (port, _):
        done = service.run("run.py", "check", "--json", PORT=str(port))
    found = {
        problem["id"]
        for check in json.loads(done.stdout)["checks"]
        for problem in check["problems"]
    }
    assert found == {"settings.unknown", "check.crashed", "port.busy"}
    assert (done.returncode, done.stderr) == (1, "")


def test_a_check_that_hangs_is_a_finding(service: BakedProject) -> None:
    edit(
        service.path / "launcher/checks/runner.py",
        "CHECKED_WITHIN = 2 * GIVEN_UP_AFTER",
        "CHECKED_WITHIN = 1",
    )
    replace_a_check(service, "import threading; threading.Event().wait()")
    assert service.ids() == {"check.crashed"}


def test_what_needs_a_broken_part_is_skipped_and_says_why(service: BakedProject) -> None:
    append(service.path / "config/development.py", "raise RuntimeError('no')")
    checks = {check["name"]: check for check in service.check()["checks"]}
    for name in ("Database", "Port"):
        assert checks[name]["status"] == "skipped"
        assert checks[name]["reason"]
    assert checks["Views"]["status"] == "ok"


# The screen


def break_everything(project: BakedProject) -> None:
    append(project.path / "config/development.py", f"{TYPO}\nÜBERMUT = '野家'")
    make_async(project)


@pytest.mark.parametrize("encoding", ["cp932", "ascii", "cp1252", "utf-8", "utf-16"])
@pytest.mark.parametrize("arguments", [("check",), ("check", "--json"), ("serve",)])
def test_no_console_is_too_poor_for_the_screen(
    service: BakedProject, encoding: str, arguments: tuple[str, ...]
) -> None:
    break_everything(service)
    command = [sys.executable, "run.py", *arguments]
    done = subprocess.run(
        command,
        cwd=service.path,
        env=environment(PYTHONIOENCODING=encoding),
        capture_output=True,
        timeout=ANSWER_WITHIN,
    )
    text = (done.stdout + done.stderr).decode(encoding)
    assert done.returncode == 1
    assert "QLALCHEMY_TRACK_MODIFICATIONS" in text
    assert "post_message" in text
    assert "Traceback" not in text


def test_without_a_terminal_there_are_no_colours(service: BakedProject) -> None:
    break_everything(service)
    assert "\033" not in service.run("run.py", "check").stdout


@posix_only
def test_on_a_terminal_there_are_colours_unless_they_are_not_wanted(service: BakedProject) -> None:
    assert "\033[" in on_a_terminal(service)
    assert "\033[" in on_a_terminal(service, NO_COLOR="")
    assert "\033[" not in on_a_terminal(service, NO_COLOR="1")


def on_a_terminal(project: BakedProject, **env: str) -> str:
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "run.py", "check"],
        cwd=project.path,
        env=environment(**env),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
    )
    os.close(theirs)
    text = b""
    # The end of a terminal is an error on Linux.
    with os.fdopen(ours, "rb", buffering=0) as screen, process, contextlib.suppress(OSError):
        while part := screen.read(4096):
            text += part
    return text.decode()


# What else can be wrong in a config module


@pytest.mark.parametrize(
    ("line", "id", "hint"),
    [
        ("PROT = 5001", "settings.unknown", "rename it to PORT"),
        ("DATABASE_URI = 'x'", "settings.unknown", "rename it to SQLALCHEMY_DATABASE_URI"),
        ("TRACK_MODIFICATIONS = False", "settings.unknown", "delete the line"),
        ("DEBUG = 'False'", "settings.type", "bool"),
        ("TIMEZONE = 'Asia/Tokio'", "jobs.timezone", "Asia/Tokyo"),
    ],
)
def test_a_mistake_in_the_config_is_an_error_with_what_mends_it(
    service: BakedProject, line: str, id: str, hint: str
) -> None:
    append(service.path / "config/development.py", line)
    (problem,) = service.problems()
    assert problem["id"] == id
    assert hint in problem["hint"]


@pytest.mark.parametrize(
    ("url", "id"),
    [
        (None, "settings.missing"),
        ("postgresql://u:p@127.0.0.1:1/x", "database.url"),
        ("sqlite:///:memory:", "database.url"),
        ("sqlite://x.db", "database.url"),
    ],
)
def test_development_wired_to_anything_but_a_file_of_sqlites_is_an_error(
    service: BakedProject, url: str | None, id: str
) -> None:
    append(service.path / "config/development.py", f"SQLALCHEMY_DATABASE_URI = {url!r}")
    (problem,) = service.problems(DATABASE_URL="postgresql://u:p@127.0.0.1:1/x")
    assert problem["id"] == id
    assert "sqlite:///{instance" in problem["hint"]


@pytest.mark.parametrize("name", ["prodution", "Production ", "prod", "PROD", "produktion"])
def test_what_is_meant_as_production_is_never_hinted_as_development(
    service: BakedProject, name: str
) -> None:
    (problem,) = service.problems(ENVIRONMENT=name)
    assert problem["id"] == "settings.environment"
    assert 'ENVIRONMENT="production"' in problem["hint"]
    assert "development" not in problem["hint"]
