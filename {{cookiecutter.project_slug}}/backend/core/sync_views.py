"""Views, hooks and handlers are plain functions here, and create_app sees to it.

Flask would run an async one in an event loop of its own while a thread waits for it: dearer
than a plain function, and nothing else is served meanwhile.
"""

import inspect
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from flask import Flask


class AsyncViewError(TypeError):
    """Something that is called for a request is async; the text says what, and where it stands."""


def refuse_async_views(app: Flask) -> None:
    """Raise AsyncViewError if anything that `app` would call for a request is async."""
    for function in registered(app):
        if is_async(function) or is_async(type(function).__call__):
            name = getattr(function, "__qualname__", repr(function))
            code = getattr(function, "__code__", None)
            where = f"{code.co_filename}:{code.co_firstlineno}  " if code else ""
            raise AsyncViewError(f"{where}{name} is async; in Flask that only costs a thread")


def is_async(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


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
    yield from chain(app.jinja_env.filters.values(), app.jinja_env.tests.values())
