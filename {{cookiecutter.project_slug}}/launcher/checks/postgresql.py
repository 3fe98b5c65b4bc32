"""What a PostgreSQL server says of itself."""

import re
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from launcher.checks.problem import Problem, Skipped
from launcher.checks.service import Service, command_line
from launcher.checks.settings import WRITE_SQLITE

# Seconds to connect to each host, and for all questions together.
CONNECTED_WITHIN, ANSWERED_WITHIN = 5, 10
CONNECTIONS = """
SELECT sum(CASE WHEN name = 'max_connections' THEN 1 ELSE -1 END * setting::int) FROM pg_settings
WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
"""
# The revisions of the schema, and the number of connections for ordinary users.
Answer = tuple[set[str], int]


class UnreadableError(Exception):
    pass


def ask(url: str) -> Answer:
    """Raise ImportError without the driver, UnreadableError, or whatever the driver raises.

    The clock starts after the imports, which on a busy machine take longer than the database.
    """
    import psycopg  # noqa: F401

    answers: SimpleQueue[Answer | Exception] = SimpleQueue()
    options = read(url)
    # Left behind with a server that never answers.
    Thread(target=lambda: answers.put(answer(options)), daemon=True).start()
    try:
        found = answers.get(timeout=ANSWERED_WITHIN)
    except Empty:
        raise TimeoutError(f"no answer within {ANSWERED_WITHIN} s") from None
    if isinstance(found, Exception):
        raise found
    return found


def read(url: str) -> dict[str, Any]:
    """Return what the application passes to the driver: SQLAlchemy reads its URL."""
    from sqlalchemy import make_url
    from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

    dialect: Any = PGDialect_psycopg  # which says nothing of its types
    try:
        options: dict[str, Any] = dialect().create_connect_args(make_url(url))[1]
    except Exception:  # whose text may show a part of the password
        raise UnreadableError from None
    return {"connect_timeout": CONNECTED_WITHIN} | options


def answer(options: dict[str, Any]) -> Answer | Exception:
    import psycopg

    try:
        with psycopg.connect(**options) as connection:
            [[connections]] = connection.execute(CONNECTIONS)
            [[table]] = connection.execute("SELECT to_regclass('alembic_version')")
            rows = connection.execute("SELECT version_num FROM alembic_version") if table else ()
            return {name for (name,) in rows}, int(connections)
    except Exception as error:
        return error


def missing_driver(service: Service) -> Problem:
    """Say what to require. Raise Skipped if it is required but not installed."""
    required, name = {}, service.requirements.name
    for path in service.root.glob("requirements*.txt"):
        if found := re.search(r"^psycopg\b.*", path.read_text("utf-8", "replace"), re.MULTILINE):
            required[path.name] = found[0]
    if required.keys() & {name, "requirements.txt"}:
        raise Skipped("needs the dependencies")
    line = required.get("requirements-production.txt", "psycopg[binary]")
    hint = f"add {line} to {name}, then {command_line('bootstrap.py')}"
    if service.environment == "development":
        hint += f", or {WRITE_SQLITE}"
    return Problem("dependencies.missing", f"PostgreSQL needs psycopg: {name} lacks it", hint)


def check_connections(available: int, service: Service) -> Iterator[Problem]:
    """Warn if busy processes could need more connections than there are."""
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
