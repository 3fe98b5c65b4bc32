"""Looks up in this Python's environment what is required, and what that requires in turn."""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import Distribution, distributions
from typing import Any

from launcher.checks.problem import Problem
from launcher.checks.requirements import Line
from launcher.checks.service import command_line

# What pip takes for a file or an address where it is no requirement.
ELSEWHERE = re.compile(r"[/\\:]|^\.|\.(whl|zip|t\w+)$")
MISSING, HALF, OTHER = "{}: required and not installed", "{}: only half installed", "required: {}"


@dataclass(frozen=True)
class Needed:
    """What is required here, by the line at `where`; if not by it directly, for which other."""

    requirement: Any
    where: str
    parent: str = ""

    def __str__(self) -> str:
        wanted = f"{self.requirement.name}{self.requirement.specifier}"
        return f"{wanted} (for {self.parent})" if self.parent else wanted

    @property
    def key(self) -> str:
        return normalised(self.requirement.name)


def find_problems(lines: list[Line]) -> Iterator[Problem]:
    direct: list[Needed] = []
    limits: list[Needed] = []
    for line in lines:
        if line.text.startswith("-"):
            yield broken(line, f"{line.text[3:]} cannot be read", "restore it, or correct its name")
        elif requirement := parsed(line.text):
            if applies(requirement):
                (limits if line.constraint else direct).append(Needed(requirement, line.where))
        elif library() and not ELSEWHERE.search(line.text):
            yield broken(line, f"{line.text!r} is no requirement", "write it as NAME==VERSION")
    if library():
        yield from look_up(direct, limits)
    else:
        yield from list_as_they_stand(lines)


def broken(line: Line, fact: str, hint: str) -> Problem:
    return Problem("dependencies.broken", fact, hint, line.where)


@cache
def library() -> Any:
    """Return what reads requirements, or the copy of it that pip has, or else None."""
    for name in ("packaging.requirements", "pip._vendor.packaging.requirements"):
        with suppress(Exception):  # it may be half installed itself
            return import_module(name)
    return None


def parsed(text: str) -> Any:
    with suppress(ValueError, AttributeError):
        return library().Requirement(text)
    return None


def applies(requirement: Any, extras: Iterable[str] = ()) -> bool:
    with suppress(ValueError):  # a comparison that cannot be made
        marker = requirement.marker
        return not marker or any(marker.evaluate({"extra": extra}) for extra in extras or [""])
    return False


def list_as_they_stand(lines: list[Line]) -> Iterator[Problem]:
    """Without the library no marker is read, nor a version compared."""
    needed = [line for line in lines if not line.constraint and re.match(r"\w", line.text)]
    missing = [line for line in needed if not find(re.split(r"[^\w.-]", line.text)[0])]
    if missing:
        yield problem(MISSING, [(line.text, line.where) for line in missing])


def look_up(direct: list[Needed], limits: list[Needed]) -> Iterator[Problem]:
    """Say of each distribution the first thing that is wrong with it."""
    found: dict[str, tuple[str, str, str]] = {}
    for needed in with_indirect(direct):
        distribution = find(needed.requirement.name)
        if distribution is None:
            found.setdefault(needed.key, (MISSING, str(needed), needed.where))
        elif not is_whole(distribution):
            found.setdefault(needed.key, (HALF, str(needed), needed.where))
        else:
            for each in (needed, *(limit for limit in limits if limit.key == needed.key)):
                if not satisfied(each.requirement.specifier, distribution.version):
                    text = f"{each} (installed: {distribution.version})"
                    found.setdefault(needed.key, (OTHER, text, each.where))
    for fact in (MISSING, HALF, OTHER):
        if items := [item for kind, *item in found.values() if kind == fact]:
            yield problem(fact, items)


def problem(fact: str, items: list[Any]) -> Problem:
    """Name all of which the same is true; the first is shown with its place."""
    id = "dependencies.version" if fact == OTHER else "dependencies.missing"
    message = fact.format(", ".join(text for text, _ in items))
    return Problem(id, message, command_line("bootstrap.py"), items[0][1])


def with_indirect(direct: list[Needed]) -> Iterator[Needed]:
    """Yield what is required, and then what that requires, each with all that applies here."""
    queue, seen = list(direct), set()
    for needed in queue:
        extras = needed.requirement.extras
        if (known := (str(needed.requirement.specifier), needed.key, *sorted(extras))) in seen:
            continue
        seen.add(known)
        yield needed
        distribution = find(needed.requirement.name)
        for requirement in map(parsed, (distribution and distribution.requires) or ()):
            if requirement and applies(requirement, extras):
                queue.append(Needed(requirement, needed.where, needed.requirement.name))


def satisfied(specifier: Any, version: str) -> bool:
    with suppress(ValueError):  # no version as they are today: only the installer can judge
        return bool(specifier.contains(str(version), prereleases=True))
    return True


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def find(name: str) -> Distribution | None:
    found = list(distributions(name=name))
    return next(filter(is_whole, found), found[0] if found else None)


@cache
def is_whole(distribution: Distribution) -> bool:
    """Return whether its metadata is there, and what it has at the top of site-packages.

    An installer writes RECORD last; what the system or conda has installed may have none.
    """
    if not distribution.read_text("METADATA"):
        return bool(distribution.read_text("PKG-INFO") or distribution.read_text(""))
    record = distribution.read_text("RECORD")
    if not record:
        return not is_in_virtual_environment(distribution)
    tops = {re.split("[/,]", line)[0] for line in record.splitlines()} - {"__pycache__"}
    paths = (distribution.locate_file(name) for name in tops if not name.startswith('"'))
    return all(map(os.path.exists, map(str, paths)))


def is_in_virtual_environment(distribution: Distribution) -> bool:
    folder = str(distribution.locate_file(""))
    return sys.prefix != sys.base_prefix and folder.startswith(sys.prefix)


def half_installed() -> bool:
    """Return whether an installation into this virtual environment was interrupted."""
    own = filter(is_in_virtual_environment, distributions())
    return not all(map(is_whole, own))
