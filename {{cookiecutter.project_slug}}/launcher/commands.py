"""The commands of run.py."""

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from launcher import server, stopping
from launcher.checks import CHECKS
from launcher.checks.jobs import check_jobs
from launcher.checks.port import check_port
from launcher.checks.problem import Skipped
from launcher.checks.python import serving_version
from launcher.checks.runner import run_checks
from launcher.checks.screen import has_errors, show, to_json
from launcher.checks.service import Service
from launcher.checks.views import check_views
from launcher.system.console import show_any_text

ROOT = Path(__file__).resolve().parent.parent
# What these commands start without. A view may be wrong while the schema is mended.
NOT_CHECKED = {
    "db": (check_port, check_views, check_jobs),
    "jobs": (check_port,),
    "scheduler": (check_port,),
}
HELP = ("-h", "--help")


def main(arguments: list[str]) -> int:
    show_any_text()
    service = Service(ROOT)
    if serving_version(service) > sys.version_info[:2] and service.python_works:
        # This Python is older than the one that serves, and may not understand the source.
        return server.become([service.python, *sys.argv])
    os.chdir(ROOT)
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in HELP):
        arguments = ["serve", *arguments]
    try:
        if arguments[0] in NOT_CHECKED:
            return flask(arguments)
        options = parser().parse_args(arguments)
        command: Callable[[argparse.Namespace], int] = options.function
        return command(options)
    except KeyboardInterrupt:
        return server.die(signal.SIGINT)
    except BrokenPipeError:  # the reader has seen enough, as in `run.py check | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser("run.py", description="Start, check and stop the service.")
    commands = top.add_subparsers(metavar="command", required=True)
    add = commands.add_parser("serve", help="start the service (the default)")
    add.add_argument("--host", help="the address to listen on")
    add.add_argument("--port", help="the port to listen on; 0 takes a free one")
    add.add_argument("--replace", action="store_true", help="stop this service's own server first")
    add.add_argument("--no-reload", action="store_true", help="do not restart on changed code")
    add.set_defaults(function=serve)
    add = commands.add_parser("check", help="say everything that is wrong")
    add.add_argument("--json", action="store_true", help="for programs")
    add.set_defaults(function=check, host=None, port=None)
    add = commands.add_parser("stop", help="stop what this service has running")
    add.set_defaults(function=stop)
    for name, text in (("db", "migrate the database"), ("jobs", "list the jobs, or run one now"),
                       ("scheduler", "run the jobs, in production")):  # fmt: skip
        commands.add_parser(name, help=text)
    return top


def serve(options: argparse.Namespace) -> int:
    service = Service(ROOT, options.host, options.port)
    if options.replace:
        replace(service)
    server.take_port(service)
    results = run_checks(CHECKS, service)
    if any(result.problems for result in results):
        show(results, sys.stderr)
    if has_errors(results):
        return 1
    try:
        return server.serve(service, reload=not options.no_reload)
    except server.Ended as ended:
        return server.die(ended.args[0])


def replace(service: Service) -> None:
    with contextlib.suppress(Skipped):  # the settings are broken, which the checks will say
        if (port := service.address.port) is not None:
            stopping.stop(ROOT, port)


def check(options: argparse.Namespace) -> int:
    service = Service(ROOT, options.host, options.port)
    # Whatever a config module may print does not belong to the results.
    with contextlib.redirect_stdout(sys.stderr), server.port_taken(service):
        results = run_checks(CHECKS, service)
    if options.json:
        print(to_json(results, service))
    else:
        show(results, sys.stdout)
    return int(has_errors(results))


def stop(options: argparse.Namespace) -> int:
    return stopping.stop(ROOT)


def flask(arguments: list[str]) -> int:
    """Run one of the application's own commands in the environment that serves."""
    service, name = Service(ROOT), arguments[0]
    checks = [(title, check) for title, check in CHECKS if check not in NOT_CHECKED[name]]
    results = run_checks(checks, service)
    if name == "db":  # which is what mends the schema
        for result in results:
            result.problems = [p for p in result.problems if p.id != "database.migrations"]
    if has_errors(results):
        show(results, sys.stderr)
        return 1
    if name == "scheduler":
        stopping.record(ROOT)
    app = server.DATABASE_APP if name == "db" else "backend"
    return server.become([service.python, "-m", "flask", "--app", app, *arguments])
