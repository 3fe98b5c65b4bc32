"""The steps of bootstrap.py: before them nothing is installed, after them /ping answers."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from subprocess import DEVNULL

from launcher import environment
from launcher.checks.service import PYTHON, Service, command_line, prefix, quoted
from launcher.environment import BootstrapError
from launcher.first_start import FirstStart
from launcher.installer import find_uv, heeded
from launcher.progress import HEADING
from launcher.system.console import prepare_streams
from launcher.system.interpreter import become
from launcher.system.running import turn

Step = tuple[str, Callable[[], str]]
ROOT = Path(__file__).resolve().parent.parent
NO_ERRORS = "no errors".rjust(HEADING + 9)
# Python compiles a module when it is first imported. A second process halves the time: it begins
# with what the migration imports last.
COMPILED = "import alembic.autogenerate"
UPGRADE = """
from launcher.serving import commands, database
commands.run(["db", "upgrade"], database.create_app)
"""


def main(arguments: list[str]) -> int:
    about = "Make .venv, install, migrate in development, check, start once to see that it answers."
    example = "example: python bootstrap.py --start"
    parser = argparse.ArgumentParser("bootstrap.py", description=about, epilog=example)
    parser.add_argument("--start", action="store_true", help="serve, instead of starting once")
    options = parser.parse_args(arguments)
    prepare_streams()
    service, first = Service(ROOT), None if options.start else FirstStart()
    try:
        with turn(), first or nullcontext():
            take_steps(steps(service, first))
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
    print(end="", flush=True)  # else what Ctrl-C has cut short would be written last
    print(f"\nInterrupted. To continue: {command_line('bootstrap.py')}", file=sys.stderr)
    return 130


def steps(service: Service, first: FirstStart | None) -> list[Step]:
    return [
        ("Python", lambda: sys.version.split()[0]),
        ("Environment", lambda: environment.make(service)),
        ("Requirements", lambda: environment.install(service)),
        ("Database", lambda: migrate(service)),
        ("Checks", lambda: verify(service, first)),
        *([("First start", first.ask)] if first else ()),
    ]


def take_steps(steps: list[Step]) -> None:
    for number, (name, step) in enumerate(steps, 1):
        print(f"[{number}/{len(steps)}] {name}".ljust(HEADING), end="", flush=True)
        begin = time.perf_counter()
        done = step()
        print(f"{done} ({time.perf_counter() - begin:.1f} s)", flush=True)


def migrate(service: Service) -> str:
    """Migrate the development database. Production's owner migrates his own."""
    if service.environment == "production":
        return "not migrated here"
    compilation = [str(service.python), "-c", COMPILED]
    command = [str(service.python), "-c", UPGRADE]
    with subprocess.Popen(compilation, close_fds=False, stdout=DEVNULL, stderr=DEVNULL):
        done = subprocess.run(
            command, cwd=ROOT, close_fds=False, capture_output=True, text=True, errors="replace"
        )
    if done.returncode != 0:  # the checks tell more
        return "not migrated: " + (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return "migrated"


def verify(service: Service, first: FirstStart | None) -> str:
    """Let the checks decide. Packages that do not work are reinstalled."""
    print(flush=True)
    if check(service, first):
        return NO_ERRORS
    if not packages_are_to_blame(service):
        raise BootstrapError("fix the errors above")
    # uv links files from its cache, so what has changed them may have changed those there as well.
    for variables in ({}, {"UV_NO_CACHE": "1"}) if find_uv() else ({},):
        print("The installed packages do not work. Reinstalling them:", flush=True)
        os.environ |= variables
        environment.condemn(service)
        for step in (environment.make, environment.install, migrate):
            print(f"{'':{HEADING}}{step(service)}", flush=True)
        if check(service, first):
            return NO_ERRORS
    raise BootstrapError(
        "the packages were reinstalled, but the errors above remain: fix them, or"
        f" require other versions{heeded()}"
    )


def check(service: Service, first: FirstStart | None) -> bool:
    """Check, and begin the first start meanwhile: both take as long."""
    if first:
        first.begin(run_py(service, "serve"))
    green = subprocess.call(run_py(service, "check")) == 0
    if first and not green:
        first.end()
    return green


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
