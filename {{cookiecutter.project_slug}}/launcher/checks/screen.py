"""Shows the results: one screen for people, one object for programs."""

import json
import os
import shutil
from collections.abc import Iterable
from functools import partial
from itertools import groupby
from textwrap import wrap
from typing import TextIO

from launcher.checks.problem import Problem
from launcher.checks.runner import Result
from launcher.checks.service import Service

GLYPHS = {"ok": "✓", "warning": "!", "error": "✗", "skipped": "–", "hint": "→"}
ASCII = {"ok": "+", "warning": "!", "error": "x", "skipped": "-", "hint": "->"}
# The width of what precedes a finding: the mark and the name of its check.
INDENT = 17
COLOURS = {"ok": "32", "warning": "33", "error": "31", "skipped": "2"}


def has_errors(results: Iterable[Result]) -> bool:
    return any(result.status == "error" for result in results)


def show(results: Iterable[Result], stream: TextIO, traceback: str = "") -> None:
    """Write a line for each check, for each problem the fact and what fixes it; see Report."""
    glyphs = GLYPHS if can_show("".join(GLYPHS.values()), stream) else ASCII
    for result in results:
        mark = coloured(glyphs[result.status], COLOURS[result.status], stream)
        first, *rest = wrapped(lines(result, glyphs["hint"]), stream) or [""]
        print(f"{mark} {result.name:<14} {first}".rstrip(), file=stream)
        for line in rest:
            print(f"{'':{INDENT}}{line}", file=stream)
    if traceback:
        print(f"\n{traceback.rstrip()}", file=stream)
    stream.flush()


def lines(result: Result, arrow: str) -> list[str]:
    """Return each problem's fact, and each hint after the last problem that it fixes."""
    found = [f"not checked: {result.reason}"] if result.reason else []
    for hint, problems in groupby(result.problems, lambda problem: problem.hint):
        found += ["  ".join(filter(None, (each.where, each.message))) for each in problems]
        found += [f"{arrow} {hint}"] if hint else []
    return found


def wrapped(found: list[str], stream: TextIO) -> list[str]:
    """Break long lines between words, where a terminal would break them anywhere."""
    if not stream.isatty():
        return found
    width = max(20, shutil.get_terminal_size().columns - INDENT)
    fill = partial(wrap, width=width, break_long_words=False, break_on_hyphens=False)
    return [part for line in found for part in fill(line, subsequent_indent="  ")]


def can_show(text: str, stream: TextIO) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True


def coloured(text: str, colour: str, stream: TextIO) -> str:
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{colour}m{text}\033[0m"


def to_json(results: list[Result], service: Service) -> str:
    """Return the object that `check --json` prints; see the README for its fields."""
    checks = [result_to_json(result) for result in results]
    ok = not has_errors(results)
    return json.dumps({"ok": ok, "environment": service.environment, "checks": checks}, indent=2)


def result_to_json(result: Result) -> dict[str, object]:
    return {
        "name": result.name,
        "status": result.status,
        **({"reason": result.reason} if result.reason else {}),
        "elapsed_ms": result.elapsed_ms,
        "problems": [problem_to_json(problem) for problem in result.problems],
    }


def problem_to_json(problem: Problem) -> dict[str, object]:
    names = ("id", "level", "message", "hint", "where")
    return {name: getattr(problem, name) for name in names} | dict(problem.details)
