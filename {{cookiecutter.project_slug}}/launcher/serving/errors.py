"""What an error in the service's own source says: the fact, what fixes it, and its file:line."""

import os
import sys
import traceback
from difflib import get_close_matches
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from launcher.checks.problem import Problem
from launcher.checks.service import command_line

ROOT = Path(__file__).resolve().parents[2]


def problems_of(error: BaseException) -> list[Problem]:
    if refusals := getattr(error, "refusals", None):  # core's own RefusedError
        return [refused(*refusal) for refusal in refusals]
    where = place_of(error)
    if isinstance(error, SyntaxError) and where.startswith("backend/"):
        return []  # which the reading of the source says
    id = "database.url" if is_of_the_engine(error) else "application.broken"
    return [Problem(id, fact_of(error), hint_for(error, where), where)]


def refused(id: str, message: str, hint: str, where: str) -> Problem:
    return Problem(id, without_root(message), hint, without_root(where))


def fact_of(error: BaseException) -> str:
    """Return Python's own line for it, which may know what was probably meant."""
    lines = list(traceback.TracebackException.from_exception(error).format_exception_only())
    line = lines[-1 if isinstance(error, SyntaxError) else 0]
    return without_root(line.splitlines()[0])


def traceback_of(error: BaseException) -> str:
    """Return its traceback, where the message does not say it all."""
    if isinstance(error, ImportError | SyntaxError) or hasattr(error, "refusals"):
        return ""
    return "".join(traceback.format_exception(error))


def place_of(error: BaseException) -> str:
    """Return the innermost line of the service's own source, of what its owner edits if possible."""
    own = [place for place in map(place_in_source, places(error)) if place]
    edited = [place for place in own if not place.startswith("backend/core/")]
    return (edited or own or [""])[-1]


def places(error: BaseException) -> list[tuple[str, int | None]]:
    lines: list[tuple[str, int | None]] = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        lines.append((frame.f_code.co_filename, line))
    if isinstance(error, SyntaxError) and error.filename:
        lines.append((error.filename, error.lineno))
    return lines


def place_in_source(place: tuple[str, int | None]) -> str:
    name = without_root(place[0])
    foreign = name == place[0] or name.startswith("launcher/") or "site-packages" in name
    return "" if foreign else f"{name}:{place[1]}"


def without_root(text: str) -> str:
    """Return the text with the service's own files as its owner names them."""
    if str(ROOT) + os.sep not in text:
        return text
    before, _, after = text.partition(str(ROOT) + os.sep)
    return before + after.replace(os.sep, "/")


def hint_for(error: BaseException, where: str) -> str:
    fix = f"fix {where}" if where else ""
    if not isinstance(error, ImportError | SyntaxError):
        return fix
    name = (getattr(error, "name", None) or "").partition(".")[0]
    own = (ROOT / name).is_dir() or (ROOT / f"{name}.py").is_file()
    if isinstance(error, ModuleNotFoundError) and name and not own:
        return hint_for_package(name)
    if "site-packages" in places(error)[-1][0]:
        return command_line("bootstrap.py")
    return fix


def hint_for_package(name: str) -> str:
    """Say how to get what is not there, or is there in part: bootstrap.py installs that again."""
    installed = packages_distributions()
    again = command_line("bootstrap.py")
    if name in installed:
        return again
    near = get_close_matches(name, [*sys.stdlib_module_names, *installed], n=1, cutoff=0.8)
    meant = f"write {near[0]}, or " if near else ""
    return f"{meant}add {name}, with its version, to requirements.txt, then {again}"


def is_of_the_engine(error: BaseException) -> bool:
    core = str(ROOT / "backend" / "core" / "database.py")
    frames: Any = traceback.walk_tb(error.__traceback__)
    return any(
        (frame.f_code.co_filename, frame.f_code.co_name) == (core, "init_app")
        for frame, _ in frames
    )
