"""What is in a service's database, SQLite's or PostgreSQL's, asked without the service."""

import sqlite3
from contextlib import closing
from typing import Any

from postgresql import query


def read(url: str, *statements: str) -> list[list[Any]]:
    """Return the rows of each statement, on either database."""
    if url.startswith("sqlite:///"):
        path = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            return [database.execute(statement).fetchall() for statement in statements]
    return [query(url, statement) for statement in statements]
