"""A service in production: gunicorn and PostgreSQL, whom it believes, what it logs and tells."""

import contextlib
import json
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from breaking import append, edit, with_routes
from postgresql import PASSWORD, query
from services import (
    ANSWER_WITHIN,
    Answer,
    BakedProject,
    environment,
    gunicorn,
    gunicorn_alone,
    http,
    wait_until,
)

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the fixture's PostgreSQL is started the POSIX way"
)

ROUTES = """

@bp.get("/failing")
def failing():
    raise ValueError("a mistake of the view's")


@bp.get("/nowhere")
def nowhere():
    from sqlalchemy import text

    db.session.execute(text("SELECT * FROM nowhere WHERE a = :a"), {"a": "a " + "parameter"})


STATEMENTS = {
    "integer": "SELECT CAST(CAST(:value AS text) AS integer)",
    "date": "SELECT CAST(CAST(:value AS text) AS date)",
    "search": "SELECT to_tsquery('simple', :value)",
    "table": "SELECT CAST(CAST(:value AS text) AS regclass)",
    "raised": "SELECT refuse(:value)",
    "short": "INSERT INTO secret VALUES (:value, 1)",
    "once": "INSERT INTO secret VALUES (:value, 9), (:value, 9)",
    "column": "SELECT secret.colour FROM secret WHERE text = :value",
}


@bp.post("/api/refused/<how>")
def refused(how):
    from flask import request
    from sqlalchemy import text

    try:
        db.session.execute(text(STATEMENTS[how]), {"value": request.get_json()["value"]})
    except Exception as error:
        raise LookupError("while it was handled") from error


@bp.get("/caller")
def caller():
    from flask import request

    return [request.remote_addr, request.scheme, request.host]


@bp.get("/login")
def login():
    from flask import session

    session["user"] = "somebody"
    return {}


@bp.get("/user")
def user():
    from flask import session

    return {"user": session.get("user")}


@bp.get("/cacheable")
def cacheable():
    return {}, {"Cache-Control": "max-age=60"}
"""
CHAT = "the text of a message"
# What a user has sent: the quotes within end no quotation of PostgreSQL's.
VALUE = 'p4ssw0rd "id" g3heim'
REFUSING = """
CREATE TABLE secret (text text UNIQUE, number integer CONSTRAINT short CHECK (number > 5));
CREATE FUNCTION refuse(value text) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'refused: %', value; END $$;
"""
# What is logged of each statement that it refuses.
REFUSED = {
    "integer": ("InvalidTextRepresentation", "22P02"),
    "date": ("InvalidDatetimeFormat", "22007"),
    "search": ("SyntaxError", "42601"),
    "table": ("InvalidName", "42602"),
    "raised": ("RaiseException", "P0001"),
    "short": ("CheckViolation", "23514, schema public, table secret, constraint short"),
    "once": ("UniqueViolation", "23505, schema public, table secret, constraint secret_text_key"),
    "column": ("UndefinedColumn", "42703: column secret.colour does not exist"),
}
FORWARDED = {
    "X_Forwarded_For": "192.0.2.7",
    "X_Forwarded_Proto": "https",
    "X_Forwarded_Host": "example.org",
}
HOSTILE_IDS = {
    "a new line": b'one\n{"level": "ERROR", "message": "forged"}',
    "a folded line": b'one\r\n {"level": "ERROR", "message": "forged"}',
    "10 KB": b"a" * 10_000,
    "longer than accepted": b"a" * 101,
    "quotes": b'one", "level": "forged',
    "not ASCII": "ä".encode(),
    "empty": b"",
}


@dataclass(frozen=True)
class Apart:
    """A running server whose standard output, the log, is in a file of its own."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def output(self) -> str:
        return (self.folder / "out").read_text()

    @property
    def errors(self) -> str:
        return (self.folder / "err").read_text()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """All lines of the log, each of which has to be JSON."""
        return [json.loads(line) for line in whole_lines(self.output)]

    @property
    def url(self) -> str:
        """The URL, once somebody listens there: the log says so."""
        found: re.Match[str] = wait_until(
            lambda: re.search(r"http://127\.0\.0\.1:\d+", self.output)
        )
        return found[0]


def whole_lines(output: str) -> list[str]:
    return output.rpartition("\n")[0].splitlines()


def log(output: str) -> list[dict[str, Any]]:
    """Return the JSON lines among what a server has said."""
    return [json.loads(line) for line in whole_lines(output) if line.startswith("{")]


@contextlib.contextmanager
def serving(
    project: BakedProject, *command: object, pass_fds: Any = (), **env: str
) -> Iterator[Apart]:
    folder = project.path.parent / f"log-{time.monotonic_ns()}"
    folder.mkdir()
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=project.path,
            env=environment(**env),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            pass_fds=pass_fds,
        )
    try:
        yield Apart(process, folder)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(ANSWER_WITHIN)


def post(url: str, text: str, **headers: str) -> Answer:
    body = json.dumps({"message": text}).encode()
    return http(f"{url}/api/chat", body, Content_Type="application/json", **headers)


def with_id(url: str, id: bytes) -> bytes:
    """Ask /ping with these very bytes as X-Request-ID; return the whole answer."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), ANSWER_WITHIN) as client:
        request = (b"GET /ping HTTP/1.1", b"Host: a", b"Connection: close", b"X-Request-ID: " + id)
        client.sendall(b"\r\n".join(request) + b"\r\n\r\n")
        return client.makefile("rb").read()


def lines_of(service: Apart, id: str, count: int) -> list[dict[str, Any]]:
    """Return all log lines of a request, of which there are to be so many."""
    found: list[dict[str, Any]] = []

    def all_there() -> bool:
        found[:] = [line for line in service.lines if line["request_id"] == id]
        return len(found) >= count

    wait_until(all_there)
    assert len(found) == count, found
    return found


@pytest.fixture(scope="module")
def probed(project: BakedProject, tmp_path_factory: pytest.TempPathFactory) -> BakedProject:
    """A copy with routes that tell what they see. Do not change it: copy it."""
    return with_routes(project, tmp_path_factory.mktemp("probed"), ROUTES)


# Logs


def test_every_line_of_the_log_is_json_with_the_id_that_was_given(
    project: BakedProject, migrated: dict[str, str]
) -> None:
    with serving(project, sys.executable, "run.py", **migrated) as service:
        given = post(f"{service.url}", CHAT, X_Request_ID="deploy-7/a:b=c@d+e")
        assert given.status == 200
        assert given.headers["X-Request-ID"] == "deploy-7/a:b=c@d+e"
        (access,) = lines_of(service, "deploy-7/a:b=c@d+e", 1)
        made = http(f"{service.url}/ping").headers["X-Request-ID"]
        (other,) = lines_of(service, made, 1)
    assert re.fullmatch("[0-9a-f]{32}", made)
    assert access["logger"] == other["logger"] == "gunicorn.access"
    assert (access["method"], access["path"], access["status"]) == ("POST", "/api/chat", 200)
    assert (other["method"], other["path"], other["status"]) == ("GET", "/ping", 200)
    for line in (access, other):
        said = f"127.0.0.1 {line['method']} {line['path']} {line['status']}"
        assert line["message"] == f"{said} {line['milliseconds']} ms"
        assert isinstance(line["milliseconds"], int)
    assert service.output.endswith("\n")
    for line in service.lines:
        assert line.keys() >= {"level", "logger", "message", "timestamp", "request_id"}
    assert " is on http://" in service.errors


def test_a_hostile_request_id_is_replaced_and_forges_no_line(
    project: BakedProject, migrated: dict[str, str]
) -> None:
    with serving(project, *gunicorn_alone(project), **migrated) as service:
        for name, hostile in HOSTILE_IDS.items():
            answer = with_id(service.url, hostile)
            assert answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 4")), name
            if answer.startswith(b"HTTP/1.1 200 "):
                (made,) = re.findall(rb"(?m)^X-Request-ID: ([0-9a-f]{32})\r$", answer)
                lines_of(service, made.decode(), 1)
    assert len({line["request_id"] for line in service.lines}) > len(HOSTILE_IDS) // 2
    assert not any("forged" in (line["level"], line["message"]) for line in service.lines)


def test_a_line_about_no_request_has_no_other_request_s_id(
    project: BakedProject, migrated: dict[str, str]
) -> None:
    with serving(project, *gunicorn_alone(project), **migrated) as service:
        for number in range(20):  # so that all threads have had one
            assert http(f"{service.url}/ping", X_Request_ID=f"before-{number}").status == 200
        refused = with_id(service.url, b"a\r\nnot a header")
        assert refused.startswith(b"HTTP/1.1 400 ")
        (line,) = wait_until(
            lambda: [line for line in service.lines if "Invalid" in line["message"]]
        )
    assert line["request_id"] == "-"


def test_an_uncaught_error_is_logged_once_with_its_stack_and_tells_the_caller_nothing(
    probed: BakedProject, migrated: dict[str, str]
) -> None:
    with serving(probed, *gunicorn_alone(probed), **migrated) as service:
        answer = http(f"{service.url}/failing", X_Request_ID="failing-1")
        error, access = lines_of(service, "failing-1", 2)
    assert answer.status == 500
    assert answer.headers["X-Request-ID"] == "failing-1"
    assert "mistake" not in answer.body
    assert "Traceback" not in answer.body
    assert error["level"] == "ERROR"
    assert "ValueError: a mistake of the view's" in error["exc_info"]
    assert "in failing" in error["exc_info"]
    assert access["logger"] == "gunicorn.access"
    assert [line for line in service.lines if "exc_info" in line] == [error]
    assert "Traceback" not in service.errors


def test_no_line_of_the_log_holds_a_secret_a_query_or_a_message(
    probed: BakedProject, migrated: dict[str, str]
) -> None:
    with serving(probed, *gunicorn_alone(probed), **migrated) as service:
        assert post(service.url, CHAT).status == 200
        assert http(f"{service.url}/ping?token=in-a-query").status == 200
        answer = http(f"{service.url}/nowhere", X_Request_ID="nowhere-1")
        error, _ = lines_of(service, "nowhere-1", 2)
    assert answer.status == 500
    assert "UndefinedTable" in error["exc_info"]
    access = [line for line in service.lines if line["logger"] == "gunicorn.access"]
    assert len(access) == 3
    hidden = (PASSWORD, migrated["SECRET_KEY"], "in-a-query", "a parameter", CHAT)
    assert not [secret for secret in hidden if secret in service.output + service.errors]


@pytest.mark.parametrize("format", ["JSON", "PLAIN"])
def test_a_value_that_the_database_refuses_is_not_in_the_log(
    probed: BakedProject, migrated: dict[str, str], tmp_path: Path, format: str
) -> None:
    query(migrated["DATABASE_URL"], REFUSING)
    copy = probed.copy(tmp_path)
    append(copy.path / "config/production.py", f"LOGGING = logs.{format}")
    with serving(copy, *gunicorn_alone(copy), **migrated) as service:
        for how in REFUSED:
            body = json.dumps({"value": VALUE}).encode()
            url = f"{service.url}/api/refused/{how}"
            assert http(url, body, Content_Type="application/json").status == 500
    said = service.output + service.errors
    for name, text in REFUSED.values():
        assert f"psycopg.errors.{name}: SQLSTATE {text}" in said
        assert f"(psycopg.errors.{name}) SQLSTATE {text}" in said
    assert not [word for word in ("p4ssw0rd", "g3heim") if word in said]


def test_a_developer_sees_the_values_that_the_database_refuses(
    probed: BakedProject, migrated: dict[str, str], tmp_path: Path
) -> None:
    copy = probed.copy(tmp_path)
    line = f"SQLALCHEMY_DATABASE_URI = {migrated['DATABASE_URL']!r}"
    append(copy.path / "config/development.py", line)
    with copy.start() as service:
        body = json.dumps({"value": VALUE}).encode()
        http(f"{service.url}/api/refused/integer", body, Content_Type="application/json")
        wait_until(lambda: f'type integer: "{VALUE}"' in service.output)


# Whom it believes


def test_another_host_is_refused_but_the_probes_answer_to_any(
    project: BakedProject, migrated: dict[str, str]
) -> None:
    with gunicorn(project, **migrated | {"TRUSTED_HOSTS": "example.org, .example.net"}) as service:
        for host in ("example.org", "a.example.net"):
            assert post(service.url, "Hi", Host=host).status == 200
        for host in ("example.com", "127.0.0.1", "example.org.example.com"):
            refused = post(service.url, "Hi", Host=host)
            assert (refused.status, refused.json["status"]) == (400, 400)
            for probe in ("/ping", "/readyz"):
                assert http(service.url + probe, Host=host).status == 200


def test_forwarded_headers_are_ignored_without_a_proxy(
    probed: BakedProject, migrated: dict[str, str]
) -> None:
    with gunicorn(probed, **migrated) as service:
        answer = http(f"{service.url}/caller", **FORWARDED)
    assert answer.json == ["127.0.0.1", "http", service.url.removeprefix("http://")]


def test_forwarded_headers_are_believed_of_as_many_proxies_as_there_are(
    probed: BakedProject, migrated: dict[str, str]
) -> None:
    with gunicorn(probed, **migrated | {"PROXY_COUNT": "1"}) as service:
        assert http(f"{service.url}/caller", **FORWARDED).json == [
            "192.0.2.7",
            "https",
            "example.org",
        ]
        forged = FORWARDED | {"X_Forwarded_For": "198.51.100.1, 192.0.2.7"}
        assert http(f"{service.url}/caller", **forged).json[0] == "192.0.2.7"


def test_a_session_outlives_its_key_only_while_that_is_a_fallback(
    probed: BakedProject, migrated: dict[str, str]
) -> None:
    with gunicorn(probed, **migrated) as service:
        cookie = http(f"{service.url}/login").headers["Set-Cookie"]
    assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))
    replaced = migrated | {"SECRET_KEY": secrets.token_hex(32)}
    kept = {"SECRET_KEY_FALLBACKS": migrated["SECRET_KEY"]}
    for variables, user in (
        (migrated, "somebody"),
        (replaced, None),
        (replaced | kept, "somebody"),
    ):
        with gunicorn(probed, **variables) as service:
            answer = http(f"{service.url}/user", Cookie=cookie.split(";")[0])
        assert answer.json == {"user": user}


def test_every_answer_has_the_security_headers_unless_a_view_sets_its_own(
    probed: BakedProject, migrated: dict[str, str]
) -> None:
    with gunicorn(probed, **migrated) as service:
        answers = [
            http(f"{service.url}/ping"),
            post(service.url, "Hi"),
            post(service.url, ""),
            http(f"{service.url}/failing"),
            http(f"{service.url}/nothing-here"),
        ]
        cacheable = http(f"{service.url}/cacheable")
    assert [answer.status for answer in answers] == [200, 200, 400, 500, 404]
    for answer in answers:
        assert answer.headers.get_all("Cache-Control") == ["no-store"]
    assert cacheable.headers.get_all("Cache-Control") == ["max-age=60"]
    for answer in (*answers, cacheable):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        kind = "'self'" if "html" in answer.headers["Content-Type"] else "'none'"
        assert f"frame-ancestors {kind}" in answer.headers["Content-Security-Policy"]


# Other ways to serve


@pytest.mark.parametrize("way", ["python -m gunicorn", "gunicorn"])
def test_gunicorn_serves_without_run_py(
    project: BakedProject, migrated: dict[str, str], way: str
) -> None:
    command: tuple[object, ...] = (project.python, "-m", "gunicorn")
    if way == "gunicorn":
        command = (project.python.with_name("gunicorn"),)
    options = ("--bind", "127.0.0.1:0", "wsgi:app")
    with serving(project, *command, *options, **migrated) as service:
        assert http(f"{service.url}/readyz").status == 200
        answer = post(service.url, "Hi")
        assert answer.json["reply"] == "You said: Hi"
        lines_of(service, answer.headers["X-Request-ID"], 1)
    assert service.errors == ""
    assert service.lines


def test_sighup_makes_it_load_changed_code(
    project: BakedProject, migrated: dict[str, str], tmp_path: Path
) -> None:
    copy = project.copy(tmp_path)
    with copy.start(**migrated) as service:
        assert post(service.url, "Hi").json["reply"] == "You said: Hi"
        edit(copy.path / "backend/routes/chat.py", "You said: ", "Changed: ")
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: post(service.url, "Hi").json["reply"] == "Changed: Hi")
        assert service.process.poll() is None


def test_waitress_serves_on_the_socket_that_it_is_given(
    probed: BakedProject, migrated: dict[str, str], tmp_path: Path
) -> None:
    pip = ("-m", "pip", "install", "--quiet", "--no-deps", "--target", tmp_path / "packages")
    done = probed.run(*pip, "waitress==3.0.2", python=probed.python)
    assert done.returncode == 0, done.stderr
    with socket.create_server(("127.0.0.1", 0)) as listener:
        code = "import socket, sys; from launcher.serving import windows;"
        code += "windows.serve(socket.socket(fileno=int(sys.argv[1])))"
        command = (probed.python, "-c", code, listener.fileno())
        environment = migrated | {"PYTHONPATH": str(tmp_path / "packages")}
        fds = (listener.fileno(),)
        with serving(probed, *command, pass_fds=fds, **environment) as service:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            assert http(f"{url}/ping").json == {"status": "ok"}
            id = post(url, CHAT).json["id"]
            assert http(f"{url}/failing", X_Request_ID="failing-2").status == 500
            (error,) = lines_of(service, "failing-2", 1)
    assert "ValueError" in error["exc_info"]
    assert service.errors == ""
    stored = query(migrated["DATABASE_URL"], f"SELECT text FROM message WHERE id = {id}")
    assert stored == [(CHAT,)]


# What check finds

WEAK = {
    "short": "x9Kf3qL0",
    "a placeholder": "please-change-me-" + "8fK2mQ9zLw4T" * 2,
    "a repeated pattern": "abcd1234" * 5,
}


def test_debugging_is_refused(
    project: BakedProject, migrated: dict[str, str], tmp_path: Path
) -> None:
    copy = project.copy(tmp_path)
    append(copy.path / "config/production.py", "DEBUG = True\nTESTING = True")
    found = copy.problems(**migrated)
    assert [(problem["id"], problem["hint"]) for problem in found] == [
        ("settings.debug", "write DEBUG = False"),
        ("settings.debug", "write TESTING = False"),
    ]


@pytest.mark.parametrize("weak", WEAK)
def test_a_key_that_can_be_guessed_is_refused_and_not_shown(
    project: BakedProject, migrated: dict[str, str], weak: str
) -> None:
    keys = {"SECRET_KEY": WEAK[weak], "SECRET_KEY_FALLBACKS": WEAK[weak]}
    found = project.problems(**migrated | keys)
    assert [problem["id"] for problem in found] == ["settings.secret"] * 2
    assert WEAK[weak] not in str(found)


@pytest.mark.parametrize(
    ("workers", "workers_id"),
    [("many", "settings.type"), ("0", "settings.value"), ("-1", "settings.type")],
)
def test_a_number_that_cannot_be_right_is_refused(
    project: BakedProject, migrated: dict[str, str], workers: str, workers_id: str
) -> None:
    numbers = {"WEB_CONCURRENCY": workers, "PROXY_COUNT": "-1"}
    found = {
        problem["message"].split()[0]: problem for problem in project.problems(**migrated | numbers)
    }
    ids = {variable: problem["id"] for variable, problem in found.items()}
    assert ids == {"WEB_CONCURRENCY": workers_id, "PROXY_COUNT": "settings.type"}
    assert all(problem["hint"].startswith("export ") for problem in found.values())


def test_a_number_that_would_do_harm_is_refused(
    project: BakedProject, migrated: dict[str, str], tmp_path: Path
) -> None:
    keys = {"CHAT_MESSAGE_KEEP_DAYS", "JOB_RUN_KEEP_DAYS", "PROXY_COUNT"}
    copy = project.copy(tmp_path)
    append(copy.path / "config/production.py", "\n".join(f"{key} = -1" for key in keys))
    found = copy.problems(**migrated)
    assert {problem["id"] for problem in found} == {"settings.value"}
    assert {problem["message"].split()[0] for problem in found} == keys


def test_a_trusted_host_that_nobody_can_name_is_refused(
    project: BakedProject, migrated: dict[str, str]
) -> None:
    hosts = ["[::1]", "https://example.com", "*", "*.example.com", "a_b.example", "a..b"]
    listed = ", ".join(["example.com", *hosts])
    found = project.problems(**migrated | {"TRUSTED_HOSTS": listed})
    assert {problem["id"] for problem in found} == {"settings.value"}
    assert len(found) == len(hosts)
    assert all(repr(host) in problem["message"] for host, problem in zip(hosts, found, strict=True))
    assert {problem["hint"] for problem in found} == {'export TRUSTED_HOSTS="example.com"'}
    with gunicorn(
        project, **migrated | {"TRUSTED_HOSTS": listed.removesuffix(", a..b")}
    ) as service:
        assert post(service.url, "Hi", Host="example.com").status == 200
        for host in (*hosts, "[::1]:8000"):
            assert post(service.url, "Hi", Host=host).status == 400


def test_trusted_hosts_of_all_kinds_are_fine_and_answered(
    project: BakedProject, migrated: dict[str, str]
) -> None:
    hosts = "Shop.Example, .example.com, localhost:8000, 192.0.2.1 a-b.bücher.example"
    trusting = migrated | {"TRUSTED_HOSTS": hosts}
    assert [project.ids(level, **trusting) for level in ("error", "warning")] == [set(), set()]
    named = ["shop.example", "SHOP.Example:80", "a.Example.com", "LocalHost", "192.0.2.1:8000"]
    with gunicorn(project, **trusting) as service:
        for host in (*named, "a-b.xn--bcher-kva.example"):
            assert post(service.url, "Hi", Host=host).status == 200


def test_production_that_trusts_any_host_is_a_warning_with_what_ends_it(
    project: BakedProject, migrated: dict[str, str], tmp_path: Path
) -> None:
    said = project.check(**migrated)
    (warning,) = project.problems("warning", **migrated)
    assert (said["ok"], warning["id"]) == (True, "settings.hosts")
    assert warning["hint"] == 'export TRUSTED_HOSTS="example.com"'
    copy = project.copy(tmp_path)
    assert copy.ids("warning", PORT="0") == set()  # in development
    append(copy.path / "config/production.py", "TRUSTED_HOSTS = []")
    assert copy.ids("warning", **migrated) == set()


def test_a_key_in_the_source_is_refused_with_what_mends_it(
    project: BakedProject, migrated: dict[str, str], tmp_path: Path
) -> None:
    copy = project.copy(tmp_path)
    keys = 'SECRET_KEY = "short"\nSECRET_KEY_FALLBACKS = ["short"]'
    append(copy.path / "config/production.py", keys)
    hints = [problem["hint"] for problem in copy.problems(**migrated)]
    lines = [hint.removeprefix("write ").partition(", then ")[0] for hint in hints]
    append(copy.path / "config/production.py", "\n".join(lines))
    assert copy.ids(**migrated) == set()


def test_a_key_that_is_no_text_is_refused(
    project: BakedProject, migrated: dict[str, str], tmp_path: Path
) -> None:
    copy = project.copy(tmp_path)
    append(copy.path / "config/production.py", "SECRET_KEY_FALLBACKS = [1]")
    assert copy.ids(**migrated) == {"settings.type"}


def test_the_number_of_workers_may_be_said_in_config(
    project: BakedProject, migrated: dict[str, str], tmp_path: Path
) -> None:
    copy = project.copy(tmp_path)
    append(copy.path / "config/production.py", "WEB_CONCURRENCY = 3")
    with copy.start(**migrated) as service:
        wait_until(lambda: len(psutil.Process(service.process.pid).children()) == 3)


def test_more_connections_than_the_database_has_are_a_warning(
    project: BakedProject, migrated: dict[str, str]
) -> None:
    many = migrated | {"WEB_CONCURRENCY": "50", "TRUSTED_HOSTS": "example.com"}
    found = [project.ids(level, **many) for level in ("error", "warning")]
    assert found == [set(), {"database.connections"}]


def test_all_that_is_wrong_is_told_at_once_and_the_hints_mend_it(
    project: BakedProject, migrated: dict[str, str]
) -> None:
    wrong = migrated | {
        "SECRET_KEY": "short",
        "SECRET_KEY_FALLBACKS": "short",
        "WEB_CONCURRENCY": "many",
        "PROXY_COUNT": "-1",
    }
    found = project.problems(**wrong)
    ids = sorted(problem["id"] for problem in found)
    assert ids == ["settings.secret"] * 2 + ["settings.type"] * 2
    hints = [problem["hint"] for problem in found]
    assert all(hint.startswith("export ") for hint in hints)
    script = "\n".join([*hints, f"{shutil.which('python3')} run.py check"])
    done = project.run("-c", script, python="/bin/sh", **wrong)
    assert done.returncode == 0, done.stdout + done.stderr
