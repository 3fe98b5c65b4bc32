"""Run by the environment that serves: prints what the PostgreSQL in DATABASE_URL says of itself.

That is the revisions of its schema, and how many connections it has for those who are no
superuser.
"""

import json
import os
import sys
from typing import Any

import psycopg
from sqlalchemy import make_url
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import ArgumentError

CONNECTIONS = """
SELECT sum(CASE WHEN name = 'max_connections' THEN 1 ELSE -1 END * setting::int) FROM pg_settings
WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
"""

patience = {"connect_timeout": sys.argv[1]}
try:  # to read it as the application does, which psycopg alone would not
    dialect: Any = PGDialect_psycopg  # which says nothing of its types
    options = dialect().create_connect_args(make_url(os.environ["DATABASE_URL"]))[1]
except (ArgumentError, ValueError):  # whose text may show a part of the password
    print(json.dumps({"unreadable": True}))
    sys.exit()
try:
    with psycopg.connect(**patience | options) as connection:
        [[connections]] = connection.execute(CONNECTIONS)
        [[table]] = connection.execute("SELECT to_regclass('alembic_version')")
        rows = connection.execute("SELECT version_num FROM alembic_version") if table else ()
        revisions = [name for (name,) in rows]
    print(json.dumps({"revisions": revisions, "connections": int(connections)}))
except (psycopg.Error, ValueError) as error:
    print(json.dumps({"error": str(error).strip().replace("\n", " ")}))
