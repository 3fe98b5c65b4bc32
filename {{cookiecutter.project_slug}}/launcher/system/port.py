"""Ports: listen on one, find one that is free."""

import errno
import socket
import sys

# What localhost may mean as well.
OTHER_FAMILY = {"127.0.0.1": "::1", "::1": "127.0.0.1"}


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


def is_busy(host: str, port: int) -> bool:
    try:
        listen(host, port).close()
    except OSError as error:
        return error.errno in (errno.EADDRINUSE, errno.EACCES)
    return False


def free_port(host: str, port: int) -> int:
    """Return the first free port from this one on, or 0, which lets the system choose."""
    hosts = (host, OTHER_FAMILY.get(host, host))
    ports = range(port, min(port + 50, 65536))
    return next((port for port in ports if not any(is_busy(host, port) for host in hosts)), 0)
