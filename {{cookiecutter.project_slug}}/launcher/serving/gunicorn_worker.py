"""gunicorn's thread worker, with an end to its patience and to its listening.

A thread reads its request as it arrives, for as long as the client takes: a few slow clients
would hold all threads.
"""

import os
import socket
import time
from contextlib import suppress
from contextvars import copy_context
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

# Seconds that a client has to send a request, after which nothing more of it is read.
READ_WITHIN = 10


class Worker(ThreadWorker):
    def init_process(self) -> None:
        for descriptor in range(3, 256):  # what a view starts is not the service: see running.py
            with suppress(OSError):  # there is none of that number
                os.set_inheritable(descriptor, False)
        self.handled: dict[TConn, float] = {}
        super().init_process()

    def handle(self, conn: TConn) -> Any:
        self.handled[conn] = time.monotonic()
        try:
            return copy_context().run(super().handle, conn)  # with no other request's id
        finally:
            del self.handled[conn]

    def set_accept_enabled(self, enabled: bool) -> None:
        """Refuse new clients at the end, who would wait for nothing in the socket's queue."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                listener.close()

    def murder_pending(self) -> None:
        """Do what gunicorn has to do about once a second, and end the reading that takes long."""
        super().murder_pending()
        limit = time.monotonic() - READ_WITHIN
        for conn in [conn for conn, since in self.handled.copy().items() if since < limit]:
            if request := getattr(conn.parser, "mesg", None):
                request.force_close()  # which the answer says, if there is to be one
            with suppress(OSError):
                conn.sock.shutdown(socket.SHUT_RD)
