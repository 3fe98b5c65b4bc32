"""Every fault is found, is named by its id, and is gone once its hint has been followed."""

import contextlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from breaking import (
    TYPO,
    append,
    edit,
    follow,
    holding,
    line_of,
    make_async,
    on_any_port,
    posix_only,
    the,
)
from services import ANSWER_WITHIN, BakedProject, environment


@pytest.fixture
def service(service: BakedProject) -> BakedProject:
    return on_any_port(service)


@pytest.fixture
def bare(bare: BakedProject) -> BakedProject:
    return on_any_port(bare)


# Nothing is wrong


@pytest.mark.quick
def test_a_bootstrapped_service_has_no_problem(service: BakedProject) -> None:
    done = service.run("run.py", "check", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert report["ok"] is True
    assert report["environment"] == "development"
    assert [check["name"] for check in report["checks"]] == [
        "Python", "Dependencies", "Settings", "Database", "Application", "Views", "Jobs", "Port",
    ]  # fmt: skip
    for check in report["checks"]:
        assert (check["status"], check["problems"]) == ("ok", [])
        assert check["elapsed_ms"] >= 0


# The incident


FAULTS = {
    "not installed": {"dependencies.missing"},
    "typo": {"settings.unknown"},
    "async view": {"views.async"},
    "busy port": {"port.busy"},
}
# None, each alone, all that a service can have that is installed, and all.
MIXTURES = [(), *((fault,) for fault in FAULTS), (*FAULTS,)[1:], (*FAULTS,)]


@posix_only
@pytest.mark.parametrize("mixture", MIXTURES, ids=", ".join)
def test_any_mixture_of_the_incident_is_reported_at_once(
    service: BakedProject, empty_python: Path, mixture: tuple[str, ...]
) -> None:
    expected = set().union(*(FAULTS[fault] for fault in mixture))
    if "not installed" in mixture:
        (service.path / ".venv").rename(service.path.parent / "venv elsewhere")
        service = replace(service, started_by=empty_python)
    if "typo" in mixture:
        append(service.path / "config/development.py", TYPO)
    if "async view" in mixture:
        make_async(service)
    holder: contextlib.AbstractContextManager[tuple[int, set[int]]]
    holder = holding(forks=2) if "busy port" in mixture else contextlib.nullcontext((0, set()))
    with holder as held:
        port, pids = held
        problems = service.problems(PORT=str(port))
    assert {problem["id"] for problem in problems} == expected
    assert len(problems) == len(expected)
    assert all(problem["hint"] for problem in problems)
    if pids:
        assert {owner["pid"] for owner in the(problems, "port.busy")["owners"]} == pids


@pytest.mark.quick
def test_with_nothing_installed_everything_is_on_the_first_screen(
    bare: BakedProject, empty_python: Path
) -> None:
    bare = replace(bare, started_by=empty_python)
    append(bare.path / "config/development.py", TYPO)
    make_async(bare)
    with holding() as (port, _):
        screen = bare.run("run.py", "check", PORT=str(port))
        served = bare.run("run.py", PORT=str(port))
        ids = bare.ids(PORT=str(port))
    assert ids == set().union(*FAULTS.values())
    assert (screen.returncode, screen.stderr) == (1, "")
    assert (served.returncode, served.stdout) == (1, "")
    for text in (screen.stdout, served.stderr):
        assert "QLALCHEMY_TRACK_MODIFICATIONS" in text
        assert "post_message" in text
        assert str(port) in text
        assert all(name in text for name in ("APScheduler", "Flask", "SQLAlchemy"))
        assert "Traceback" not in text


def test_the_hints_followed_in_the_order_shown_make_the_service_start(bare: BakedProject) -> None:
    append(bare.path / "config/development.py", TYPO)
    make_async(bare)
    with holding() as (port, _):
        problems = bare.problems(PORT=str(port))
        *first, busy = problems
        assert busy["id"] == "port.busy"
        for problem in first:
            follow(bare, problem)
        assert bare.ids(PORT=str(port)) == {"port.busy"}
        free = re.search(r"run\.py serve --port (\d+)", busy["hint"])
        assert free
        with bare.start("--port", free[1]) as server:
            assert server.port == int(free[1])


def test_exit_codes_and_the_report_agree(service: BakedProject) -> None:
    append(service.path / "config/development.py", "WEATHER_STATION = 'Oslo'")
    warned = service.run("run.py", "check", "--json")
    assert (warned.returncode, json.loads(warned.stdout)["ok"]) == (0, True)
    append(service.path / "config/development.py", TYPO)
    wrong = service.run("run.py", "check", "--json")
    assert (wrong.returncode, json.loads(wrong.stdout)["ok"]) == (1, False)
    assert wrong.stderr == ""


# Views


def test_the_sync_view_that_the_hint_makes_is_served(service: BakedProject) -> None:
    make_async(service)
    (problem,) = service.problems()
    follow(service, problem)
    assert service.ids() == set()


@pytest.mark.parametrize("line", ["async def broken(:", "def broken(:", "x = 'never closed"])
def test_a_source_file_that_does_not_parse_is_found(service: BakedProject, line: str) -> None:
    chat = service.path / "backend/routes/chat.py"
    append(chat, line)
    (problem,) = service.problems()
    assert problem["id"] == "views.broken"
    assert problem["where"] == f"backend/routes/chat.py:{line_of(chat, line)}"


# The reader


def test_a_reader_who_has_seen_enough_sees_no_traceback(service: BakedProject) -> None:
    command = [sys.executable, "run.py", "check"]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command, cwd=service.path, env=environment(), stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


# Checks that fail themselves


def replace_a_check(project: BakedProject, body: str) -> None:
    append(
        project.path / "launcher/checks/database.py",
        f"def check_database(service):\n    {body}\n    yield from ()",
    )


@pytest.mark.parametrize("mistake", ["raise KeyError('x')", "1 / 0", "raise SystemExit(0)"])
def test_a_check_that_crashes_is_a_finding_and_hides_nobody_elses(
    service: BakedProject, mistake: str
) -> None:
    append(service.path / "config/development.py", TYPO)
    replace_a_check(service, mistake)
    with holding() as (port, _):
        done = service.run("run.py", "check", "--json", PORT=str(port))
    found = {
        problem["id"]
        for check in json.loads(done.stdout)["checks"]
        for problem in check["problems"]
    }
    assert found == {"settings.unknown", "check.crashed", "port.busy"}
    assert (done.returncode, done.stderr) == (1, "")


def test_a_check_that_hangs_is_a_finding(service: BakedProject) -> None:
    edit(
        service.path / "launcher/checks/runner.py",
        "CHECKED_WITHIN = 2 * GIVEN_UP_AFTER",
        "CHECKED_WITHIN = 1",
    )
    replace_a_check(service, "import threading; threading.Event().wait()")
    assert service.ids() == {"check.crashed"}


def test_what_needs_a_broken_part_is_skipped_and_says_why(service: BakedProject) -> None:
    append(service.path / "config/development.py", "raise RuntimeError('no')")
    checks = {check["name"]: check for check in service.check()["checks"]}
    for name in ("Database", "Port"):
        assert checks[name]["status"] == "skipped"
        assert checks[name]["reason"]
    assert checks["Views"]["status"] == "ok"


# The screen


def break_everything(project: BakedProject) -> None:
    append(project.path / "config/development.py", f"{TYPO}\nÜBERMUT = '野家'")
    make_async(project)


@pytest.mark.parametrize("encoding", ["cp932", "ascii", "cp1252", "utf-8", "utf-16"])
@pytest.mark.parametrize("arguments", [("check",), ("check", "--json"), ("serve",)])
def test_no_console_is_too_poor_for_the_screen(
    service: BakedProject, encoding: str, arguments: tuple[str, ...]
) -> None:
    break_everything(service)
    command = [sys.executable, "run.py", *arguments]
    done = subprocess.run(
        command,
        cwd=service.path,
        env=environment(PYTHONIOENCODING=encoding),
        capture_output=True,
        timeout=ANSWER_WITHIN,
    )
    text = (done.stdout + done.stderr).decode(encoding)
    assert done.returncode == 1
    assert "QLALCHEMY_TRACK_MODIFICATIONS" in text
    assert "post_message" in text
    assert "Traceback" not in text


def test_without_a_terminal_there_are_no_colours(service: BakedProject) -> None:
    break_everything(service)
    assert "\033" not in service.run("run.py", "check").stdout


@posix_only
def test_on_a_terminal_there_are_colours_unless_they_are_not_wanted(service: BakedProject) -> None:
    assert "\033[" in on_a_terminal(service)
    assert "\033[" in on_a_terminal(service, NO_COLOR="")
    assert "\033[" not in on_a_terminal(service, NO_COLOR="1")


def on_a_terminal(project: BakedProject, **env: str) -> str:
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "run.py", "check"],
        cwd=project.path,
        env=environment(**env),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
    )
    os.close(theirs)
    text = b""
    # The end of a terminal is an error on Linux.
    with os.fdopen(ours, "rb", buffering=0) as screen, process, contextlib.suppress(OSError):
        while part := screen.read(4096):
            text += part
    return text.decode()
