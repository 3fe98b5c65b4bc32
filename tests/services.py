"""A baked service, run for real: its commands, its server, and what it answers."""

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import psutil
import pytest

TEMPLATE = Path(__file__).resolve().parent.parent
# What the machine of whoever runs the tests may have set, and the service would listen to.
UNSET = ("ENVIRONMENT", "PORT", "DATABASE_URL", "SECRET_KEY", "VIRTUAL_ENV", "PYTHONIOENCODING",
         "FLASK_SAFE_START_BOOTSTRAP", "FLASK_APP", "FLASK_DEBUG", "NO_COLOR",
         "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "COLUMNS")  # fmt: skip
# Far more seconds than anything takes, on a machine that has much else to do as well.
ANSWER_WITHIN = 120
INSTALL_WITHIN = 5 * ANSWER_WITHIN
DEVELOPMENT_URL = re.compile(r" is on (http://\S+)")


def environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    return kept | {"PYTHONUNBUFFERED": "1"} | changes


def python_in(environment: Path) -> Path:
    """Return the Python of a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Any
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def http(url: str, data: bytes | None = None, /, **headers: str) -> Answer:
    """GET, or POST if there is data. An error status is an answer too."""
    request = Request(url, data, {name.replace("_", "-"): text for name, text in headers.items()})
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=ANSWER_WITHIN) as response:
            return Answer(response.status, response.headers, response.read().decode())
    except HTTPError as error:
        return Answer(error.code, error.headers, error.read().decode())


def free_port() -> int:
    """Return a port below those that the system hands out: nobody is given it before its use."""
    while True:
        port = secrets.choice(range(15_000, 32_000))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(condition: Callable[..., Any], seconds: float = ANSWER_WITHIN) -> Any:
    """Return the condition's first true value. Fail if there is none in time.

    It is asked often at first and more seldom later, as others need the processor too.
    """
    end, pause = time.monotonic() + seconds, 0.005
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {seconds} s: {condition}"
        time.sleep(pause)
        pause = min(pause * 1.2, 0.1)
    return value


@dataclass
class Server:
    """A running `python run.py`; its output is in a file, so that no pipe can fill up."""

    process: subprocess.Popen[bytes]
    output_path: Path
    url: str = ""

    @property
    def output(self) -> str:
        return self.output_path.read_text(encoding="utf-8", errors="replace")

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def family(self) -> list[psutil.Process]:
        """The process that was started and all that it has started."""
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def wait_for_url(self) -> None:
        def found() -> Any:
            assert self.process.poll() is None, self.output
            return DEVELOPMENT_URL.search(self.output)

        self.url = wait_until(found)[1]


@dataclass(frozen=True)
class BakedProject:
    """A generated service. Its commands run in its folder, started by the Python of the tests."""

    path: Path
    context: dict[str, Any] = field(default_factory=dict)
    started_by: Path = Path(sys.executable)

    @property
    def python(self) -> Path:
        """The Python of the service's own .venv."""
        return python_in(self.path / ".venv")

    def run(
        self, *arguments: object, python: object = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(python or self.started_by), *map(str, arguments)],
            cwd=self.path,
            env=environment(**env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=INSTALL_WITHIN,
        )

    def check(self, **env: str) -> dict[str, Any]:
        """What `check --json` says."""
        said: dict[str, Any] = json.loads(self.run("run.py", "check", "--json", **env).stdout)
        return said

    def problems(self, level: str = "error", **env: str) -> list[dict[str, Any]]:
        checks = self.check(**env)["checks"]
        found = (problem for check in checks for problem in check["problems"])
        return [problem for problem in found if problem["level"] == level]

    def ids(self, level: str = "error", **env: str) -> set[str]:
        return {problem["id"] for problem in self.problems(level, **env)}

    @contextlib.contextmanager
    def start(
        self, *arguments: object, python: object = sys.executable, wait: object = True, **env: str
    ) -> Iterator[Server]:
        """Run `python run.py serve` on a free port, and end it afterwards by its pid."""
        command = [str(python), "run.py", "serve", *map(str, arguments)]
        if "--port" not in arguments and "PORT" not in env:
            command += ["--port", "0"]
        with running(command, self.path, **env) as server:
            if wait:
                server.wait_for_url()
            yield server

    def copy(self, folder: Path, own_environment: bool = False) -> "BakedProject":
        """Return a copy to break. Unless told otherwise it shares .venv: change nothing in there.

        In an environment of its own the files are shared: add and delete some, but edit none.
        """
        target, venv = folder / self.path.name, self.path / ".venv"
        shutil.copytree(self.path, target, ignore=shutil.ignore_patterns(".venv", "running"))
        if venv.exists() and (own_environment or os.name == "nt"):
            shutil.copytree(venv, target / ".venv", symlinks=True, copy_function=link)
        elif venv.exists():
            (target / ".venv").symlink_to(venv.resolve())
        return replace(self, path=target)


def link(source: str, target: str) -> None:
    """Share the file, unless it is one of those in which is noted what was done or found."""
    (shutil.copy2 if source.endswith((".json", ".receipt")) else os.link)(source, target)


@contextlib.contextmanager
def running(
    command: Sequence[object],
    cwd: Path,
    end: Any = subprocess.Popen.terminate,
    **env: str,
) -> Iterator[Server]:
    """Run a command in any folder, and end it afterwards by its pid if it still runs."""
    output_path = cwd.with_name(f"{cwd.name}-{time.monotonic_ns()}.txt")
    with output_path.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=environment(**env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Server(process, output_path)
    finally:
        if process.poll() is None:
            end(process)
            process.wait(ANSWER_WITHIN)


def gunicorn_alone(project: BakedProject, port: int = 0) -> tuple[object, ...]:
    """Return a command: run.py's checks take longer than most tests of what is served."""
    server = ("-m", "launcher.serving.gunicorn_arbiter")
    return project.python, *server, "--bind", f"127.0.0.1:{port}"


@contextlib.contextmanager
def gunicorn(project: BakedProject, **env: str) -> Iterator[Server]:
    port = free_port()
    with running(gunicorn_alone(project, port), project.path, **env) as server:
        server.url = f"http://127.0.0.1:{port}"
        wait_until(lambda: "Listening at" in server.output or server.process.poll() is not None)
        assert server.process.poll() is None, server.output
        yield server


def bake(cookies: Any, **answers: object) -> BakedProject:
    """Generate a service without bootstrapping it, unless the answers say so."""
    result = cookies.bake(template=str(TEMPLATE), extra_context={"bootstrap": "no"} | answers)
    assert result.exception is None, result.exception
    return BakedProject(result.project_path, result.context)


def production(url: str) -> dict[str, str]:
    """Return the variables of a production with this database: one worker, on any free port."""
    key = secrets.token_hex(32)
    one = {"PORT": "0", "WEB_CONCURRENCY": "1"}
    return one | {"ENVIRONMENT": "production", "DATABASE_URL": url, "SECRET_KEY": key}


def path_without_uv() -> str:
    return os.pathsep.join(
        folder for folder in os.get_exec_path() if not shutil.which("uv", path=folder)
    )


def program(name: str) -> str:
    """Return the path of a program that a test needs.

    Without it the test is skipped; under CI on Linux, where .ci/run installs it, it fails.
    """
    found = shutil.which(name, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin{os.pathsep}/sbin")
    if found is None and os.environ.get("CI") and sys.platform == "linux":
        pytest.fail(f"{name} is not installed, and CI is set")
    return found or pytest.skip(f"{name} is not installed")


def left_behind(base: str) -> list[psutil.Process]:
    """The processes that work in, or were started with a path in, the tests' own folder."""
    found = []
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid not in own and base in " ".join([process.cwd(), *process.cmdline()]):
                found.append(process)
    return found
