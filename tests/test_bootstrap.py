"""bootstrap.py: from whatever is there to a service that answers, and into its own .venv alone."""

import ast
import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from breaking import edit, file_system, follow, holding, posix_only
from generating import INDEX_SETTING, generate, made_in, silent_index
from hints import Reader
from services import (
    ANSWER_WITHIN,
    TEMPLATE,
    BakedProject,
    Server,
    http,
    left_behind,
    path_without_uv,
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
    """Return when each was changed; what Python caches and checks note does not count."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or path.is_file())
    kept = (path for path in found if path.suffix not in (".pyc", ".receipt"))
    return {str(path): path.lstat().st_mtime_ns for path in kept}


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
def foreign(service: BakedProject) -> BakedProject:
    """A service that works, in an environment that was made for another folder."""
    if os.name == "nt":  # where it is no link
        (service.path / ".venv" / "bootstrap.json").unlink()
    return service


# Brings .venv into being, and installs nothing.
MAKE = """
from pathlib import Path
from launcher.checks.service import Service
from launcher.environment import make
print(make(Service(Path.cwd().resolve())))
"""


def make(project: BakedProject) -> str:
    done = project.run("-c", MAKE)
    assert done.returncode == 0, done.stderr
    works = project.run(
        "-c", "import sys; assert sys.prefix.endswith('.venv')", python=project.python
    )
    assert works.returncode == 0, works.stderr
    return done.stdout.strip()


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


@pytest.mark.quick
def test_an_environment_of_its_own_that_does_not_work_is_remade(bare: BakedProject) -> None:
    venv, stamp = bare.path / ".venv", bare.path / ".venv" / "bootstrap.json"
    assert make(bare) == "made"
    assert json.loads(stamp.read_text())["half"], "nothing is installed yet"
    whole = {"path": str(venv.resolve())}
    stamp.write_text(json.dumps(whole))
    assert make(bare) == "kept"
    for wrong in (whole | {"half": True}, {"path": "/elsewhere/.venv"}):
        before = identity(bare)
        stamp.write_text(json.dumps(wrong))
        assert make(bare) == "made"
        assert identity(bare) != before
    (bare.path / ".venv.bootstrap/left").mkdir(parents=True)
    for damage in (remove_python, break_metadata):
        stamp.write_text(json.dumps(whole))
        damage(venv)
        assert make(bare) == "made"
    assert not list(bare.path.glob(".venv.*"))


def remove_python(venv: Path) -> None:
    for python in (venv / BIN).glob("python*"):
        python.unlink()


def break_metadata(venv: Path) -> None:
    """Leave what uv leaves when it is interrupted."""
    site = next(venv.glob("Lib/site-packages" if os.name == "nt" else "lib/*/site-packages"))
    (site / "click-8.5.1.dist-info").mkdir()


def make_file(venv: Path) -> None:
    venv.write_text("mine", encoding="utf-8")


def make_folder(venv: Path) -> None:
    venv.mkdir()
    (venv / "mine.txt").write_text("mine", encoding="utf-8")


def make_dangling_link(venv: Path) -> None:
    venv.symlink_to("nowhere")


def make_environment_without_python(venv: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    remove_python(venv)


def make_environment_without_metadata(venv: Path) -> None:
    """Its Python would install into the environment that it was made with."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (venv / "pyvenv.cfg").unlink()


def make_environment_with_half_a_package(venv: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    break_metadata(venv)


@pytest.mark.quick
@pytest.mark.parametrize(
    "fault",
    [
        make_file,
        make_folder,
        pytest.param(make_dangling_link, marks=posix_only),
        make_environment_without_python,
        make_environment_without_metadata,
        make_environment_with_half_a_package,
    ],
)
def test_what_somebody_else_made_and_does_not_work_is_moved_aside(
    fault: Callable[[Path], None], bare: BakedProject
) -> None:
    venv, former = bare.path / ".venv", bare.path / ".venv.old"
    fault(venv)
    before = content_of(venv)
    assert former.name in make(bare)
    assert content_of(former) == before
    shutil.rmtree(venv)
    make_file(venv)
    assert f"{former.name}1" in make(bare)
    assert content_of(former) == before


def content_of(path: Path) -> object:
    if path.is_symlink():
        return os.readlink(path)
    if path.is_file():
        return path.read_bytes()
    return {str(each.relative_to(path)): each.lstat().st_mtime_ns for each in path.rglob("*")}


@posix_only
def test_the_folder_of_the_development_database_is_for_its_user_alone(
    shared_service: BakedProject,
) -> None:
    instance = shared_service.path / "instance"
    assert (instance / "development.db").exists()
    assert instance.stat().st_mode & 0o777 == 0o700


@posix_only
def test_the_hint_for_a_link_to_nowhere_leads_to_a_service_that_starts(
    bare: BakedProject, empty_python: Path
) -> None:
    make_dangling_link(bare.path / ".venv")
    problems = dataclasses.replace(bare, started_by=empty_python).problems(PORT="0")
    assert len({problem["hint"] for problem in problems}) == 1, "nobody knows which to follow"
    done = follow(bare, problems[0])
    assert good(done), done.stdout + done.stderr
    assert bare.ids(PORT="0") == set()


def test_a_service_that_runs_meanwhile_holds_its_port_by_right(moved: BakedProject) -> None:
    with moved.start() as server:
        done = moved.run("bootstrap.py", PORT=str(server.port))
        assert good(done), done.stdout + done.stderr
        assert http(f"{server.url}/ping").status == 200


def test_a_good_environment_that_somebody_else_made_is_used(bare: BakedProject) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare.path / ".venv"], check=True)
    before = identity(bare)
    done = bare.run("bootstrap.py", PORT="0")
    assert good(done), done.stdout + done.stderr
    assert identity(bare) == before
    assert bare.ids(PORT="0") == set()


@dataclass(frozen=True)
class OtherEnvironment:
    """A virtual environment that is active and is not the service's."""

    path: Path

    @property
    def python(self) -> Path:
        return self.path / BIN / Path(sys.executable).name

    def variables(self, folder: Path, uv: bool) -> dict[str, str]:
        """All that is known to send an installer elsewhere, or to keep it from its work."""
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
            "PIP_ROOT": wrong,
            "PIP_DRY_RUN": "1",
            "PIP_NO_DEPS": "1",
            "UV_TARGET": wrong,
            "UV_PYTHON": sys.executable,
            "UV_WORKING_DIR": str(folder),
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
) -> None:
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
    "uvx": ("uv", "tool", "run", "--from", "cookiecutter==2.7.1", "cookiecutter"),
    "pipx": ("pipx", "run", "--backend=uv", "--spec", "cookiecutter==2.7.1", "cookiecutter"),
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
    places["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # has uv
    done = generate(tmp_path, command=(sys.executable, "-m", *RUNNERS[runner]), **places)
    assert good(done), done.stdout
    assert not re.search(r"^Traceback", done.stdout, re.MULTILINE)
    assert [path for path in home.rglob("site-packages/flask") if path.is_dir()] == []
    shutil.rmtree(home)
    with made_in(tmp_path).start() as server:
        assert http(f"{server.url}/ping").status == 200


PIP_CONFIGURATION = """
[global]
index-url = https://user:password@example.org/simple
extra-index-url =
    https://a.example.org/simple
    https://b.example.org/simple
find-links = /wheels
trusted-host = example.org
cert = /certificate.pem
timeout = 7
[install]
no-index = true
find-links = /others
[freeze]
constraint = /not/for/this
"""
INSTALLER = """
import json, sys
from pathlib import Path
from launcher.installer import installer
print(json.dumps(installer(Path(".venv"), "compile" in sys.argv)))
"""


@pytest.mark.quick
def test_uv_is_told_what_pip_is_configured_to(
    bare: BakedProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSL_CERT_FILE", *filter(INDEX_SETTING.fullmatch, list(os.environ))):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "pip.conf"
    path.write_text(PIP_CONFIGURATION, encoding="utf-8")
    env = {"PIP_CONFIG_FILE": str(path), "PIP_CERT": "/other.pem", "PIP_FIND_LINKS": ""}
    name, (command,), variables = json.loads(bare.run("-c", INSTALLER, **env).stdout)
    assert name == "uv"
    assert [option for option in command if re.match("--(?!constraint)", option)] == [
        "--python",
        "--index-url=https://user:password@example.org/simple",
        "--extra-index-url=https://a.example.org/simple",
        "--extra-index-url=https://b.example.org/simple",
        "--find-links=/others",
        "--trusted-host=example.org",
        "--no-index",
    ]
    assert variables["SSL_CERT_FILE"] == "/other.pem"


@pytest.mark.quick
def test_uv_is_told_only_whom_not_to_trust_if_it_knows_where_packages_are(
    bare: BakedProject,
) -> None:
    env = {"UV_INDEX": "https://example.org", "PIP_ONLY_BINARY": ":all:"}
    _, (command,), _ = json.loads(bare.run("-c", INSTALLER, **env).stdout)
    assert [option for option in command if option.startswith("--")] == [
        "--python",
        "--only-binary=:all:",
    ]


@pytest.mark.quick
def test_everything_is_compiled_only_where_python_could_not_keep_what_it_compiles(
    bare: BakedProject,
) -> None:
    asked = [json.loads(bare.run("-c", INSTALLER, *how).stdout) for how in ((), ["compile"])]
    assert ["--compile-bytecode" in commands[-1] for _, commands, _ in asked] == [False, True]


def test_hashes_that_are_demanded_are_not_given_up_silently(bare: BakedProject) -> None:
    done = bare.run("bootstrap.py", PIP_REQUIRE_HASHES="1")
    assert done.returncode == 1
    assert "must have a hash" in done.stderr
    assert "unset PIP_REQUIRE_HASHES" in done.stderr.replace("Remove-Item Env:", "unset ")
    assert bare.run("-m", "pip", "--version", python=bare.python).returncode == 0


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


@posix_only
def test_ctrl_c_while_the_environment_is_made_shows_how_to_go_on_and_no_traceback(
    bare: BakedProject, other_environment: OtherEnvironment
) -> None:
    """At once, and while pip is put into it."""
    for begun in (bare.path, bare.python):
        with bootstrapping(
            bare, python=other_environment.python, PATH=path_without_uv()
        ) as started:
            wait_until(lambda begun=begun, started=started: begun.exists() and started.output)
            os.killpg(started.process.pid, signal.SIGINT)
            started.process.wait(ANSWER_WITHIN)
        assert started.process.returncode == 130
        assert "Traceback" not in started.output
        assert started.output.endswith("bootstrap.py\n"), started.output


@posix_only
def test_what_bootstrap_has_started_when_it_is_killed_alone_is_waited_for(
    bare: BakedProject,
) -> None:
    with silent_index("uv") as index, bootstrapping(bare) as started, index.accept()[0]:
        orphans = started.family[1:]
        started.process.kill()
        started.process.wait()
        with bootstrapping(bare) as other:
            wait_until(lambda: "waiting" in other.output)
            for orphan in orphans:
                orphan.kill()
            with index.accept()[0]:  # it has gone on to install
                assert other.process.poll() is None


def test_the_first_start_ends_with_bootstrap(moved: BakedProject) -> None:
    with bootstrapping(moved) as started:
        wait_until(lambda: serves_once(moved) or started.process.poll() is not None)
        started.process.kill()
        started.process.wait()
        wait_until(lambda: not left_behind(str(moved.path)))


def serves_once(project: BakedProject) -> bool:
    commands = (each.info["cmdline"] or [] for each in psutil.process_iter(["cmdline"]))
    return any("--until-eof" in each and str(project.python) in each for each in commands)


def test_a_package_that_is_damaged_in_uv_s_cache_too_is_mended(
    bare: BakedProject, tmp_path: Path
) -> None:
    """uv may link the files, so that an editor which writes into one writes into its cache."""
    variables = {"PORT": "0", "UV_CACHE_DIR": str(tmp_path / "cache")}
    assert good(bare.run("bootstrap.py", **variables))
    damaged = next((bare.path / ".venv").rglob("itsdangerous/encoding.py"))
    is_linked = damaged.stat().st_nlink > 1
    damaged.write_text("(")
    done = bare.run("bootstrap.py", **variables)
    assert good(done), done.stdout + done.stderr
    assert done.stdout.count("Reinstalling") == 1 + is_linked


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
    """That proves what the first start would."""
    with bootstrapping(moved, "--start", PORT="0") as server:
        server.wait_for_url()
        assert "[5/5] Checks" in server.output
        assert http(f"{server.url}/ping").json == {"status": "ok"}
        again = moved.run("bootstrap.py", PORT="0")
        assert good(again), "the server is no bootstrap.py that one would have to wait for"
        server.process.terminate()
        server.process.wait(ANSWER_WITHIN)
        with socket.socket() as free:
            assert free.connect_ex(("127.0.0.1", server.port)) != 0
    if os.name != "nt":
        assert server.process.returncode == -signal.SIGTERM


HEALTH = "backend/core/health.py"


@pytest.mark.parametrize("status", ["204", "404"])
def test_it_fails_if_ping_does_not_answer_200(status: str, foreign: BakedProject) -> None:
    replace(foreign.path / HEALTH, "content_type=", f"status={status}, content_type=")
    done = foreign.run("bootstrap.py", PORT="0")
    assert done.returncode == 1, done.stdout + done.stderr
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
    assert "not today" in done.stdout


def test_it_fails_if_a_check_does(foreign: BakedProject) -> None:
    with (foreign.path / "config" / "development.py").open("a", encoding="utf-8") as file:
        file.write("QLALCHEMY_TRACK_MODIFICATIONS = False\n")
    done = foreign.run("bootstrap.py", PORT="0")
    assert done.returncode == 1
    assert "QLALCHEMY_TRACK_MODIFICATIONS" in done.stdout
    assert ANSWERED not in done.stdout


def test_it_fails_if_the_port_is_held_and_goes_on_once_the_hint_is_followed(reader: Reader) -> None:
    """Be the port a setting or a variable."""
    project, default = reader.project, reader.project.path / "config/default.py"
    with holding() as (port, _):
        edit(default, "PORT: int = 0", f"PORT: int = {port}")
        reader.exported = {"PORT": str(port)}
        done = project.run("bootstrap.py", **reader.exported)
        assert done.returncode == 1
        assert f"port {port} is held" in done.stdout
        assert "bootstrap.py" in done.stderr
        reader.follow(reader.problems())
        done = project.run("bootstrap.py", **reader.exported)
        assert good(done), done.stdout + done.stderr
        reader.exported.clear()
        reader.follow(reader.problems())
        assert reader.problems() == [], "as bootstrap.py finds it"


def test_it_says_what_is_wrong_with_the_file_system_and_goes_on_once_that_is_mended(
    bare_service: BakedProject, tmp_path: Path
) -> None:
    with file_system(tmp_path, "size=3m,noexec"):
        project = bare_service.copy(tmp_path)
        for reason, mended in (
            ("noexec", "exec"),
            ("No space left on device", "size=400m"),
        ):
            done = project.run("bootstrap.py", PORT="0")
            assert (done.returncode, reason in done.stderr) == (1, True), done.stderr
            assert "Traceback" not in done.stderr
            subprocess.run(["mount", "-o", f"remount,{mended}", str(tmp_path)], check=True)
        done = project.run("bootstrap.py", PORT="0")
        assert good(done), done.stdout + done.stderr


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
