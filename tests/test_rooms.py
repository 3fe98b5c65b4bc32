"""What is whose: an update replaces some folders, and in no other is anything that it has to."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from breaking import append
from services import BakedProject

# Whoever owns the service edits these ...
OWNERS = (
    ".dockerignore",
    ".editorconfig",
    ".github",
    ".gitignore",
    "Dockerfile",
    "README.md",
    "backend/__init__.py",
    "backend/jobs",
    "backend/models.py",
    "backend/routes",
    "compose.yaml",
    "config",
    "constraints.txt",
    "docs",
    "gunicorn.conf.py",
    "migrations",
    "pyproject.toml",
    "requirements-dev.txt",
    "requirements-production.txt",
    "requirements.txt",
    "tests",
    "wsgi.py",
)
# ... and nobody these, which an update replaces.
TEMPLATES = ("backend/core", "bootstrap.py", "launcher", "made-from.json", "run.py")
# Which room may import which; a room that is not named is no part of the service.
ALLOWED = {
    "run": {"launcher", "launcher.system"},
    "bootstrap": {"launcher"},
    "wsgi": {"backend"},
    "gunicorn.conf": {"config"},
    "launcher": {"launcher", "launcher.checks", "launcher.system", "launcher.serving"},
    "launcher.checks": {"launcher.checks", "launcher.system"},
    "launcher.system": {"launcher.system"},
    "launcher.serving": {
        "launcher",
        "launcher.checks",
        "launcher.serving",
        "launcher.system",
        "backend",
        "backend.core",
        "wsgi",
    },
    "launcher.versions": set(),
    "backend": {"backend", "backend.core"},
    "backend.core": {"backend.core", "config"},
    "config": {"config"},
    "migrations": set(),
}
SENTENCE = "An update of the template replaces this folder"


def room_of(module: str) -> str:
    parts = module.split(".")
    names = [".".join(parts[:size]) for size in (2, 1)]
    return next((name for name in names if name in ALLOWED), "")


def imported(path: Path) -> Iterator[str]:
    """Yield every module that the file may import: of `from a import b` a and a.b."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules(root: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if parts[0] not in ("tests", ".venv"):
            yield ".".join(parts).removesuffix(".__init__"), path


@pytest.mark.quick
def test_every_room_imports_only_those_it_may(bare_service: BakedProject) -> None:
    found = list(modules(bare_service.path))
    assert len(found) > 50
    for name, path in found:
        room = room_of(name)
        assert room, name
        rooms = set(filter(None, map(room_of, imported(path)))) - {"launcher.versions"}
        assert rooms <= ALLOWED[room], name


@pytest.mark.quick
def test_everything_has_one_owner(bare_service: BakedProject) -> None:
    root = bare_service.path
    for path in filter(Path.is_file, root.rglob("*")):
        name = path.relative_to(root).as_posix()
        owners = [part for part in OWNERS if name == part or name.startswith(f"{part}/")]
        templates = [part for part in TEMPLATES if name == part or name.startswith(f"{part}/")]
        assert len(owners) + len(templates) == 1, name
    for part in (*OWNERS, *TEMPLATES):
        assert (root / part).exists(), part


@pytest.mark.quick
@pytest.mark.parametrize("folder", ["backend/core", "launcher"])
def test_what_an_update_replaces_says_so_and_knows_nothing_of_the_sample(
    bare_service: BakedProject, folder: str
) -> None:
    package = bare_service.path / folder / "__init__.py"
    assert SENTENCE in package.read_text().split("\n\n")[0]
    for path in filter(Path.is_file, package.parent.rglob("*")):
        words = path.read_text().lower()
        assert "chat" not in words, path
        assert "delete_old_messages" not in words, path


@pytest.mark.quick
def test_create_app_is_a_table_of_contents(bare_service: BakedProject) -> None:
    source = (bare_service.path / "backend/__init__.py").read_text()
    (create_app,) = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    assert create_app.end_lineno
    assert create_app.end_lineno - create_app.lineno < 25
    inside = {name for node in create_app.body for name in imported_by(node)}
    assert {"backend.routes", "backend.models", "backend.jobs.JOBS"} <= inside


def imported_by(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.ImportFrom):
        return {f"{node.module}.{alias.name}" for alias in node.names}
    return set()


def test_a_module_of_the_owner_s_may_have_the_name_of_one_of_core(service: BakedProject) -> None:
    for name in ("errors", "headers", "health", "security", "database", "commands"):
        (service.path / f"backend/{name}.py").write_text("WHOSE = 'owner'\n")
        append(service.path / "backend/routes/chat.py", f"from backend import {name}  # noqa")
    code = "from backend import create_app; print(create_app().test_client().get('/ping').status)"
    done = service.run("-c", code, python=service.python)
    assert done.stdout == "200 OK\n", done.stderr


def test_the_database_is_migrated_beside_a_broken_view(service: BakedProject) -> None:
    append(service.path / "backend/routes/chat.py", "def broken(:")
    (service.path / "instance/development.db").unlink()
    done = service.run("run.py", "db", "upgrade")
    assert done.returncode == 0, done.stderr
    assert service.ids(PORT="0") == {"views.broken"}


def test_flask_migrates_the_database_too(service: BakedProject) -> None:
    (service.path / "instance/development.db").unlink()
    command = ("-m", "flask", "--app", "backend", "db")
    for name in ("upgrade", "current"):
        done = service.run(*command, name, python=service.python)
        assert done.returncode == 0, done.stderr
    assert service.ids(PORT="0") == set()


def test_a_setting_that_core_has_and_the_owner_lacks_is_missing(service: BakedProject) -> None:
    default = service.path / "config/default.py"
    lines = default.read_text().splitlines(keepends=True)
    (line,) = [line for line in lines if line.startswith("JOB_STOP_TIMEOUT")]
    default.write_text("".join(lines).replace(line, ""))
    (problem,) = service.problems(PORT="0")
    assert (problem["id"], problem["where"]) == ("settings.missing", "config/default.py")
    append(default, problem["hint"].removeprefix("write "))
    assert service.ids(PORT="0") == set()


def test_the_owner_s_alembic_settings_are_kept(service: BakedProject) -> None:
    append(
        service.path / "config/default.py",
        "ALEMBIC: dict[str, object] = {'file_template': 'own_%%(rev)s'}\n"
        "ALEMBIC_CONTEXT: dict[str, object] = {'compare_type': False}",
    )
    code = """
from backend import create_app
from backend.core.migrations import attach
app = create_app()
with app.app_context():
    alembic = attach(app)
    print(alembic.migration_context.opts["compare_type"], end=" ")
    print(alembic.migration_context.opts["render_as_batch"], end=" ")
    print(alembic.config.get_main_option("file_template"))
"""
    done = service.run("-c", code, python=service.python)
    assert done.stdout == "False True own_%(rev)s\n", done.stderr
