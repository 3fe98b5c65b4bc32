"""The settings as config/ gives them."""

import importlib
import os
import sys
import traceback
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from launcher.checks import statements
from launcher.checks.masking import masked
from launcher.checks.parsing import why
from launcher.checks.problem import Problem
from launcher.checks.setting_types import declared_types

# How the reader sets a variable for the commands that follow, and unsets it.
EXPORT = '$env:{} = "{}" (PowerShell)' if sys.platform == "win32" else 'export {}="{}"'
UNSET = "Remove-Item Env:{} (PowerShell)" if sys.platform == "win32" else "unset {}"


@dataclass(frozen=True)
class Configuration:
    """`values` is what the modules set, `declared` the types in config/default.py.

    `defaults` is what config/default.py sets, `broken` is why the modules cannot be imported.
    """

    module: Path
    values: dict[str, Any] = field(default_factory=dict)
    declared: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    broken: tuple[Problem, ...] = ()

    def where(self, key: str) -> str:
        """Return the file:line that gives the key its value."""
        path, node = self.statement(key) or (self.module, None)
        return relative(path, self.module.parent.parent, node.lineno if node else 0)

    def variable(self, key: str) -> str | None:
        """Return the environment variable that the key is read from, if it is from one."""
        found = self.statement(key)
        return statements.variable(*found) if found else None

    def statement(self, key: str) -> statements.Found | None:
        """Return what sets the key, in the environment's module or in one that it imports."""
        folder = self.module.parent
        paths = (self.module, folder / "default.py", *sorted(folder.glob("*.py")))
        return next(filter(None, (statements.find(path, key) for path in paths)), None)


def load(root: Path, environment: str) -> Configuration:
    """Import config/default.py and the environment's module; what is wrong is in `broken`."""
    path = root / "config" / f"{environment}.py"
    package, broken = imported(root, "config")
    known: tuple[str, ...] = getattr(package[0], "ENVIRONMENTS", (environment,)) if package else ()
    if not broken and environment not in known:
        broken = [unknown_environment(environment, known)]
    if not broken:
        modules, broken = imported(root, "config.default", f"config.{environment}")
    if broken:
        return Configuration(path, broken=tuple(broken))
    default, own = (settings(vars(module)) for module in modules)
    declared = settings(declared_types(modules[0], path.with_name("default.py")))
    return Configuration(path, default | own, declared, default)


def imported(root: Path, *names: str) -> tuple[list[ModuleType], list[Problem]]:
    modules: list[ModuleType] = []
    broken: list[Problem] = []
    for name in names:
        try:
            modules.append(importlib.import_module(name))
        except BaseException as error:  # whatever a module may raise, SystemExit included
            file = "__init__" if name == "config" else name.removeprefix("config.")
            problem = describe(error, root, root / "config" / f"{file}.py")
            broken += [problem] if problem not in broken else []
    return modules, broken


def settings(names: dict[str, Any]) -> dict[str, Any]:
    """Return the names that Flask takes for settings."""
    return {key: value for key, value in names.items() if key.isupper()}


def unknown_environment(name: str, known: tuple[str, ...]) -> Problem:
    near = get_close_matches(name.strip().lower(), known, n=1, cutoff=0.4) or known
    fact = f"ENVIRONMENT is {name!r}, which is neither {' nor '.join(known)}"
    hint = " or ".join(EXPORT.format("ENVIRONMENT", choice) for choice in near)
    return Problem("settings.environment", fact, hint)


def describe(error: BaseException, root: Path, module: Path) -> Problem:
    """Say what the module raised, and where, or which variable is to blame."""
    folder, frames = root / "config", traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError) and Path(error.filename or "").is_relative_to(folder):
        name = relative(Path(error.filename or ""), root, 0)
        return Problem("settings.broken", *why(error, root, name))
    places = [(Path(frame.filename), frame.lineno or 0) for frame in frames]
    own = [place for place in places if place[0].is_relative_to(folder)]
    path, line = own[-1] if own else (module, 0)
    where = relative(path, root, line)
    found = statements.find(path, line=line)
    variable = statements.variable(*found) if found else None
    if isinstance(error, KeyError) and variable and error.args == (variable,):
        hint = EXPORT.format(variable, "...")
        return Problem("settings.missing", f"{variable} is not set", hint, where)
    hint = f"fix {where}"
    if found and variable and variable in os.environ:
        default, names = sys.modules.get("config.default"), statements.names(found[1])
        right = [getattr(default, name) for name in names if hasattr(default, name)] or ["..."]
        hint = EXPORT.format(variable, right[0])
    fact = masked(f"{type(error).__name__}: {error}", os.environ.get("DATABASE_URL", ""))
    return Problem("settings.broken", fact, hint, where)


def relative(path: Path, root: Path, line: int) -> str:
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    return f"{name}:{line}" if line else name
