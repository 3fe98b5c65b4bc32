"""What the system tells of a process: a few lines for each of Linux, macOS and Windows."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A running process. `created` tells it from a later one that was given the same pid."""

    pid: int
    parent: int
    created: str
    started: datetime
    user: str
    command: str


def process(pid: int) -> Process | None:
    """Return what the system tells of the process, or None if it shows no such process."""
    read = {"linux": read_proc, "win32": ask_powershell}.get(sys.platform, ask_ps)
    try:
        found = read(pid)
        # A command may hold whatever its owner wrote, and is shown on the reader's terminal.
        shown = "".join(c if c.isprintable() else "?" for c in found.command) if found else ""
        return found and replace(found, command=shown)
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        return None


def read_proc(pid: int) -> Process | None:
    folder = Path("/proc", str(pid))
    name, _, rest = (folder / "stat").read_text(errors="replace").rpartition(")")
    fields = rest.split()  # see proc(5): from the third field, the state, on
    if fields[0] == "Z":
        return None
    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    parent, ticks = fields[1], fields[19]
    started = datetime.fromtimestamp(boot_time() + int(ticks) / os.sysconf("SC_CLK_TCK"), UTC)
    created = f"{ticks} {Path('/proc/sys/kernel/random/boot_id').read_text().strip()}"
    user = user_name(folder.stat().st_uid)
    command = command.strip() or name.partition("(")[2]
    return Process(pid, int(parent), created, started, user, command)


def boot_time() -> int:
    lines = Path("/proc/stat").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("btime"))


def user_name(uid: int) -> str:
    import pwd  # not on Windows

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def ask_ps(pid: int) -> Process:
    columns = [f"-o{name}=" for name in ("ppid", "user", "lstart", "command")]
    output = output_of(["ps", "-ww", *columns, "-p", str(pid)], LC_ALL="C", TZ="UTC")
    parent, user, *words = output.split()
    created, command = " ".join(words[:5]), " ".join(words[5:])
    started = datetime.strptime(f"{created} +0000", "%a %b %d %H:%M:%S %Y %z")
    return Process(pid, int(parent), created, started, user, command)


def ask_powershell(pid: int) -> Process:
    found = json.loads(output_of(["powershell", "-NoProfile", "-Command", POWERSHELL % pid]))
    created, user, command = found["started"], found["user"] or "", found["command"] or ""
    started = datetime.fromisoformat(created)
    return Process(pid, found["parent"], created, started, user, command)


POWERSHELL = """
[Console]::OutputEncoding = [Text.Encoding]::UTF8
$p = Get-CimInstance Win32_Process -Filter 'ProcessId=%d'
@{parent = $p.ParentProcessId; command = $p.CommandLine; user = ($p | Invoke-CimMethod \
-MethodName GetOwner).User; started = $p.CreationDate.ToUniversalTime().ToString('o')} \
| ConvertTo-Json"""


def output_of(command: list[str], **environment: str) -> str:
    """Return what a tool of the system prints. Raise OSError or SubprocessError if it cannot."""
    return subprocess.run(
        command,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        errors="replace",
        timeout=20,  # a cold PowerShell takes its time
    ).stdout
