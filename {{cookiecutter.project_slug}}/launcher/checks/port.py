"""Can the service listen where it is told to? If not, who is there?"""

import errno
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from launcher.checks.configuration import EXPORT
from launcher.checks.problem import Problem
from launcher.checks.service import Service, command_line
from launcher.system.owners import listening
from launcher.system.port import OTHER_FAMILY, free_port, is_busy
from launcher.system.processes import Process, describe
from launcher.system.running import running

# The first port to suggest instead of an invalid one.
ANY = 5001
# How many holders are shown with their commands: no screen has room for gunicorn's thirty.
SHOWN = 3
EXCLUDED = "netsh interface ipv4 show excludedportrange tcp, or netstat -abno as an administrator,"
SEE_ALL = {"linux": "sudo ss -tanp sport = :{}", "win32": EXCLUDED}


def check_port(service: Service) -> Iterator[Problem]:
    host, port, where = service.address.host, service.address.port, service.address.where
    if port is None:
        fact = f"{service.address.text!r} is not a port from 0 to 65535"
        yield Problem("port.invalid", fact, another_port(service, ANY), where)
    elif service.refusal:
        yield refused(service, host, port, service.refusal)
    elif service.listener:
        yield from look_at_other_family(service, *service.listener.getsockname()[:2])


def refused(service: Service, host: str, port: int, error: OSError) -> Problem:
    if error.errno == errno.EACCES and port < 1024 and sys.platform != "win32":
        fact = f"port {port} is for privileged users only"
        return Problem("port.invalid", fact, another_port(service, ANY), service.address.where)
    if error.errno in (errno.EADDRINUSE, errno.EACCES):
        return busy(service, host, port)
    fact, host = f"cannot listen on {host}: {error.strerror}", "127.0.0.1"
    return Problem("port.invalid", fact, serve_command(service, host, free_port(host, port)))


def busy(service: Service, host: str, port: int) -> Problem:
    """Report who holds the port. The service's own server is only a warning."""
    pids, hidden = listening(host, port)
    owners, ours = describe(pids), running()
    ways_out = [another_port(service, port + 1)]
    if own := bool(pids) and pids <= ours and not hidden:
        ways_out.insert(0, f"{serve_command(service)} --replace")
    if hidden or not pids:
        see_all = SEE_ALL.get(sys.platform, "sudo lsof -nP -iTCP:{} -sTCP:LISTEN")
        ways_out.append(f"{see_all.format(port)} shows who it is")
    if sys.platform == "darwin" and port == 5000:
        ways_out.append("turn off AirPlay Receiver, which uses this port, in System Settings")
    fact = f"port {port} is held by {holders(owners, ours, hidden)}"
    details = {"owners": [to_json(owner, ours) for owner in owners]} if owners else {}
    level = "warning" if own else "error"
    hint, where = ", or ".join(ways_out), service.address.where
    return Problem("port.busy", fact, hint, where, level=level, details=details)


def another_port(service: Service, port: int) -> str:
    """Say how to set a free port for good and, unless the command sets it, for once."""
    where, free = service.address.where, free_port(service.address.host, port)
    command = serve_command(service, port=free)
    if where == "--port":
        return command
    file = where.partition(":")[0]
    edit = f"write PORT: int = {free} in {file}"
    return f"{EXPORT.format(where, free) if where == 'PORT' else edit}, or {command}"


def serve_command(service: Service, host: str | None = None, port: int | None = None) -> str:
    """Return the reader's command with this host or port instead of its own."""
    options = {"--host": host or service.host, "--port": service.port if port is None else port}
    given = (f" {name} {value}" for name, value in options.items() if value is not None)
    return command_line("run.py", "serve" + "".join(given))


def holders(owners: list[Process], ours: set[int], hidden: int) -> str:
    names = [holder(owner, ours) for owner in owners[:SHOWN]]
    if more := [str(owner.pid) for owner in owners[SHOWN:]]:
        names.append(f"and {len(more)} more: {', '.join(more)}")
    if hidden:
        names.append(f"{hidden} that you cannot see")
    return "; ".join(names) or "a process that the system does not show"


def holder(owner: Process, ours: set[int]) -> str:
    who = "this project" if owner.pid in ours else owner.user
    if owner.started is None:
        return f"{owner} ({who})" if who else str(owner)
    minutes = int((datetime.now(UTC) - owner.started).total_seconds() / 60)
    age = f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
    return f"{owner} ({who}, {age})"


def to_json(owner: Process, ours: set[int]) -> dict[str, object]:
    started = owner.started and owner.started.isoformat(timespec="seconds")
    facts = {"pid": owner.pid, "command": owner.command, "user": owner.user, "started": started}
    return facts | {"this_project": owner.pid in ours}


def look_at_other_family(service: Service, host: str, port: int) -> Iterator[Problem]:
    """Browsers try ::1 and 127.0.0.1 for localhost, and each may have a server of its own."""
    other = OTHER_FAMILY.get(host)
    if other and is_busy(other, port):
        fact = f"another server listens on {other}, and localhost may mean that one"
        way_out = serve_command(service, port=free_port(host, port + 1))
        hint = f"use http://{host}:{port}, not localhost, or {way_out}"
        yield Problem("port.shadowed", fact, hint, level="warning")
