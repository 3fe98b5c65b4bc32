"""Run by the environment that serves: prints what the PostgreSQL in DATABASE_URL says of itself.

That is the revisions of its schema, and how many connections it has for those who are no
superuser. Arguments: the seconds that each of its hosts has to connect, and those that all of it
may take, from when the imports are done: on a busy machine these take longer than the database.
"""

import json
import os
import sys
from threading import Timer
from typing import Any

import psycopg
from sqlalchemy import make_url
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import ArgumentError

CONNECTIONS = """
SELECT sum(CASE WHEN name = 'max_connections' THEN 1 ELSE -1 END * setting::int) FROM pg_settings
WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
"""


def answer(**found: object) -> None:
    """Say it, and leave: a server that is silent would hold this process."""
    print(json.dumps(found), flush=True)
    os._exit(0)


connected_within, answered_within = sys.argv[1:]
too_late = {"error": f"no answer within {answered_within} s"}
timer = Timer(int(answered_within), answer, kwargs=too_late)
timer.daemon = True
timer.start()
try:  # to read it as the application does, which psycopg alone would not
    dialect: Any = PGDialect_psycopg  # which says nothing of its types
    options = dialect().create_connect_args(make_url(os.environ["DATABASE_URL"]))[1]
except (ArgumentError, ValueError):  # whose text may show a part of the password
    answer(unreadable=True)
try:
    with psycopg.connect(**{"connect_timeout": connected_within} | options) as connection:
        [[connections]] = connection.execute(CONNECTIONS)
        [[table]] = connection.execute("SELECT to_regclass('alembic_version')")
        rows = connection.execute("SELECT version_num FROM alembic_version") if table else ()
        revisions = [name for (name,) in rows]
    answer(revisions=revisions, connections=int(connections))
except (psycopg.Error, ValueError) as error:
    answer(error=str(error).strip().replace("\n", " "))
