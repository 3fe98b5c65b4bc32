"""Can the service listen where it is told to, and if not, who is there?"""

import errno
import sys
from collections.abc import Iterator

from launcher.checks.problem import Problem
from launcher.checks.service import Service, command_line
from launcher.system.owners import Owner, find_owners
from launcher.system.port import free_port, listen

OTHER_FAMILY = {"127.0.0.1": "::1", "::1": "127.0.0.1"}


def check_port(service: Service) -> Iterator[Problem]:
    address = service.address
    if address.port is None:
        fact = f"{address.text!r} is not a port, which is a number up to 65535"
        hint = serve_command(service, port=free_port(address.host, 5000))
        yield Problem("port.invalid", fact, hint, address.where)
    elif service.refusal:
        yield explain(service, address.host, address.port, service.refusal)
    elif service.listener:
        yield from check_other_family(*service.listener.getsockname()[:2])


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
    details = {"owners": [owner.to_json() for owner in owners]} if owners else {}
    return Problem("port.busy", fact, ", or ".join(ways_out), details=details)


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
