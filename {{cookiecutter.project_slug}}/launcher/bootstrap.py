"""The steps of bootstrap.py: before them nothing is installed, after them /ping answers."""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from launcher import environment
from launcher.checks.service import PYTHON, Service, command_line, prefix, quoted
from launcher.environment import BootstrapError
from launcher.installer import heeded
from launcher.progress import HEADING
from launcher.system.address import announced_url
from launcher.system.console import prepare_streams
from launcher.system.interpreter import become
from launcher.system.running import turn

ROOT = Path(__file__).resolve().parent.parent
# Seconds that the service has to start and to answer: on a busy machine the first start takes 40.
ANSWERS_WITHIN = 180
NO_ERRORS = "no errors".rjust(HEADING + 9)
UPGRADE = """
from launcher.serving import commands, database
commands.run(["db", "upgrade"], database.create_app)
"""


def main(arguments: list[str]) -> int:
    about = "Make .venv, install, migrate in development, check, start once to see that it answers."
    example = "example: python bootstrap.py --start"
    parser = argparse.ArgumentParser("bootstrap.py", description=about, epilog=example)
    parser.add_argument("--start", action="store_true", help="go on to serve")
    options = parser.parse_args(arguments)
    prepare_streams()
    service = Service(ROOT)
    try:
        with turn():
            take_steps(service)
    except (BootstrapError, OSError) as error:
        again = command_line("bootstrap.py")
        print(f"\nNot ready: {error}\nThen run again: {again}", file=sys.stderr)
        return 1
    if options.start:
        return become(run_py(service))
    start = f"{prefix()}{PYTHON} run.py"
    print(f"\nReady. To start the service:\n\n    cd {quoted(str(ROOT))}\n    {start}")
    return 0


def interrupted() -> int:
    print(f"\nInterrupted. To continue: {command_line('bootstrap.py')}", file=sys.stderr)
    return 130


def take_steps(service: Service) -> None:
    steps: tuple[tuple[str, Callable[[Service], str]], ...] = (
        ("Python", lambda service: sys.version.split()[0]),
        ("Environment", environment.make),
        ("Requirements", environment.install),
        ("Database", migrate),
        ("Checks", verify),
        ("First start", start_once),
    )
    for number, (name, step) in enumerate(steps, 1):
        print(f"[{number}/{len(steps)}] {name}".ljust(HEADING), end="", flush=True)
        begin = time.perf_counter()
        done = step(service)
        print(f"{done} ({time.perf_counter() - begin:.1f} s)", flush=True)


def migrate(service: Service) -> str:
    """Migrate the development database. Production's owner migrates his own."""
    if service.environment == "production":
        return "not migrated here"
    command = [str(service.python), "-c", UPGRADE]
    done = subprocess.run(
        command, cwd=ROOT, close_fds=False, capture_output=True, text=True, errors="replace"
    )
    if done.returncode != 0:  # the checks tell more
        return "not migrated: " + (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return "migrated"


def verify(service: Service) -> str:
    """Let the checks decide. Packages that do not work are reinstalled once."""
    print(flush=True)
    if check(service):
        return NO_ERRORS
    if not packages_are_to_blame(service):
        raise BootstrapError("fix the errors above")
    print("The installed packages do not work. Reinstalling them:", flush=True)
    environment.condemn(service)
    for step in (environment.make, environment.install, migrate):
        print(f"{'':{HEADING}}{step(service)}", flush=True)
    if check(service):
        return NO_ERRORS
    raise BootstrapError(
        "the packages were reinstalled, but the errors above remain: fix them, or"
        f" require other versions{heeded()}"
    )


def check(service: Service) -> bool:
    return subprocess.call(run_py(service, "check")) == 0


def packages_are_to_blame(service: Service) -> bool:
    """Return whether an error's only hint is bootstrap.py, which is running now."""
    done = subprocess.run(run_py(service, "check", "--json"), stdout=subprocess.PIPE)
    report = json.loads(done.stdout)
    problems = (problem for check in report["checks"] for problem in check["problems"])
    hints = (problem["hint"] for problem in problems if problem["level"] == "error")
    return any("bootstrap.py" in hint and "then" not in hint.split() for hint in hints)


def run_py(service: Service, *arguments: str) -> list[str]:
    """Return the command. It names run.py as the reader would, and so do its hints."""
    return [str(service.python), str(Path(sys.argv[0]).with_name("run.py")), *arguments]


def start_once(service: Service) -> str:
    """Start the service by its own front door on a free port, ask /ping, and stop it.

    It also ends when its standard input does, which happens if this process is killed.
    """
    options = ["--host", "127.0.0.1", "--port", "0", "--no-reload", "--until-eof"]
    pipe, command = subprocess.PIPE, run_py(service, "serve", *options)
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        timer = threading.Timer(ANSWERS_WITHIN, process.kill)
        timer.daemon = True  # otherwise Ctrl-C at this moment would wait for it
        timer.start()
        lines: list[str] = []
        status: object
        try:
            status = ping(wait_for_url(process, lines))
        except OSError as error:
            status = error
        finally:
            timer.cancel()
            process.terminate()
            if process.stdin:
                process.stdin.close()  # on Windows only Python's launcher has been terminated
            lines += process.stdout or ()
    if status != 200:
        raise BootstrapError(f"the service did not answer /ping ({status}):\n" + "".join(lines))
    return "GET /ping answered 200"


def wait_for_url(process: subprocess.Popen[str], lines: list[str]) -> str:
    for line in process.stdout or ():
        lines.append(line)
        if url := announced_url(line):
            return url
    raise OSError("it exited before that")


def ping(url: str) -> int:
    """Ask without a proxy: the service listens on this machine alone."""
    opener = build_opener(ProxyHandler({}))
    with opener.open(f"{url}/ping", timeout=ANSWERS_WITHIN) as response:
        status: int = response.status
    return status
