"""Production's database, for real: what `check` says of it, and its migrations."""

import contextlib
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from breaking import TYPO, append, holding, make_async
from postgresql import PASSWORD, USER, PostgreSQL, query
from services import (
    ANSWER_WITHIN,
    BakedProject,
    environment,
    free_port,
    gunicorn,
    http,
    production,
    wait_until,
)

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the fixture's PostgreSQL is started the POSIX way"
)


# Prints what the check of the database finds for each URL that it is told, in turn.
EACH = """
import json, os, pathlib, sys
from launcher.checks.database import check_database
from launcher.checks.service import Service
urls, sys.argv = sys.argv[1:], ["run.py"]
for url in urls:
    for name in [name for name in sys.modules if name.partition(".")[0] == "config"]:
        del sys.modules[name]
    os.environ["DATABASE_URL"] = url
    found = check_database(Service(pathlib.Path.cwd().resolve()))
    print(json.dumps([vars(problem) for problem in found], default=str))
# Who asks a server that never answers is left behind.
sys.stdout.flush()
os._exit(0)
"""


def found_each(project: BakedProject, *urls: str) -> list[list[dict[str, Any]]]:
    """Return what the check of the database finds for each URL, all in one process."""
    done = project.run("-c", EACH, *urls, python=project.python, **production(""))
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def ids(problems: list[dict[str, Any]]) -> list[str]:
    return [problem["id"] for problem in problems]


def test_bootstrap_leaves_productions_migration_to_its_owner(
    production_service: BakedProject, server: PostgreSQL
) -> None:
    url = server.new_database()
    done = production_service.run("bootstrap.py", **production(url))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "db upgrade" in done.stdout
    (behind,) = found_each(production_service, url)
    assert ids(behind) == ["database.migrations"]


def test_a_migrated_database_is_fine_in_every_spelling(
    project: BakedProject, migrated: dict[str, str]
) -> None:
    schemes = ("postgres", "postgresql", "postgresql+psycopg")
    urls = [migrated["DATABASE_URL"].replace("postgresql", scheme) for scheme in schemes]
    urls += [f"{url}?application_name=a@b" for url in urls]
    assert found_each(project, *urls) == [[]] * len(urls)
    others = urls[0], urls[-1]  # which are also given to the application
    assert [project.ids(**migrated | {"DATABASE_URL": url}) for url in others] == [set()] * 2


def test_a_url_of_several_hosts_finds_the_one_that_takes_writes(
    project: BakedProject, server: PostgreSQL, migrated: dict[str, str]
) -> None:
    hosts = f"host=127.0.0.1,127.0.0.1&port={free_port()},{server.port}"
    name = migrated["DATABASE_URL"].rpartition("/")[2]
    url = f"postgresql://{USER}:{PASSWORD}@/{name}?{hosts}&target_session_attrs=read-write"
    with project.start(**migrated | {"DATABASE_URL": url}) as service:  # which checks it
        assert http(f"{service.url}/readyz").status == 200


def test_options_that_cannot_be_right_are_told(
    project: BakedProject, migrated: dict[str, str]
) -> None:
    queries = ("connect_timeout=abc", "sslmode=a&sslmode=b", "nothing=1")
    urls = [f"{migrated['DATABASE_URL']}?{query}" for query in queries]
    found = found_each(project, *urls)
    assert [ids(problems) for problems in found] == [["database.unreachable"]] * len(urls)


def test_a_database_that_cannot_be_reached_is_told_without_the_password(
    project: BakedProject, server: PostgreSQL
) -> None:
    with silent_port() as silent:
        urls = {
            "wrong password": f"postgresql://app:falsch-4711@127.0.0.1:{server.port}/postgres",
            "no such database": f"postgresql://app:{PASSWORD}@127.0.0.1:{server.port}/nowhere",
            "refused": f"postgresql://app:{PASSWORD}@127.0.0.1:{free_port()}/postgres",
            "silent": f"postgresql://app:{PASSWORD}@127.0.0.1:{silent}/postgres",
            "unknown host": f"postgresql://app:{PASSWORD}@no-such-host.invalid/postgres",
            "password in the query": f"postgresql://127.0.0.1:{free_port()}/x"
            f"?user=app&password=gehe%heim&sslmode=disable",
        }
        found = dict(zip(urls, found_each(project, *urls.values()), strict=True))
    assert [(fault, ids(problems)) for fault, problems in found.items()] == [
        (fault, ["database.unreachable"]) for fault in urls
    ]
    screen = project.run("run.py", "check", **production(urls["wrong password"])).stdout
    assert found["wrong password"][0]["message"][:20] in screen
    for secret in (PASSWORD, "falsch-4711", "heim"):
        assert secret not in screen + str(found)


WRONG_URLS = [
    "geheim-only",
    "mysql://app:geheim@127.0.0.1/x",
    "postgresql://app:gehe@im@127.0.0.1/x",
    "postgresql://app:gehe/im@127.0.0.1/x",
    "postgresql://app:gehe?im@127.0.0.1/x",
    "postgres:app:geheim",
    "postgresql://app:geheim@127.0.0.1:1,127.0.0.1:2/x",
]


def test_a_url_that_cannot_be_right_is_told_and_not_shown(project: BakedProject) -> None:
    found = found_each(project, *WRONG_URLS)
    for url in (WRONG_URLS[2], WRONG_URLS[-1]):  # which the application reads otherwise
        found.append(project.problems(**production(url)))
    assert [ids(problems) for problems in found] == [["database.url"]] * len(found)
    assert "gehe" not in str(found)


FAULTS = {
    "not installed": {"dependencies.missing"},
    "wired to nothing": {"settings.unknown", "settings.missing", "dependencies.missing"},
    "async view": {"views.async"},
    "busy port": {"port.busy"},
}
# None, one alone, all that leaves the application to be asked, all but one, and all.
MIXTURES = [(), (*FAULTS,)[:1], (*FAULTS,)[2:], (*FAULTS,)[1:], (*FAULTS,)]


@pytest.mark.parametrize("mixture", MIXTURES, ids=", ".join)
def test_any_mixture_of_the_incident_in_production(
    project: BakedProject,
    migrated: dict[str, str],
    empty_python: Path,
    mixture: tuple[str, ...],
    tmp_path: Path,
) -> None:
    broken = project.copy(tmp_path, own_environment="wired to nothing" in mixture)
    variables = dict(migrated)
    if "wired to nothing" in mixture:
        append(broken.path / "config/production.py", TYPO)
        del variables["DATABASE_URL"]
        for package in broken.path.glob(".venv/lib/python*/site-packages/psycopg-*.dist-info"):
            shutil.rmtree(package)
    if "not installed" in mixture:
        (broken.path / ".venv").rename(tmp_path / "venv elsewhere")
        broken = replace(broken, started_by=empty_python)
    if "async view" in mixture:
        make_async(broken)
    holder: contextlib.AbstractContextManager[tuple[int, set[int]]]
    holder = holding(forks=2) if "busy port" in mixture else contextlib.nullcontext((0, set()))
    with holder as held:
        problems = broken.problems(**variables | {"PORT": str(held[0])})
    assert {problem["id"] for problem in problems} == set().union(*map(FAULTS.__getitem__, mixture))
    assert all(problem["hint"] for problem in problems)


def test_three_upgrades_at_once_all_succeed(project: BakedProject, server: PostgreSQL) -> None:
    variables = environment(**production(server.new_database()))
    upgrade = [str(project.python), "-m", "flask", "--app", "backend", "db", "upgrade"]
    running = [
        subprocess.Popen(
            upgrade, cwd=project.path, env=variables, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    errors = [process.communicate(timeout=ANSWER_WITHIN)[1] for process in running]
    assert [process.returncode for process in running] == [0] * 3, errors
    assert sum("Running upgrade" in error for error in errors) == 1


def test_production_serves_and_says_when_the_database_is_away(
    project: BakedProject, server: PostgreSQL, migrated: dict[str, str]
) -> None:
    with project.start(**migrated) as service:
        assert http(f"{service.url}/readyz").status == 200
        sent = http(
            f"{service.url}/api/chat", b'{"message": "hello"}', Content_Type="application/json"
        )
        assert sent.status == 200
        server.stop()
        try:
            assert http(f"{service.url}/ping").status == 200
            away = http(f"{service.url}/readyz")
            assert away.status == 503
            assert PASSWORD not in away.body + service.output
        finally:
            server.start()
        wait_until(lambda: http(f"{service.url}/readyz").status == 200)


def test_the_services_own_tests_pass_on_postgresql(
    project: BakedProject, server: PostgreSQL, tmp_path: Path
) -> None:
    url, own = server.new_database(), ("--basetemp", tmp_path / "own")
    done = project.run("-m", "pytest", *own, python=project.python, TEST_DATABASE_URL=url)
    assert done.returncode == 0, done.stdout


def test_messages_are_numbered_on_beyond_32_bits(
    project: BakedProject, migrated: dict[str, str]
) -> None:
    query(migrated["DATABASE_URL"], "ALTER SEQUENCE message_id_seq RESTART 3000000000")
    with gunicorn(project, **migrated) as service:
        sent = http(
            f"{service.url}/api/chat", b'{"message": "hello"}', Content_Type="application/json"
        )
    assert (sent.status, sent.json["id"]) == (200, 3_000_000_000)


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """A port where somebody listens and never answers."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        yield silent.getsockname()[1]
