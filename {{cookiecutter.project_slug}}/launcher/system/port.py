"""Ports: listen on one, find one that is free."""

import errno
import socket
import sys


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket that nobody else shares. Raise OSError if the port is taken.

    Only bind and listen together tell: a second bind succeeds while nobody listens.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except UnicodeError:
        raise OSError(errno.EINVAL, "that is no host's name") from None
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:  # or else a port in TIME_WAIT would be taken for a busy one
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def free_port(host: str, port: int) -> int:
    """Return the next port that is free, or 0, which lets the system choose."""
    start = max(port, 1023) + 1
    for candidate in range(start, min(start + 50, 65536)):
        try:
            listen(host, candidate).close()
        except OSError:
            continue
        return candidate
    return 0
