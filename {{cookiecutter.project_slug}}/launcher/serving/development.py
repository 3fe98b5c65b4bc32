"""The development server, run by the environment that serves: reloader, debugger, scheduler.

Arguments: host, port, URL, whether to reload (0 or 1), and, in a child process, the descriptor of
its lifeline and whether it was restarted after a change of the code.
"""

import os
import socket
import sys
import threading
from contextlib import suppress

from werkzeug.serving import run_simple

from launcher.serving.application import load
from launcher.system.address import announcement
from launcher.system.console import show_any_text

LOOPBACK = ("127.0.0.1", "::1")


def main(arguments: list[str]) -> int:
    show_any_text()
    host, port, url, reload, *child = arguments
    if child:
        threading.Thread(target=leave_with_parent, args=(int(child[0]),), daemon=True).start()
    restarted = "restarted" in child
    application, scheduler = load(restarted)
    if not restarted:
        name = application.config["SERVICE_NAME"]
        print(announcement(name, url, "development, Ctrl-C stops it"), flush=True)
    try:
        run_simple(
            host,
            int(port),
            application,
            use_reloader=reload == "1",
            use_debugger=host in LOOPBACK,  # it runs whatever code it is sent
            threaded=True,
        )
    except SystemExit as restart:  # the code has changed, and no job is waited for
        if scheduler:
            scheduler.stop(0)
        os._exit(int(restart.code or 0))
    return 0


def leave_with_parent(lifeline: int) -> None:
    with suppress(OSError), socket.socket(fileno=lifeline) as end:  # Windows resets it
        end.recv(1)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
