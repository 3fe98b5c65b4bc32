"""Where a server is, and the line that says so: printed when it starts, read by bootstrap."""

import re
import socket

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def url_of(listener: socket.socket) -> str:
    """Return a URL under which this machine reaches the listener."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def announcement(name: object, url: str, how: str) -> str:
    """Return one line, without what a terminal would obey."""
    return f"{CONTROL.sub(escaped, str(name))} is on {url} ({how})"


def escaped(found: re.Match[str]) -> str:
    return repr(found[0])[1:-1]


def announced_url(line: str) -> str | None:
    found = re.search(r".* is on (http://\S+) \(", line)
    return found[1] if found else None
