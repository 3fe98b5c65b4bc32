"""The container, as far as it can be run without an engine, and the files for Compose and CI.

The Dockerfile's own steps are carried out from its text, in a file system that is put together
from the machine's: with the service where the Dockerfile has it, and with nothing to write to.
"""

import contextlib
import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from packaging.specifiers import SpecifierSet
from postgresql import PROGRAMS, PostgreSQL, query
from services import (
    ANSWER_WITHIN,
    INSTALL_WITHIN,
    BakedProject,
    bake,
    environment,
    free_port,
    http,
    production,
    wait_until,
)

INSTRUCTIONS = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "ENV", "EXPOSE", "HEALTHCHECK", "CMD"}
PYTHON = getattr(sys, "_base_executable", sys.executable)
# What an image has besides Python. /dev has the only place that everybody may write to, /dev/shm.
SYSTEM = ("/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/usr")
# Where the image's command `python` is.
COMMANDS = "/commands"
SEARCHED = f"{COMMANDS}:/usr/bin:/bin"
# How the machine reaches a package index.
INSTALLER = re.compile(r"PIP_\w+|\w+_PROXY|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|HOME", re.IGNORECASE)
# What a folder has after some work, and no image is to have; .dockerignore keeps it out.
LEFTOVERS = (".cruft.json", ".env", ".git/config", ".venv/left", "instance/development.db",
             "tests/test_left.py", ".ruff_cache/left", ".pytest_cache/left",
             "backend/__pycache__/left.pyc", "__pycache__/left.pyc",
             "backend/routes/__pycache__/left.pyc")  # fmt: skip


def may_mount() -> bool:
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    return subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode == 0


as_root = pytest.mark.skipif(not may_mount(), reason="needs Linux, root and the right to mount")


@dataclass
class Stage:
    """What follows a FROM."""

    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        return [text for name, text in self.steps if name == instruction]

    def the(self, instruction: str) -> str:
        (text,) = self.all(instruction)
        return text

    @property
    def environment(self) -> dict[str, str]:
        words = shlex.split(" ".join(self.all("ENV")))
        return dict(word.split("=", 1) for word in words)


def read_dockerfile(path: Path) -> tuple[Stage, Stage]:
    """Return the stage that builds and the one that is kept."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    stages: list[Stage] = []
    for line in filter(re.compile(r"\s*[^#\s]").match, text.splitlines()):
        instruction, _, rest = line.partition(" ")
        assert instruction in INSTRUCTIONS, f"the tests do not know {instruction}"
        if instruction == "FROM":
            stages.append(Stage(rest))
        stages[-1].steps.append((instruction, rest))
    build, kept = stages
    return build, kept


def argv(command: str) -> list[str]:
    """Return what is run: the exec form as it is, anything else by the shell."""
    return json.loads(command) if command.startswith("[") else ["/bin/sh", "-c", command]


def ignored(name: str, patterns: list[str]) -> bool:
    """Return whether the file, or a folder that it is in, is kept out of the build."""
    path = Path(name)
    names = [path.as_posix(), *(parent.as_posix() for parent in path.parents)]
    return any(re.fullmatch(regex(pattern), name) for pattern in patterns for name in names)


def regex(pattern: str) -> str:
    assert not set(pattern) & set("!?[]\\"), f"the tests do not know {pattern}"
    pieces = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
    parts = re.split(r"(\*\*/|\*\*|\*)", pattern)
    return "".join(pieces.get(part, re.escape(part)) for part in parts)


def build_context(folder: Path) -> list[str]:
    """Return the names of the files that are sent to a build in the folder."""
    patterns = (folder / ".dockerignore").read_text(encoding="utf-8").split()
    files = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    names = (path.relative_to(folder).as_posix() for path in files)
    return sorted(name for name in names if not ignored(name, patterns))


def copy_context(folder: Path, sources: list[str], target: Path) -> None:
    """Do what COPY does with some files or with all of them."""
    for name in build_context(folder):
        if sources == ["."] or name in sources:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / name, target / name, follow_symlinks=False)
    assert sources == ["."] or all((target / name).exists() for name in sources)


@dataclass(frozen=True)
class FileSystem:
    """What a command sees that is run in it; nobody else sees it, and it ends with the command.

    In `folder` are the service's folder, Docker's command `python`, and a place to mount all on.
    """

    folder: Path
    service: Path
    workdir: str
    visible: tuple[str, ...]
    read_only: bool = False

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def script(self) -> str:
        """Put the file system together and run the arguments in it, the first being the user."""
        root = shlex.quote(str(self.root))
        lines = ["set -e", "PATH=$PATH:/usr/sbin:/sbin", f"mount -t tmpfs -o mode=755 none {root}"]
        lines += map(self.show, map(Path, self.visible))
        lines += [
            self.bind(self.folder / "commands", COMMANDS),
            self.bind(self.service, self.workdir),
        ]
        lines += [f"[ -e {root}/tmp ] || mkdir -m 1777 {root}/tmp"]
        if self.read_only:
            lines += [
                f"mount -o remount,ro,bind {root}{self.workdir}",
                f"mount -o remount,ro {root}",
            ]
        inside = f"env --ignore-environment --chdir={self.workdir}"
        lines += [
            "user=$1; shift",
            f'exec chroot --userspec=$user:$user --groups= {root} {inside} "$@"',
        ]
        return "\n".join(lines)

    def show(self, path: Path) -> str:
        """Bind a folder where it is, and copy a link such as /bin."""
        if path.is_symlink():
            return shlex.join(["cp", "-P", str(path), str(self.root)])
        return self.bind(path, str(path))

    def bind(self, source: Path, target: str) -> str:
        where = f"{self.root}{target}"
        mount = ["mount", "--rbind", str(source), where]
        return f"{shlex.join(['mkdir', '-p', where])}\n{shlex.join(mount)}"

    def command(self, user: str, environment: dict[str, str], arguments: list[str]) -> list[str]:
        variables = [f"{name}={value}" for name, value in environment.items()]
        unshared = ["unshare", "--mount", "sh", "-c", self.script, "sh", user]
        return [*unshared, *variables, *arguments]


@dataclass(frozen=True)
class Image:
    """What the Dockerfile makes. `settings` is what a container of it is given besides."""

    kept: Stage
    files: FileSystem
    output: str
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.files.service

    def command(self, arguments: list[str], **env: str) -> list[str]:
        own = {"PATH": SEARCHED} | self.kept.environment
        return self.files.command(self.kept.the("USER"), own | self.settings | env, arguments)

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(list(arguments), **env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=ANSWER_WITHIN,
        )

    @contextlib.contextmanager
    def start(self, log: Path, *arguments: str, **env: str) -> Iterator[psutil.Popen]:
        """Run it until the end of the block at most. Nothing of it is left then."""
        with log.open("wb") as output:
            process = psutil.Popen(
                self.command(list(arguments), **env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                end(process)


def end(process: psutil.Popen) -> int:
    """End it as an engine does, and return its exit code."""
    family = [process, *process.children(recursive=True)]
    process.terminate()
    code = process.wait(ANSWER_WITHIN)
    wait_until(lambda: not any(one.is_running() for one in family))
    return code


@pytest.fixture(scope="module")
def baked(cookies_session: Any) -> BakedProject:
    return bake(cookies_session, port="6123")


@pytest.fixture(scope="module")
def stages(baked: BakedProject) -> tuple[Stage, Stage]:
    return read_dockerfile(baked.path / "Dockerfile")


@pytest.fixture(scope="module")
def compose(baked: BakedProject) -> Any:
    return yaml.safe_load((baked.path / "compose.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def workflow(baked: BakedProject) -> Any:
    return yaml.safe_load((baked.path / ".github/workflows/ci.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def built(
    baked: BakedProject, stages: tuple[Stage, Stage], made_once: Callable[..., Path]
) -> Image:
    """The Dockerfile carried out, in a folder that has been worked in."""
    build, kept = stages
    folder = made_once("image", lambda folder: make_image(folder, build, baked))
    assert kept.the("COPY").split() == ["--from=build", build.the("WORKDIR"), "."]
    files = FileSystem(folder, folder / "kept", kept.the("WORKDIR"), image_folders())
    return Image(kept, files, (folder / "output").read_text(encoding="utf-8"))


def make_image(folder: Path, build: Stage, baked: BakedProject) -> None:
    for name in ("commands", "root", "build"):
        (folder / name).mkdir(mode=0o755, parents=True)
    provide_python(folder / "commands" / "python")
    files = FileSystem(folder, folder / "build", build.the("WORKDIR"), all_folders())
    output = carry_out(build, files, work_in(baked.copy(folder / "context")).path)
    (folder / "output").write_text(output, encoding="utf-8")
    shutil.copytree(folder / "build", folder / "kept", symlinks=True)


def provide_python(command: Path) -> None:
    """Let the tests' own Python, of whatever version, be that of the image."""
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(PYTHON)} "$@"\n')
    command.chmod(0o755)


def work_in(project: BakedProject) -> BakedProject:
    for name in LEFTOVERS:
        (project.path / name).parent.mkdir(parents=True, exist_ok=True)
        (project.path / name).write_text("left behind")
    return project


def carry_out(build: Stage, files: FileSystem, context: Path) -> str:
    """Do what the stage says, and return what its commands have printed."""
    output = ""
    for instruction, text in build.steps:
        if instruction == "COPY":
            *sources, target = text.split()
            assert target in (".", "./")
            copy_context(context, sources, files.service)
        elif instruction == "RUN":
            output += run_step(text, files)
        else:
            assert instruction in ("FROM", "WORKDIR")
    return output


def run_step(text: str, files: FileSystem) -> str:
    """Run it as root. A package that would have to be built is an error: there is no compiler."""
    machine = {name: value for name, value in os.environ.items() if INSTALLER.fullmatch(name)}
    environment = machine | {"PATH": SEARCHED, "PIP_ONLY_BINARY": ":all:"}
    done = subprocess.run(
        files.command("0", environment, argv(text)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=INSTALL_WITHIN,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def all_folders() -> tuple[str, ...]:
    return tuple(f"/{name}" for name in os.listdir("/") if Path("/", name).is_dir())


def image_folders() -> tuple[str, ...]:
    """Return the system's folders and that of Python."""
    present = tuple(filter(os.path.exists, SYSTEM))
    prefix = Path(sys.base_prefix)
    return present if any(map(prefix.is_relative_to, present)) else (*present, str(prefix))


@pytest.fixture(params=["read_only", "writable"])
def image(request: pytest.FixtureRequest, built: Image, server: PostgreSQL) -> Iterator[Image]:
    """The image with its database, migrated; a container changes nothing in its folder."""
    files = replace(built.files, read_only=request.param == "read_only")
    settings = {"DATABASE_URL": server.new_database(), "SECRET_KEY": secrets.token_hex(32)}
    before = state_of(built.folder)
    yield replace(built, files=files, settings=settings)
    assert state_of(built.folder) == before


def state_of(folder: Path) -> dict[str, tuple[int, ...]]:
    found = ((str(path), path.lstat()) for path in [folder, *folder.rglob("*")])
    return {name: (stat.st_mtime_ns, stat.st_mode, stat.st_uid) for name, stat in found}


@pytest.fixture
def migrated(image: Image, compose: dict[str, Any]) -> Image:
    done = image.run(*shlex.split(compose["services"]["migrate"]["command"]))
    assert done.returncode == 0, done.stdout
    return image


def serving_command(image: Image) -> list[str]:
    """Return the image's command, which is to be heard outside; tests listen on loopback alone."""
    command = argv(image.kept.the("CMD"))
    assert command.count("0.0.0.0") == 1
    return [word.replace("0.0.0.0", "127.0.0.1") for word in command]


@contextlib.contextmanager
def serving(image: Image, folder: Path) -> Iterator[tuple[psutil.Popen, str]]:
    """Run the image's command; yields its process and its URL."""
    port, log = free_port(), folder / "web.log"
    with image.start(log, *serving_command(image), PORT=str(port)) as process:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(process, url, log))
        yield process, url


def answers(process: psutil.Popen, url: str, log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    with contextlib.suppress(OSError):
        return http(f"{url}/ping").status == 200
    return False


def healthy(image: Image, port: int) -> bool:
    command = re.sub(r"^(?:--\S+\s+)*CMD\s+", "", image.kept.the("HEALTHCHECK"))
    return image.run(*argv(command), PORT=str(port)).returncode == 0


def scheduler_seen(url: str) -> datetime | None:
    seen = http(f"{url}/readyz").json["scheduler_seen"]
    return seen and datetime.fromisoformat(seen)


def seen_since(url: str, moment: datetime) -> Callable[[], bool]:
    """Return a question: has a scheduler been seen since then? `/readyz` says whole seconds."""
    return lambda: (scheduler_seen(url) or moment.min.replace(tzinfo=UTC)) >= moment


@as_root
def test_an_image_has_the_service_and_nothing_left_behind(built: Image) -> None:
    names = {path.relative_to(built.folder).as_posix() for path in built.folder.rglob("*")}
    assert {"run.py", "wsgi.py", "gunicorn.conf.py", "backend/__init__.py", "migrations"} <= names
    assert not names & {*LEFTOVERS, ".git", ".github", "instance", "tests", "Dockerfile"}


@as_root
def test_no_package_of_an_image_is_built_from_source(built: Image) -> None:
    assert "Successfully installed" in built.output
    assert not re.search(r"Building wheel|Running setup\.py|Preparing metadata", built.output)


@as_root
@pytest.mark.parametrize("place", [".", "backend", ".venv", "instance", "/tmp/x"])
def test_the_user_of_an_image_can_write_nothing_in_it(image: Image, place: str) -> None:
    done = image.run(
        "/bin/sh", "-c", 'id -u; id -g; id -G; mkdir -p "$1" && > "$1/new"', "sh", place
    )
    user = image.kept.the("USER")
    assert done.stdout.split()[:3] == [user, user, user]
    assert (done.returncode == 0) == (place == "/tmp/x" and not image.files.read_only)


@as_root
def test_a_container_serves_is_healthy_and_ends(migrated: Image, tmp_path: Path) -> None:
    with serving(migrated, tmp_path) as (process, url):
        port = int(url.rpartition(":")[2])
        wait_until(lambda: http(f"{url}/readyz").status == 200)
        sent = http(f"{url}/api/chat", b'{"message": "hello"}', Content_Type="application/json")
        assert sent.status == 200, sent
        assert healthy(migrated, port)
        family = [process, *process.children(recursive=True)]
        assert {id for one in family for id in one.uids() + one.gids()} == {
            int(migrated.kept.the("USER"))
        }
        assert end(process) == 0, (tmp_path / "web.log").read_text()
        assert not healthy(migrated, port)


@as_root
def test_a_container_whose_database_is_not_migrated_does_not_serve(image: Image) -> None:
    done = image.run(*serving_command(image), PORT=str(free_port()))
    assert done.returncode == 1
    assert "db upgrade" in done.stdout


@as_root
def test_a_scheduler_s_container_is_seen_and_ends(
    migrated: Image, compose: dict[str, Any], tmp_path: Path
) -> None:
    command = shlex.split(compose["services"]["scheduler"]["command"])
    started = datetime.now(UTC).replace(microsecond=0)
    log = tmp_path / "scheduler.log"
    with serving(migrated, tmp_path) as (_, url), migrated.start(log, *command) as process:
        assert (seen := scheduler_seen(url)) is None or seen < started
        wait_until(seen_since(url, started))
        assert process.poll() is None
        assert end(process) == 0, log.read_text()


def test_the_last_stage_adds_nothing_to_a_slim_python(
    stages: tuple[Stage, Stage], baked: BakedProject
) -> None:
    build, kept = stages
    assert build.base == f"{kept.base} AS build"
    version = re.fullmatch(r"python:([\d.]+)-slim@sha256:[0-9a-f]{64}", kept.base)
    assert version
    assert supported(baked).contains(version[1])
    assert "apt-get" not in (baked.path / "Dockerfile").read_text(encoding="utf-8")
    assert kept.all("RUN") == []


def test_an_image_is_run_by_a_user_who_is_not_root_and_needs_no_name(
    stages: tuple[Stage, Stage],
) -> None:
    user = stages[1].the("USER")
    assert user.isdecimal()
    assert int(user) > 0


def test_compose_runs_the_database_the_migration_the_web_and_the_jobs(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]
    assert set(services) == {"database", "migrate", "web", "scheduler"}
    assert services["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    for name in ("web", "scheduler"):
        after = {"migrate": {"condition": "service_completed_successfully"}}
        assert services[name]["depends_on"] == after


def test_compose_gives_containers_no_more_than_they_need(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["mem_limit"]
        assert service["pids_limit"]
        assert not service.keys() & {"privileged", "cap_add"}
        assert service.get("user") == "postgres" or service["read_only"] is True, name


@pytest.mark.skipif(sys.platform == "win32", reason="PostgreSQL is started the POSIX way")
def test_the_role_that_compose_makes_runs_the_service_and_is_no_superuser(
    compose: dict[str, Any], project: BakedProject, server: PostgreSQL
) -> None:
    server.execute("CREATE ROLE postgres SUPERUSER LOGIN PASSWORD 'of-the-superuser'")
    program = str(server.folder / PROGRAMS / "psql")
    psql = [program, "--set=ON_ERROR_STOP=1", "--no-psqlrc", server.url()]
    subprocess.run(
        psql,
        input=compose["configs"]["role"]["content"],
        env=environment(POSTGRES_PASSWORD="of-the-role"),
        text=True,
        check=True,
    )
    url = compose["services"]["web"]["environment"]["DATABASE_URL"]
    url = url.replace("${POSTGRES_PASSWORD:?}", "of-the-role")
    url = url.replace("@database/", f"@127.0.0.1:{server.port}/")
    assert project.run("run.py", "db", "upgrade", **production(url)).returncode == 0
    assert project.ids(**production(url)) == set()
    rights = "rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls"
    assert query(url, f"SELECT {rights} FROM pg_roles WHERE rolname = current_user") == [(False,)]
    superuser = "SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'"
    assert query(server.url(), superuser) == [(None,)]


def test_compose_maps_the_port_that_was_asked_for(
    compose: dict[str, Any], stages: tuple[Stage, Stage]
) -> None:
    inner = stages[1].environment["PORT"]
    assert stages[1].the("EXPOSE") == inner
    assert compose["services"]["web"]["ports"] == [f"127.0.0.1:6123:{inner}"]


def test_no_secret_has_a_default_in_compose(compose: dict[str, Any], baked: BakedProject) -> None:
    text = (baked.path / "compose.yaml").read_text(encoding="utf-8")
    variables = re.findall(r"\$\{.*?\}", text)
    required = {variable for variable in variables if not variable.endswith(":-}")}
    assert required == {"${POSTGRES_PASSWORD:?}", "${SECRET_KEY:?}"}
    for service in compose["services"].values():
        for name, value in service["environment"].items():
            assert any(variable in value for variable in variables), name


def test_the_service_knows_every_variable_that_compose_passes(
    compose: dict[str, Any], stages: tuple[Stage, Stage], baked: BakedProject
) -> None:
    production = (baked.path / "config/production.py").read_text(encoding="utf-8")
    known = set(re.findall(r'"([A-Z_]+)"', production)) | stages[1].environment.keys()
    for name in ("migrate", "web", "scheduler"):
        assert compose["services"][name]["environment"].keys() <= known


def test_the_workflow_of_a_service_tests_on_a_postgresql_of_its_own(
    workflow: dict[str, Any],
) -> None:
    (job,) = [job for job in workflow["jobs"].values() if "services" in job]
    server = job["services"]["postgres"]
    assert server["image"].startswith("postgres:")
    assert server["ports"] == ["5432:5432"]
    password = server["env"]["POSTGRES_PASSWORD"]
    url = f"postgresql://postgres:{password}@127.0.0.1/postgres"
    assert job["env"]["TEST_DATABASE_URL"] == url
    assert any("pytest" in step.get("run", "") for step in job["steps"])


def test_the_workflow_of_a_service_uses_supported_versions_of_python(
    workflow: dict[str, Any], baked: BakedProject
) -> None:
    used = set()
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            if asked := step.get("with", {}).get("python-version"):
                used |= set(job["strategy"]["matrix"]["python"] if "matrix" in asked else [asked])
    assert used
    assert all(supported(baked).contains(version) for version in used)


def supported(baked: BakedProject) -> SpecifierSet:
    project = tomllib.loads((baked.path / "pyproject.toml").read_text(encoding="utf-8"))
    return SpecifierSet(project["project"]["requires-python"])
