"""Does the database answer, and has it the schema of the code?"""

import json
import os
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from launcher.checks.dependencies import check_dependencies
from launcher.checks.migrations import check_revisions, upgrade
from launcher.checks.problem import Problem, Skipped
from launcher.checks.service import Service
from launcher.checks.settings import WRITE_SQLITE

SHAPE = (
    "postgresql://user:password@host/name, with %40 for @, %2F for /, %3F for ?, %23 for #;"
    " several hosts as postgresql://user:password@/name?host=a,b&port=5432,5432"
)
# What backend/core/database.py takes for PostgreSQL.
POSTGRESQL = ("postgres", "postgresql", "postgresql+psycopg")
# Seconds to connect to a database, or to wait for a lock on it, and for all that is asked of it.
CONNECTED_WITHIN, ANSWERED_WITHIN = 3, 6


def check_database(service: Service) -> Iterator[Problem]:
    if any(problem.id == "dependencies.missing" for problem in check_dependencies(service)):
        raise Skipped("needs the dependencies")
    if service.configuration.broken:
        raise Skipped("needs the settings")
    url = service.setting("SQLALCHEMY_DATABASE_URI")
    if not isinstance(url, str):
        raise Skipped("needs SQLALCHEMY_DATABASE_URI")
    scheme, separator, rest = url.partition("://")
    name = rest.removeprefix("/").partition("?")[0]
    if separator and scheme == "sqlite" and rest[:1] == "/" and name and name[0] != ":":
        yield from check_sqlite(Path(service.root, "instance", name), service)
    elif service.environment == "development":
        yield url_problem("is no file of SQLite's, which development uses", service)
    elif separator and scheme in POSTGRESQL:
        yield from check_postgresql(url, service)
    else:
        yield url_problem("is neither a postgresql:// nor a sqlite:/// URL", service)


def url_problem(fact: str, service: Service) -> Problem:
    """Say what is wrong with the URL without showing it: nobody knows where its password is."""
    where = service.configuration.where("SQLALCHEMY_DATABASE_URI")
    name = service.configuration.variable("SQLALCHEMY_DATABASE_URI") or "SQLALCHEMY_DATABASE_URI"
    if service.environment == "development":
        return Problem("database.url", f"SQLALCHEMY_DATABASE_URI {fact}", WRITE_SQLITE, where)
    return Problem("database.url", f"{name} {fact}", "write it as " + SHAPE, where)


def check_sqlite(path: Path, service: Service) -> Iterator[Problem]:
    if "?" in str(service.root):
        fact = f"{service.root} has a ? in its name, where SQLAlchemy takes the path to end"
        yield Problem("database.url", fact, "move the project to a folder without one")
        return
    if not path.exists():
        yield missing_file(path)
        return
    try:
        revisions = sqlite_revisions(path)
    except sqlite3.Error as error:
        hint = f"see that no other program holds {path}, and that this user may write there"
        if "not a database" in str(error):
            hint = f"move {path} away, then {upgrade()}"
        yield Problem("database.unreachable", f"{path.name}: {error}", hint)
    else:
        yield from check_revisions(revisions, service)


def missing_file(path: Path) -> Problem:
    folder = next(parent for parent in path.parents if parent.exists())
    if os.access(folder, os.W_OK):
        return Problem("database.migrations", f"{path.name} does not exist yet", upgrade())
    fact = f"{path.name} cannot be made: this user may not write in {folder}"
    return Problem("database.unreachable", fact, f"make {folder} writable for this user")


def sqlite_revisions(path: Path) -> set[str]:
    connection = sqlite3.connect(path, timeout=CONNECTED_WITHIN, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")  # which only a database open to writing allows
        return {name for (name,) in connection.execute("SELECT version_num FROM alembic_version")}
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return set()
        raise
    finally:
        connection.close()


def check_postgresql(url: str, service: Service) -> Iterator[Problem]:
    rest = url.partition("://")[2]
    path = rest.partition("?")[0]  # an @ further on is no end of a password, unless there is none
    credentials = (path if "@" in path else rest).rpartition("@")[0]
    if re.search(r"[@/?#\s]", credentials):
        yield url_problem("has a character in its user or password that must be encoded", service)
        return
    answer = ask_postgresql(url, service)
    if "unreadable" in answer:
        yield url_problem("cannot be read by SQLAlchemy", service)
    elif reason := answer.get("error"):
        secrets = {credentials.partition(":")[2], *re.findall("password=([^&]+)", rest)} - {""}
        for secret in secrets | {unquote(secret) for secret in secrets}:
            reason = reason.replace(secret, "***")
        hint = "see that DATABASE_URL names a server that runs, a database, a user and its password"
        yield Problem("database.unreachable", reason, hint)
    else:
        yield from check_revisions(set(answer["revisions"]), service)
        yield from check_connections(answer["connections"], service)


def check_connections(available: int, service: Service) -> Iterator[Problem]:
    """Warn if the service, all its processes being busy, could ask for more than there are."""
    keys = ("DATABASE_POOL_SIZE", "DATABASE_MAX_OVERFLOW", "WEB_CONCURRENCY")
    values = [value for value in map(service.setting, keys) if isinstance(value, int)]
    if len(values) < len(keys):
        return  # which the check of the settings says
    size, overflow, workers = values
    needed = (size + overflow) * (workers + 1)
    if needed > available:
        fact = (
            f"({size} DATABASE_POOL_SIZE + {overflow} DATABASE_MAX_OVERFLOW) x ({workers} workers"
            f" + 1 scheduler) = {needed} connections; the server has {available} to give"
        )
        where = service.configuration.where("DATABASE_POOL_SIZE")
        hint = "lower one of them, or raise max_connections in the server's postgresql.conf"
        yield Problem("database.connections", fact, hint, where, level="warning")


def ask_postgresql(url: str, service: Service) -> dict[str, Any]:
    """The driver is in the environment that serves, so the question is asked from there."""
    probe = Path(__file__).with_name("postgresql_probe.py")
    environment = os.environ | {"DATABASE_URL": re.sub(r"^postgres\w*(\+\w+)?", "postgresql", url)}
    limits = [str(CONNECTED_WITHIN), str(ANSWERED_WITHIN)]
    command: list[str | Path] = [service.python, "-I", probe, *limits]
    done = subprocess.run(
        command, env=environment, capture_output=True, encoding="utf-8", errors="replace"
    )
    if done.returncode != 0:
        return {"error": done.stderr.strip()[-200:]}
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
