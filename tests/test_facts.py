"""What has to be said in two languages, or in two rooms, is said alike."""

import ast
import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from breaking import append
from services import TEMPLATE, BakedProject

pytestmark = pytest.mark.quick

# Answers that a service's own config/default.py has in the place of core's examples.
ANSWERED = ("SERVICE_NAME", "PORT", "TIMEZONE")


def constants(path: Path) -> dict[str, Any]:
    """What a module sets to a constant, without importing it."""
    found = {}
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.Assign):
            try:
                found[ast.unparse(node.targets[0])] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return found


def read(project: BakedProject, name: str) -> str:
    return (project.path / name).read_text(encoding="utf-8")


def test_the_range_of_python_is_the_same_everywhere(bare_service: BakedProject) -> None:
    version = constants(bare_service.path / "launcher/versions.py")["(OLDEST, NEWEST)"]
    oldest, newest = (f"3.{minor}" for _, minor in version)
    project = tomllib.loads(read(bare_service, "pyproject.toml"))
    beyond = f"3.{version[1][1] + 1}"
    assert project["project"]["requires-python"] == f">={oldest},<{beyond}"
    assert project["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    jobs = yaml.safe_load(read(bare_service, ".github/workflows/ci.yml"))["jobs"]
    assert jobs["test"]["strategy"]["matrix"]["python"] == [oldest, newest]
    image = re.search(r"FROM python:(3\.\d+)-slim", read(bare_service, "Dockerfile"))
    assert image
    supported = [f"3.{minor}" for minor in range(version[0][1], version[1][1] + 1)]
    assert image[1] in supported
    assert f"Python {oldest} to {newest}" in read(bare_service, "README.md")


def test_actions_are_commits_and_those_of_the_template(bare_service: BakedProject) -> None:
    own, template = (
        dict(re.findall(r"uses: ([\w/-]+)@(.+)", text))
        for text in (
            read(bare_service, ".github/workflows/ci.yml"),
            (TEMPLATE / ".github/workflows/tests.yml").read_text(encoding="utf-8"),
        )
    )
    assert own == template
    assert all(re.fullmatch(r"[0-9a-f]{40}  # v[\d.]+", version) for version in own.values())


def test_what_stops_waits_longer_than_what_it_stops(bare_service: BakedProject) -> None:
    root = bare_service.path
    default = runpy.run_path(str(root / "config/default.py"))
    requests = constants(root / "gunicorn.conf.py")["graceful_timeout"]
    killed_after = constants(root / "launcher/stopping.py")["KILLED_AFTER"]
    services = yaml.safe_load(read(bare_service, "compose.yaml"))["services"]
    grace = {name: services[name]["stop_grace_period"] for name in ("web", "scheduler")}
    assert max(requests, default["JOB_STOP_TIMEOUT"]) < killed_after
    assert {int(seconds.removesuffix("s")) > killed_after for seconds in grace.values()} == {True}


def test_core_s_settings_are_declared_in_the_same_words(bare_service: BakedProject) -> None:
    declared = {}
    for name in ("backend/core/settings.py", "config/default.py"):
        lines = read(bare_service, name).splitlines()
        found = (re.match(r"([A-Z_]+): ", line) for line in lines)
        declared[name] = {key[1]: key.string for key in found if key}
    core, own = declared.values()
    assert {name: own[name] for name in core if name not in ANSWERED} == {
        name: line for name, line in core.items() if name not in ANSWERED
    }
    for name in ANSWERED:
        assert own[name].partition(" =")[0] == core[name].partition(" =")[0]


def test_every_setting_that_core_or_the_launcher_reads_is_among_core_s(
    bare_service: BakedProject,
) -> None:
    needed = set(re.findall(r"^([A-Z_]+): ", read(bare_service, "backend/core/settings.py"), re.M))
    reading = re.compile(r'(?:config\[|config\.get\(|setting\()"([A-Z_]+)"')
    for folder in ("backend/core", "launcher"):
        for path in (bare_service.path / folder).rglob("*.py"):
            names = set(reading.findall(path.read_text())) - {"ALEMBIC", "ALEMBIC_CONTEXT"}
            assert names <= needed | {"SQLALCHEMY_ENGINES"}, path


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_the_check_and_the_engine_take_the_same_urls(service: BakedProject, scheme: str) -> None:
    code = f"""
from backend.core.database import engine_url
from launcher.checks.database import POSTGRESQL
print(engine_url("{scheme}://user@host/name").drivername, "{scheme}" in POSTGRESQL)
"""
    done = service.run("-c", code, python=service.python)
    assert done.stdout == "postgresql+psycopg True\n", done.stderr


def test_a_function_of_config_that_reads_the_environment_is_known_as_one(
    service: BakedProject,
) -> None:
    append(service.path / "config/__init__.py", "def flag(name):\n    return os.environ.get(name)")
    append(service.path / "config/default.py", "BETA: str")
    append(service.path / "config/development.py", "from config import flag\nBETA = flag('BETA')")
    (problem,) = service.problems(PORT="0")
    assert (problem["id"], "BETA=" in problem["hint"]) == ("settings.missing", True)
