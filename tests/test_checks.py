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
# One alone, all that a service can have that is installed, and all; the others have own tests.
MIXTURES = [("not installed",), (*FAULTS,)[1:], (*FAULTS,)]


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


def test_the_hints_followed_in_the_order_shown_make_the_service_start(
    service: BakedProject,
) -> None:
    """From a machine with nothing on it, test_machine_hints.py does."""
    append(service.path / "config/development.py", TYPO)
    make_async(service)
    with holding() as (port, _):
        *first, busy = service.problems(PORT=str(port))
        assert {problem["id"] for problem in first} == {"settings.unknown", "views.async"}
        assert busy["id"] == "port.busy"
        for problem in first:
            follow(service, problem)
        free = re.search(r"run\.py serve --port (\d+)", busy["hint"])
        assert free
        with service.start("--port", free[1]) as server:
            assert server.port == int(free[1])


def test_exit_codes_and_the_report_agree(service: BakedProject) -> None:
    append(service.path / "config/development.py", "WEATHER_STATION = 'Oslo'")
    warned = service.run("run.py", "check", "--json")
    assert (warned.returncode, json.loads(warned.stdout)["ok"]) == (0, True)
    append(service.path / "config/development.py", TYPO)
    wrong = service.run("run.py", "check", "--json")
    assert (wrong.returncode, json.loads(wrong.stdout)["ok"]) == (1, False)
    assert wrong.stderr == ""
    assert TYPO.split()[0] in wrong.stdout


# Views


UNREADABLE = {
    "backend/routes/chat.py": "async def broken(:",
    "backend/core/health.py": "def broken(:",
    "backend/jobs/delete_old_messages.py": "x = 'never closed",
}


def test_source_files_that_do_not_parse_are_found(service: BakedProject) -> None:
    for name, line in UNREADABLE.items():
        append(service.path / name, line)
    assert {(problem["id"], problem["where"]) for problem in service.problems()} == {
        ("views.broken", f"{name}:{line_of(service.path / name, line)}")
        for name, line in UNREADABLE.items()
    }


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


def replace_a_check(project: BakedProject, name: str, body: str) -> None:
    module = "database" if name == "database" else "application"
    append(
        project.path / f"launcher/checks/{module}.py",
        f"def check_{name}(service):\n    {body}\n    yield from ()",
    )


def test_checks_that_crash_are_findings_and_hide_nobody_elses(
    bare: BakedProject, empty_python: Path
) -> None:
    bare = replace(bare, started_by=empty_python)
    append(bare.path / "config/development.py", TYPO)
    replace_a_check(bare, "database", "raise KeyError('x')")
    replace_a_check(bare, "views", "raise SystemExit(0)")
    replace_a_check(bare, "jobs", "1 / 0")
    with holding() as (port, _):
        done = bare.run("run.py", "check", "--json", PORT=str(port))
    checks = json.loads(done.stdout)["checks"]
    found = [(each["name"], problem["id"]) for each in checks for problem in each["problems"]]
    assert found == [
        ("Dependencies", "dependencies.missing"),
        ("Settings", "settings.unknown"),
        ("Database", "check.crashed"),
        ("Views", "check.crashed"),
        ("Jobs", "check.crashed"),
        ("Port", "port.busy"),
    ]
    assert (done.returncode, done.stderr) == (1, "")


def test_a_check_that_hangs_is_a_finding(bare: BakedProject, empty_python: Path) -> None:
    bare = replace(bare, started_by=empty_python)
    edit(
        bare.path / "launcher/checks/runner.py",
        "CHECKED_WITHIN = 2 * GIVEN_UP_AFTER",
        "CHECKED_WITHIN = 1",
    )
    replace_a_check(bare, "database", "import threading; threading.Event().wait()")
    assert bare.ids() == {"dependencies.missing", "check.crashed"}


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


ENCODINGS = ("cp932", "ascii", "cp1252", "utf-8", "utf-16")


@pytest.mark.parametrize("arguments", [("check",), ("check", "--json"), ("serve",)])
def test_no_console_is_too_poor_for_the_screen(
    bare: BakedProject, arguments: tuple[str, ...]
) -> None:
    break_everything(bare)
    for encoding in ENCODINGS:
        text = assert_readable(bare, encoding, *arguments)
        assert "post_message" in text
        assert "Traceback" not in text


def test_no_console_is_too_poor_for_a_traceback(service: BakedProject) -> None:
    break_everything(service)
    append(service.path / "backend/jobs/__init__.py", "raise RuntimeError('野家')")
    assert "RuntimeError" in assert_readable(service, "ascii", "check")


def assert_readable(project: BakedProject, encoding: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "run.py", *arguments],
        cwd=project.path,
        env=environment(PYTHONIOENCODING=encoding),
        capture_output=True,
        timeout=ANSWER_WITHIN,
    )
    text = (done.stdout + done.stderr).decode(encoding)
    assert done.returncode == 1
    assert "QLALCHEMY_TRACK_MODIFICATIONS" in text
    assert "UnicodeEncodeError" not in text
    return text


def test_without_a_terminal_there_are_no_colours(bare: BakedProject) -> None:
    break_everything(bare)
    assert "\033" not in bare.run("run.py", "check").stdout


@posix_only
def test_on_a_terminal_there_are_colours_unless_they_are_not_wanted(bare: BakedProject) -> None:
    assert "\033[" in on_a_terminal(bare)
    assert "\033[" in on_a_terminal(bare, NO_COLOR="")
    assert "\033[" not in on_a_terminal(bare, NO_COLOR="1")


@posix_only
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_terminal_breaks_no_word(bare: BakedProject, columns: int) -> None:
    break_everything(bare)
    wide = on_a_terminal(bare, columns=500, NO_COLOR="1")
    text = on_a_terminal(bare, columns=columns, NO_COLOR="1")
    assert text.split() == wide.split()
    assert max(map(len, text.splitlines())) <= columns
    assert {len(line) - len(line.lstrip()) for line in text.splitlines()} <= {0, 17, 19}


@posix_only
def test_a_long_installation_is_one_line(bare: BakedProject) -> None:
    said = "Collecting Flask==3.1\n  Downloading x\nCollecting Jinja2 (from Flask)"
    installer = f"print({said!r}, flush=True); import time; time.sleep(2); exit(3)"
    script = f"""
import sys
from launcher import progress
print("[3/6] Requirements".ljust(progress.HEADING), end="", flush=True)
print(progress.run([sys.executable, "-c", {installer!r}]))
"""
    text = on_a_terminal(bare, "-c", script)
    assert text.count("\n") == 1
    assert re.search(r"2 packages, \d+ s  Jinja2 ", text)
    assert text.endswith(f"\b{(3, said + chr(10))}\r\n")


def on_a_terminal(project: BakedProject, *arguments: str, columns: int = 200, **env: str) -> str:
    import termios

    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (50, columns))
    process = subprocess.Popen(
        [sys.executable, *(arguments or ("run.py", "check"))],
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
