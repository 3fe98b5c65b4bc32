"""Where the migrations end, found by reading their files."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from launcher.checks.problem import Problem
from launcher.checks.service import Service, command_line

# The service's own, and those of what every service has.
MIGRATIONS = ("migrations", "backend/core/migrations")


def upgrade() -> str:
    return command_line("run.py", "db upgrade")


def check_revisions(current: set[str], service: Service) -> Iterator[Problem]:
    """Compare where the schema is with where the files of each branch end."""
    try:
        branches = {folder: revisions(service.root / folder) for folder in MIGRATIONS}
    except SyntaxError as error:
        path = Path(error.filename or "").relative_to(service.root)
        where = f"{path.as_posix()}:{error.lineno}"
        yield migration_problem(f"does not parse: {error.msg}", f"mend {where}", where)
        return
    for folder, (_, heads) in branches.items():
        if len(heads) > 1:
            fact = f"{folder}/ ends in several revisions: {listed(heads)}"
            merge = command_line("run.py", "db merge")
            yield migration_problem(fact, f"{merge}, then {upgrade()}")
            return
    known, ends = (set().union(*sets) for sets in zip(*branches.values(), strict=True))
    yield from compare(current, known, ends)


def compare(current: set[str], known: set[str], ends: set[str]) -> Iterator[Problem]:
    if ahead := current - known:
        fact = f"the schema is at {listed(ahead)}, which {' and '.join(MIGRATIONS)} do not know"
        yield migration_problem(fact, "get the code that has it: git pull")
    elif behind := ends - current:
        fact = f"the schema is at {listed(current)}, the code at {listed(behind)}"
        yield migration_problem(fact, upgrade())


def migration_problem(fact: str, hint: str, where: str = "") -> Problem:
    return Problem("database.migrations", fact, hint, where)


def listed(revisions: set[str]) -> str:
    return ", ".join(sorted(revisions)) or "nothing"


def revisions(folder: Path) -> tuple[set[str], set[str]]:
    """Return all revisions and those that no other one follows, as the files say."""
    known: set[str] = set()
    followed: set[str | None] = set()
    for path in folder.glob("[!_]*.py"):
        names = assigned(path)
        known.add(str(names.get("revision")))
        down = names.get("down_revision")
        followed |= set(down) if isinstance(down, tuple) else {down}
    return known, known - followed


def assigned(path: Path) -> dict[str, Any]:
    values = {}
    for node in ast.parse(path.read_bytes(), path).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and isinstance(node.value, ast.Constant | ast.Tuple):
                values[target.id] = ast.literal_eval(node.value)
    return values
