"""Finds out whether this Python's environment has the requirements, and theirs in turn."""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.metadata import Distribution, distributions
from types import SimpleNamespace
from typing import Any

from launcher.checks.configuration import UNSET
from launcher.checks.parsing import CONFLICT, MARK, RESOLVE
from launcher.checks.problem import Problem
from launcher.checks.requirements import Line

MISSING = ("dependencies.missing", "{}: required and not installed")
HALF = ("dependencies.missing", "{}: only partly installed")
OTHER = ("dependencies.version", "required: {}")
HIDDEN = ("dependencies.version", "PYTHONPATH hides what is installed: {}")
KINDS = (MISSING, HALF, OTHER, HIDDEN)
NOT_ITS_OWN = {"__pycache__", "..", "tests"}
# A requirement, or its text, and the line that asks for it.
Needed = tuple[Any, str]


def find_problems(lines: list[Line], hint: str) -> Iterator[Problem]:
    direct: list[Needed] = []
    limits: list[Needed] = []
    if conflicts := [line.where for line in lines if line.text.startswith(MARK)]:
        for where in conflicts:
            yield Problem("dependencies.broken", CONFLICT, RESOLVE, where)
        return  # what is required will be known once they are resolved
    for line in lines:
        requirement = parsed(line.text)
        if line.text.startswith("-"):
            fact, fix = f"{line.text[3:]} cannot be read", "restore it, or correct its name"
            yield Problem("dependencies.broken", fact, fix, line.where)
        elif requirement and applies(requirement):
            (limits if line.constraint else direct).append((requirement, line.where))
        elif not requirement and "/" not in line.text:  # pip reads addresses in its own way
            fact, fix = f"{line.text!r} is not a requirement", "write it as NAME==VERSION"
            yield Problem("dependencies.broken", fact, fix, line.where)
    yield from look_up(with_indirect(direct, limits), hint)


def look_up(needed: Iterable[Needed], hint: str) -> Iterator[Problem]:
    """Report the first problem of each distribution, and together what several share."""
    found: dict[tuple[str, str], dict[str, Needed]] = {kind: {} for kind in KINDS}
    for requirement, where in needed:
        if fault := fault_of(requirement):
            kind, text = fault
            found[kind].setdefault(normalised(requirement.name), (text, where))
    for kind, items in found.items():
        if items:
            message = kind[1].format(", ".join(text for text, _ in items.values()))
            fix = UNSET.format("PYTHONPATH") if kind == HIDDEN else hint
            yield Problem(kind[0], message, fix, next(where for _, where in items.values()))


@cache
def library() -> Any:
    """Return the library that reads requirements, or pip's copy of it, or None."""
    for name in ("packaging.requirements", "pip._vendor.packaging.requirements"):
        with suppress(Exception):  # it may be half installed itself
            return import_module(name)
    return None


def parsed(text: str) -> Any:
    """Return the requirement, or None. Without the library, return the text as it is."""
    if library():
        with suppress(ValueError):
            return library().Requirement(text)
    elif name := re.match(r"[\w.-]+", text):
        rest = text[name.end() :]
        return SimpleNamespace(name=name[0], specifier=rest, extras=(), marker=None)
    return None


def applies(requirement: Any, extras: Iterable[str] = ()) -> bool:
    with suppress(ValueError):  # of a comparison that cannot be made
        marker = requirement.marker
        return not marker or any(marker.evaluate({"extra": extra}) for extra in extras or [""])
    return False


def with_indirect(direct: list[Needed], limits: list[Needed]) -> Iterator[Needed]:
    """Yield what is required, with its constraints, and what that requires with its extras."""
    queue, seen = list(direct), set()
    for requirement, where in queue:
        name, extras = normalised(requirement.name), requirement.extras
        if (key := (name, str(requirement.specifier), *sorted(extras))) not in seen:
            seen.add(key)
            yield requirement, where
            yield from (limit for limit in limits if normalised(limit[0].name) == name)
            distribution = library() and find(name)
            required = filter(None, map(parsed, (distribution and distribution.requires) or ()))
            queue += [(each, where) for each in required if applies(each, extras)]


def fault_of(requirement: Any) -> tuple[tuple[str, str], str] | None:
    wanted = f"{requirement.name}{requirement.specifier}"
    distribution = find(requirement.name)
    if distribution is None:
        return MISSING, wanted
    if not is_whole(distribution):
        return HALF, wanted
    if folder := hidden_by(distribution):
        return HIDDEN, f"{requirement.name}, by {folder}"
    with suppress(ValueError, AttributeError):  # of what only the installer can compare
        version = str(distribution.version)
        if not requirement.specifier.contains(version, prereleases=True):
            return OTHER, f"{wanted} (installed: {version})"
    return None


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def find(name: str) -> Distribution | None:
    found = list(distributions(name=name))
    return next(filter(is_whole, found), found[0] if found else None)


@cache
def is_whole(distribution: Distribution) -> bool:
    """Return whether its metadata exists, and everything it has at the top of site-packages.

    An installer writes RECORD last; what the system or conda has installed may have none.
    """
    if not distribution.read_text("METADATA"):
        return bool(distribution.read_text("PKG-INFO") or distribution.read_text(""))
    record = distribution.read_text("RECORD")
    if not record:
        return not is_in_virtual_environment(distribution)
    paths = (str(distribution.locate_file(name)) for name in tops(record))
    return all(map(os.path.exists, paths))


def tops(record: str) -> set[str]:
    """Return what it has at the top of site-packages, by its RECORD."""
    names = {re.split("[/,]", line)[0] for line in record.splitlines()}
    return {name for name in names - NOT_ITS_OWN if not name.startswith('"')}


def hidden_by(distribution: Distribution) -> str | None:
    """Return the folder of PYTHONPATH in which Python finds another package of its names first."""
    own = str(distribution.locate_file(""))
    for folder in filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)):
        if os.path.realpath(folder) == os.path.realpath(own):
            return None
        names = tops(distribution.read_text("RECORD") or "")
        modules = (name if name.endswith(".py") else f"{name}/__init__.py" for name in names)
        if any(os.path.isfile(os.path.join(folder, module)) for module in modules):
            return folder
    return None


def is_in_virtual_environment(distribution: Distribution) -> bool:
    folder = str(distribution.locate_file(""))
    return sys.prefix != sys.base_prefix and folder.startswith(sys.prefix)


def half_installed() -> bool:
    """Return whether an installation into this virtual environment was interrupted."""
    own = filter(is_in_virtual_environment, distributions())
    return not all(map(is_whole, own))
