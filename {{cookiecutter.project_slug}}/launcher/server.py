"""Takes the port, and starts the environment's server on it."""

import atexit
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import main_thread
from typing import Any

from launcher.checks import CHECKS
from launcher.checks.hanging import noted
from launcher.checks.problem import Report, Skipped
from launcher.checks.runner import Result, run_checks
from launcher.checks.screen import has_errors, result_to_json, show
from launcher.checks.service import Service
from launcher.child import Child
from launcher.system.address import announcement, url_of
from launcher.system.interpreter import become
from launcher.system.port import listen
from launcher.system.running import hold


class Ended(BaseException):
    """Raised in the main thread when a signal tells the program to end."""


def take_port(service: Service) -> None:
    """Listen where the service is told to, if that is known, or note why it cannot."""
    with suppress(Skipped):
        if (port := service.address.port) is not None:
            try:
                service.listener = listen(service.address.host, port)
            except OSError as error:
                service.refusal = error


def serve(service: Service, reload: bool) -> int:
    """Serve, unless a check finds an error, and return the exit code.

    However it ends, it leaves no process behind.
    """
    take_port(service)
    if service.environment == "production":
        with Child(service.root, patient=True) as child:
            green, _ = is_green(service, child.ask)
        return serve_production(service) if green else 1
    with Child(service.root, *address(service), patient=True) as child:
        ask = child.ask if reload else partial(ask_here, service)
        green, results = is_green(service, ask)
        if not green:
            return 1
        checks = [result_to_json(result) for result in results]
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, raise_ended)
        if reload:
            return child.serve(json.dumps(checks).encode() + b"\n")
        return serve_here(service, checks)


def is_green(
    service: Service, ask: Callable[[], Callable[[], Report]]
) -> tuple[bool, list[Result]]:
    """Check everything, show the results if there is a problem, and return them."""
    service.ask = ask
    results = run_checks(CHECKS, service)
    if any(result.problems for result in results):
        show(results, sys.stderr, service.traceback)
    return bool(service.listener) and not has_errors(results), results


def ask_here(service: Service) -> Callable[[], Report]:
    """Ask the application in this process and thread, where a debugger finds it."""

    def answer() -> Report:
        from launcher.serving.inspection import inspect

        with noted(main_thread(), service.root):
            return inspect(thorough=False)

    return answer


def serve_here(service: Service, checks: list[Any]) -> int:
    from launcher.serving import development

    return development.serve(service.report, False, checks, *address(service))


def address(service: Service) -> tuple[str, ...]:
    """Let a child inherit the listener, and return its arguments about it."""
    if service.listener is None:
        return ()
    service.listener.set_inheritable(True)
    host, port = service.listener.getsockname()[:2]
    return str(service.listener.fileno()), host, str(port), url_of(service.listener)


def serve_production(service: Service) -> int:
    assert service.listener
    # Standard output is for the log, whose lines are JSON.
    line = announcement(service.setting("SERVICE_NAME"), url_of(service.listener), "production")
    if sys.platform == "win32":
        from launcher.serving import windows

        print(line, file=sys.stderr, flush=True)
        return windows.serve(service.listener)
    print(line, file=sys.stderr, flush=True)
    service.listener.set_inheritable(True)
    hold(through_exec=True)
    os.environ["WEB_CONCURRENCY"] = str(service.setting("WEB_CONCURRENCY"))
    bind = f"fd://{service.listener.fileno()}"
    return become([sys.executable, "-m", "launcher.serving.gunicorn_arbiter", "--bind", bind])


def raise_ended(number: int, frame: Any) -> None:
    signal.signal(number, signal.SIG_IGN)
    raise Ended(number)


def die(number: int) -> int:
    """End by the signal that was received, because shells and supervisors look at that.

    The functions registered with atexit are called first; the signal would skip them.
    """
    atexit._run_exitfuncs()
    if sys.platform != "win32":
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    return 128 + number
