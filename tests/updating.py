"""A template of the test's own in a repository, and services that cruft makes and updates."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import generating
from generating import generator_environment
from services import INSTALL_WITHIN, TEMPLATE, BakedProject, environment

CRUFT = (sys.executable, "-m", "cruft")
SERVICE = generating.SERVICE.name
PARTS = ("cookiecutter.json", "hooks", SERVICE)
# Git reads no configuration of the machine's, and needs to be told who commits.
ALONE = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"} | {
    f"GIT_{role}_{what}": text
    for role in ("AUTHOR", "COMMITTER")
    for what, text in {"NAME": "Tests", "EMAIL": "tests@example.org"}.items()
}


def update_environment(folder: Path, **changes: str) -> dict[str, str]:
    """Whatever cruft and git keep or are told is below the folder, or given here."""
    return generator_environment(folder, HOME=str(folder), **ALONE) | changes


@dataclass(frozen=True)
class Repository:
    """A folder in git."""

    path: Path

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env=environment(**ALONE),
            capture_output=True,
            encoding="utf-8",
            check=True,
        ).stdout

    def commit(self, name: str) -> None:
        """Commit everything, and tag it with the name."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", name)
        self.git("tag", name)

    def files(self, commit: str, *folders: str) -> dict[str, str]:
        """Return the content, as git names it, of each file in the commit."""
        lines = self.git("ls-tree", "-rz", commit, "--", *folders).rstrip("\0").split("\0")
        parts = (line.partition("\t") for line in lines if line)
        return {name: about.split()[2] for about, _, name in parts}


def new_template(path: Path) -> Repository:
    """Return a repository with this template in it, as it stands."""
    listed = subprocess.check_output(
        ["git", "ls-files", "-z", "--", *PARTS], cwd=TEMPLATE, encoding="utf-8"
    )
    for name in filter(None, listed.split("\0")):
        if (TEMPLATE / name).exists():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TEMPLATE / name, path / name)
    return begin(path, "first")


def begin(path: Path, name: str) -> Repository:
    """Put a folder into git, with one commit of that name."""
    repository = Repository(path)
    repository.git("init", "--quiet")
    repository.commit(name)
    return repository


def cruft(
    folder: Path, *arguments: object, cwd: Path, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run the real command; what it keeps is below the folder."""
    return subprocess.run(
        [*CRUFT, *map(str, arguments)],
        cwd=cwd,
        env=update_environment(folder, **env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=INSTALL_WITHIN,
    )


def out(folder: Path) -> Path:
    """Where services are made: as deep in the temporary folder as cruft's scratch folders are."""
    return folder / "temporary" / "services"


def create(
    folder: Path, template: Repository, answers: Mapping[str, str], **env: str
) -> BakedProject:
    """Make a service that is not bootstrapped, and commit it."""
    given = ("--no-input", "--extra-context", json.dumps(dict(answers)))
    place = ("--output-dir", out(folder))
    done = cruft(folder, "create", template.path, *given, *place, cwd=folder, **env)
    assert "bootstrap.py" in done.stdout, done.stdout + done.stderr
    (path,) = out(folder).iterdir()
    begin(path, "generated")
    return BakedProject(path)


def update(folder: Path, path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return cruft(folder, "update", "--skip-apply-ask", *arguments, cwd=path)
