"""What docs/ tells an owner or an operator to write is written, as it stands there, and works."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from breaking import append, edit
from databases import read
from postgresql import PostgreSQL
from services import (
    ANSWER_WITHIN,
    BakedProject,
    gunicorn,
    http,
    production,
    program,
    running,
    wait_until,
)

LISTENS = re.compile(r"Listening at: (http://\S+)")
PAGE = """
@bp.get("/pages")
def pages() -> str:
    return "<h1>Pages</h1>"
"""

ROLLED_BACK = """

@bp.post("/rolled-back")
def roll_back() -> str:
    defer(shout, id=1)
    db.session.rollback()
    return "nothing is asked for"
"""


def blocks(service: BakedProject, title: str, document: str = "recipes") -> list[str]:
    """Return what is to be written or pasted, in its order."""
    recipes = (service.path / f"docs/{document}.md").read_text(encoding="utf-8")
    _, section = recipes.split(f"\n## {title}\n")
    return re.findall(r"```\w*\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)


def test_the_recipe_for_pages_is_a_policy_for_pages_alone(service: BakedProject) -> None:
    (recipe,) = blocks(service, "A stricter policy for pages")
    append(service.path / "backend/routes/chat.py", PAGE + recipe)
    ask = "from backend import create_app; client = create_app().test_client()"
    ask += "; print(*(client.get(path).headers['Content-Security-Policy'][:18] for path in {}))"
    done = service.run("-c", ask.format(["/pages", "/nothing", "/ping"]), python=service.python)
    assert done.stdout.split("default-src ") == ["", "'self' ", "'self' ", "'none'\n"], done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn does not run there")
def test_the_recipe_for_metrics_measures_requests_connections_and_jobs(
    project: BakedProject, migrated: dict[str, str], tmp_path: Path
) -> None:
    service = project.copy(tmp_path, own_environment=True)
    requirements, module, hook, variables = blocks(service, "Metrics")
    append(service.path / "requirements-production.txt", requirements)
    (service.path / "backend/telemetry.py").write_text(module)
    append(service.path / "gunicorn.conf.py", hook)
    env = migrated | dict(re.findall(r"export (\w+)=(\S+)", variables))
    env |= {"OTEL_METRIC_EXPORT_INTERVAL": "500"}
    done = service.run("bootstrap.py", **env)
    assert done.returncode == 0, done.stdout
    assert service.run("run.py", "jobs", "run", "delete_old_runs", **env).returncode == 0
    with gunicorn(service, **env) as server:
        chat = (f"{server.url}/api/chat", b'{"message": "Hi"}')
        assert {http(*chat, content_type="application/json").status for _ in range(9)} == {200}
        wait_until(lambda: requests_in(server.output) == 9)
    points = list(measured(server.output))
    routes = {of.get("http.route") for name, of, _ in points if name.startswith("http.server.req")}
    assert routes == {"/api/chat"}
    states = {of["state"] for name, of, _ in points if name == "db.client.connections.usage"}
    assert states == {"used", "idle"}
    ages = [point["value"] for name, of, point in points if of.get("job") == "delete_old_runs"]
    assert ages
    assert all(0 < age < 3600 for age in ages)
    assert not [line for line in server.output.splitlines() if '"level": "ERROR"' in line]


@pytest.mark.skipif(sys.platform == "win32", reason="PostgreSQL is started the POSIX way")
def test_the_queue_beside_the_jobs_does_what_committed_requests_asked_for(
    project: BakedProject, server: PostgreSQL, tmp_path: Path
) -> None:
    service = project.copy(tmp_path, own_environment=True)
    found = blocks(service, "A queue beside the jobs", "jobs")
    requirement, module, call, setting, upgrade, view = found
    append(service.path / "requirements.txt", requirement)
    (service.path / "backend/tasks.py").write_text(module)
    edit(
        service.path / "backend/__init__.py",
        "    refuse_async_views(app)\n",
        f"{call}    refuse_async_views(app)\n",
    )
    append(service.path / "config/default.py", setting)
    append(service.path / "backend/routes/chat.py", view + ROLLED_BACK)
    env = production(server.new_database())
    assert service.run("bootstrap.py", **env).returncode == 1, "the schema is to be upgraded"
    assert service.run("run.py", "db", "upgrade", **env).returncode == 0
    assert service.run("run.py", "db", "revision", "queue", **env).returncode == 0
    (migration,) = (service.path / "migrations").glob("*_queue.py")
    begin, _, _ = migration.read_text().partition("def upgrade()")
    migration.write_text(f"{begin}{upgrade}\n\ndef downgrade() -> None:\n    pass\n")
    assert service.run("run.py", "db", "upgrade", **env).returncode == 0
    assert service.ids(**env) == set()
    assert service.run("run.py", "db", "revision", "nothing", **env).returncode == 0
    (nothing,) = (service.path / "migrations").glob("*_nothing.py")
    assert "procrastinate" not in nothing.read_text()
    nothing.unlink()
    replies = "SELECT reply FROM message ORDER BY id"
    with gunicorn(service, **env) as serving:
        for path in ("shouts", "shouts", "rolled-back"):
            http(f"{serving.url}/api/{path}", b"{}", content_type="application/json")
    work = "SELECT status FROM procrastinate_jobs WHERE task_name LIKE '%shout' ORDER BY id"
    assert read(env["DATABASE_URL"], work) == [[("todo",)] * 2]
    with running([service.python, "run.py", "worker"], service.path, **env) as worker:
        wait_until(lambda: read(env["DATABASE_URL"], replies) == [[("HELLO",)] * 2])
        wait_until(lambda: read(env["DATABASE_URL"], work) == [[("succeeded",)] * 2])
        worker.process.terminate()
        assert worker.process.wait(ANSWER_WITHIN) == 0
    assert "Traceback" not in worker.output
    assert service.run("bootstrap.py").returncode == 0, "and in development, with SQLite"
    own = service.run("-m", "pytest", "-q", python=service.python)
    assert own.returncode == 0, own.stdout
    ruff = service.run("-m", "ruff", "check", "--ignore", "E402", python=service.python)
    assert ruff.returncode == 0, ruff.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")
def test_the_unit_for_systemd_is_verified_and_its_commands_serve_reload_and_stop(
    project: BakedProject, migrated: dict[str, str], tmp_path: Path
) -> None:
    operations = (project.path / "docs/operations.md").read_text(encoding="utf-8")
    (unit,) = re.findall(r"```ini\n(.*?)```", operations, re.DOTALL)
    path = tmp_path / "service@.service"
    path.write_text(unit.replace("/srv/my-service", str(project.path)))
    verify = [program("systemd-analyze"), "verify", "--man=no", str(path)]
    done = subprocess.run(verify, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    said = dict(re.findall(r"(?m)^(\w+)=(.*)$", path.read_text()))
    reload = said["ExecReload"].split()
    assert (reload[1], said["KillMode"]) == ("-HUP", "mixed")
    start = said["ExecStart"].replace("%i", "serve").split()
    with running(start, Path(said["WorkingDirectory"]), **migrated) as server:
        server.url = wait_until(lambda: LISTENS.search(server.output))[1]
        wait_until(lambda: "Booting worker" in server.output)
        subprocess.run([*reload[:2], str(server.process.pid)], check=True)
        wait_until(lambda: server.output.count("Booting worker") == 2)
        assert http(f"{server.url}/ping").status == 200
        server.process.terminate()
        assert server.process.wait(int(said["TimeoutStopSec"])) == 0


def requests_in(output: str) -> int:
    """Return how many requests to the chat the worker has counted."""
    duration = "http.server.request.duration"
    points = [point for name, of, point in measured(output) if name == duration]
    return max((point["count"] for point in points), default=0)


def measured(output: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield name, attributes and data of all points that the console has shown."""
    for report in re.findall(r"^\{\n.*?^\}", output, re.DOTALL | re.MULTILINE):
        for resource in json.loads(report)["resource_metrics"]:
            for scope in resource["scope_metrics"]:
                for metric in scope["metrics"]:
                    for point in metric["data"]["data_points"]:
                        yield metric["name"], point["attributes"], point
