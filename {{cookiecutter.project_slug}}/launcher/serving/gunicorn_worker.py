"""gunicorn's thread worker, with limits for slow clients and a thread for /ping.

gunicorn's own threads read a request and send its answer for as long as the client likes: a few
slow clients would hold all threads.
"""

import os
import selectors
import signal
import socket
import struct
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any

from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker

# Seconds that a client has to send a request; nothing more of it is read after that.
READ_WITHIN = 10
# Seconds within which a client must take some of its answer, or the connection is closed.
TAKEN_WITHIN = 10
# Seconds within which a client must close its end after an answer that was the last.
CLOSED_WITHIN = 2
LIMIT = struct.pack("ll", TAKEN_WITHIN, 0)


class Worker(ThreadWorker):
    max_requests: int

    def init_process(self) -> None:
        for descriptor in range(3, 256):  # what a view starts is not the service: see running.py
            with suppress(OSError):  # there is none of that number
                os.set_inheritable(descriptor, False)
        self.handled: dict[TConn, float] = {}
        self.probes = ThreadPoolExecutor(1)
        self.closing: dict[TConn, float] = {}  # until when
        # At its last request it asks to be replaced, and serves until that is done.
        self.last_request, self.max_requests = self.max_requests, sys.maxsize
        super().init_process()

    def enqueue_req(self, conn: TConn) -> None:
        """Give a thread to a request that has arrived; /ping has a thread of its own."""
        start = beginning(conn) if self.alive else b""
        if start is None:
            later: Future[Any] = Future()
            later.set_result(_DEFER)
            self.finish_request(conn, later)
        elif start.startswith(b"GET /ping ") and start.endswith(b"\r\n\r\n"):
            future = self.probes.submit(self.handle, conn)
            future.add_done_callback(
                lambda done: self.method_queue.defer(self.finish_request, conn, done)
            )
        else:
            super().enqueue_req(conn)

    def handle(self, conn: TConn) -> Any:
        self.handled[conn] = time.monotonic()
        try:
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, LIMIT)
            return copy_context().run(super().handle, conn)  # with no other request's id
        finally:
            del self.handled[conn]
            if self.nr >= self.last_request:
                self.last_request = sys.maxsize
                os.kill(self.ppid, signal.SIGHUP)

    def finish_request(self, conn: TConn, future: Future[Any]) -> None:
        """Let the client close its end first. gunicorn would wait here, and with it all others."""
        if future.cancelled() or future.exception() or future.result():
            super().finish_request(conn, future)
            return
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:  # the client has gone, or it is closed already
            self.close(conn)
            return
        self.closing[conn] = time.monotonic() + CLOSED_WITHIN
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.drain, conn))

    def drain(self, conn: TConn, _: socket.socket) -> None:
        """Read what the client still sends, or else it might not get the end of its answer."""
        with suppress(OSError):
            if conn.sock.recv(65536):
                return
        self.close_drained(conn)

    def close_drained(self, conn: TConn) -> None:
        del self.closing[conn]
        self.poller.unregister(conn.sock)
        self.close(conn)

    def close(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()

    def set_accept_enabled(self, enabled: bool) -> None:
        """At the end, accept the clients that wait, and then refuse new ones."""
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            for listener in self.sockets:
                with suppress(OSError):
                    self.accept_all(listener)
                listener.close()

    def accept_all(self, listener: socket.socket) -> None:
        accepted = -1
        while accepted < (accepted := self.nr_conns):
            self.accept(listener)

    def murder_pending(self) -> None:
        """Do gunicorn's work after each wait, and end reading and closing that take too long."""
        super().murder_pending()
        now = time.monotonic()
        for conn in [conn for conn, end in self.closing.items() if end < now]:
            self.close_drained(conn)
        limit = now - READ_WITHIN
        for conn in [conn for conn, since in self.handled.copy().items() if since < limit]:
            if request := getattr(conn.parser, "mesg", None):
                request.force_close()  # which the answer says, if there is to be one
            with suppress(OSError):
                conn.sock.shutdown(socket.SHUT_RD)


def beginning(conn: TConn) -> bytes | None:
    """Return what a client has sent and nobody has read, or None if there is nothing yet."""
    try:
        start: bytes = conn.sock.recv(4096, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        return start
    except BlockingIOError:
        return None
    except (OSError, ValueError):  # the connection is gone; it is TLS, which has nothing to peek at
        return b""
