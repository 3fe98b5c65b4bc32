"""What the system tells of processes: a few lines for each of Linux, macOS and Windows."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from glob import iglob
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A running process, of which the system may tell no more than that it is there."""

    pid: int
    parent: int = 0
    user: str = ""
    started: datetime | None = None
    command: str = ""

    def __str__(self) -> str:
        command = f"{self.command[:57]}..." if len(self.command) > 60 else self.command
        # It may hold whatever its owner wrote, and is shown on the reader's terminal.
        shown = "".join(c if c.isprintable() else "?" for c in command)
        return f"{self.pid} `{shown}`" if shown else str(self.pid)


def describe(pids: Iterable[int]) -> list[Process]:
    """Return what the system tells of these processes, in the order of their pids."""
    ask = {"linux": read_proc, "win32": ask_powershell}.get(sys.platform, ask_ps)
    known = {pid: Process(pid) for pid in sorted(pids)}
    with suppress(OSError, ValueError, TypeError, subprocess.SubprocessError):
        for process in ask(list(known)):
            known[process.pid] = process
    return list(known.values())


def read_proc(pids: list[int]) -> Iterator[Process]:
    lines = Path("/proc/stat").read_text().splitlines()
    boot = next(int(line.split()[1]) for line in lines if line.startswith("btime"))
    for folder in (Path(f"/proc/{pid}") for pid in pids):
        with suppress(OSError):  # gone by now
            name, _, rest = (folder / "stat").read_text(errors="replace").rpartition(")")
            fields = rest.split()  # see proc(5): from the third field, the state, on
            started = boot + int(fields[19]) / os.sysconf("SC_CLK_TCK")
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            command = words.strip() or name.partition("(")[2]
            when = datetime.fromtimestamp(started, UTC)
            yield Process(int(folder.name), int(fields[1]), user_of(folder), when, command)


def user_of(path: Path) -> str:
    try:
        return path.owner()
    except KeyError:
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
    for pid, parent, user, started, command in json.loads(
        output_of(["powershell", "-NoProfile", "-Command", script])
    ):
        yield Process(pid, parent, user or "", datetime.fromisoformat(started), command or "")


POWERSHELL = """
[Console]::OutputEncoding = [Text.Encoding]::UTF8
ConvertTo-Json @(Get-CimInstance Win32_Process -Filter '%s' | ForEach-Object {, @($_.ProcessId,
$_.ParentProcessId, ($_ | Invoke-CimMethod -MethodName GetOwner).User,
$_.CreationDate.ToUniversalTime().ToString('o'), $_.CommandLine)})"""


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


def open_files() -> Iterator[tuple[int, str, str]]:
    """Yield for all that processes have open, on Linux, pid, link and target; see proc(5)."""
    for link in iglob("/proc/[0-9]*/fd/*"):
        with suppress(OSError):  # closed by now
            yield int(link.split("/")[2]), link, os.readlink(link)
