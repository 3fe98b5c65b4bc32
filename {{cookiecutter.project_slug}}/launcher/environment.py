"""The virtual environment .venv: made if need be, and brought to what is required."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from venv import EnvBuilder

from launcher import progress
from launcher.checks.dependencies import Receipt
from launcher.checks.service import Service, venv_python
from launcher.installer import BASE_PYTHON, clean, find_uv, heeded, installer
from launcher.versions import NEWEST, OLDEST

WORKS = f"""
import os, sys
assert {OLDEST} <= sys.version_info[:2] <= {NEWEST}
assert os.path.realpath(sys.prefix) == os.path.realpath(".venv"), "or it would install elsewhere"
from launcher.checks.installed import half_installed
assert not half_installed()
"""
# What pip and uv say when they cannot connect. pip then goes on to blame the versions.
OFFLINE = re.compile("NewConnectionError|ConnectTimeoutError|ProxyError|Failed to fetch")


class BootstrapError(Exception):
    """Something that the reader has to fix; the text says what and how."""


def make(service: Service) -> str:
    """See that .venv works, and say what was done.

    The stamp says in which folder bootstrap made it, and whether something was left half done. One
    that was moved, or is half done, is made again; one that somebody else made is never deleted.
    Whatever is interrupted, .venv has its stamp, and `own` is nobody else's.
    """
    venv, own, said = service.venv, service.root / ".venv.bootstrap", "made"
    refuse_noexec(venv if venv.exists() else service.root)
    if os.path.lexists(venv):
        stamp, folder = read_stamp(venv), os.path.realpath(venv)
        if stamp.get("path", folder) == folder and "half" not in stamp and works(service):
            return "kept"
        said = set_aside(venv, deleted(own))
    deleted(own).mkdir()
    write_stamp(own, path=str(venv), half=True)
    own.rename(venv)
    create(venv)
    return said


def refuse_noexec(folder: Path) -> None:
    if sys.platform == "linux" and os.statvfs(folder).f_flag & os.ST_NOEXEC:
        raise BootstrapError(
            f"{folder} is on a file system that is mounted noexec, where compiled packages cannot"
            " run: move the service to another one, or remount it with exec"
        )


def works(service: Service) -> bool:
    """Return whether its Python starts, is a supported one, and has nothing half installed."""
    command = [str(venv_python(service.venv)), "-c", WORKS]
    try:
        done = subprocess.run(command, cwd=service.root, env=clean(), capture_output=True)
    except OSError:
        return False
    return done.returncode == 0


def set_aside(venv: Path, own: Path) -> str:
    """Move it to `own`, to be deleted, or where its owner finds it."""
    names = (venv.with_name(f".venv.old{number or ''}") for number in itertools.count())
    is_own = "path" in read_stamp(venv) and not venv.is_symlink()
    former = own if is_own else next(path for path in names if not os.path.lexists(path))
    try:
        venv.rename(former)
    except OSError as error:  # on Windows, while something runs from it
        raise BootstrapError(
            f"{venv} does not work and cannot be moved away: {error.strerror};"
            " deactivate it, and stop the programs that run from it"
        ) from None
    return "made" if is_own else f"made; the old one did not work, and is now {former.name}"


def deleted(folder: Path) -> Path:
    if folder.exists():
        shutil.rmtree(folder)
    return folder


def create(venv: Path) -> None:
    """Let there be an environment, without pip: that comes with the requirements."""
    if uv := find_uv():
        command = [uv, "venv", "--quiet", "--allow-existing", "--python", BASE_PYTHON, str(venv)]
        if subprocess.call(command, env=clean(), close_fds=False) != 0:
            raise BootstrapError("the virtual environment could not be made; see above")
    elif find_spec("ensurepip"):
        try:
            EnvBuilder(symlinks=os.name != "nt").create(venv)
        except ValueError as error:  # of a folder with `:` in its name
            raise BootstrapError(str(error)) from None
    else:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise BootstrapError(
            f"{BASE_PYTHON} has no ensurepip, which installs pip; on Debian and Ubuntu:"
            f" sudo apt install python{version}-venv"
        )


def install(service: Service) -> str:
    """Install what is required, unless it was, and say so. Raise BootstrapError on failure."""
    kind = "production" if service.environment == "production" else "dev"
    names = list(dict.fromkeys([f"requirements-{kind}.txt", service.requirements.name]))
    before, stamp = [Receipt(service, name) for name in names], read_stamp(service.venv)
    if all(receipt.fits() for receipt in before):
        return "nothing to do"
    condemn(service)
    installer_name, code, said = run_installer(service, names)
    after = [Receipt(service, name) for name in names]
    if code != 0:
        if after[0].text == before[0].text:  # nothing was changed
            write_stamp(service.venv, **stamp)
        reason = "the requirements could not be installed; see above"
        if OFFLINE.search(said):
            reason = "the package index cannot be reached: check the network and the proxy"
        raise BootstrapError(f"{reason}{heeded()}")
    for receipt in after[:-1]:  # the last is for the check to write, which looks whether it is true
        receipt.write()
    write_stamp(service.venv, **{key: stamp[key] for key in stamp if key != "half"})
    return f"installed with {installer_name}"


def run_installer(service: Service, requirements: list[str]) -> tuple[str, int, str]:
    # Unless it is done now, each start would compile where nobody may write, as in an image.
    compiles = service.environment == "production" or sys.dont_write_bytecode
    name, commands, variables = installer(service.venv, compiles)
    commands[-1] += [f"--requirement={each}" for each in requirements]
    for command in commands:
        code, said = progress.run(command, cwd=service.root, env=variables, close_fds=False)
        if code != 0:
            print(f"\n{without_traceback(said)}", end="", file=sys.stderr)
            break
    return name, code, said


def without_traceback(text: str) -> str:
    """Keep what has failed, which stands below ensurepip's traceback, or has been said above."""
    before, begun, _ = text.partition("Traceback (most recent call last):")
    last = text.splitlines()[-1:] if begun else []
    return "".join([before, *(f"{line}\n" for line in last if "CalledProcessError" not in line)])


def condemn(service: Service) -> None:
    """Have the environment made again, unless what follows ends well."""
    write_stamp(service.venv, **read_stamp(service.venv) | {"half": True})


def read_stamp(venv: Path) -> dict[str, object]:
    try:
        found: dict[str, object] = json.loads((venv / "bootstrap.json").read_text(encoding="utf-8"))
        return found
    except (OSError, ValueError):
        return {}


def write_stamp(venv: Path, **facts: object) -> None:
    """Write it whole or not at all, whatever comes between."""
    new = venv / "bootstrap.json.new"
    new.write_text(json.dumps(facts), encoding="utf-8")
    new.replace(venv / "bootstrap.json")
