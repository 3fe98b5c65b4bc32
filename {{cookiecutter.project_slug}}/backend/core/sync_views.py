"""Ensures that views, hooks and handlers are plain functions.

Flask runs an async one in an event loop of its own while a thread waits for it: that costs more
than a plain function, and serves nothing else meanwhile.
"""

import inspect
import linecache
import re
from collections.abc import Iterator, Mapping
from functools import partial
from types import CodeType
from typing import Any

from flask import Flask

from backend.core.refusal import Refusal, RefusedError

HINT = "remove `async`, or use Quart or FastAPI if the service needs it"


def refuse_async_views(app: Flask) -> None:
    """Raise RefusedError if anything that `app` would call for a request is async."""
    if found := async_views(app):
        raise RefusedError(found)


def async_views(app: Flask) -> list[Refusal]:
    found = {}
    for function in filter(is_async, registered(app)):
        while isinstance(function, partial):
            function = function.func
        code = getattr(function, "__code__", None) or type(function).__call__.__code__
        fact = f"{code.co_qualname} is async; in Flask that only costs a thread"
        where = place(code)
        found[where] = Refusal("views.async", fact, HINT, where)
    return list(found.values())


def is_async(function: object) -> bool:
    """Return whether calling it only returns something to await."""
    return any(
        inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called)
        for called in (function, type(function).__call__)
    )


def place(code: CodeType) -> str:
    """Return the file:line of the `def`; the code itself begins at the decorators."""
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
    above = next((n for n, line in enumerate(lines) if re.match(r"\s*(async\s+)?def\b", line)), 0)
    return f"{code.co_filename}:{code.co_firstlineno + above}"


def registered(app: Flask) -> Iterator[Any]:
    for view in app.view_functions.values():
        yield view
        if view_class := getattr(view, "view_class", None):
            names = {"dispatch_request", *map(str.lower, view_class.methods or ())}
            yield from (getattr(view_class, name) for name in names if hasattr(view_class, name))
    yield from within([
        app.before_request_funcs,
        app.after_request_funcs,
        app.teardown_request_funcs,
        app.teardown_appcontext_funcs,
        app.template_context_processors,
        app.url_value_preprocessors,
        app.url_default_functions,
        app.error_handler_spec,
        app.jinja_env.filters,
        app.jinja_env.tests,
    ])  # fmt: skip
    yield from filter(inspect.isfunction, app.jinja_env.globals.values())


def within(registry: Any) -> Iterator[Any]:
    """Yield what is in a dict or list, and in those inside it."""
    if isinstance(registry, Mapping):
        registry = list(registry.values())
    if isinstance(registry, list):
        for each in registry:
            yield from within(each)
    else:
        yield registry
