"""Views, hooks and handlers are plain functions here, and create_app sees to it.

Flask would run an async one in an event loop of its own while a thread waits for it: dearer
than a plain function, and nothing else is served meanwhile.
"""

import inspect
import linecache
import re
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
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
        found[place(code)] = Refusal("views.async", fact, HINT, place(code))
    return [refusal for _, refusal in sorted(found.items())]


def is_async(function: object) -> bool:
    """Return whether a call of it returns something to be awaited."""
    return any(
        inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each)
        for each in (function, type(function).__call__)
    )


def place(code: CodeType) -> str:
    """Return the file:line of its `async def`; by itself the code begins at its decorators."""
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
    above = next((n for n, line in enumerate(lines) if re.match(r"\s*async\s+def\b", line)), 0)
    return f"{code.co_filename}:{code.co_firstlineno + above}"


def registered(app: Flask) -> Iterable[Callable[..., Any]]:
    for view in app.view_functions.values():
        yield view
        if view_class := getattr(view, "view_class", None):
            names = {"dispatch_request", *map(str.lower, view_class.methods or ())}
            yield from (getattr(view_class, name) for name in names if hasattr(view_class, name))
    for hooks in (
        app.before_request_funcs,
        app.after_request_funcs,
        app.teardown_request_funcs,
        app.template_context_processors,
        app.url_value_preprocessors,
        app.url_default_functions,
    ):
        yield from chain.from_iterable(hooks.values())
    for handlers_by_code in app.error_handler_spec.values():
        yield from chain.from_iterable(handlers.values() for handlers in handlers_by_code.values())
    yield from app.teardown_appcontext_funcs
    templates = app.jinja_env
    for functions in (templates.filters, templates.tests, templates.globals):
        yield from filter(inspect.isfunction, functions.values())
