"""Asked what the application is, then serving it: the program of launcher/child.py.

Arguments: what the reader started; `asked`, `checked`, or, after a change of the code, `restarted`;
the descriptor of its lifeline; and, if it may serve, that of a listening socket, host, port, URL.
"""

import faulthandler
import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from launcher.checks.hanging import NOTED_AFTER
from launcher.checks.problem import Report
from launcher.child import AGAIN
from launcher.serving.inspection import inspect
from launcher.system.console import prepare_streams, stdout_to_stderr
from launcher.system.running import hold


def main(arguments: list[str]) -> None:
    prepare_streams()
    sys.argv[0], how, number, *address = arguments  # the first is named by hints
    lifeline, go = socket.socket(fileno=int(number)), threading.Event()
    threading.Thread(target=watch, args=(lifeline, go), daemon=True).start()
    report = None
    if how != "checked":
        hold()
    if how != "restarted":
        report = answer(lifeline, thorough=how == "checked")
        go.wait()
    from launcher.serving import development

    code = development.serve(report, True, *address)
    if code == development.RELOAD:
        lifeline.sendall(AGAIN)
    os._exit(code)


def watch(lifeline: socket.socket, go: threading.Event) -> None:
    with suppress(OSError):  # Windows resets it
        while lifeline.recv(1):
            go.set()
    os._exit(1)


def answer(lifeline: socket.socket, thorough: bool) -> Report:
    with stdout_to_stderr(), located(lifeline):
        report = inspect(thorough)
    problems = [vars(problem) for problem in report.problems]
    said = {"application": report.application is not None, "problems": problems}
    lifeline.sendall(json.dumps(said | {"traceback": report.traceback}).encode() + b"\n")
    return report


@contextmanager
def located(lifeline: socket.socket) -> Iterator[None]:
    """Say now and then, while this takes long, and where it crashes, where the main thread is."""
    log = sys.stderr if sys.platform == "win32" else lifeline  # which there is no descriptor
    faulthandler.enable(log)
    over = threading.Event()
    telling = threading.Thread(target=tell, args=(log, over), daemon=True)
    telling.start()
    try:
        yield
    finally:
        over.set()
        telling.join()
        faulthandler.cancel_dump_traceback_later()
        faulthandler.enable()


def tell(log: Any, over: threading.Event) -> None:
    """Write the stacks, by a timer if this thread gets no turn.

    The timer does not wait for the GIL: while other code runs it could read a stack that changes.
    """
    while True:
        faulthandler.dump_traceback_later(3 * NOTED_AFTER, file=log)
        if over.wait(NOTED_AFTER):
            return
        faulthandler.dump_traceback(log)


if __name__ == "__main__":
    main(sys.argv[1:])
