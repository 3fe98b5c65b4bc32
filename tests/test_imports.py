"""Who imports whom: what starts the service runs where nothing at all is installed."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from services import ANSWER_WITHIN, BakedProject

pytestmark = pytest.mark.quick

OWN = {"backend", "bootstrap", "config", "launcher", "run", "wsgi"}
IMPORT = """
import importlib, json, sys
sys.path.append(sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
print(json.dumps(sorted(sys.modules)))
"""


def modules(project: BakedProject, package: str) -> Iterator[tuple[str, Path]]:
    for path in sorted((project.path / package).rglob("*.py")):
        parts = path.relative_to(project.path).with_suffix("").parts
        yield ".".join(parts).removesuffix(".__init__"), path


def is_serving(name: str) -> bool:
    """Return whether what it needs has been checked before it is imported."""
    return name.startswith("launcher.serving.")


def imported(path: Path) -> set[str]:
    """Return the top-level names that the file imports anywhere, also inside a function."""
    names = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names}


def loaded(project: BakedProject, *names: str) -> set[str]:
    command = [sys.executable, "-B", "-I", "-S", "-c", IMPORT, str(project.path), *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_WITHIN)
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


@pytest.mark.parametrize(
    "name", ["run", "bootstrap", "launcher.checks", "launcher.commands", "launcher.bootstrap"]
)
def test_what_starts_the_service_loads_the_standard_library_alone(
    bare_service: BakedProject, name: str
) -> None:
    strangers = loaded(bare_service, name) - sys.stdlib_module_names - {"__main__"}
    assert strangers <= {"bootstrap", "launcher", "run"}


def test_every_module_of_the_launcher_needs_the_standard_library_alone(
    bare_service: BakedProject,
) -> None:
    names = {name for name, _ in modules(bare_service, "launcher") if not is_serving(name)}
    assert len(names) > 15
    strangers = loaded(bare_service, *names) - sys.stdlib_module_names - {"__main__"}
    assert strangers == {"launcher"}


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("backend", {"backend", "config"}),
        ("config", {"config"}),
        ("launcher", {"launcher"}),
        ("migrations", set()),
    ],
)
def test_a_package_imports_only_those_it_may(
    bare_service: BakedProject, package: str, allowed: set[str]
) -> None:
    files = [(name, path) for name, path in modules(bare_service, package) if not is_serving(name)]
    assert files
    strangers = {name: imported(path) & OWN - allowed for name, path in files}
    assert {name: found for name, found in strangers.items() if found} == {}


def test_nothing_imports_the_front_doors(bare_service: BakedProject) -> None:
    for path in bare_service.path.rglob("*.py"):
        assert not imported(path) & {"run", "bootstrap"}, path


def test_the_settings_of_flask_are_those_of_the_flask_that_is_installed(
    shared_service: BakedProject,
) -> None:
    code = "from flask import Flask; print(*sorted(Flask.default_config))"
    flask_settings = shared_service.run("-c", code, python=shared_service.python).stdout.split()
    code = "from launcher.checks.setting_names import FLASK_SETTINGS as s; print(*sorted(s))"
    assert shared_service.run("-c", code).stdout.split() == flask_settings != []


def test_the_check_and_the_application_refuse_an_async_view_in_the_same_words(
    service: BakedProject,
) -> None:
    chat = service.path / "backend/routes/chat.py"
    chat.write_text(chat.read_text().replace("def post_message(", "async def post_message("))
    (problem,) = service.problems(PORT="0")
    code = "from backend import create_app; create_app()"
    refused = service.run("-c", code, python=service.python)
    assert problem["id"] == "views.async"
    assert refused.stderr.strip().endswith(problem["message"])


def test_what_serves_sqlite_imports_nothing_for_postgresql(shared_service: BakedProject) -> None:
    """That takes 40 ms at every start."""
    script = "import sys; from backend import create_app; create_app(); print(*sys.modules)"
    done = shared_service.run("-c", script, python=shared_service.python)
    assert "sqlalchemy.dialects.sqlite" in done.stdout.split(), done.stderr
    assert "sqlalchemy.dialects.postgresql" not in done.stdout.split()
