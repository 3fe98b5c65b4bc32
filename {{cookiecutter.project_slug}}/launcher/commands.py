"""The commands of run.py."""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Thread

from launcher import server, stopping
from launcher.checks import CHECKS
from launcher.checks.problem import Skipped
from launcher.checks.runner import Result, run_checks
from launcher.checks.screen import has_errors, show, to_json
from launcher.checks.service import Service
from launcher.child import Child
from launcher.system import running
from launcher.system.console import prepare_streams

ROOT = Path(__file__).resolve().parent.parent
OWN = ("serve", "check", "stop", "-h", "--help")


def main(arguments: list[str]) -> int:
    prepare_streams()
    os.chdir(ROOT)
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in OWN):
        arguments = ["serve", *arguments]
    try:
        if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:  # which run.py has set
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if arguments[0] not in OWN:
            return flask(arguments)
        options = parser().parse_args(arguments)
        command: Callable[[argparse.Namespace], int] = options.function
        return command(options)
    except server.Ended as ended:
        return server.die(ended.args[0])
    except KeyboardInterrupt:
        return server.die(signal.SIGINT)
    except BrokenPipeError:  # the reader has seen enough, as in `run.py check | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def parser() -> argparse.ArgumentParser:
    about, example = "Start, check and stop the service.", "example: python run.py {}".format
    top = argparse.ArgumentParser("run.py", description=about, epilog=example("check"))
    commands = top.add_subparsers(metavar="command", required=True)
    epilog = example("serve --port 8000 --replace")
    add = commands.add_parser("serve", help="start the service (the default)", epilog=epilog)
    add.add_argument("--host", help="the address to listen on")
    add.add_argument("--port", help="the port to listen on; 0 takes a free one")
    add.add_argument("--replace", action="store_true", help="stop this service's own server first")
    add.add_argument("--no-reload", action="store_true", help="do not restart on changed code")
    add.add_argument("--until-eof", action="store_true", help=argparse.SUPPRESS)
    add.set_defaults(function=serve)
    epilog = example("check --json")
    add = commands.add_parser("check", help="report every problem at once", epilog=epilog)
    add.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    add.set_defaults(function=check)
    epilog = example("stop")
    add = commands.add_parser("stop", help="stop this service's processes", epilog=epilog)
    add.set_defaults(function=stop)
    for name, text in (("db", "migrate the database"), ("jobs", "list the jobs, or run one now"),
                       ("scheduler", "run the jobs, in production"),
                       ("…", "any other command of the application")):  # fmt: skip
        commands.add_parser(name, help=text)
    return top


def serve(options: argparse.Namespace) -> int:
    running.hold()
    if options.until_eof:
        Thread(target=end_at_eof, daemon=True).start()
    service = Service(ROOT, options.host, options.port)
    if options.replace:
        replace(service)
    return server.serve(service, reload=not options.no_reload)


def end_at_eof() -> None:
    """End as at SIGTERM once whoever has started this is gone."""
    os.read(0, 1)  # sys.stdin would be locked when this process ends otherwise
    os.kill(os.getpid(), signal.SIGTERM)


def replace(service: Service) -> None:
    with suppress(Skipped):  # the settings are broken, which the checks will say
        if service.address.port is not None:
            stopping.stop_listening(service.address.host, service.address.port)


def check(options: argparse.Namespace) -> int:
    service = Service(ROOT)
    server.take_port(service)
    with Child(ROOT) as child:
        service.ask = child.ask
        results = run_checks(CHECKS, service)
    if options.json:
        print(to_json(results, service))
    else:
        show(results, sys.stdout, service.traceback)
    return int(has_errors(results))


def stop(options: argparse.Namespace) -> int:
    return stopping.stop()


def flask(arguments: list[str]) -> int:
    """Run a command of the application's, or of Flask's."""
    name, service = arguments[0], Service(ROOT)
    results = checked_for(name, service)
    if has_errors(results):
        show(results, sys.stderr, service.traceback)
        return 1
    from launcher.serving import commands, database

    if name == "scheduler":
        running.hold()
    report = service.report
    commands.run(arguments, (lambda: report.application) if report else database.create_app)
    return 0


def checked_for(name: str, service: Service) -> list[Result]:
    """Check what the command needs."""
    if name == "db":  # which fixes the schema, whatever is wrong with a view
        *others, database = run_checks(CHECKS[:4], service)
        database.problems = [p for p in database.problems if p.id != "database.migrations"]
        return [*others, database]
    service.ask = partial(server.ask_here, service)
    results = run_checks(CHECKS[:-1], service)
    made = service.report and service.report.application
    return results[:4] if made and name not in ("jobs", "scheduler") else results
