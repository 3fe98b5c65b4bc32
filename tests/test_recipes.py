"""What docs/recipes.md tells an owner to do is done, as it stands there, and works."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from breaking import append
from services import BakedProject, gunicorn, http, wait_until

PAGE = """
@bp.get("/pages")
def pages() -> str:
    return "<h1>Pages</h1>"
"""


def blocks(service: BakedProject, title: str) -> list[str]:
    """Return what is to be written or pasted, in its order."""
    recipes = (service.path / "docs/recipes.md").read_text(encoding="utf-8")
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
