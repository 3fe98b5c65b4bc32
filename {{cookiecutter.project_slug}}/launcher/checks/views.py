"""Is any view, hook or handler an `async def`?

Found by reading the source, so it works with nothing installed; what only a running
application knows is refused by backend/core/sync_views.py.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from launcher.checks.problem import Problem
from launcher.checks.python import serving_version
from launcher.checks.service import Service
from launcher.checks.source import is_compiled, name_of, parse, resolve

# What registers a function with Flask: when called with it ...
TAKING_IT = frozenset(
    """
    add_app_template_filter add_app_template_global add_app_template_test add_template_filter
    add_template_global add_template_test add_url_rule after_app_request after_request
    app_context_processor app_url_defaults app_url_value_preprocessor before_app_request
    before_request context_processor register_error_handler teardown_app_request
    teardown_appcontext teardown_request url_defaults url_value_preprocessor
    """.split()
)
# ... or when what its call returns is called with it. Either can be a decorator.
RETURNING_DECORATOR = frozenset(
    """
    app_errorhandler app_template_filter app_template_global app_template_test delete endpoint
    errorhandler get patch post put route template_filter template_global template_test
    """.split()
)
REGISTERING = TAKING_IT | RETURNING_DECORATOR
RUNNING_IT = frozenset("async_to_sync ensure_sync run run_until_complete".split())
VIEW_CLASSES = frozenset(("View", "MethodView"))
VIEW_METHODS = frozenset("delete dispatch_request get head options patch post put trace".split())
# Only a file with one of these can have an async view, or make one of an async function.
INTERESTING = re.compile(
    rb"\basync\b|_url_rule|_handler\(|_view\(|_request\(|_template_|processor\(|_defaults\(|\)\("
)
HINT = "remove `async`, or use Quart or FastAPI if the service needs it"


def check_views(service: Service) -> Iterator[Problem]:
    views: dict[tuple[str, int], ast.AsyncFunctionDef] = {}
    python = serving_version(service)
    for path in sorted(filter(Path.is_file, (service.root / "backend").rglob("*.py"))):
        interesting = INTERESTING.search(path.read_bytes())
        try:
            if interesting or not is_compiled(path, python):
                for file, view in async_views(path, service.root):
                    views[file.relative_to(service.root).as_posix(), view.lineno] = view
        except SyntaxError as error:
            where = f"{path.relative_to(service.root).as_posix()}:{error.lineno or 1}"
            fact = f"does not parse: {error.msg}"
            yield Problem("views.broken", fact, f"mend {where}", where)
    for (name, line), view in sorted(views.items()):
        fact = f"{view.name} is async; in Flask that only costs a thread"
        yield Problem("views.async", fact, HINT, f"{name}:{line}")


def async_views(path: Path, root: Path) -> Iterator[tuple[Path, ast.AsyncFunctionDef]]:
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.AsyncFunctionDef) and is_registered(node, path, root):
            yield path, node
        elif isinstance(node, ast.ClassDef) and is_view(node, path, root):
            yield from async_methods(node, path, root)
        elif isinstance(node, ast.Call) and is_registration(node):
            for given in (*node.args, *(keyword.value for keyword in node.keywords)):
                yield from async_argument(given, path, root)


def is_registered(function: ast.AsyncFunctionDef, path: Path, root: Path) -> bool:
    """Return whether a decorator registers it as it is, and not what another makes of it."""
    decorators = function.decorator_list
    registers = any(name_of(decorator) in REGISTERING for decorator in decorators)
    return registers and not any(makes_sync(decorator, path, root) for decorator in decorators)


def makes_sync(decorator: ast.expr, path: Path, root: Path) -> bool:
    """Return whether it is, or in the service's own source calls, what runs a coroutine."""
    if name_of(decorator) in RUNNING_IT:
        return True
    match resolve(decorator, path, root):
        case _, ast.FunctionDef() as found:
            calls = (node for node in ast.walk(found) if isinstance(node, ast.Call))
            return any(name_of(call) in RUNNING_IT for call in calls)
    return False


def is_registration(call: ast.Call) -> bool:
    names = RETURNING_DECORATOR if isinstance(call.func, ast.Call) else TAKING_IT
    return name_of(call) in names


def is_view(node: ast.ClassDef, path: Path, root: Path) -> bool:
    return any(is_view_base(base, path, root) for base in node.bases)


def is_view_base(base: ast.expr, path: Path, root: Path) -> bool:
    match resolve(base, path, root):
        case file, ast.ClassDef() as found:
            return is_view(found, file, root)
        case _, ast.alias(name=name):
            return name in VIEW_CLASSES
    return name_of(base) in VIEW_CLASSES


def async_methods(
    node: ast.ClassDef, path: Path, root: Path
) -> Iterator[tuple[Path, ast.AsyncFunctionDef]]:
    """Yield the view methods of a class, those that it inherits included."""
    for method in node.body:
        if isinstance(method, ast.AsyncFunctionDef) and method.name in VIEW_METHODS:
            yield path, method
    for base in node.bases:
        match resolve(base, path, root):
            case file, ast.ClassDef() as found:
                yield from async_methods(found, file, root)


def async_argument(
    node: ast.expr, path: Path, root: Path
) -> Iterator[tuple[Path, ast.AsyncFunctionDef]]:
    if isinstance(node, ast.Call) and name_of(node) == "as_view":
        node = node.func.value if isinstance(node.func, ast.Attribute) else node
    elif isinstance(node, ast.Call) and name_of(node) == "partial" and node.args:
        node = node.args[0]
    match resolve(node, path, root):
        case file, ast.AsyncFunctionDef() as function:
            yield file, function
        case file, ast.ClassDef() as view_class:
            yield from async_methods(view_class, file, root)
