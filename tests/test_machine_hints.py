"""No hint leads to the next finding: where it is about packages, the environment, ports."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from breaking import append, holding, on_any_port, posix_only
from hints import Reader, follow_all, ids, steps_of
from postgresql import PostgreSQL
from services import BakedProject, Server, environment, http, running

pytestmark = posix_only


def test_packages(reader: Reader, shared_service: BakedProject, tmp_path: Path) -> None:
    """One that is required nowhere, and all the damage that an installer may leave."""
    project = shared_service.copy(tmp_path / "packages", own_environment=True)
    reader = Reader(on_any_port(project), reader.base)
    append(project.path / "backend/routes/chat.py", "import six  # noqa: E402, F401")
    (packages,) = project.path.glob(".venv/lib/python*/site-packages")
    damage(packages)
    problems = reader.problems()
    assert ids(problems) == {"dependencies.missing"}, problems
    reader.follow(problems)
    problems = reader.problems()  # what is not there hid what the application needs
    assert ids(problems) == {"application.broken"}, "\n".join(reader.said)
    (packages,) = project.path.glob(".venv/lib/python*/site-packages")
    (packages / "click/core.py").unlink()  # of which no installer knows
    reader.follow(problems)
    assert reader.problems() == [], "\n".join(reader.said)
    assert "Reinstalling" in reader.said[-1]


def damage(packages: Path) -> None:
    shutil.rmtree(next(packages.glob("click-*.dist-info")))
    shutil.rmtree(packages / "blinker")
    next(packages.glob("itsdangerous-*.dist-info/METADATA")).unlink()
    next(packages.glob("markupsafe-*.dist-info/RECORD")).unlink()
    (info,) = packages.glob("tzlocal-*.dist-info")
    info.rename(packages / "tzlocal-1.0.dist-info")
    (packages / "jinja2/environment.py").unlink()


def a_dangling_link(venv: Path) -> None:
    venv.symlink_to("nowhere")


def of_another_python(venv: Path) -> None:
    (venv / "bin").mkdir(parents=True)
    (venv / "pyvenv.cfg").write_text("home = /nowhere\nversion = 3.9.1\n")
    python = venv / "bin/python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)


def without_pip(venv: Path) -> None:
    """As `uv venv` or `python -m venv --without-pip` makes one, and nobody else."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)


def test_environments(reader: Reader) -> None:
    """What each of them lacks has the same hint, which is followed once."""
    venv = reader.project.path / ".venv"
    for make in (a_dangling_link, of_another_python, without_pip):
        if venv.is_symlink():
            venv.unlink()
        else:
            shutil.rmtree(venv)
        make(venv)
        problems = reader.problems()
        assert ids(problems) & {"python.version", "dependencies.missing"}, problems
        hints = {problem["hint"].replace("python3 ", "python ") for problem in problems}
        assert hints == {"python bootstrap.py"}
    reader.follow(problems)
    assert reader.problems() == [], "\n".join(reader.said)


def test_a_folder_that_begins_with_a_dash(reader: Reader, tmp_path: Path) -> None:
    """The command is followed where it was read, which is not in the folder."""
    (reader.project.path / "instance/development.db").unlink()
    folder = reader.project.path.rename(tmp_path / "-dash")
    said = subprocess.run([sys.executable, "--", "-dash/run.py", "check"], cwd=tmp_path,
                          env=environment(), capture_output=True, text=True).stdout  # fmt: skip
    hint = next(line for line in said.splitlines() if "db upgrade" in line).strip(" →->")
    elsewhere = Reader(BakedProject(tmp_path), reader.base)
    elsewhere.give(hint)
    assert BakedProject(folder).problems() == [], "\n".join(elsewhere.said)


def test_a_busy_port(reader: Reader) -> None:
    with holding() as (port, _):
        (problem,) = reader.problems(PORT=str(port))
        command = problem["hint"].split(", or ")[-1]
        with started(reader, command) as server:
            assert http(f"{server.url}/ping").status == 200
            again = [sys.executable, "run.py", "serve", "--port", str(server.port)]
            refused = subprocess.run(again, cwd=reader.project.path, env=environment(),
                                     capture_output=True, text=True).stderr  # fmt: skip
            hint = next(line for line in refused.splitlines() if "--replace" in line)
            with started(reader, steps_of(hint.strip(" →->"))[0]) as other:
                assert (other.port, http(f"{other.url}/ping").status) == (server.port, 200)


@contextmanager
def started(reader: Reader, command: str) -> Iterator[Server]:
    name, *arguments = shlex.split(command)
    assert name.startswith("python")
    with running([sys.executable, *arguments], reader.project.path) as server:
        server.wait_for_url()
        yield server


def test_production(reader: Reader, server: PostgreSQL, production_service: BakedProject) -> None:
    reader.project.path.joinpath(".venv").unlink()
    reader.project.path.joinpath(".venv").symlink_to(production_service.path / ".venv")
    append(reader.project.path / "config/default.py", "POINTS: Annotated[int, range(10)] = 5")
    append(
        reader.project.path / "config/production.py", "POINTS = number('POINTS', 5)\nDEBUG = True"
    )
    reader.url = server.new_database()
    reader.exported = {"ENVIRONMENT": "production", "POINTS": "x", "WEB_CONCURRENCY": "0",
                       "PROXY_COUNT": "x", "TRUSTED_HOSTS": "*.example.com", "PORT": "0",
                       "SECRET_KEY_FALLBACKS": "short"}  # fmt: skip
    follow_all(reader, "settings.missing", "settings.type", "settings.value", "settings.secret",
               "settings.debug")  # fmt: skip


def test_a_foreign_flask(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "foreign/flask").mkdir(parents=True)
    (tmp_path / "foreign/flask/__init__.py").touch()
    reader.exported = {"PYTHONPATH": str(tmp_path / "foreign")}
    follow_all(reader, "dependencies.version")


def test_an_environment_that_there_is_not(reader: Reader) -> None:
    reader.exported = {"ENVIRONMENT": "developmnt"}
    problems = reader.problems()
    assert ids(problems) == {"settings.environment"}
    reader.follow(problems)
    assert "settings.environment" not in ids(reader.problems())
