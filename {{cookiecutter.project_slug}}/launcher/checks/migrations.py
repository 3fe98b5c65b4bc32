"""Where the migrations end, found by reading their files."""

import ast
import os
from collections.abc import Generator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from launcher.checks.parsing import why
from launcher.checks.problem import Problem, Skipped
from launcher.checks.service import Service, command_line

# The service's own migrations, and those of backend/core/.
FOLDERS = ("migrations", "backend/core/migrations")
NAMES = ("revision", "down_revision", "depends_on", "branch_labels")
# What each file says, by its name.
Files = dict[str, dict[str, Any]]
# All revisions, and those that no other revision follows.
Ends = tuple[set[str], set[str]]


def upgrade() -> str:
    return command_line("run.py", "db upgrade")


def check_migrations(service: Service) -> Generator[Problem, None, Ends | None]:
    """Yield what would make Alembic fail, and return the ends if nothing is wrong."""
    files, problems = read(service.root)
    if not problems and all(files.values()):
        problems = list(check_order(files))
    yield from problems
    if problems or not all(files.values()):
        return None
    known = {each["revision"] for each in files.values()}
    return known, known - followed(files).keys()


def read(root: Path) -> tuple[Files, list[Problem]]:
    files: Files = {}
    problems = []
    for path in (path for folder in FOLDERS for path in sorted((root / folder).glob("*.py"))):
        where = path.relative_to(root).as_posix()
        if path.name.startswith(("__init__", ".#")):
            continue
        try:
            files[where] = constants(path)
        except SyntaxError as error:
            problems.append(problem(*why(error, root, where)))
        except KeyError:
            hint = f"give it a revision, or move it out of {path.parent.name}/"
            problems.append(problem("has no revision", hint, where))
        except (ValueError, TypeError):  # it is computed, which Alembic alone can tell
            files[where] = {}
    return files, problems


def constants(path: Path) -> dict[str, Any]:
    """Return what Alembic reads of the file. Raise KeyError if it has no revision."""
    values = {}
    for node in ast.parse(path.read_bytes(), path).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                names = {each.id for each in ast.walk(target) if isinstance(each, ast.Name)}
                for name in names.intersection(NAMES):
                    value = node.value if isinstance(target, ast.Name) else target
                    values[name] = ast.literal_eval(value)  # not of several at once
    return values | {"revision": values["revision"]}


def several(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def followed(files: Files) -> dict[str, str]:
    """Return the revisions that another one follows or needs, each with the file of that one.

    The label of a branch stands for the revision that has it.
    """
    labels = {
        label: each["revision"]
        for each in files.values()
        for label in several(each.get("branch_labels"))
    }
    return {
        labels.get(name, name): where
        for where, each in files.items()
        for name in several(each.get("down_revision")) + several(each.get("depends_on"))
    }


def check_order(files: Files) -> Iterator[Problem]:
    before = followed(files)
    known = {each["revision"]: where for where, each in files.items()}
    for where, each in files.items():
        if (other := known[each["revision"]]) != where:
            fact = f"has the revision {each['revision']}, as {other} has"
            yield problem(fact, "give it one of its own", where)
    for name in sorted(before.keys() - known.keys()):
        hint = "fix its down_revision and depends_on, or restore the file that has it"
        yield problem(f"follows {name}, which no file defines", hint, before[name])
    for folder in FOLDERS:
        ends = {name for name in known.keys() - before.keys() if known[name].startswith(folder)}
        if len(ends) > 1:
            merge = f"{command_line('run.py', 'db merge')}, then {upgrade()}"
            yield problem(f"{folder}/ ends in several revisions: {listed(ends)}", merge)


def compare(
    current: set[str], known: set[str], wanted: set[str], service: Service
) -> Iterator[Problem]:
    """Compare the revision of the schema with the ends of the files."""
    if newer := current - known:
        fact = f"the schema is at {listed(newer)}, which {' and '.join(FOLDERS)} do not have"
        hint = "get the code that has it: git pull"
        is_ahead = current & known <= wanted and len(current) >= len(wanted)
        yield Problem("database.migrations", fact, hint, level="warning" if is_ahead else "error")
    elif behind := wanted - current:
        elsewhere = os.path.lexists(service.venv) and not service.is_in_venv
        if elsewhere or not find_spec("alembic"):  # which has the command
            raise Skipped("needs the dependencies")
        fact = f"the schema is at {listed(current)}, the code at {listed(behind)}"
        yield problem(fact, upgrade())


def problem(fact: str, hint: str, where: str = "") -> Problem:
    return Problem("database.migrations", fact, hint, where)


def listed(revisions: set[str]) -> str:
    return ", ".join(sorted(revisions)) or "nothing"
