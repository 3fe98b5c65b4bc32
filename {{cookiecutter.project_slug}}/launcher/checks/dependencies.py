"""Are the requirements installed in the environment that serves?

Read from the names of the *.dist-info folders: importlib.metadata takes 25 ms to import and
sees the environment of this process, which may be another.
"""

import ast
import operator
import os
import platform
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.checks.problem import Problem
from launcher.checks.python import serving_version
from launcher.checks.service import Service, command_line

# A name, its extras, and a specifier or an address, which is not looked at.
REQUIREMENT = re.compile(
    r"([A-Za-z0-9][\w.-]*)\s*(?:\[[^]]*\])?\s*(?:@[^;]*|([<>=!~(][^;]*)?)(?:;(.*))?$"
)


@dataclass(frozen=True)
class Requirement:
    name: str
    specifier: str
    where: str

    def __str__(self) -> str:
        pin = self.specifier.removeprefix("==")
        return f"{self.name} {pin}".strip()


def check_dependencies(service: Service) -> Iterator[Problem]:
    installed = installed_versions(service)
    required = list(requirements(service.requirements, serving_version(service)))
    missing = [item for item in required if normalised(item.name) not in installed]
    if missing:
        names = ", ".join(map(str, missing))
        fact = "required and not installed" if installed else "required; nothing is installed"
        yield problem("dependencies.missing", f"{names}: {fact}", missing)
    wrong = [item for item in required if item not in missing and not satisfied(item, installed)]
    if wrong:
        names = ", ".join(f"{item}, not {installed[normalised(item.name)]}" for item in wrong)
        yield problem("dependencies.version", f"required: {names}", wrong)


def problem(id: str, message: str, items: list[Requirement]) -> Problem:
    return Problem(id, message, command_line("bootstrap.py"), items[0].where)


def requirements(path: Path, python: tuple[int, int]) -> Iterator[Requirement]:
    """Yield what the file and those that it includes by -r require of this system."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = re.sub(r"(^|\s)#.*", "", line).split(" --")[0].strip("\\ \t")
        if included := re.match(r"(?:-r|--requirement)[\s=]*(.+)", line):
            yield from requirements(path.parent / included[1], python)
        elif found := REQUIREMENT.match(line):
            name, specifier, marker = found.groups()
            if marker is None or applies(marker, python):
                specifier = re.sub(r"\s", "", specifier or "")
                yield Requirement(name, specifier, f"{path.name}:{number}")


def installed_versions(service: Service) -> dict[str, str]:
    """Return the version of each distribution by its normalised name."""
    names = (path.stem for folder in site_packages(service) for path in folder.glob("*.dist-info"))
    parts = (name.rpartition("-") for name in names)
    return {normalised(name): version for name, _, version in parts}


def site_packages(service: Service) -> list[Path]:
    if not service.venv.exists():
        return [Path(folder) for folder in sys.path if os.path.isdir(folder)]
    pattern = "Lib/site-packages" if sys.platform == "win32" else "lib/python*/site-packages"
    return list(service.venv.glob(pattern))


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def satisfied(requirement: Requirement, installed: dict[str, str]) -> bool:
    """Compare pins (==) alone: any other specifier is the installer's to judge."""
    if not requirement.specifier.startswith("=="):
        return True
    pin = requirement.specifier.removeprefix("==")
    version = installed[normalised(requirement.name)]
    if pin.endswith(".*"):
        return f"{version}.".startswith(pin[:-1])
    return release(pin) == release(version)


def release(version: str) -> str:
    return re.sub(r"(\.0)+$", "", version)


OPERATORS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}


def applies(marker: str, python: tuple[int, int]) -> bool:
    """Return whether a PEP 508 marker is true here. One that is not understood counts as false.

    The grammar is Python's, but for the operator ~=.
    """
    try:
        return bool(evaluate(ast.parse(marker.strip(), mode="eval").body, python))
    except (SyntaxError, LookupError, TypeError, ValueError):
        return False


def evaluate(node: ast.expr, python: tuple[int, int]) -> Any:
    match node:
        case ast.BoolOp(op=ast.And()):
            return all(evaluate(value, python) for value in node.values)
        case ast.BoolOp():
            return any(evaluate(value, python) for value in node.values)
        case ast.Compare(left=left, ops=[comparison], comparators=[right]):
            both = [evaluate(left, python), evaluate(right, python)]
            if all(re.fullmatch(r"[\d.]+", value) for value in both):
                both = [[int(part) for part in value.split(".")] for value in both]
            return OPERATORS[type(comparison)](*both)
        case ast.Name(id=name):
            return marker_variables(python)[name]
        case ast.Constant(value=value):
            return value
    raise ValueError(f"not a marker: {ast.unparse(node)}")


def marker_variables(python: tuple[int, int]) -> dict[str, str]:
    version = ".".join(map(str, python))
    return {
        "python_version": version,
        "os_name": os.name,
        "sys_platform": sys.platform,
        "platform_system": platform.system(),
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "implementation_name": sys.implementation.name,
    }
