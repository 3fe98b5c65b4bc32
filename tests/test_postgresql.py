"""Production's database, for real: what `check` says of it, and its migrations."""

import contextlib
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from breaking import TYPO, append, holding, make_async
from postgresql import PASSWORD, USER, PostgreSQL
from services import (
    ANSWER_WITHIN,
    BakedProject,
    environment,
    free_port,
    http,
    production,
    wait_until,
)

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the fixture's PostgreSQL is started the POSIX way"
)


def test_a_database_without_the_schema_is_behind(project: BakedProject, server: PostgreSQL) -> None:
    assert project.ids(**production(server.new_database())) == {"database.migrations"}


def test_bootstrap_leaves_productions_migration_to_its_owner(
    production_service: BakedProject, server: PostgreSQL
) -> None:
    done = production_service.run("bootstrap.py", **production(server.new_database()))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "db upgrade" in done.stdout


def test_a_migrated_database_is_fine_in_every_spelling(
    project: BakedProject, migrated: dict[str, str]
) -> None:
    for scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        url = migrated["DATABASE_URL"].replace("postgresql", scheme)
        assert project.ids(**migrated | {"DATABASE_URL": url}) == set()
        assert project.ids(**migrated | {"DATABASE_URL": f"{url}?application_name=a@b"}) == set()


def test_a_url_of_several_hosts_finds_the_one_that_takes_writes(
    project: BakedProject, server: PostgreSQL, migrated: dict[str, str]
) -> None:
    hosts = f"host=127.0.0.1,127.0.0.1&port={free_port()},{server.port}"
    name = migrated["DATABASE_URL"].rpartition("/")[2]
    url = f"postgresql://{USER}:{PASSWORD}@/{name}?{hosts}&target_session_attrs=read-write"
    several = migrated | {"DATABASE_URL": url}
    assert project.ids(**several) == set()
    with project.start(**several) as service:
        assert http(f"{service.url}/readyz").status == 200


@pytest.mark.parametrize("query", ["connect_timeout=abc", "sslmode=a&sslmode=b", "nothing=1"])
def test_options_that_cannot_be_right_are_told(
    project: BakedProject, migrated: dict[str, str], query: str
) -> None:
    url = migrated["DATABASE_URL"]
    assert project.ids(**migrated | {"DATABASE_URL": f"{url}?{query}"}) == {"database.unreachable"}


def test_a_revision_that_the_code_does_not_know_is_told(
    project: BakedProject, server: PostgreSQL, migrated: dict[str, str], tmp_path: Path
) -> None:
    older = project.copy(tmp_path)
    migration = older.path / "migrations" / "0001_initial_schema.py"
    migration.write_text(migration.read_text().replace('"0001"', '"0000"'))
    assert older.ids(**migrated) == {"database.migrations"}


@pytest.mark.parametrize(
    "fault", ["wrong password", "no such database", "refused", "silent", "unknown host"]
)
def test_a_database_that_cannot_be_reached_is_told_without_the_password(
    project: BakedProject, server: PostgreSQL, fault: str
) -> None:
    with silent_port() as silent:
        secret = "falsch-4711" if fault == "wrong password" else PASSWORD
        port = {"refused": free_port(), "silent": silent}.get(fault, server.port)
        host = "no-such-host.invalid" if fault == "unknown host" else "127.0.0.1"
        name = "nowhere" if fault == "no such database" else "postgres"
        variables = production(f"postgresql://app:{secret}@{host}:{port}/{name}")
        found = project.problems(**variables)
        screen = project.run("run.py", "check", **variables).stdout
    assert [problem["id"] for problem in found] == ["database.unreachable"]
    assert secret not in screen + str(found)


def test_a_password_in_the_query_is_not_shown(project: BakedProject) -> None:
    url = f"postgresql://127.0.0.1:{free_port()}/x?user=app&password=gehe%heim&sslmode=disable"
    found = project.problems(**production(url))
    assert [problem["id"] for problem in found] == ["database.unreachable"]
    assert "heim" not in str(found)


@pytest.mark.parametrize(
    "url",
    [
        "geheim-only",
        "mysql://app:geheim@127.0.0.1/x",
        "postgresql://app:gehe@im@127.0.0.1/x",
        "postgresql://app:gehe/im@127.0.0.1/x",
        "postgresql://app:gehe?im@127.0.0.1/x",
        "postgres:app:geheim",
        "postgresql://app:geheim@127.0.0.1:1,127.0.0.1:2/x",
    ],
)
def test_a_url_that_cannot_be_right_is_told_and_not_shown(project: BakedProject, url: str) -> None:
    found = project.problems(**production(url))
    assert [problem["id"] for problem in found] == ["database.url"]
    assert "gehe" not in str(found)


FAULTS = {
    "not installed": {"dependencies.missing"},
    "wired to nothing": {"settings.unknown", "settings.missing", "dependencies.missing"},
    "async view": {"views.async"},
    "busy port": {"port.busy"},
}
MIXTURES = [(), *((fault,) for fault in FAULTS), (*FAULTS,)[1:], (*FAULTS,)]


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


def test_six_upgrades_at_once_all_succeed(project: BakedProject, server: PostgreSQL) -> None:
    variables = environment(**production(server.new_database()))
    upgrade = [str(project.python), "-m", "flask", "--app", "backend", "db", "upgrade"]
    running = [
        subprocess.Popen(
            upgrade, cwd=project.path, env=variables, stderr=subprocess.PIPE, text=True
        )
        for _ in range(6)
    ]
    errors = [process.communicate(timeout=ANSWER_WITHIN)[1] for process in running]
    assert [process.returncode for process in running] == [0] * 6, errors
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


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """A port where somebody listens and never answers."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        yield silent.getsockname()[1]
