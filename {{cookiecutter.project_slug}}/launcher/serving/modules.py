"""The modules that the application needs, imported one by one: one that is broken hides no other.

Import stops at the first error. So what is broken is blocked, and what only follows is left out.
"""

import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from modulefinder import ModuleFinder
from pathlib import Path
from types import ModuleType

from launcher.serving.errors import ROOT


def needed() -> list[str]:
    """Return what backend/__init__.py imports, and what that imports; all else may be a script."""
    finder = ModuleFinder([str(ROOT)])
    with suppress(Exception):
        finder.import_hook("backend")
    return [name for name in (*finder.modules, *finder.badmodules) if name.startswith("backend.")]


def block(error: BaseException) -> None:
    """Let no module be imported again that the error has ended: half of it has been run.

    An empty package stands for one that is a package, so that its modules can be imported.
    """
    for name in filter(None, ended_by(error)):
        folder = ROOT.joinpath(*name.split("."))
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package if folder.is_dir() else None  # type: ignore[assignment]


def ended_by(error: BaseException) -> Iterator[str]:
    for frame, _ in traceback.walk_tb(error.__traceback__):
        name = frame.f_globals.get("__name__", "")
        if frame.f_code.co_name == "<module>" and name.partition(".")[0] == "backend":
            yield name
    if isinstance(error, SyntaxError) and error.filename:
        with suppress(ValueError):
            file = Path(error.filename).relative_to(ROOT / "backend")
            yield ".".join(("backend", *file.with_suffix("").parts)).removesuffix(".__init__")


def only_follows(error: BaseException) -> bool:
    """Return whether it is for want of a module that is blocked."""
    name = getattr(error, "name", None)
    if not isinstance(error, ImportError) or name not in sys.modules:
        return False
    return getattr(sys.modules[name], "__spec__", None) is None
