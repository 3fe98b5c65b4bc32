"""Is any view, hook or handler an `async def`?

Found by reading the source, so it works with nothing installed; what only a running
application knows is refused by backend/sync_views.py.
"""

import ast
from collections.abc import Iterator

from checks.problem import Problem
from checks.service import Service

# What registers a function with Flask, as a decorator or as a call that is given its name.
REGISTERING = frozenset(
    """
    route get post put delete patch endpoint add_url_rule errorhandler app_errorhandler
    register_error_handler before_request before_app_request after_request after_app_request
    teardown_request teardown_app_request teardown_appcontext url_value_preprocessor
    app_url_value_preprocessor url_defaults app_url_defaults context_processor
    app_context_processor template_filter app_template_filter add_template_filter
    add_app_template_filter template_test app_template_test add_template_test
    add_app_template_test template_global app_template_global add_template_global
    add_app_template_global
    """.split()
)
VIEW_CLASSES = frozenset(("View", "MethodView"))
HINT = "remove `async`, or use Quart or FastAPI if the service needs it"


def check_views(service: Service) -> Iterator[Problem]:
    modules = {}
    for path in sorted((service.root / "backend").rglob("*.py")):
        source = path.read_bytes()
        if b"async" in source:
            name = path.relative_to(service.root).as_posix()
            try:
                modules[name] = ast.parse(source)
            except (SyntaxError, ValueError) as error:
                where = f"{name}:{getattr(error, 'lineno', None) or 1}"
                yield Problem("views.broken", f"does not parse: {error}", f"mend {where}", where)
    registered = {name for tree in modules.values() for name in registered_by_call(tree)}
    for name, tree in modules.items():
        for function in async_views(tree, registered):
            fact = f"{function.name} is async; in Flask that only costs a thread"
            yield Problem("views.async", fact, HINT, f"{name}:{function.lineno}")


def async_views(tree: ast.Module, registered: set[str]) -> Iterator[ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef):
            if node.name in registered or any(map(registers, node.decorator_list)):
                yield node
        elif isinstance(node, ast.ClassDef) and is_view(node):
            yield from (part for part in node.body if isinstance(part, ast.AsyncFunctionDef))


def registers(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Attribute) and called.attr in REGISTERING


def registered_by_call(tree: ast.Module) -> Iterator[str]:
    """Yield the names of functions that are passed to such calls as add_url_rule."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and registers(call):
            given = [*call.args, *(keyword.value for keyword in call.keywords)]
            yield from (node.id for node in given if isinstance(node, ast.Name))
            yield from (node.attr for node in given if isinstance(node, ast.Attribute))


def is_view(node: ast.ClassDef) -> bool:
    bases = {getattr(base, "attr", getattr(base, "id", "")) for base in node.bases}
    return bool(bases & VIEW_CLASSES)
