"""What the system tells of processes: a few lines for each of Linux, macOS and Windows."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A running process. The system may tell nothing but its pid."""

    pid: int
    parent: int = 0
    user: str = ""
    started: datetime | None = None
    command: str = ""

    def __str__(self) -> str:
        # It may hold whatever its owner wrote, and is shown on the reader's terminal.
        shown = "".join(c if c.isprintable() else "?" for c in self.command)
        shown = f"{shown[:57]}..." if len(shown) > 60 else shown
        return f"{self.pid} `{shown}`" if shown else str(self.pid)


def describe(pids: Iterable[int]) -> list[Process]:
    """Return what the system tells of these processes, in the order of their pids."""
    ask = {"linux": read_proc, "win32": ask_powershell}.get(sys.platform, ask_ps)
    known = {pid: Process(pid) for pid in sorted(pids)}
    with suppress(OSError, ValueError, TypeError, subprocess.SubprocessError):
        known |= {process.pid: process for process in ask(list(known))}
    return list(known.values())


def read_proc(pids: list[int]) -> Iterator[Process]:
    boot = time.time() - float(Path("/proc/uptime").read_text().split()[0])
    for folder in (Path(f"/proc/{pid}") for pid in pids):
        with suppress(OSError):  # gone by now
            # Of what proc(5) lists, from the third field on: the second may hold anything.
            fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            started = datetime.fromtimestamp(boot + int(fields[19]) / os.sysconf("SC_CLK_TCK"), UTC)
            words = (folder / "cmdline").read_text(errors="replace").split("\0")
            parent, command = int(fields[1]), " ".join(words).strip()
            yield Process(int(folder.name), parent, owner_of(folder), started, command)


def owner_of(path: Path) -> str:
    try:
        return path.owner()
    except KeyError:  # who has no name, as in a container
        return str(path.stat().st_uid)


def ask_ps(pids: list[int]) -> Iterator[Process]:
    columns = [f"-o{name}=" for name in ("pid", "ppid", "user", "lstart", "command")]
    command = ["ps", "-ww", *columns, "-p", ",".join(map(str, pids))]
    for line in output_of(command, LC_ALL="C", TZ="UTC").splitlines():
        pid, parent, user, *words = line.split()
        started = datetime.strptime(" ".join([*words[:5], "+0000"]), "%a %b %d %H:%M:%S %Y %z")
        yield Process(int(pid), int(parent), user, started, " ".join(words[5:]))


def ask_powershell(pids: list[int]) -> Iterator[Process]:
    script = POWERSHELL % " or ".join(f"ProcessId={pid}" for pid in pids)
    for found in json.loads(output_of(["powershell", "-NoProfile", "-Command", script])):
        user, command = found["user"] or "", found["command"] or ""
        started = datetime.fromisoformat(found["started"])
        yield Process(found["pid"], found["parent"], user, started, command)


POWERSHELL = """
[Console]::OutputEncoding = [Text.Encoding]::UTF8
ConvertTo-Json @(Get-CimInstance Win32_Process -Filter '%s' | ForEach-Object {@{
pid = $_.ProcessId; parent = $_.ParentProcessId; command = $_.CommandLine
user = ($_ | Invoke-CimMethod -MethodName GetOwner).User
started = $_.CreationDate.ToUniversalTime().ToString('o')}})"""


def output_of(command: list[str], **environment: str) -> str:
    """Return what a tool of the system prints. Raise OSError or SubprocessError if it cannot."""
    env, seconds = os.environ | environment, 20  # a cold PowerShell takes its time
    return subprocess.run(
        command, env=env, capture_output=True, encoding="utf-8", errors="replace", timeout=seconds
    ).stdout
