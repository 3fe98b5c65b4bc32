"""Requests per second: a generated service beside a bare Flask application.

Usage: .venv/bin/python benchmarks/serving.py [rounds]

/ping, and /api/chat beside a view that inserts the same row. Both run at once under the service's
gunicorn.conf.py, with one worker each, and this process asks them in turns. In every round both are
started anew: two processes of the same program differ by as much as 5 % for as long as they live.
It runs where gunicorn does: not on Windows.
"""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rows import Row, paired, show
from scheduler import make_service

TEMPLATE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TEMPLATE / "tests"))

from postgresql import postgresql  # noqa: E402
from services import free_port  # noqa: E402

BARE = """\
import os
from datetime import UTC, datetime

from flask import Flask, request
from sqlalchemy import BigInteger, DateTime, Text, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

app = Flask(__name__)
engine = create_engine(os.environ["DATABASE_URL"].replace("://", "+psycopg://"))


class Base(DeclarativeBase):
    pass


class Message(Base):
    __tablename__ = "message"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    reply: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


@app.get("/ping")
def ping() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/api/chat")
def post_message():
    text = request.get_json()["message"]
    with Session(engine) as session:
        message = Message(text=text, reply=f"You said: {text}", created_at=datetime.now(UTC))
        session.add(message)
        session.flush()
        answer = {"id": message.id, "reply": message.reply}
        session.commit()
    return answer
"""
OURS, THEIRS = "the service", "bare Flask"
WAYS = {OURS: "wsgi:app", THEIRS: "bare:app"}
HOST = b" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
BODY = b'{"message": "Hello"}'
REQUESTS = {
    "/ping": b"GET /ping" + HOST + b"\r\n",
    "/api/chat": b"POST /api/chat" + HOST + b"Content-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY),
}
# How often each is asked in a round, and for how long in seconds; how many requests are under way.
TURNS, TURN, CONNECTIONS = 10, 0.1, 4
PATIENCE = 30


def rows(rounds: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder, postgresql() as database:
        os.environ["WEB_CONCURRENCY"] = "1"
        service = make_service(Path(folder), database.url())
        (service / "bare.py").write_text(BARE)
        for path, request in REQUESTS.items():
            pairs = [pair for _ in range(rounds) for pair in run_round(service, request)]
            yield paired(f"{path} under gunicorn", "bare Flask", "requests/s", pairs)


def run_round(service: Path, request: bytes) -> list[tuple[float, ...]]:
    with contextlib.ExitStack() as running:
        ports = [running.enter_context(server(app, service)) for app in WAYS.values()]
        return [tuple(ask(port, request) for port in ports) for _ in range(TURNS)]


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


def ask(port: int, request: bytes) -> float:
    """Return how many requests were answered per second, over connections that stay open."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connected(port)) for _ in range(CONNECTIONS)]
        for connection in connections:
            connection.sendall(request)
        answers, begin = 0, time.perf_counter()
        while (seconds := time.perf_counter() - begin) < TURN:
            for connection in connections:
                read_answer(connection)
                connection.sendall(request)
            answers += CONNECTIONS
        for connection in connections:
            read_answer(connection)
    return answers / seconds


def read_answer(connection: socket.socket) -> None:
    answer = b""
    while not answer.endswith(b"}\n"):
        received = connection.recv(4096)
        assert received, answer
        answer += received
    assert answer.startswith(b"HTTP/1.1 200 "), answer


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


if __name__ == "__main__":
    show(rows(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
