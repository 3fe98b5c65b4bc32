"""Does the database answer, and does it have the schema of the code?"""

import re
import sqlite3
from collections.abc import Generator, Iterator
from urllib.parse import unquote

from launcher.checks import postgresql, sqlite
from launcher.checks.masking import credentials, masked
from launcher.checks.migrations import check_migrations, compare
from launcher.checks.problem import Problem, Skipped
from launcher.checks.service import Service
from launcher.checks.settings import WRITE_SQLITE

# What backend/core/database.py takes for each.
SQLITE = ("sqlite", "sqlite+pysqlite")
POSTGRESQL = ("postgres", "postgresql", "postgresql+psycopg")
SHAPE = (
    "postgresql://user:password@host/name, with %40 for @, %2F for /, %3F for ?, %23 for #;"
    " several hosts as postgresql://user:password@/name?host=a,b&port=5432,5432"
)
# Yields what is wrong, and returns the revisions of the schema if they are known.
Asking = Generator[Problem, None, set[str] | None]


def check_database(service: Service) -> Iterator[Problem]:
    ends = yield from check_migrations(service)
    if service.configuration.broken:
        raise Skipped("needs the settings")
    url = service.setting("SQLALCHEMY_DATABASE_URI")
    if not url or not isinstance(url, str):
        raise Skipped("needs SQLALCHEMY_DATABASE_URI")
    scheme, _, rest = url.partition("://")
    name = rest.partition("?")[0]
    current = None
    if scheme in POSTGRESQL and rest:
        current = yield from ask_postgresql(url, service)
    elif scheme in SQLITE and name[:1] == "/" and name not in ("/", "/:memory:"):
        current = yield from ask_sqlite(url, name[1:], service)
    else:
        yield url_problem("is neither a postgresql:// URL nor a file of SQLite's", service)
    if ends and current is not None:
        yield from compare(current, *ends, service)


def ask_sqlite(url: str, name: str, service: Service) -> Asking:
    path, root = service.root / "instance" / unquote(name), str(service.root)
    if root in url and not path.is_relative_to(root):
        yield url_problem(f"must be quoted: SQLAlchemy reads it as {path}", service)
        return None
    try:
        return sqlite.revisions(path)
    except (sqlite3.Error, OSError, ValueError) as error:
        yield sqlite.unreachable(path, error)
        return None


def ask_postgresql(url: str, service: Service) -> Asking:
    if re.search(r"[@/?#\s]", credentials(url)):
        yield url_problem("has a character in its user or password that must be encoded", service)
        return None
    try:
        current, connections = postgresql.ask(url)
    except ImportError:
        yield postgresql.missing_driver(service)
    except postgresql.UnreadableError:
        yield url_problem("cannot be read by SQLAlchemy", service)
    except Exception as error:
        reason = masked(str(error).strip().replace("\n", " "), url)
        hint = "check that the server runs, and the database, user and password in the URL"
        where = service.configuration.where("SQLALCHEMY_DATABASE_URI")
        yield Problem("database.unreachable", reason, hint, where)
    else:
        yield from postgresql.check_connections(connections, service)
        return current
    return None


def url_problem(fact: str, service: Service) -> Problem:
    """Say what is wrong with the URL without showing it: nobody knows where its password is."""
    key, configuration = "SQLALCHEMY_DATABASE_URI", service.configuration
    hint = WRITE_SQLITE if service.environment == "development" else f"write it as {SHAPE}"
    fact = f"{configuration.variable(key) or key} {fact}"
    return Problem("database.url", fact, hint, configuration.where(key))
