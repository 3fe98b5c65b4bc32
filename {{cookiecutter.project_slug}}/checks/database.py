"""Does the database answer, and has it the schema of the code?"""

import ast
import json
import os
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

from checks.dependencies import check_dependencies
from checks.problem import Problem, Skipped
from checks.service import Service, command_line

# Seconds that a database, or a lock on it, is waited for.
PATIENCE = 3


def check_database(service: Service) -> Iterator[Problem]:
    if any(problem.id == "dependencies.missing" for problem in check_dependencies(service)):
        raise Skipped("needs the dependencies")
    if service.configuration.broken:
        raise Skipped("needs the settings")
    url = service.setting("SQLALCHEMY_DATABASE_URI")
    if not isinstance(url, str):
        raise Skipped("needs SQLALCHEMY_DATABASE_URI")
    scheme = url.partition("://")[0]
    if scheme == "sqlite":
        path = Path(service.root, "instance", url.removeprefix("sqlite:///").partition("?")[0])
        yield from check_sqlite(path, service)
    elif re.fullmatch(r"postgres(ql)?(\+psycopg)?", scheme):
        yield from check_postgresql(url, service)
    else:
        where = service.configuration.where("SQLALCHEMY_DATABASE_URI")
        fact = f"{masked(url)} is neither a postgresql:// nor a sqlite:/// URL"
        yield Problem("database.url", fact, "write postgresql://user:password@host/name", where)


def upgrade() -> str:
    return command_line("run.py", "db upgrade")


def masked(text: str) -> str:
    return re.sub(r"(://[^:/@\s]*):[^@\s]*@", r"\1:***@", text)


def check_sqlite(path: Path, service: Service) -> Iterator[Problem]:
    if not path.exists():
        yield Problem("database.migrations", f"{path.name} does not exist yet", upgrade())
        return
    try:
        revision = sqlite_revision(path)
    except sqlite3.Error as error:
        hint = f"see that no other program holds {path}, and that this user may write there"
        if "not a database" in str(error):
            hint = f"move {path} away, then {upgrade()}"
        yield Problem("database.unreachable", f"{path.name}: {error}", hint)
    else:
        yield from check_revision(revision, service)


def sqlite_revision(path: Path) -> str | None:
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")  # which only a database open to writing allows
        row = connection.execute("SELECT max(version_num) FROM alembic_version").fetchone()
        return row[0]
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return None
        raise
    finally:
        connection.close()


def check_postgresql(url: str, service: Service) -> Iterator[Problem]:
    answer = ask_postgresql(url, service)
    if reason := answer.get("error"):
        hint = "see that DATABASE_URL names a server that runs, a database, a user and its password"
        yield Problem("database.unreachable", masked(reason), hint)
    else:
        yield from check_revision(answer["revision"], service)


def ask_postgresql(url: str, service: Service) -> dict[str, str | None]:
    """The driver is in the environment that serves, so the question is asked from there."""
    probe = Path(__file__).with_name("postgresql_probe.py")
    environment = os.environ | {"DATABASE_URL": re.sub(r"^postgres\w*(\+\w+)?", "postgresql", url)}
    command = [service.python, "-I", probe, str(PATIENCE)]
    done = subprocess.run(
        command, env=environment, capture_output=True, encoding="utf-8", errors="replace"
    )
    return json.loads(done.stdout) if done.returncode == 0 else {"error": done.stderr[-500:]}


def check_revision(revision: str | None, service: Service) -> Iterator[Problem]:
    known, heads = revisions(service.root / "migrations")
    if revision in heads:
        return
    if revision is None or revision in known:
        fact = f"the schema is at {revision or 'nothing'}, the code at {', '.join(heads)}"
        yield Problem("database.migrations", fact, upgrade())
    else:
        fact = f"the schema is at {revision}, which migrations/ does not know"
        yield Problem("database.migrations", fact, "get the code that has it: git pull")


def revisions(folder: Path) -> tuple[set[str], set[str]]:
    """Return all revisions and those that no other one follows, as the files say."""
    known: set[str] = set()
    followed: set[str] = set()
    for path in folder.glob("*.py"):
        names = assigned(path)
        known.add(str(names.get("revision")))
        down = names.get("down_revision")
        followed |= set(down if isinstance(down, tuple) else [down])
    return known, known - followed


def assigned(path: Path) -> dict[str, object]:
    values = {}
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and isinstance(node.value, ast.Constant | ast.Tuple):
                values[target.id] = ast.literal_eval(node.value)
    return values
