"""Who listens on a port: all of them, of whom the system may show this user only some."""

import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from subprocess import SubprocessError

from launcher.system.processes import Process, output_of, process
from launcher.system.running import running


@dataclass(frozen=True)
class Owner:
    """A process that holds the port; `this_project` means that run.py may end it."""

    process: Process
    this_project: bool

    def __str__(self) -> str:
        minutes = int((datetime.now(UTC) - self.process.started).total_seconds() / 60)
        age = f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
        whose = "this project" if self.this_project else self.process.user
        command = self.process.command
        command = command if len(command) <= 60 else f"{command[:57]}..."
        return f"{self.process.pid} `{command}` ({whose}, {age})"

    def to_json(self) -> dict[str, object]:
        return {
            "pid": self.process.pid,
            "command": self.process.command,
            "user": self.process.user,
            "started": self.process.started.isoformat(timespec="seconds"),
            "this_project": self.this_project,
        }


def find_owners(port: int, root: Path) -> tuple[tuple[Owner, ...], int]:
    """Return the processes that hold the port, and the number of sockets whose holder is hidden."""
    pids, hidden = listening(port)
    recorded = {record.process.pid for record in running(root)}
    found = filter(None, map(process, sorted(pids)))
    return tuple(Owner(p, bool({p.pid, p.parent} & recorded)) for p in found), hidden


def listening(port: int) -> tuple[set[int], int]:
    """Return the pids of those that listen there, as far as the system tells, and how many more."""
    try:
        return ask_system(port)
    except (OSError, SubprocessError):
        return set(), 0


def ask_system(port: int) -> tuple[set[int], int]:
    if sys.platform == "linux":
        return from_proc(port)
    if sys.platform == "win32":
        return from_netstat(output_of(["netstat", "-ano"]), port), 0
    return from_lsof(output_of(["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fp"])), 0


def from_proc(port: int) -> tuple[set[int], int]:
    sockets = listening_sockets(port)
    held = {int(pid): links(pid) & sockets for pid in filter(str.isdigit, os.listdir("/proc"))}
    pids = {pid for pid, links in held.items() if links}
    return pids, len(sockets.difference(*held.values()))


def listening_sockets(port: int) -> set[str]:
    """Return each listening socket as the link that its holders have to it; see proc(5)."""
    sockets = set()
    for table in filter(Path.exists, map(Path, ("/proc/net/tcp", "/proc/net/tcp6"))):
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                sockets.add(f"socket:[{fields[9]}]")
    return sockets


def links(pid: str) -> set[str]:
    found = set()
    with suppress(OSError):  # another user's process, or gone by now
        for number in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):  # closed by now
                found.add(os.readlink(f"/proc/{pid}/fd/{number}"))
    return found


def from_netstat(output: str, port: int) -> set[int]:
    """A listening socket is known by its remote port 0: the state's name is translated."""
    rows = re.findall(r"TCP\s+\S+:(\d+)\s+\S+:0\s+\S+\s+(\d+)", output)
    return {int(pid) for local, pid in rows if int(local) == port}


def from_lsof(output: str) -> set[int]:
    return {int(line[1:]) for line in output.splitlines() if line.startswith("p")}
