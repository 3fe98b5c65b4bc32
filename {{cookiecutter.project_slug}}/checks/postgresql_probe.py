"""Run by the environment that serves: prints what the PostgreSQL in DATABASE_URL says of itself.

That is the revision of its schema, and how many connections it has for those who are no superuser.
"""

import json
import os
import sys

import psycopg

CONNECTIONS = """
SELECT sum(CASE WHEN name = 'max_connections' THEN 1 ELSE -1 END * setting::int) FROM pg_settings
WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
"""

url, patience = os.environ["DATABASE_URL"], int(sys.argv[1])
try:
    with psycopg.connect(url, connect_timeout=patience) as connection:
        (connections,) = connection.execute(CONNECTIONS).fetchone()
        (revision,) = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
        if revision:
            query = "SELECT max(version_num) FROM alembic_version"
            (revision,) = connection.execute(query).fetchone()
    print(json.dumps({"revision": revision, "connections": int(connections)}))
except psycopg.Error as error:
    print(json.dumps({"error": str(error).strip().replace("\n", " ")}))
