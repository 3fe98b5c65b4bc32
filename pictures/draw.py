"""Draws problems.svg: the screen of `run.py` in a service that is broken as in the incident.

Usage: .venv/bin/python pictures/draw.py [file] [port]

Bakes and bootstraps a service in a temporary folder, breaks it, has two processes hold its port,
and takes what `python3 run.py` then writes to a terminal of 100 columns.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import StringIO
from pathlib import Path

from cookiecutter.main import cookiecutter
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

TEMPLATE = Path(__file__).resolve().parent.parent
DEFAULTS = (str(TEMPLATE / "pictures/problems.svg"), "5001")
COLUMNS = 100
# Listens, and says so.
HOLDER = """
import socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
print(flush=True)
sys.stdin.read()
"""


def main() -> None:
    file, port, *_ = [*sys.argv[1:], *DEFAULTS[len(sys.argv) - 1 :]]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as holders:
        answers = {"port": port}
        made = cookiecutter(str(TEMPLATE), no_input=True, extra_context=answers, output_dir=folder)
        service = Path(made)
        break_it(service)
        for _ in range(2):
            holders.enter_context(holding(service.with_name("app.py"), port))
        screen = f"\x1b[1m$ python3 run.py\x1b[0m\n{on_a_terminal(service)}"
    console = Console(width=COLUMNS, record=True, file=StringIO())
    console.print(Text.from_ansi(screen))
    picture = console.export_svg(title=service.name, theme=MONOKAI)
    # It loads nothing from elsewhere.
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
    Path(file).write_text(picture, encoding="utf-8")


@contextmanager
def holding(program: Path, port: str) -> Iterator[None]:
    program.write_text(HOLDER)
    with subprocess.Popen(
        ["python3", program.name, port],
        executable=sys.executable,
        cwd=program.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        yield


def break_it(service: Path) -> None:
    """Take APScheduler away, misspell a setting, and write an `async def`."""
    for package in service.glob(".venv/lib*/*/site-packages/*pscheduler*"):
        shutil.rmtree(package)
    with (service / "config/development.py").open("a") as file:
        file.write("QLALCHEMY_TRACK_MODIFICATIONS = False\n")
    view = service / "backend/routes/chat.py"
    view.write_text(view.read_text().replace("def post_message", "async def post_message"))


def on_a_terminal(service: Path) -> str:
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (50, COLUMNS))
    process = subprocess.Popen(
        ["python3", "run.py"], cwd=service, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    text = b""
    # The end of a terminal is an error on Linux.
    with os.fdopen(ours, "rb", buffering=0) as screen, process, suppress(OSError):
        while part := screen.read(4096):
            text += part
    return text.decode().replace("\r\n", "\n")


if __name__ == "__main__":
    main()
