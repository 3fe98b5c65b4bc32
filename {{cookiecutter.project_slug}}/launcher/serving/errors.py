"""What an error says: the fact, what fixes it, and the file:line in the service's own source."""

import os
import sys
import traceback
from difflib import get_close_matches
from importlib.metadata import packages_distributions
from pathlib import Path

from launcher.checks.problem import Problem
from launcher.checks.service import command_line
from launcher.checks.views import unreadable

# As Python has it in the names of the files that it imports: not resolved.
ROOT = Path(__file__).parents[2]
ENGINE = "backend/core/database.py:init_app"


def problems_of(error: BaseException, file: str = "") -> list[Problem]:
    """Return what it says; `file` is where it is from if none of its lines is the service's own."""
    if refusals := getattr(error, "refusals", None):  # it is a RefusedError of core's
        return [refused(*refusal) for refusal in refusals]
    innermost, where = place_in_source(*lines_of(error)[-1]), place_of(error) or file
    hint = hint_for(error, where)
    if isinstance(error, SyntaxError) and innermost.startswith("backend/"):
        return [unreadable(ROOT, innermost.partition(":")[0], error)]
    if is_of_the_engine(error) and hint != command_line("bootstrap.py"):
        fact = f"SQLAlchemy cannot use SQLALCHEMY_DATABASE_URI ({type(error).__name__})"
        right = "write it as postgresql://user:password@host/name"
        return [Problem("database.url", fact, right, where)]
    return [Problem("application.broken", fact_of(error), hint, where)]


def refused(id: str, message: str, hint: str, where: str) -> Problem:
    return Problem(id, without_root(message), hint, without_root(where))


def fact_of(error: BaseException) -> str:
    """Return Python's own line, which may know what was probably meant."""
    lines = list(traceback.TracebackException.from_exception(error).format_exception_only())
    line = lines[-1 if isinstance(error, SyntaxError) else 0]
    return without_root(line.splitlines()[0])


def traceback_of(error: BaseException) -> str:
    """Return its traceback from the service's own source on, unless the message says it all."""
    if isinstance(error, ImportError | SyntaxError) or hasattr(error, "refusals"):
        return ""
    if is_of_the_engine(error):
        return ""
    begin = error.__traceback__
    while begin and begin.tb_next and not place_in_source(begin.tb_frame.f_code.co_filename, 1):
        begin = begin.tb_next
    return "".join(traceback.format_exception(type(error), error, begin))


def place_of(error: BaseException) -> str:
    """Return the innermost line of the service's own source, of what is edited if possible."""
    own = [place for place in (place_in_source(*each) for each in lines_of(error)) if place]
    edited = [place for place in own if not place.startswith("backend/core/")]
    return (edited or own or [""])[-1]


def lines_of(error: BaseException) -> list[tuple[str, int | None]]:
    lines: list[tuple[str, int | None]] = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        if view := getattr(frame.f_locals.get("view_func"), "__code__", None):
            lines.append((view.co_filename, view.co_firstlineno))  # which Flask would register
        lines.append((frame.f_code.co_filename, line))
    if isinstance(error, SyntaxError) and error.filename:
        lines.append((error.filename, error.lineno))
    return lines


def place_in_source(file: str, line: int | None) -> str:
    name = without_root(file)
    foreign = name == file or name.startswith("launcher/") or "site-packages" in name
    return "" if foreign else f"{name}:{line}"


def without_root(text: str) -> str:
    """Return the text with the service's own files as its owner names them."""
    before, root, after = text.partition(str(ROOT) + os.sep)
    return before + after.replace(os.sep, "/") if root else text


def hint_for(error: BaseException, where: str) -> str:
    fix = f"fix {where}" if where else ""
    if isinstance(error, ImportError):
        name, file = (error.name or "").partition(".")[0], without_root(error.path or "")
        is_own = (ROOT / name).is_dir() or (ROOT / f"{name}.py").is_file()
        if name and not file and not is_own:
            return hint_for_package(name)
        if file and is_own and fix:
            return f"{fix}, or define it in {file}"
    is_import = isinstance(error, ImportError | SyntaxError)
    return command_line("bootstrap.py") if is_import and in_packages(error) else fix


def in_packages(error: BaseException) -> bool:
    return "site-packages" in lines_of(error)[-1][0]


def hint_for_package(name: str) -> str:
    """Say how to get it; bootstrap.py alone where it is there in part, and is installed again."""
    installed = packages_distributions()
    again = command_line("bootstrap.py")
    if name in installed:
        return again
    near = get_close_matches(name, [*sys.stdlib_module_names, *installed], n=1, cutoff=0.8)
    meant = f"fix the name, if it is {near[0]}, or " if near else ""
    return f"{meant}add {name}, with its version, to requirements.txt, then {again}"


def is_of_the_engine(error: BaseException) -> bool:
    """Return whether it is of the URL, so that its words may have the password."""
    places = (frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(f"{without_root(c.co_filename)}:{c.co_name}" == ENGINE for c in places)
