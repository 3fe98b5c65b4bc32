"""Can every job in JOBS be told apart, be called, and be due?

Found by reading backend/jobs/__init__.py, so it works with nothing installed. What is computed
there cannot be read; the scheduler, when it starts, refuses what it cannot run.
"""

import ast
import builtins
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

from launcher.checks.cron import misread
from launcher.checks.problem import Problem, Skipped
from launcher.checks.service import Service
from launcher.checks.source import Found, Function, module_file, name_of, parse, resolve

# The fields of backend.core.jobs.Job in their order.
FIELDS = ("id", "function", "trigger", "dead_after", "retry")
PLAIN = "give it a function without arguments that a module of backend/jobs/ defines"
READABLE = 'write "minute hour day month weekday", such as "0 6 * * mon-fri", or a timedelta'


def check_jobs(service: Service) -> Iterator[Problem]:
    path = service.root / "backend" / "jobs" / "__init__.py"
    seen: dict[str, int] = {}
    try:
        for job in jobs(path):
            yield from check_id(job, path, service.root, seen)
            yield from check_function(job, path, service.root)
            yield from check_trigger(job, path, service.root)
    except FileNotFoundError:
        raise Skipped("needs backend/jobs/__init__.py") from None
    except SyntaxError:  # which the check of the views says
        raise Skipped("needs a source that parses") from None


def jobs(path: Path) -> list[dict[str, ast.expr]]:
    """Return the arguments of every call of Job, by name."""
    calls = [node for node in ast.walk(parse(path)) if isinstance(node, ast.Call)]
    found = [call for call in calls if name_of(call) == "Job"]
    return [arguments(call) for call in sorted(found, key=lambda call: call.lineno)]


def arguments(call: ast.Call) -> dict[str, ast.expr]:
    named = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    positional = takewhile(lambda node: not isinstance(node, ast.Starred), call.args)
    return dict(zip(FIELDS, positional, strict=False)) | named


def place(node: ast.AST, path: Path, root: Path) -> str:
    return f"{path.relative_to(root).as_posix()}:{getattr(node, 'lineno', 1)}"


def check_id(
    job: dict[str, ast.expr], path: Path, root: Path, seen: dict[str, int]
) -> Iterator[Problem]:
    match job.get("id"):
        case ast.Constant(value=str(id), lineno=line) as node:
            if id in seen:
                fact = f"{id!r} is also the job of line {seen[id]}"
                hint = "give one of them another id"
                yield Problem("jobs.duplicate", fact, hint, place(node, path, root))
            seen.setdefault(id, line)


def check_function(job: dict[str, ast.expr], path: Path, root: Path) -> Iterator[Problem]:
    node = job.get("function")
    if node is None:
        return
    if why := no_plain_function(node, path, root):
        fact = f"{ast.unparse(node)} {why}"
        yield Problem("jobs.function", fact, PLAIN, place(node, path, root))


def no_plain_function(node: ast.expr, path: Path, root: Path) -> str | None:
    """Return why the scheduler cannot call it, or None if it can, or nobody knows."""
    if isinstance(node, ast.Lambda | ast.Call | ast.Constant):
        return "is no function that a module defines"
    if isinstance(node, ast.Attribute):
        return no_attribute(node, path, root)
    if not isinstance(node, ast.Name) or len(meanings(node.id, path)) > 1:
        return None
    if not meanings(node.id, path):
        return "is not defined"
    return no_job(resolve(node, path, root))


def no_attribute(node: ast.Attribute, path: Path, root: Path) -> str | None:
    match resolve(node.value, path, root):
        case file, ast.Module():
            if not meanings(node.attr, file):
                return "is not defined"
            return no_job(resolve(node, path, root))
    module = ast.unparse(node.value)
    if module in imported(path) and module.startswith("backend."):
        own = module_file(root, module)
        return None if own and meanings(node.attr, own) else "cannot be imported"
    return None


def no_job(found: Found | None) -> str | None:
    match found:
        case _, ast.FunctionDef() | ast.AsyncFunctionDef() as function if function.decorator_list:
            return None
        case _, ast.AsyncFunctionDef():
            return "is async, and nobody would await it"
        case _, ast.ClassDef():
            return "is a class"
        case _, ast.FunctionDef() as function:
            return wrong_kind(function)
        case file, ast.alias() as alias if is_own(alias, file):
            return "cannot be imported"
    return None


def meanings(name: str, path: Path) -> list[ast.AST]:
    """Return all in the file that could give the name a meaning."""
    if hasattr(builtins, name):
        return [ast.Name(name)]
    given = names_given(path)
    return [node for key in (name, "*", "__getattr__") for node in given.get(key, ())]


@cache
def names_given(path: Path) -> dict[str, list[ast.AST]]:
    given: dict[str, list[ast.AST]] = {}
    for node in ast.walk(parse(path)):
        if name := name_given(node):
            given.setdefault(name, []).append(node)
    return given


def name_given(node: ast.AST) -> str | None:
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
            return name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.alias(name=name, asname=as_name):
            return as_name or name.partition(".")[0]
    return None


def imported(path: Path) -> set[str]:
    nodes = [node for node in ast.walk(parse(path)) if isinstance(node, ast.Import)]
    return {alias.name for node in nodes for alias in node.names if not alias.asname}


def wrong_kind(function: ast.FunctionDef) -> str | None:
    given = function.args
    required = len(given.posonlyargs + given.args) - len(given.defaults)
    if required or None in given.kw_defaults:
        return "takes arguments, and is called without"
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own_nodes(function)):
        return "is a generator, of which a call does nothing"
    return None


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Yield what is within the function, but not within a function inside it."""
    for node in ast.iter_child_nodes(function):
        yield node
        if not isinstance(node, Function | ast.Lambda):
            yield from own_nodes(node)


def is_own(alias: ast.alias, file: Path) -> bool:
    """Return whether an import that led nowhere is one of the service's own modules."""
    for node in ast.walk(parse(file)):
        if isinstance(node, ast.ImportFrom) and alias in node.names:
            return node.level > 0 or (node.module or "").partition(".")[0] == "backend"
    return alias.name.partition(".")[0] == "backend"


def check_trigger(job: dict[str, ast.expr], path: Path, root: Path) -> Iterator[Problem]:
    node = job.get("trigger")
    match value(node, path, root):
        case str(line):
            why = misread(line)
        case timedelta() as interval:
            whole = interval >= timedelta(seconds=1) and not interval % timedelta(seconds=1)
            why = None if whole else f"{interval} is no number of whole seconds"
        case None:
            return
        case other:
            why = f"{other!r} is neither a cron line nor a timedelta"
    if why and node:
        yield Problem("jobs.trigger", why, READABLE, place(node, path, root))


def value(node: ast.expr | None, path: Path, root: Path) -> Any:
    """Return what the expression is, if it is a constant or a timedelta of constants."""
    match node:
        case ast.Constant(value=constant):
            return constant
        case ast.Call() if name_of(node) == "timedelta":
            try:
                named = {str(item.arg): ast.literal_eval(item.value) for item in node.keywords}
                return timedelta(*map(ast.literal_eval, node.args), **named)
            except (OverflowError, TypeError, ValueError):
                return None
        case ast.Name(id=name) if len(meanings(name, path)) == 1:
            for statement in parse(path).body:
                if isinstance(statement, ast.Assign) and name in map(name_of, statement.targets):
                    return value(statement.value, path, root)
    return None
