"""Asked what the application is, then serving it: the program of launcher/child.py.

Arguments: what the reader started; `asked`, `checked`, or `restarted` (after a change of the code);
the pipe that is its lifeline; the pipe for its answers; and, if it may serve, the descriptor of a
listening socket, host, port and URL.
"""

import atexit
import faulthandler
import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from launcher.checks.hanging import NOTED_AFTER
from launcher.checks.problem import Report
from launcher.child import AGAIN
from launcher.serving.inspection import inspect
from launcher.system.console import prepare_streams, stdout_to_stderr
from launcher.system.pipes import inherited
from launcher.system.running import hold

LEAVING = threading.Lock()


def main(arguments: list[str]) -> None:
    prepare_streams()
    sys.argv[0], how, first, second, *address = arguments  # the first is named by hints
    lifeline, answers = inherited(first, os.O_RDONLY), inherited(second, os.O_WRONLY)
    go, checks = threading.Event(), list[Any]()
    threading.Thread(target=watch, args=(lifeline, go, checks), daemon=True).start()
    report = None
    if how != "checked":
        hold()
    if how != "restarted":
        report = answer(answers, thorough=how == "checked")
        go.wait()
    from launcher.serving import development

    code = development.serve(report, True, checks, *address)
    if code == development.RELOAD:
        os.write(answers, AGAIN)
    leave(code)


def watch(lifeline: int, go: threading.Event, checks: list[Any]) -> None:
    """Leave at the end of the pipe, through which the checks' results come first."""
    said = b""
    while part := os.read(lifeline, 65536):
        said += part
        if said.endswith(b"\n"):
            checks[:] = json.loads(said)
            go.set()
    leave(1)


def leave(code: int) -> None:
    """Exit, whatever other threads do. Functions registered with atexit get a second before.

    Otherwise semaphores, such as that of Werkzeug's debugger, would be reported as leaked.
    """
    LEAVING.acquire()  # for good: if two threads come here, the first one exits
    last = threading.Thread(target=atexit._run_exitfuncs, daemon=True)
    last.start()
    last.join(1)
    os._exit(code)


def answer(answers: int, thorough: bool) -> Report:
    with stdout_to_stderr(), located(answers):
        report = inspect(thorough)
    problems = [vars(problem) for problem in report.problems]
    said = {"application": report.application is not None, "problems": problems}
    with open(answers, "wb", closefd=False) as file:
        file.write(json.dumps(said | {"traceback": report.traceback}).encode() + b"\n")
    return report


@contextmanager
def located(log: int) -> Iterator[None]:
    """Report where the main thread is: regularly if this takes long, and if it crashes."""
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


def tell(log: int, over: threading.Event) -> None:
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
