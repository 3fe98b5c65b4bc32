"""Can the service listen where it is told to, and if not, who is there?"""

import errno
import os
import re
import socket
import sys
from collections.abc import Iterator

from launcher.checks.problem import Problem, Skipped
from launcher.checks.service import Service, command_line
from launcher.system.owners import Owner, find_owners

OTHER_FAMILY = {"127.0.0.1": "::1", "::1": "127.0.0.1"}


def check_port(service: Service) -> Iterator[Problem]:
    port, host = port_number(service), wanted_host(service)
    if port is None:
        text, where = wanted_port(service)
        fact = f"{text!r} is not a port, which is a number up to 65535"
        hint = serve_command(service, port=free_port(host, 5000))
        yield Problem("port.invalid", fact, hint, where)
        return
    try:
        listener = listen(host, port)
    except OSError as error:
        yield explain(service, host, port, error)
        return
    address = listener.getsockname()[0]
    if service.serves:
        service.listener = listener
    else:
        listener.close()
    yield from check_other_family(address, port)


def wanted_port(service: Service) -> tuple[str, str]:
    """Return the port as it is given, and the place that gives it."""
    if service.port is not None:
        return service.port, "--port"
    if port := os.environ.get("PORT"):
        return port, "PORT"
    if service.configuration.broken:
        raise Skipped("needs the settings")
    return str(service.setting("PORT")), service.configuration.where("PORT")


def port_number(service: Service) -> int | None:
    text, _ = wanted_port(service)
    return int(text) if re.fullmatch("[0-9]{1,5}", text) and int(text) <= 65535 else None


def wanted_host(service: Service) -> str:
    return (service.host or str(service.setting("HOST") or "127.0.0.1")).strip("[]")


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


def explain(service: Service, host: str, port: int, error: OSError) -> Problem:
    if error.errno == errno.EACCES and port < 1024 and sys.platform != "win32":
        fact = f"port {port} is for privileged users only"
        return Problem("port.invalid", fact, serve_command(service, port=free_port(host, 5000)))
    if error.errno not in (errno.EADDRINUSE, errno.EACCES):
        fact = f"cannot listen on {host}: {error.strerror}"
        return Problem("port.invalid", fact, serve_command(service, host="127.0.0.1"))
    owners, hidden = find_owners(port, service.root)
    ways_out = [serve_command(service, port=free_port(host, port))]
    if owners and not hidden and all(owner.this_project for owner in owners):
        ways_out.insert(0, f"{serve_command(service)} --replace")
    if hidden or not owners:
        see_all = SEE_ALL.get(sys.platform, "sudo lsof -nP -iTCP:{port} -sTCP:LISTEN")
        ways_out.append(f"{see_all.format(port=port)} shows who it is")
    if sys.platform == "darwin" and port == 5000:
        ways_out.append("turn off AirPlay Receiver in System Settings, which listens there")
    fact = f"port {port} is held by {holders(owners, hidden)}"
    return Problem("port.busy", fact, ", or ".join(ways_out), owners=owners)


SEE_ALL = {
    "linux": "sudo ss -tanp sport = :{port}",
    "win32": "netstat -abno in an administrator's console",
}


def serve_command(service: Service, host: str | None = None, port: int | None = None) -> str:
    """Return the command that the reader gave, with this host or port in the place of its own."""
    options = {"--host": host or service.host, "--port": service.port if port is None else port}
    given = (f" {name} {value}" for name, value in options.items() if value is not None)
    return command_line("run.py", "serve" + "".join(given))


def holders(owners: tuple[Owner, ...], hidden: int) -> str:
    names = [str(owner) for owner in owners]
    if hidden:
        names.append(f"{hidden} that this user may not see")
    return "; ".join(names) or "a process that the system does not show"


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


def check_other_family(host: str, port: int) -> Iterator[Problem]:
    """Browsers try ::1 and 127.0.0.1 for localhost, and each may have a server of its own."""
    other = OTHER_FAMILY.get(host)
    if other is None or port == 0:
        return
    try:
        listen(other, port).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            fact = f"another server answers on {other}, which localhost may mean as well"
            hint = f"use http://{host}:{port}, not localhost, or --port {free_port(host, port)}"
            yield Problem("port.shadowed", fact, hint, level="warning")
