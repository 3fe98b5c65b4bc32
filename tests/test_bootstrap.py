"""bootstrap.py: from whatever is there to a service that answers, and into its own .venv alone."""

import ast
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from generating import INDEX_SETTING, generate, made_in, silent_index
from services import (
    ANSWER_WITHIN,
    TEMPLATE,
    BakedProject,
    Server,
    environment,
    http,
    running,
    wait_until,
)

SCRIPTS = {
    name: (TEMPLATE / "{{cookiecutter.project_slug}}" / name).read_text(encoding="utf-8")
    for name in ("bootstrap.py", "run.py")
}
BIN = "Scripts" if os.name == "nt" else "bin"
NEEDS_A_NEWER_SYNTAX = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Nonlocal, ast.Starred)
ANSWERED = "GET /ping answered 200"


def old_pythons() -> list[str]:
    """Those on PATH and those that pyenv keeps; its shims start only some of them."""
    names = ["python2.7", *(f"python3.{minor}" for minor in range(4, 11))]
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    places = [*os.get_exec_path(), *map(str, kept.glob("*/bin"))]
    path = os.pathsep.join(place for place in places if Path(place).name != "shims")
    return [found for name in names if (found := shutil.which(name, path=path))]


def good(done: subprocess.CompletedProcess[str]) -> bool:
    return done.returncode == 0 and ANSWERED in done.stdout


def identity(project: BakedProject) -> tuple[int, int]:
    """What another .venv would not have in common with this one."""
    found = (project.path / ".venv" / "pyvenv.cfg").stat()
    return found.st_ino, found.st_mtime_ns


def files_in(folder: Path) -> dict[str, int]:
    """Return when each was changed; what Python caches of an import does not count."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or path.is_file())
    return {str(p): p.lstat().st_mtime_ns for p in found if p.parent.name != "__pycache__"}


def write_requirement(project: BakedProject, line: str) -> None:
    with (project.path / "requirements.txt").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


@pytest.fixture(scope="module")
def moved(shared_service: BakedProject, tmp_path_factory: pytest.TempPathFactory) -> BakedProject:
    """A copy in another folder that was bootstrapped there: an environment to install into."""
    project = shared_service.copy(tmp_path_factory.mktemp("moved"), own_environment=True)
    before = identity(project)
    done = project.run("bootstrap.py", PORT="0")
    assert good(done), done.stdout + done.stderr
    assert identity(project) != before, "an environment that was moved has to be remade"
    return project


@pytest.fixture
def foreign(shared_service: BakedProject, tmp_path: Path) -> BakedProject:
    """A service that works, in an environment that bootstrap does not know to be its own."""
    copy = shared_service.copy(tmp_path, own_environment=True)
    (copy.path / ".venv" / "bootstrap.json").unlink()
    return copy


def test_a_second_run_changes_nothing(shared_service: BakedProject) -> None:
    before = files_in(shared_service.path / ".venv"), identity(shared_service)
    done = shared_service.run("bootstrap.py", PORT="0")
    assert good(done), done.stdout + done.stderr
    assert (files_in(shared_service.path / ".venv"), identity(shared_service)) == before


def test_a_folder_that_was_moved_gets_scripts_that_work(moved: BakedProject) -> None:
    done = subprocess.run([moved.python.parent / "flask", "--version"], capture_output=True)
    assert done.returncode == 0, done.stderr
    assert moved.ids(PORT="0") == set()


def test_a_new_requirement_is_noticed_and_installed(moved: BakedProject) -> None:
    write_requirement(moved, "six==1.17.0")
    assert moved.ids(PORT="0") == {"dependencies.missing"}
    before = identity(moved)
    done = moved.run("bootstrap.py", PORT="0")
    assert good(done), done.stdout + done.stderr
    assert identity(moved) == before, "a new requirement is no reason to remake"
    assert moved.ids(PORT="0") == set()
    version = moved.run("-c", "import six; print(six.__version__)", python=moved.python)
    assert version.stdout.strip() == "1.17.0"


def test_a_broken_environment_of_its_own_is_remade(moved: BakedProject) -> None:
    for python in moved.python.parent.glob("python*"):
        python.unlink()
    assert "python.version" in moved.ids(PORT="0")
    done = moved.run("bootstrap.py", PORT="0")
    assert good(done), done.stdout + done.stderr
    assert moved.ids(PORT="0") == set()


def test_an_environment_that_is_said_to_be_half_made_is_remade(
    shared_service: BakedProject, tmp_path: Path
) -> None:
    project = shared_service.copy(tmp_path, own_environment=True)
    stamp = project.path / ".venv" / "bootstrap.json"
    stamp.unlink()  # it is shared, and may not be written to
    stamp.write_text(json.dumps({"path": str(project.path / ".venv"), "half": True}))
    before = identity(project)
    done = project.run("bootstrap.py", PORT="0")
    assert good(done), done.stdout + done.stderr
    assert identity(project) != before


def test_a_service_that_runs_meanwhile_holds_its_port_by_right(moved: BakedProject) -> None:
    with moved.start() as server:
        done = moved.run("bootstrap.py", PORT=str(server.port))
        assert good(done), done.stdout + done.stderr
        assert http(f"{server.url}/ping").status == 200


@pytest.mark.parametrize("kind", ["no-python", "no-venv", "file"])
def test_a_broken_environment_that_somebody_else_made_is_kept(
    kind: str, bare: BakedProject
) -> None:
    broken = bare.path / ".venv"
    if kind == "file":
        broken.write_text("mine", encoding="utf-8")
    elif kind == "no-venv":
        broken.mkdir()
        (broken / "mine.txt").write_text("mine", encoding="utf-8")
    else:
        venv.create(broken, symlinks=os.name != "nt")
        for python in (broken / BIN).glob("python*"):
            python.unlink()
    before = files_in(bare.path)
    done = bare.run("bootstrap.py", PORT="0")
    assert done.returncode == 1, done.stdout + done.stderr
    assert files_in(bare.path) == before
    assert broken.exists()
    assert "bootstrap.py" in done.stderr, "it says how to go on"
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="there is no pty on Windows")
@pytest.mark.parametrize("answer", ["y", "n"])
def test_on_a_terminal_it_asks_before_it_deletes(answer: str, bare: BakedProject) -> None:
    mine = bare.path / ".venv" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine", encoding="utf-8")
    ours, terminal = os.openpty()
    with os.fdopen(ours, "wb", buffering=0) as keyboard, os.fdopen(terminal) as stdin:
        keyboard.write(answer.encode() + b"\n")
        done = subprocess.run(
            [sys.executable, "bootstrap.py"],
            cwd=bare.path,
            env=environment(PORT="0"),
            stdin=stdin,
            capture_output=True,
            encoding="utf-8",
        )
    assert good(done) == (answer == "y"), done.stdout + done.stderr
    assert mine.exists() == (answer == "n")


def test_a_good_environment_that_somebody_else_made_is_used(bare: BakedProject) -> None:
    subprocess.run([sys.executable, "-m", "venv", bare.path / ".venv"], check=True)
    before = identity(bare)
    done = bare.run("bootstrap.py", PORT="0")
    assert good(done), done.stdout + done.stderr
    assert identity(bare) == before
    assert bare.ids(PORT="0") == set()


def path_without_uv() -> str:
    return os.pathsep.join(
        folder for folder in os.get_exec_path() if not shutil.which("uv", path=folder)
    )


@dataclass(frozen=True)
class OtherEnvironment:
    """A virtual environment that is active and is not the service's."""

    path: Path

    @property
    def python(self) -> Path:
        return self.path / BIN / Path(sys.executable).name

    def variables(self, folder: Path, uv: bool) -> dict[str, str]:
        """Everything that is known to send an installer to the wrong place."""
        places = [str(self.path / BIN), path_without_uv()]
        if uv:
            places.insert(1, str(Path(sys.executable).parent))
        wrong = str(folder / "wrong")
        return {
            "VIRTUAL_ENV": str(self.path),
            "PATH": os.pathsep.join(places),
            "PIP_USER": "1",
            "PIP_TARGET": wrong,
            "PIP_PREFIX": wrong,
            "UV_TARGET": wrong,
            "UV_PYTHON": sys.executable,
            "PYTHONUSERBASE": wrong,
        }


@pytest.fixture(scope="module")
def other_environment(tmp_path_factory: pytest.TempPathFactory) -> OtherEnvironment:
    path = tmp_path_factory.mktemp("other") / "other"
    venv.create(path, symlinks=os.name != "nt", with_pip=True)
    return OtherEnvironment(path)


@pytest.mark.parametrize("uv", [True, False], ids=["uv", "no-uv"])
def test_nothing_is_installed_into_the_active_environment(
    uv: bool,
    bare: BakedProject,
    other_environment: OtherEnvironment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if uv:  # which is not used where pip is told to use an index of its own
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        for name in filter(INDEX_SETTING.fullmatch, list(os.environ)):
            if name != "PIP_CONFIG_FILE":
                monkeypatch.delenv(name)
    before = files_in(other_environment.path)
    variables = other_environment.variables(tmp_path, uv)
    done = bare.run("bootstrap.py", PORT="0", python=other_environment.python, **variables)
    assert good(done), done.stdout + done.stderr
    assert files_in(other_environment.path) == before
    assert not (tmp_path / "wrong").exists()
    assert bare.ids(PORT="0") == set()
    made_by_uv = "uv = " in (bare.path / ".venv" / "pyvenv.cfg").read_text(encoding="utf-8")
    assert made_by_uv == uv
    pip = bare.run("-m", "pip", "--version", python=bare.python)
    assert pip.returncode == 0, "every hint that names pip would be false"


RUNNERS = {
    "uvx": ("-m", "uv", "tool", "run", "--from", "cookiecutter==2.7.1", "cookiecutter"),
    "pipx": ("-m", "pipx", "run", "--spec", "cookiecutter==2.7.1", "cookiecutter"),
}


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_service_outlives_the_temporary_environment_of_its_generator(
    runner: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    folders = {"HOME": home, "USERPROFILE": home, "PIPX_HOME": home / "pipx",
               "UV_CACHE_DIR": home / "uv", "UV_TOOL_DIR": home / "tools"}  # fmt: skip
    home.mkdir()
    places = {name: str(folder) for name, folder in folders.items()}
    done = generate(tmp_path, command=(sys.executable, *RUNNERS[runner]), **places)
    assert good(done), done.stdout
    assert not re.search(r"^Traceback", done.stdout, re.MULTILINE)
    assert [path for path in home.rglob("site-packages/flask") if path.is_dir()] == []
    shutil.rmtree(home)
    with made_in(tmp_path).start() as server:
        assert http(f"{server.url}/ping").status == 200


def test_what_a_kill_left_half_made_is_made_whole(
    bare: BakedProject, other_environment: OtherEnvironment
) -> None:
    """Killed while it makes the environment, without uv and with it, and while it installs."""
    with bootstrapping(bare, python=other_environment.python, PATH=path_without_uv()) as started:
        wait_until(bare.python.exists)
        kill_family(started.process)
    assert bare.run("-m", "pip", "--version", python=bare.python).returncode != 0
    for installer in ("uv", "pip"):
        with silent_index(installer) as index, bootstrapping(bare) as started:
            connection, _ = index.accept()
            with connection:
                kill_family(started.process)
    assert "dependencies.missing" in bare.ids(PORT="0")
    done = bare.run("bootstrap.py", PORT="0")
    assert good(done), done.stdout + done.stderr
    assert bare.ids(PORT="0") == set()


def bootstrapping(
    project: BakedProject, *arguments: str, python: object = sys.executable, **env: str
) -> contextlib.AbstractContextManager[Server]:
    """Run bootstrap.py, and end it with all that it has started if it still runs."""
    command = [python, "bootstrap.py", *arguments]
    return running(command, project.path, end=kill_family, **{"PORT": "0"} | env)


def kill_family(process: subprocess.Popen[bytes]) -> None:
    """Kill it and what it has started, so that nobody goes on making things."""
    parent = psutil.Process(process.pid)
    parent.suspend()
    family = [*parent.children(recursive=True), parent]
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()
    psutil.wait_procs(family)


def test_start_goes_on_to_serve(moved: BakedProject) -> None:
    with bootstrapping(moved, "--start", PORT="0") as server:
        server.wait_for_url()
        assert ANSWERED in server.output
        assert http(f"{server.url}/ping").json == {"status": "ok"}
        server.process.terminate()
        server.process.wait(ANSWER_WITHIN)
        with socket.socket() as free:
            assert free.connect_ex(("127.0.0.1", server.port)) != 0
    if os.name != "nt":
        assert server.process.returncode == -signal.SIGTERM


HEALTH = "backend/core/health.py"


@pytest.mark.parametrize("status", ["200", "202", "204", "302", "404", "500"])
def test_it_succeeds_only_if_ping_answers_200(status: str, foreign: BakedProject) -> None:
    replace(foreign.path / HEALTH, "content_type=", f"status={status}, content_type=")
    done = foreign.run("bootstrap.py", PORT="0")
    assert done.returncode == (0 if status == "200" else 1), done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_it_fails_if_the_service_does_not_start(foreign: BakedProject) -> None:
    with (foreign.path / HEALTH).open("a", encoding="utf-8") as file:
        file.write("raise RuntimeError('not today')\n")
    done = foreign.run("bootstrap.py", PORT="0")
    assert done.returncode == 1, done.stdout
    assert "not today" in done.stderr


def test_it_fails_if_a_check_does(foreign: BakedProject) -> None:
    with (foreign.path / "config" / "development.py").open("a", encoding="utf-8") as file:
        file.write("QLALCHEMY_TRACK_MODIFICATIONS = False\n")
    done = foreign.run("bootstrap.py", PORT="0")
    assert done.returncode == 1
    assert "QLALCHEMY_TRACK_MODIFICATIONS" in done.stdout
    assert ANSWERED not in done.stdout


def test_it_fails_if_the_port_is_held(foreign: BakedProject) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        done = foreign.run("bootstrap.py", PORT=port)
    assert done.returncode == 1
    assert port in done.stdout
    assert "bootstrap.py" in done.stderr


def test_it_refuses_an_unknown_option(bare: BakedProject) -> None:
    assert bare.run("bootstrap.py", "--strat").returncode == 2
    assert not (bare.path / ".venv").exists()


@pytest.mark.parametrize("name", SCRIPTS)
def test_its_first_lines_are_readable_by_an_old_python(name: str) -> None:
    found = ast.walk(ast.parse(SCRIPTS[name], feature_version=(3, 4)))
    assert [node for node in found if isinstance(node, NEEDS_A_NEWER_SYNTAX)] == []
    functions = [node for node in ast.walk(ast.parse(SCRIPTS[name])) if isinstance(node, ast.arg)]
    assert [node for node in functions if node.annotation] == []
    assert SCRIPTS[name].isascii(), "Python 2 wants the encoding declared"


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("python", old_pythons(), ids=lambda path: Path(path).name)
def test_an_old_python_says_what_is_needed_in_one_sentence(
    python: str, name: str, bare: BakedProject, tmp_path: Path
) -> None:
    done = bare.run(name, python=python, PATH=str(tmp_path / "nothing"))
    assert done.returncode == 1
    assert done.stdout == ""
    (sentence,) = done.stderr.splitlines()
    assert "3.11" in sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize("python", old_pythons(), ids=lambda path: Path(path).name)
def test_an_old_python_finds_a_newer_one(python: str, bare: BakedProject, tmp_path: Path) -> None:
    version = f"python3.{sys.version_info.minor}"
    (tmp_path / version).symlink_to(sys.executable)
    done = bare.run("bootstrap.py", "--help", python=python, PATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "--start" in done.stdout
