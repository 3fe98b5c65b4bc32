"""The settings as config/ gives them, and the lines on which they stand."""

import ast
import importlib
import sys
import traceback
from collections.abc import Set
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from launcher.checks.problem import Problem
from launcher.checks.source import module_file, name_of, parse

# What reads a variable of the environment, beside the functions of config/__init__.py.
READING = {"get", "getenv"}
# How the reader gives a variable to the commands that follow.
EXPORT = '$env:{} = "{}"' if sys.platform == "win32" else 'export {}="{}"'


@dataclass(frozen=True)
class Configuration:
    """`values` holds what the modules set, `declared` the types in config/default.py.

    `defaults` is what is set there. `ignored` are the modules' other names, which Flask takes for
    no settings: it wants capitals.
    """

    module: Path
    values: dict[str, Any] = field(default_factory=dict)
    declared: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    ignored: Set[str] = frozenset()
    broken: tuple[Problem, ...] = ()

    def where(self, key: str) -> str:
        """Return the file:line that gives the key its value."""
        path, node = self.binding(key)
        root = self.module.parent.parent
        return relative(path or self.module, root, node.lineno if node else None)

    def variable(self, key: str) -> str | None:
        """Return the environment variable that the key is read from, if it is from one."""
        _, node = self.binding(key)
        own = parse(self.module.with_name("__init__.py")).body
        reading = READING | {each.name for each in own if isinstance(each, ast.FunctionDef)}
        for call in ast.walk(node) if node else ():
            match call:
                case ast.Call(args=[ast.Constant(value=str(name)), *_]) if name_of(call) in reading:
                    return name
        return None

    def binding(self, key: str) -> tuple[Path, ast.stmt] | tuple[None, None]:
        modules = (self.module, self.module.with_name("default.py"))
        found = (find(key, module) for module in modules)
        return next(filter(None, found), (None, None))


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
    default, own = map(keys, modules)
    ignored = {name for module in modules for name in vars(module) if not name.isupper()}
    declared = get_type_hints(modules[0], include_extras=True)
    return Configuration(path, default | own, declared, default, ignored)


def imported(root: Path, *names: str) -> tuple[list[ModuleType], list[Problem]]:
    modules: list[ModuleType] = []
    broken: list[Problem] = []
    for name in names:
        try:
            modules.append(importlib.import_module(name))
            get_type_hints(modules[-1])
        except BaseException as error:  # whatever a module may raise, SystemExit included
            file = "__init__" if name == "config" else name.removeprefix("config.")
            broken.append(describe(error, root, root / "config" / f"{file}.py"))
    return modules, broken


def unknown_environment(name: str, known: tuple[str, ...]) -> Problem:
    near = get_close_matches(name.strip().lower(), known, n=1, cutoff=0.4) or known
    fact = f"ENVIRONMENT is {name!r}, which is neither {' nor '.join(known)}"
    hint = " or ".join(EXPORT.format("ENVIRONMENT", choice) for choice in near)
    return Problem("settings.environment", fact, hint)


def keys(module: ModuleType) -> dict[str, Any]:
    return {key: value for key, value in vars(module).items() if key.isupper()}


def describe(error: BaseException, root: Path, module: Path) -> Problem:
    line: int | None = None
    if isinstance(error, SyntaxError) and error.filename:
        module, line = Path(error.filename), error.lineno
    for frame in traceback.extract_tb(error.__traceback__):
        if Path(frame.filename).is_relative_to(root / "config"):
            module, line = Path(frame.filename), frame.lineno
    where = relative(module, root, line)
    return Problem("settings.broken", f"{type(error).__name__}: {error}", f"mend {where}", where)


def find(key: str, module: Path) -> tuple[Path, ast.stmt] | None:
    """Return the last statement that binds the key, and the file that it stands in."""
    found = None
    for node in ast.walk(parse(module)):
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            folder = module.parents[node.level - 1] if node.level else module.parent.parent
            source = module_file(folder, node.module or "")
            found = (source and find(key, source)) or found
        elif isinstance(node, ast.stmt) and key in bound(node):
            found = module, node
    return found


def bound(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.ImportFrom | ast.Import):
        return {alias.asname or alias.name for alias in node.names}
    targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
    names = (name for target in targets if target for name in ast.walk(target))
    return {name.id for name in names if isinstance(name, ast.Name)}


def relative(path: Path, root: Path, line: int | None) -> str:
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    return f"{name}:{line}" if line else name
