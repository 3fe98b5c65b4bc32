"""Requests per second of /ping: a generated service beside a bare Flask application.

Usage: .venv/bin/python benchmarks/ping.py [rounds]

Both run at once under the service's gunicorn.conf.py, with one worker each, and this process asks
them in turns. In every round both are started anew: two processes of the same program differ by
as much as 5 % for as long as they live. It runs where gunicorn does: not on Windows.
"""

import contextlib
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cookiecutter.main import cookiecutter

TEMPLATE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TEMPLATE / "tests"))

from services import free_port  # noqa: E402

BARE = """\
from flask import Flask

app = Flask(__name__)


@app.get("/ping")
def ping() -> dict[str, str]:
    return {"status": "ok"}
"""
OURS, THEIRS = "the service", "bare Flask"
WAYS = {OURS: "wsgi:app", THEIRS: "bare:app"}
REQUEST = b"GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
ANSWER = b'{"status":"ok"}\n'
# How often each is asked in a round, and for how long in seconds; how many requests are under way.
TURNS, TURN, CONNECTIONS = 10, 0.1, 4
PATIENCE = 30


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    rates: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        service = make_service(Path(folder))
        for _ in range(rounds):
            rates += run_round(service)
    for name in WAYS:
        median = statistics.median(turn[name] for turn in rates)
        print(f"{name:<11} {median:6.0f} requests/s, median of {rounds} x {TURNS}")
    # Of neighbours in time: what else the machine does slows down both.
    print(f"ratio {statistics.median(turn[OURS] / turn[THEIRS] for turn in rates):.2f}")


def run_round(service: Path) -> list[dict[str, float]]:
    with contextlib.ExitStack() as running:
        ports = {name: running.enter_context(server(app, service)) for name, app in WAYS.items()}
        return [{name: ask(port) for name, port in ports.items()} for _ in range(TURNS)]


def make_service(folder: Path) -> Path:
    """Bake one and install what production needs. /ping does without the database."""
    os.environ |= {
        "FLASK_SAFE_START_BOOTSTRAP": "no",
        "ENVIRONMENT": "production",
        "WEB_CONCURRENCY": "1",
        "SECRET_KEY": secrets.token_hex(32),
        "DATABASE_URL": "postgresql://nobody:nothing@127.0.0.1:1/nowhere",
    }
    service = Path(cookiecutter(str(TEMPLATE), no_input=True, output_dir=str(folder)))
    (service / "bare.py").write_text(BARE)
    with tempfile.TemporaryFile() as output:  # it ends with 1, for there is no database
        subprocess.run([sys.executable, "bootstrap.py"], cwd=service, stdout=output, stderr=output)
    return service


@contextlib.contextmanager
def server(app: str, service: Path) -> Iterator[int]:
    """Run gunicorn. A worker that is replaced meanwhile would close its connections."""
    port = free_port()
    options = ["--bind", f"127.0.0.1:{port}", "--max-requests", "0"]
    command: list[str | Path] = [service / ".venv/bin/python", "-m", "gunicorn", *options, app]
    with subprocess.Popen(
        command, cwd=service, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_for(port, process)
            yield port
        finally:
            process.terminate()


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), connected(port):
            return
        time.sleep(0.01)
    raise SystemExit("gunicorn did not start")


def ask(port: int) -> float:
    """Return how many requests were answered per second, over connections that stay open."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connected(port)) for _ in range(CONNECTIONS)]
        for connection in connections:
            connection.sendall(REQUEST)
        answers, begin = 0, time.perf_counter()
        while (seconds := time.perf_counter() - begin) < TURN:
            for connection in connections:
                read_answer(connection)
                connection.sendall(REQUEST)
            answers += CONNECTIONS
        for connection in connections:
            read_answer(connection)
    return answers / seconds


def read_answer(connection: socket.socket) -> None:
    answer = b""
    while not answer.endswith(ANSWER):
        received = connection.recv(4096)
        assert received, answer
        answer += received
    assert answer.startswith(b"HTTP/1.1 200 "), answer


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


if __name__ == "__main__":
    main()
