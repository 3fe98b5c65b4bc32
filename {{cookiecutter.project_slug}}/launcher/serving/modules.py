"""The modules that the application needs, so that one that is broken hides no other.

Import stops at the first error. So what it has ended is blocked, and what only follows is left out.
"""

import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from modulefinder import ModuleFinder
from types import ModuleType
from typing import Any

from launcher.serving.errors import ROOT, place_of


class Reader(ModuleFinder):
    def import_module(self, *arguments: Any) -> Any:
        try:
            return super().import_module(*arguments)
        except (SyntaxError, TypeError, ValueError):  # as of what does not parse
            return None


def needed() -> list[str]:
    """Return what backend/__init__.py imports, and what that imports; all else may be a script."""
    reader = Reader([str(ROOT)])
    with suppress(ImportError):
        reader.import_hook("backend")
    return [name for name in reader.modules if name.startswith("backend.")]


def block(error: BaseException) -> None:
    """Let nothing that the error has ended be imported again: half of it has been run.

    An empty package stands for one that is a package, so that its modules can be imported.
    """
    for name in ended_by(error):
        folder = ROOT.joinpath(*name.split("."))
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package if folder.is_dir() else None  # type: ignore[assignment]


def ended_by(error: BaseException) -> Iterator[str]:
    for frame, _ in traceback.walk_tb(error.__traceback__):
        name = frame.f_globals.get("__name__", "")
        if frame.f_code.co_name == "<module>" and name.partition(".")[0] == "backend":
            yield name
    if isinstance(error, SyntaxError) and place_of(error).startswith("backend/"):
        yield place_of(error).partition(".py")[0].removesuffix("/__init__").replace("/", ".")


def only_follows(error: BaseException) -> bool:
    """Return whether it is for want of a module that is blocked."""
    name = getattr(error, "name", None)
    if not isinstance(error, ImportError) or name not in sys.modules:
        return False
    return getattr(sys.modules[name], "__spec__", None) is None
