"""The process that would serve is asked first: whatever the application does then is a finding."""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from breaking import TYPO, append, edit, line_of, posix_only, the
from services import ANSWER_WITHIN, BakedProject, Server, free_port, http, running, wait_until

CHAT = "backend/routes/chat.py"
DEVELOPMENT = "config/development.py"
# Blocks the import until somebody makes the file, and says that it has begun.
BLOCK = """
import pathlib, threading
here = pathlib.Path(__file__).with_suffix(".begun")
here.touch()
while not here.with_suffix(".end").exists(): threading.Event().wait(0.05)  # blocked
"""
PRINT = """
import os, subprocess, sys
print("printed")
os.write(1, b"written")
subprocess.call([sys.executable, "-c", "print('by a child')"])
"""
COMMAND = """

@bp.cli.command("greet")
@__import__("click").argument("name")
def greet(name):
    print(f"Good morning, {name}, from {current_app.name}")
"""


@pytest.fixture
def service(service: BakedProject) -> BakedProject:
    append(service.path / DEVELOPMENT, "PORT = 0")
    return service


def hurry(project: BakedProject, seconds: int = 10) -> None:
    """Let what takes five seconds be noted, and what takes this long be given up."""
    hanging = project.path / "launcher/checks/hanging.py"
    edit(hanging, "GIVEN_UP_AFTER = 15, 60", f"GIVEN_UP_AFTER = 5, {seconds}")


def checks(project: BakedProject) -> dict[str, dict[str, object]]:
    return {check["name"]: check for check in project.check()["checks"]}


# What it says


def test_what_is_wrong_with_the_application_is_found_beside_all_else(service: BakedProject) -> None:
    """Its traceback is below the screen, and not in the JSON."""
    append(service.path / CHAT, "1 / 0")
    append(service.path / DEVELOPMENT, TYPO)
    for arguments in (("check",), ("serve",)):
        done = service.run("run.py", *arguments)
        assert (done.returncode, "" in (done.stdout, done.stderr)) == (1, True)
        screen, _, traceback = (done.stdout + done.stderr).partition("Traceback (most recent")
        assert "Port" in screen
        assert "QLALCHEMY_TRACK_MODIFICATIONS" in screen
        assert "ZeroDivisionError" in traceback
    report = service.run("run.py", "check", "--json")
    assert "Traceback" not in report.stdout
    assert report.stderr == ""
    found = [each for check in json.loads(report.stdout)["checks"] for each in check["problems"]]
    assert {problem["id"] for problem in found} == {"settings.unknown", "application.broken"}
    where = f"{CHAT}:{line_of(service.path / CHAT, '1 / 0')}"
    assert the(found, "application.broken")["where"] == where


@pytest.mark.parametrize(
    ("file", "line", "reason"),
    [
        (DEVELOPMENT, "1 / 0", "needs the settings"),
        (DEVELOPMENT, "SECRET_KEY = None", "needs the settings"),
        ("requirements.txt", "not-yet-installed==1.0", "needs the dependencies"),
    ],
)
def test_an_application_that_cannot_be_asked_says_what_it_needs(
    service: BakedProject, file: str, line: str, reason: str
) -> None:
    append(service.path / file, line)
    append(service.path / CHAT, "@bp.get('/slow')\nasync def slow(): ...")
    found = checks(service)
    assert (found["Application"]["status"], found["Application"]["reason"]) == ("skipped", reason)
    assert found["Jobs"]["status"] == "skipped"
    assert found["Views"]["status"] == "error"


# What it does


@posix_only
def test_an_application_that_ends_its_process_is_found(service: BakedProject) -> None:
    append(service.path / CHAT, "import ctypes; ctypes.string_at(0)")
    (problem,) = service.problems()
    assert problem["id"] == "application.broken"
    assert "SIGSEGV" in problem["message"]
    assert problem["hint"]


@posix_only
def test_an_application_that_ends_its_process_is_not_started_again(service: BakedProject) -> None:
    append(service.path / CHAT, "import os; os._exit(3)")  # which is Werkzeug's code for that
    served = service.run("run.py")
    assert (served.returncode, served.stdout) == (1, "")
    assert "exit status 3" in served.stderr


def test_what_modules_print_is_no_part_of_the_report(service: BakedProject) -> None:
    append(service.path / CHAT, PRINT)
    append(service.path / DEVELOPMENT, PRINT)
    done = service.run("run.py", "check", "--json")
    assert json.loads(done.stdout)["ok"] is True
    assert done.stderr.count("by a child") == 3  # the application reads the config, too


@posix_only
def test_an_application_that_hangs_is_found_where_it_does(service: BakedProject) -> None:
    hurry(service, 20)
    line = "import ctypes; ctypes.PyDLL(None).pause()"  # so that nothing else of it can run
    append(service.path / CHAT, line)
    (problem,) = service.problems()
    assert problem["id"] == "application.broken"
    assert problem["where"] == f"{CHAT}:{line_of(service.path / CHAT, line)}"


def test_a_server_whose_application_takes_long_says_where_it_is_and_goes_on_waiting(
    service: BakedProject,
) -> None:
    hurry(service)
    chat = service.path / CHAT
    append(chat, BLOCK)
    with service.start(wait=False) as server:
        said = f"still waiting for {CHAT}:{line_of(chat, '# blocked')}"
        wait_until(lambda: said in server.output)
        chat.with_suffix(".end").touch()
        server.wait_for_url()
        assert http(f"{server.url}/ping").status == 200


@pytest.mark.parametrize("arguments", [("check", "--json"), ("serve",)])
def test_a_config_module_that_hangs_is_found_where_it_does(
    service: BakedProject, arguments: tuple[str, ...]
) -> None:
    hurry(service)
    line = "import threading; threading.Event().wait()"
    append(service.path / DEVELOPMENT, line)
    done = service.run("run.py", *arguments)
    where = f"{DEVELOPMENT}:{line_of(service.path / DEVELOPMENT, line)}"
    assert done.returncode == 1
    assert f"still waiting for {where}" in done.stderr
    if arguments[0] == "serve":
        assert f"✗ Settings       {where}  is still running" in done.stderr
        return
    found = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert found["Settings"]["problems"][0]["where"] == where
    assert found["Application"]["reason"] == "needs the settings"


# Ended while it is asked


@contextlib.contextmanager
def being_asked(project: BakedProject, *arguments: str, block: str = BLOCK) -> Iterator[Server]:
    append(project.path / CHAT, block)
    with project.start(*arguments, wait=False) as server:
        wait_until((project.path / CHAT).with_suffix(".begun").exists)
        yield server


@posix_only
@pytest.mark.parametrize("block", [BLOCK, BLOCK.replace("threading.Event().wait(0.05)", "pass")])
def test_killed_while_it_asks_it_leaves_nobody_behind(service: BakedProject, block: str) -> None:
    with being_asked(service, block=block) as server:
        family = server.family
        assert len(family) == 2
        server.process.kill()
        server.process.wait(ANSWER_WITHIN)
        psutil.wait_procs(family, ANSWER_WITHIN)
        assert not any(process.is_running() for process in family)


@posix_only
@pytest.mark.parametrize(
    ("number", "arguments"), [(signal.SIGINT, ()), (signal.SIGTERM, ("--no-reload",))]
)
def test_a_signal_while_it_asks_ends_everything_without_a_traceback(
    service: BakedProject, number: int, arguments: tuple[str, ...]
) -> None:
    with being_asked(service, *arguments) as server:
        family = server.family
        os.killpg(server.process.pid, number)  # as a terminal does
        assert server.process.wait(ANSWER_WITHIN) == -number
        psutil.wait_procs(family, ANSWER_WITHIN)
        assert not any(process.is_running() for process in family)
    assert server.output == ""


# Production


def test_production_is_asked_before_it_is_served(
    project: BakedProject, migrated: dict[str, str], tmp_path: Path
) -> None:
    copy = project.copy(tmp_path)
    append(copy.path / CHAT, "import os; os.write(1, b'at its import')\nimport stripe")
    done = copy.run("run.py", **migrated)
    assert (done.returncode, done.stdout) == (1, "")
    assert "add stripe" in done.stderr
    assert " is on " not in done.stderr


# Other commands


def test_any_command_of_the_application_s_is_passed_on(service: BakedProject) -> None:
    append(service.path / CHAT, COMMAND)
    done = service.run("run.py", "chat", "greet", "Flask")
    assert (done.returncode, done.stdout) == (0, "Good morning, Flask, from backend\n"), done.stderr
    wrong = service.run("run.py", "chat", "greet")
    assert (wrong.returncode, "Usage: run.py chat greet" in wrong.stderr) == (2, True)
    unknown = service.run("run.py", "crat")
    assert unknown.returncode == 2
    assert "No such command 'crat'" in unknown.stderr


def test_a_command_of_a_broken_application_shows_what_is_wrong(service: BakedProject) -> None:
    append(service.path / CHAT, "import stripe")
    done = service.run("run.py", "routes")
    assert (done.returncode, done.stdout) == (1, "")
    assert "add stripe" in done.stderr
    assert "Traceback" not in done.stderr


# The interpreter


@posix_only
def test_a_venv_that_will_not_do_is_a_finding(shared_service: BakedProject, tmp_path: Path) -> None:
    service = shared_service.copy(tmp_path, own_environment=True)
    venv, python, cfg = service.path / ".venv", service.python, service.path / ".venv/pyvenv.cfg"
    said = cfg.read_text()

    def problem() -> str:
        problem = the(service.problems(PORT="0"), "python.version")
        assert "bootstrap.py" in problem["hint"]
        return str(problem["message"])

    cfg.unlink()
    assert "pyvenv.cfg" in problem()
    cfg.write_text(f"version = 3.9.1\n{said}")  # which is not so
    assert service.ids(PORT="0") == set()
    python.unlink()
    assert "starts" in problem()
    for text in ("\0", "#!/bin/sh\nexit 1\n"):  # no program; a Python of another version
        python.write_text(text)
        python.chmod(0o755)
        assert "starts" in problem()
    venv.rename(tmp_path / "elsewhere")
    venv.touch()
    assert "starts" in problem()
    venv.unlink()
    venv.symlink_to("nowhere")
    assert "starts" in problem()


def test_a_debugger_is_not_escaped(service: BakedProject) -> None:
    commands = service.path / "launcher/commands.py"
    never = f"break {commands}:{line_of(commands, 'return stopping.stop()')}"  # or it is none
    done = service.run("-m", "pdb", "-c", never, "-c", "continue", "run.py", "check", "--json")
    report = done.stdout[done.stdout.index("{") :].partition("\nThe program")[0]
    (warning,) = [
        problem
        for check in json.loads(report)["checks"]
        for problem in check["problems"]
        if problem["id"] == "python.version"
    ]
    assert str(service.python) in warning["hint"]
    assert warning["level"] == "warning"


def test_a_debugger_stops_in_create_app(service: BakedProject) -> None:
    place = f"backend/__init__.py:{line_of(service.path / 'backend/__init__.py', 'app = Flask')}"
    commands = ("-c", f"break {place}", "-c", "continue", "-c", "where", "-c", "quit")
    done = service.run("-m", "pdb", *commands, "run.py", "--no-reload", python=service.python)
    assert "app = Flask(__name__)" in done.stdout


@pytest.mark.parametrize(
    ("options", "safe_path", "arguments"), [(("-I",), "", ()), ((), "1", ("--no-reload",))]
)
def test_an_isolated_python_starts_it_too(
    service: BakedProject,
    tmp_path: Path,
    options: tuple[str, ...],
    safe_path: str,
    arguments: tuple[str, ...],
) -> None:
    command = [sys.executable, *options, service.path / "run.py", "--port", "0", *arguments]
    with running(command, tmp_path, PYTHONSAFEPATH=safe_path) as server:
        server.wait_for_url()
        assert http(f"{server.url}/ping").status == 200


# The streams


@posix_only
@pytest.mark.parametrize("streams", ["<&- >&- 2>&-", ">/dev/full 2>/dev/full"])
def test_streams_that_are_closed_or_full_change_no_exit_code(
    service: BakedProject, streams: str
) -> None:
    def run(arguments: str) -> int:
        script = f'exec "$0" run.py {arguments} {streams}'
        done = service.run("-c", script, sys.executable, python="/bin/sh")
        for word in ("Traceback", "Exception"):
            assert word not in done.stdout + done.stderr
        return done.returncode

    if "full" in streams and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    assert [run(each) for each in ("check --json", "jobs", "stop")] == [0, 0, 0]
    assert run("--nonsense") == 2
    (service.path / CHAT).write_text("def broken(:")
    assert [run(each) for each in ("check", "serve")] == [1, 1]


@posix_only
@pytest.mark.parametrize("arguments", ["", "--no-reload"])
def test_a_server_without_any_stream_answers(service: BakedProject, arguments: str) -> None:
    port = free_port()
    script = f'exec "$0" run.py --port {port} {arguments} <&- >&- 2>&-'
    with running(["/bin/sh", "-c", script, sys.executable], service.path) as server:

        def answers() -> bool:
            assert server.process.poll() is None
            with contextlib.suppress(OSError):
                return http(f"http://127.0.0.1:{port}/ping").status == 200
            return False

        wait_until(answers)
