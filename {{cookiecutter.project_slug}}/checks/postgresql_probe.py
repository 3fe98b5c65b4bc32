"""Run by the environment that serves: prints the revision of the PostgreSQL in DATABASE_URL."""

import json
import os
import sys

import psycopg

url, patience = os.environ["DATABASE_URL"], int(sys.argv[1])
try:
    with psycopg.connect(url, connect_timeout=patience) as connection:
        row = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
        if row[0]:
            row = connection.execute("SELECT max(version_num) FROM alembic_version").fetchone()
    print(json.dumps({"revision": row[0]}))
except psycopg.Error as error:
    print(json.dumps({"error": str(error).strip().replace("\n", " ")}))
