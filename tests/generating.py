"""Runs the real cookiecutter command, with everything that it keeps below one folder."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from cookiecutter.utils import create_env_with_context
from services import INSTALL_WITHIN, TEMPLATE, BakedProject, environment

SERVICE = TEMPLATE / "{{cookiecutter.project_slug}}"
COOKIECUTTER = (sys.executable, "-m", "cookiecutter")
ODD_FOLDER = "プロジェクト (1) %x% & co"
NAME_FOR_EVERY_CONSOLE = "気象サービス🎉"
# Neither coerced to UTF-8 nor read as UTF-8, as on a bare server of old.
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
CONSOLES = {"cp932": {"PYTHONIOENCODING": "cp932"}, "c-locale": C_LOCALE}
NOISE = re.compile(r"^Traceback|^\s*(WARNING|DeprecationWarning)|Warning: ", re.MULTILINE)
INDEX = {"pip": "PIP_INDEX_URL", "uv": "UV_DEFAULT_INDEX"}
INDEX_SETTING = re.compile(r"(PIP|UV)_(\w*INDEX\w*|FIND_LINKS|CONFIG_FILE)")
# The installers read no file, remember nothing, try once and use no proxy.
ON_THEIR_OWN = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1", "PIP_RETRIES": "0",
                "UV_NO_CONFIG": "1", "UV_NO_CACHE": "1", "UV_HTTP_RETRIES": "0",
                "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}  # fmt: skip
OUT_OF_TIME = 120


def generator_environment(folder: Path, **changes: str) -> dict[str, str]:
    """Everything that cookiecutter keeps, its rendered hooks too, goes below the folder.

    Port 0 is always free: the default port is one that tests side by side would share.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "temporary").mkdir(exist_ok=True)
    config = folder / "cookiecutter.json"
    if not config.exists():
        write_config(folder)
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder / "temporary"))
    return environment(COOKIECUTTER_CONFIG=str(config), PORT="0", **places) | changes


def write_config(folder: Path, **answers: str) -> None:
    """Write cookiecutter's own configuration, which is YAML and so may be JSON."""
    kept = {"cookiecutters_dir": str(folder), "replay_dir": str(folder / "replay")}
    text = json.dumps(kept | {"default_context": answers}, ensure_ascii=False)
    (folder / "cookiecutter.json").write_text(text, encoding="utf-8")


def command_line(
    folder: Path, *answers: str | bytes, command: Sequence[str], template: str = str(TEMPLATE)
) -> list[str | bytes]:
    return [*command, template, "--no-input", "--output-dir", str(folder / "out"), *answers]


def generate(
    folder: Path,
    *answers: str | bytes,
    command: Sequence[str] = COOKIECUTTER,
    template: str = str(TEMPLATE),
    encoding: str = "utf-8",
    **env: str,
) -> subprocess.CompletedProcess[str]:
    """Run the real command below the folder; `stdout` is everything that it printed."""
    return subprocess.run(
        command_line(folder, *answers, command=command, template=template),
        env=generator_environment(folder, **env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding=encoding,
        errors="replace",
        timeout=INSTALL_WITHIN,
    )


def type_answers(folder: Path, *lines: str) -> subprocess.CompletedProcess[str]:
    """Run the real command, and type a line for each question."""
    return subprocess.run(
        [*COOKIECUTTER, str(TEMPLATE), "--output-dir", str(folder / "out")],
        env=generator_environment(folder),
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        encoding="utf-8",
    )


def questions() -> dict[str, Any]:
    asked: dict[str, Any] = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    return asked


def another_template(folder: Path, asked: Mapping[str, Any]) -> Path:
    """Make this template with other questions there."""
    for part in ("hooks", SERVICE.name):
        shutil.copytree(TEMPLATE / part, folder / part)
    (folder / "cookiecutter.json").write_text(json.dumps(asked), encoding="utf-8")
    return folder


def rendered(path: Path, answers: Mapping[str, Any]) -> str:
    """Return what cookiecutter makes of a file of the template's."""
    template = create_env_with_context({"cookiecutter": answers}).from_string(
        path.read_text(encoding="utf-8")
    )
    text: str = template.render(cookiecutter=answers)
    return text


def files_of(project: Path) -> dict[str, bytes]:
    """Return the content of each file that is not git's own, by its name."""
    found = (path for path in project.rglob("*") if path.is_file())
    names = ((path.relative_to(project), path) for path in found)
    return {name.as_posix(): path.read_bytes() for name, path in names if name.parts[0] != ".git"}


def made_in(folder: Path, slug: str = "my-service") -> BakedProject:
    return BakedProject(folder / "out" / slug)


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    """A port that nobody else can take, and on which every connection is refused."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextlib.contextmanager
def only_index(port: int, installer: str) -> Iterator[None]:
    """Name this index to one installer, which bootstrap then prefers, and hide all others."""
    settings = {INDEX[installer]: f"http://127.0.0.1:{port}/simple"} | ON_THEIR_OWN
    with pytest.MonkeyPatch.context() as patch:
        for hidden in filter(INDEX_SETTING.fullmatch, list(os.environ)):
            patch.delenv(hidden)
        for name, value in settings.items():
            patch.setenv(name, value)
        yield


@contextlib.contextmanager
def silent_index(installer: str) -> Iterator[socket.socket]:
    """An index that takes connections and never answers, and is the only one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(OUT_OF_TIME)
        with only_index(listener.getsockname()[1], installer):
            yield listener
