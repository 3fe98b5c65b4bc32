"""What is done to a service to see it noticed, and to mend it again."""

import ast
import contextlib
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from services import BakedProject

posix_only = pytest.mark.skipif(os.name == "nt", reason="needs fork or a pseudo-terminal")

TYPO = "QLALCHEMY_TRACK_MODIFICATIONS = False"
# Prints what a check of launcher/checks/ finds.
ONE_CHECK = """
import dataclasses, importlib, json, pathlib, sys
from launcher.checks.problem import Skipped
from launcher.checks.service import Service
name, sys.argv = sys.argv[1], ["run.py"]
check = getattr(importlib.import_module(f"launcher.checks.{name}"), f"check_{name}")
found = []
try:
    for problem in check(Service(pathlib.Path.cwd().resolve())):
        found.append({**vars(problem), "details": {}})
except Skipped as skipped:
    found.append({"id": "skipped", "level": "skipped", "message": str(skipped)})
print(json.dumps(found))
"""
# Listens as it is told, in as many processes as it is told, until its input ends.
HOLDER = """
import os, socket, sys
host, port, forks = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
family = socket.AF_INET6 if ":" in host else socket.AF_INET
listener = socket.socket(family)
listener.bind((host, port))
listener.listen()
children = []
for _ in range(forks):
    pid = os.fork()
    if pid == 0:
        sys.stdin.read()
        os._exit(0)
    children.append(pid)
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
for pid in children:
    os.waitpid(pid, 0)
"""


def on_any_port(project: BakedProject) -> BakedProject:
    """Let a check that is told no port take a free one: others may use that of the template."""
    default = project.path / "config/default.py"
    default.write_text(re.sub(r"(PORT: int =) \d+", r"\1 0", default.read_text(encoding="utf-8")))
    return project


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    write(path, text.replace(old, new))


def migration(revision: str, follows: str, up: str = "pass", down: str = "pass") -> str:
    """Return the source of a migration, with a statement for each way."""
    return f'''"""{revision}"""
import sqlalchemy as sa
from alembic import op
revision: str = "{revision}"
down_revision: str | None = "{follows}"
branch_labels = depends_on = None
def upgrade() -> None:
    {up}
def downgrade() -> None:
    {down}
'''


def append(path: Path, text: str) -> None:
    write(path, path.read_text(encoding="utf-8") + f"\n{text}\n")


def write(path: Path, text: str) -> None:
    """Write it a second later than it was: Python takes a cached module of that second for it."""
    later = path.stat().st_mtime_ns + 1_000_000_000
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(later, max(later, path.stat().st_mtime_ns)))


def with_routes(project: BakedProject, folder: Path, routes: str) -> BakedProject:
    """Return a copy that has these routes too, on the blueprint `bp` of /ping."""
    copy = project.copy(folder)
    append(copy.path / "backend/core/health.py", routes)
    return copy


def line_of(path: Path, text: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def make_async(project: BakedProject) -> None:
    edit(project.path / "backend/routes/chat.py", "def post_message(", "async def post_message(")


def follow(project: BakedProject, problem: dict[str, Any]) -> Any:
    """Do what the hint says, and nothing else. Returns what its command did, if it is one."""
    hint, where = problem["hint"], problem["where"]
    name, _, line = where.partition(":")
    if hint.startswith("delete it"):
        replace_statement(project.path / name, problem["message"].split()[0], "pass")
    elif hint.startswith("fix "):
        lines = (project.path / name).read_text().splitlines()
        del lines[int(line) - 1]
        write(project.path / name, "\n".join(lines) + "\n")
    elif declared := re.match(r"declare it in (\S+): `(.+)`", hint):
        append(project.path / declared[1], declared[2])
    elif renamed := re.match(r"rename it to (\w+)", hint):
        old, path = problem["message"].split()[0], project.path / name
        write(path, re.sub(rf"\b{old}\b", renamed[1], path.read_text(encoding="utf-8")))
    elif hint.startswith("remove `async`"):
        edit(project.path / name, "async def", "def")
    elif command := re.fullmatch(r"python3? (\w+\.py.*)", hint):
        return project.run(*command[1].split())
    else:
        raise AssertionError(f"nobody can follow this hint: {hint}")
    return None


def replace_statement(path: Path, name: str, other: str) -> None:
    """Replace the innermost statement in which the name is."""
    source = path.read_bytes()
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt)]
    node = [node for node in found if re.search(rf"\b{name}\b", ast.unparse(node))][-1]
    lines = source.splitlines(keepends=True)
    assert node.end_lineno
    before = lines[node.lineno - 1][: node.col_offset]
    after = lines[node.end_lineno - 1][node.end_col_offset :]
    rest = (lines[: node.lineno - 1], [before, other.encode(), after], lines[node.end_lineno :])
    write(path, b"".join(itertools.chain(*rest)).decode())


def found_by(project: BakedProject, check: str, **env: str) -> list[dict[str, Any]]:
    """Return what one check finds, without the rest of what `check` does."""
    python = project.python if project.python.exists() else sys.executable
    done = project.run("-c", ONE_CHECK, check, python=python, **env)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextlib.contextmanager
def holding(
    host: str = "127.0.0.1", port: int = 0, forks: int = 0
) -> Iterator[tuple[int, set[int]]]:
    """Let other processes hold a port. Yields the port and their pids."""
    command = [sys.executable, "-c", HOLDER, host, str(port), str(forks)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        port = int(holder.stdout.readline())
        children = psutil.Process(holder.pid).children()
        yield port, {holder.pid, *(child.pid for child in children)}


@contextlib.contextmanager
def file_system(folder: Path, options: str) -> Iterator[None]:
    """Let the folder be a file system of its own, in memory."""
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a file system, on Linux")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def the(problems: list[dict[str, Any]], id: str) -> dict[str, Any]:
    (found,) = [problem for problem in problems if problem["id"] == id]
    return found
