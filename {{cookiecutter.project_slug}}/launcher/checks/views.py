"""Async views, found by reading the source: for when the application cannot be asked.

What it is asked for is in backend/core/sync_views.py, which finds all of them.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from launcher.checks.parsing import why
from launcher.checks.problem import Problem

# What registers the function below it with Flask.
DECORATORS = frozenset(
    """
    after_app_request after_request app_context_processor app_errorhandler app_template_filter
    app_template_global app_template_test app_url_defaults app_url_value_preprocessor
    before_app_request before_request context_processor delete endpoint errorhandler get patch
    post put route teardown_app_request teardown_appcontext teardown_request template_filter
    template_global template_test url_defaults url_value_preprocessor
    """.split()
)
HINT = "remove `async`, or use Quart or FastAPI if the service needs it"


def async_views_in_source(root: Path) -> Iterator[Problem]:
    for path in sorted(filter(Path.is_file, (root / "backend").rglob("*.py"))):
        name = path.relative_to(root).as_posix()
        source = path.read_bytes()
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError) as error:  # 3.11 has the latter for a NUL
            yield unreadable(root, name, error)
            continue
        for node in ast.walk(tree) if b"async" in source else ():
            if isinstance(node, ast.AsyncFunctionDef) and is_registered(node):
                fact = f"{node.name} is async; in Flask that only costs a thread"
                yield Problem("views.async", fact, HINT, f"{name}:{node.lineno}")


def unreadable(root: Path, name: str, error: Exception) -> Problem:
    return Problem("views.broken", *why(error, root, name))


def is_registered(function: ast.AsyncFunctionDef) -> bool:
    """Return whether Flask gets it as it stands, and not what another decorator makes of it."""
    for decorator in function.decorator_list[-1:]:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        return isinstance(called, ast.Attribute) and called.attr in DECORATORS
    return False
