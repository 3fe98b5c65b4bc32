"""Runs a program with much output, and shows its progress in one line."""

import re
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from threading import Thread
from typing import Any

# How pip and uv say that they start on a package.
PACKAGE = re.compile(r"(?:Collecting|Downloading|Building) ([\w.-]+)")
# The width of what precedes the progress: a step's number and name.
HEADING = 21
# Seconds between two updates. A log keeps them all, so it gets fewer.
ON_TERMINAL, IN_LOG = 0.2, 10


def run(command: list[str], **options: Any) -> tuple[int, str]:
    """Return its exit code and all of its output."""
    begin, said = time.monotonic(), list[str]()
    is_terminal = sys.stdout.isatty()
    pipe: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, text=True, errors="replace", **pipe, **options) as process:
        reader = Thread(target=listen, args=(process, said), daemon=True)
        reader.start()
        while reader.is_alive():
            reader.join(ON_TERMINAL if is_terminal else IN_LOG)
            if reader.is_alive():
                show(state(said, time.monotonic() - begin), is_terminal)
    show("", is_terminal)
    return process.returncode, "".join(said)


def listen(process: subprocess.Popen[str], said: list[str]) -> None:
    with suppress(ValueError):  # Ctrl-C has closed it
        for line in process.stdout or ():
            said.append(line)


def state(said: list[str], seconds: float) -> str:
    names = [found[1] for line in said if (found := PACKAGE.match(line))]
    if said and said[-1].startswith("Installing"):
        names.append("installing")
    return f"{len(set(names))} packages, {seconds:.0f} s  {''.join(names[-1:])}"


def show(text: str, is_terminal: bool) -> None:
    """Write it at the end of the line. On a terminal it replaces the previous text."""
    if is_terminal:
        width = shutil.get_terminal_size().columns - HEADING - 1
        print(f"{text[:width]:<{width}}" + "\b" * width, end="", flush=True)
    elif text:
        print(text.strip(), end=" ... ", flush=True)
