"""Services that are right in many ways, each of which has to stay green.

A variation is a list of edits: a file and what is appended to it (or what is in it, if it is new),
or a file, what stands in it and what stands there instead. Names do not clash, so that all the
variations of one service can be made at once.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from judging import Change
from services import BakedProject

from legitimate.imports import IMPORTS
from legitimate.jobs import JOBS, OTHER_JOBS
from legitimate.migrations import MIGRATIONS
from legitimate.models import HAND_MADE, MODELS
from legitimate.modules import MODULES
from legitimate.requirements import DISTRIBUTIONS, REQUIREMENTS, Distribution
from legitimate.settings import OTHER_SETTINGS, SETTINGS, UNDECLARED


@dataclass(frozen=True)
class Variation:
    """`warnings` are those it may give; `revise` is whether the models need a migration."""

    edits: Sequence[tuple[str, ...]] = ()
    environment: dict[str, str] = field(default_factory=dict)
    warnings: frozenset[str] = frozenset()
    revise: bool = False
    statements: tuple[str, ...] = ()
    installs: bool = False


VARIABLES = {
    "a port of any kind": {"PORT": "0"},
    "the environment by name": {"ENVIRONMENT": "development"},
    "a database that development ignores": {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"},
    "Flask's own variables": {"FLASK_APP": "x", "FLASK_DEBUG": "1", "FLASK_RUN_PORT": "80"},
    "Werkzeug's, left by another": {"WERKZEUG_RUN_MAIN": "true", "WERKZEUG_SERVER_FD": "99"},
    "a locale of old": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "a time zone": {"TZ": "Asia/Tokyo"},
    "optimised": {"PYTHONOPTIMIZE": "2"},
    "a safe path": {"PYTHONSAFEPATH": "1"},
    "a path": {"PYTHONPATH": "/nowhere"},
    "Python's development mode": {"PYTHONDEVMODE": "1"},
    "no bytecode": {"PYTHONDONTWRITEBYTECODE": "1"},
    "a proxy": {"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"},
    "an encoding of the console": {"PYTHONIOENCODING": "cp932"},
}
SIMPLE = {**REQUIREMENTS, **SETTINGS, **MODULES, **IMPORTS, **JOBS, **MIGRATIONS}
VARIATIONS = (
    {name: Variation(edits, installs=name in REQUIREMENTS) for name, edits in SIMPLE.items()}
    | {name: Variation(edits, revise=True) for name, edits in MODELS.items()}
    | {name: Variation(statements=statements) for name, statements in HAND_MADE.items()}
    | {
        name: Variation([edit], warnings=frozenset({"settings.unknown"}))
        for name, edit in UNDECLARED.items()
    }
    | {f"variables: {name}": Variation([], variables) for name, variables in VARIABLES.items()}
)
# In a service of their own: they replace what others build upon.
OTHERS = {name: Variation(edits) for name, edits in {**OTHER_JOBS, **OTHER_SETTINGS}.items()}


def together(variations: dict[str, Variation]) -> Variation:
    """Return the variation that is all of these."""
    every = list(variations.values())
    return Variation(
        [edit for each in every for edit in each.edits],
        {name: value for each in every for name, value in each.environment.items()},
        frozenset().union(*(each.warnings for each in every)),
        any(each.revise for each in every),
        tuple(statement for each in every for statement in each.statements),
        any(each.installs for each in every),
    )


def made(base: BakedProject, folder: Path, variation: Variation) -> BakedProject:
    """Return a copy of the service that differs so, its database migrated."""
    service = base.copy(folder, own_environment=variation.installs)
    if variation.installs:
        for distribution in DISTRIBUTIONS:
            install(service.path / ".venv", distribution)
    for file, *texts in variation.edits:
        edit(service.path / file, *texts)
    migrates = any(file.startswith("migrations/") for file, *_ in variation.edits)
    commands = [["upgrade"]] if migrates else []
    commands += [["revision", "shapes"], ["upgrade"]] if variation.revise else []
    for command in commands:
        done = service.run("run.py", "db", *command)
        assert done.returncode == 0, done.stdout + done.stderr
    with closing(sqlite3.connect(service.path / "instance/development.db")) as database, database:
        for statement in variation.statements:
            database.execute(statement)
    return service


def edit(path: Path, *texts: str) -> None:
    before = path.read_text("utf-8") if path.exists() else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    if len(texts) == 2:
        assert texts[0] in before, texts
        after = before.replace(*texts)
    else:
        after = f"{before}\n{texts[0]}\n" if path.exists() else f"{texts[0]}\n"
    encoding = "latin-1" if "coding: latin-1" in after else "utf-8"
    path.write_bytes(after.encode(encoding))


def install(venv: Path, distribution: Distribution) -> None:
    """Put it where an installer would: what it is, what it requires, and a module."""
    (packages,) = venv.glob("lib/python*/site-packages")
    name, version, *requires = distribution
    info = packages / f"{name}-{version}.dist-info"
    info.mkdir()
    lines = [f"Name: {name}", f"Version: {version}", *map("Requires-Dist: {}".format, requires)]
    lines += ["Provides-Extra: pay"]
    (info / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines, "", "About."]))
    (info / "INSTALLER").write_text("pip\n")
    (info / "WHEEL").write_text("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    (packages / f"{name}.py").write_text("")
    files = [f"{info.name}/{path.name}" for path in info.iterdir()]
    files += [f"{name}.py", f"{info.name}/RECORD"]
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))


def vary(
    base: BakedProject, folder: Path, production: dict[str, str], variation: Variation
) -> tuple[BakedProject, Change]:
    service = made(base, folder, variation)
    return service, Change(variation.environment, harm="", warnings=variation.warnings)
