"""What docs/ tells an owner or an operator to write is written, as it stands there, and works."""

import contextlib
import gzip
import json
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from breaking import append, edit
from databases import read
from generating import generate, made_in
from playwright.sync_api import Browser
from postgresql import PostgreSQL
from services import (
    ANSWER_WITHIN,
    BakedProject,
    environment,
    gunicorn,
    http,
    production,
    program,
    running,
    wait_until,
)

LISTENS = re.compile(r"Listening at: (http://\S+)")
JSON = "application/json"
STYLE = "h1 { color: rgb(1, 2, 3); }"
SCRIPT = "document.title = 'the script has run'"
FAILS = """

@bp.post("/fails")
def fail() -> str:
    message = request.get_json()["message"]
    return message * (1 // 0)
"""
FAILING_JOB = """

def fail() -> None:
    raise KeyError


JOBS += (Job("failing", fail, timedelta(days=1)),)
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


@pytest.fixture
def followed(made_once: Callable[..., Path], tmp_path: Path) -> BakedProject:
    """A service, bootstrapped, whose owner has followed five recipes."""
    return made_in(made_once("recipes", follow_recipes)).copy(tmp_path)


def follow_recipes(folder: Path) -> None:
    assert "answered 200" in generate(folder).stdout
    service = made_in(folder)
    for name in ("templates", "static"):
        (service.path / "backend" / name).mkdir()
    view, page = blocks(service, "A page")
    (policy,) = blocks(service, "A stricter policy for pages")
    wtf, form_views, form, protection = blocks(service, "A form")
    cors, sites, from_environment, allowing = blocks(service, "CORS")
    declared, read = blocks(service, "Settings from the environment")
    sentry, address, variable, reporting = blocks(service, "Sentry")
    write(service, "backend/routes/pages.py", view + policy + form_views)
    write(service, "backend/templates/start.html", page)
    write(service, "backend/templates/name.html", form)
    write(service, "backend/static/style.css", STYLE)
    write(service, "backend/static/script.js", SCRIPT)
    routes = service.path / "backend/routes/__init__.py"
    edit(routes, "import chat", "import chat, pages")
    append(routes, "    app.register_blueprint(pages.bp)\n" + protection + allowing)
    append(service.path / "config/default.py", sites + declared + address)
    append(service.path / "config/production.py", from_environment + read + variable)
    append(service.path / "requirements.txt", wtf + cors)
    append(service.path / "requirements-production.txt", sentry)
    configured = "    configuration.init_app(app, overrides)\n"
    edit(service.path / "backend/__init__.py", configured, configured + reporting)
    done = service.run("bootstrap.py", PORT="0")
    assert "answered 200" in done.stdout, done.stdout + done.stderr
    done = service.run("bootstrap.py", ENVIRONMENT="production")
    assert "installed with" in done.stdout, done.stdout + done.stderr


def write(service: BakedProject, path: str, text: str) -> None:
    (service.path / path).write_text(text, encoding="utf-8")


def test_recipes_go_together(followed: BakedProject) -> None:
    assert {check["status"] for check in followed.check(PORT="0")["checks"]} == {"ok"}
    for command in (("ruff", "check", "--ignore=E402,I001"), ("pytest", "-q", "-W", "error")):
        done = followed.run("-m", *command, python=followed.python)
        assert done.returncode == 0, done.stdout


def test_the_recipes_for_pages_and_forms_work_in_a_browser(
    followed: BakedProject, browser: Browser
) -> None:
    smuggled = "<script>document.title = 'smuggled'</script><h1 style='color: red'>"
    edit(followed.path / "backend/templates/start.html", "<h1>", smuggled)
    with followed.start() as server, browser.new_context() as context:
        context.set_default_timeout(ANSWER_WITHIN * 1000)
        page = context.new_page()
        page.goto(server.url)
        page.wait_for_function("document.title != 'My Service'")
        assert page.title() == "the script has run"
        colour = "getComputedStyle(document.querySelector('h1')).color"
        assert page.evaluate(colour) == "rgb(1, 2, 3)"
        page.goto(f"{server.url}/name")
        page.get_by_label("Name").fill("Grace")
        page.get_by_role("button").click()
        page.get_by_text("Hello, Grace!").wait_for()
        assert http(f"{server.url}/name", b"name=Mallory").status == 400
        chat = http(f"{server.url}/api/chat", b'{"message": "Hi"}', content_type=JSON)
        assert chat.status == 200
        policies = [
            http(server.url + path).headers["Content-Security-Policy"].split(";")[0]
            for path in ("/", "/nothing", "/ping")
        ]
        assert policies == ["default-src 'self'", "default-src 'self'", "default-src 'none'"]


def test_the_recipe_for_cors_lets_its_sites_call_the_api(followed: BakedProject) -> None:
    ours, other = "http://localhost:5173", "https://other.example"
    with followed.start() as server:
        for path, site, allowed in (
            ("/api/chat", ours, ours), ("/api/chat", other, None), ("/ping", ours, None)
        ):  # fmt: skip
            answer = http(server.url + path, origin=site)
            assert answer.headers["Access-Control-Allow-Origin"] == allowed
            assert answer.headers["Access-Control-Allow-Credentials"] is None


def test_the_recipe_for_settings_reads_and_refuses_variables(
    followed: BakedProject, migrated: dict[str, str]
) -> None:
    wrong = migrated | {"PAGE_SIZE": "0", "REGISTRATION_OPEN": "perhaps"}
    found = {problem["id"]: problem for problem in followed.problems(**wrong)}
    assert set(found) == {"settings.value", "settings.type"}
    assert "PAGE_SIZE" in found["settings.value"]["message"]
    assert "REGISTRATION_OPEN" in found["settings.type"]["message"]
    show = "from backend import create_app; config = create_app().config"
    show += "; print(config['PAGE_SIZE'], config['REGISTRATION_OPEN'], config['CORS_ORIGINS'])"
    right = {"PAGE_SIZE": "7", "REGISTRATION_OPEN": "0", "CORS_ORIGINS": "https://a.example"}
    done = followed.run("-c", show, python=followed.python, **migrated, **right)
    assert done.stdout == "7 False ['https://a.example']\n", done.stderr
    assert followed.ids(**migrated, **right) == set()


@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn does not run there")
def test_the_recipe_for_sentry_reports_requests_and_jobs_without_data(
    followed: BakedProject, migrated: dict[str, str]
) -> None:
    append(followed.path / "backend/routes/chat.py", FAILS)
    append(followed.path / "backend/jobs/__init__.py", FAILING_JOB)
    with sentry() as (received, dsn):
        env = migrated | {"SENTRY_DSN": dsn}
        with gunicorn(followed, **env) as server:
            secret = b'{"message": "the secret"}'
            answer = http(f"{server.url}/api/fails", secret, content_type=JSON)
            assert answer.status == 500
            wait_until(lambda: b"ZeroDivisionError" in b"".join(received))
        assert followed.run("run.py", "jobs", "run", "failing", **env).returncode == 1
        wait_until(lambda: b"KeyError" in b"".join(received))
    assert b"the secret" not in b"".join(received)


@contextlib.contextmanager
def sentry() -> Iterator[tuple[list[bytes], str]]:
    """Yield what a server on loopback receives that speaks as Sentry does, and its address."""
    received: list[bytes] = []

    class Sentry(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            compressed = self.headers["Content-Encoding"] == "gzip"
            received.append(gzip.decompress(body) if compressed else body)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Sentry) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield received, f"http://key@127.0.0.1:{server.server_port}/1"
        server.shutdown()
        thread.join()


@pytest.mark.skipif(sys.platform == "win32", reason="it is a POSIX shell's")
def test_the_recipe_for_a_dotenv_file_sets_what_stands_in_it(
    project: BakedProject, migrated: dict[str, str], tmp_path: Path
) -> None:
    service = project.copy(tmp_path)
    variables, commands = blocks(service, "A `.env` file in production")
    values = {
        "postgresql://user:password@host/name": migrated["DATABASE_URL"],
        "at least 32 random characters": migrated["SECRET_KEY"] + "$&? ",
    }
    for said, real in values.items():
        variables = variables.replace(said, real)
    variables = variables.replace("?sslmode=require", "?sslmode=prefer&connect_timeout=9")
    write(service, ".env", variables + "PORT=0\n")
    commands = commands.replace("python ", f"'{service.python}' ")
    done = subprocess.run(
        ["sh", "-ec", commands], cwd=service.path, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✗" not in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="PostgreSQL is started the POSIX way")
def test_the_recipe_for_postgresql_in_development(
    shared_service: BakedProject, server: PostgreSQL, tmp_path: Path
) -> None:
    service = shared_service.copy(tmp_path, own_environment=True)
    driver, setting = blocks(service, "PostgreSQL in development")
    edit(service.path / "requirements-production.txt", driver, "")
    append(service.path / "requirements.txt", driver)
    url = server.new_database()
    (placeholder,) = re.findall('"(.*)"', setting)
    append(service.path / "config/development.py", setting.replace(placeholder, url))
    done = service.run("bootstrap.py", PORT="0")
    assert "answered 200" in done.stdout, done.stdout + done.stderr
    assert {check["status"] for check in service.check(PORT="0")["checks"]} == {"ok"}
    with service.start() as serving:
        assert (
            http(f"{serving.url}/api/chat", b'{"message": "Hi"}', content_type=JSON).status == 200
        )
    assert read(url, "SELECT text FROM message") == [[("Hi",)]]
    env = {"TEST_DATABASE_URL": server.new_database()}
    own = service.run("-m", "pytest", "-q", python=service.python, **env)
    assert own.returncode == 0, own.stdout


@pytest.mark.parametrize("where", ["development", "production"])
def test_the_recipe_for_a_column_keeps_the_rows(
    project: BakedProject, where: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    service = project.copy(tmp_path)
    url = f"sqlite:///{service.path / 'instance/development.db'}"
    env: dict[str, str] = {}
    if where == "production":
        env = request.getfixturevalue("migrated")
        url = env["DATABASE_URL"]
    column, commands = blocks(service, "A column that is never NULL")
    kept = "INSERT INTO message (text, reply, created_at) VALUES ('a', 'b', '2026-01-01')"
    read(url, kept)
    append(service.path / "backend/models.py", column)
    for command in commands.splitlines():
        done = service.run(*shlex.split(command)[1:], **env)
        assert done.returncode == 0, done.stderr
    (migration,) = (service.path / "migrations").glob("*_author_of_a_message.py")
    assert "server_default" in migration.read_text()
    read(url, kept)  # as the old code does
    assert read(url, "SELECT author FROM message") == [[("unknown",), ("unknown",)]]
    assert service.ids(**env | {"PORT": "0"}) == set()
    own = service.run("-m", "pytest", "-q", python=service.python)
    assert own.returncode == 0, own.stdout


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
    assert service.run("bootstrap.py", PORT="0").returncode == 0, "and with SQLite"
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
