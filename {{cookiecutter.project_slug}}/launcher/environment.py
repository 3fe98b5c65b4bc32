"""The virtual environment .venv: made if need be, and brought to what is required."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from launcher.checks.dependencies import Receipt
from launcher.checks.service import Service, command_line, venv_python
from launcher.installer import BASE_PYTHON, clean, find_uv, installer
from launcher.versions import NEWEST, OLDEST

WORKS = f"""
import os, sys
assert {OLDEST} <= sys.version_info[:2] <= {NEWEST}
assert os.path.realpath(sys.prefix) == os.path.realpath(".venv"), "or it would install elsewhere"
from launcher.checks.installed import half_installed
assert not half_installed()
"""


class BootstrapError(Exception):
    """Something that the reader has to fix; the text says what and how."""


def make(service: Service) -> str:
    """See that .venv works, and say what was done.

    The stamp says in which folder bootstrap made it, and whether something was left half done. One
    that was moved, or is half done, is made again; one that somebody else made is never deleted.
    """
    venv, stamp = service.venv, read_stamp(service.venv)
    folder, said = os.path.realpath(venv), "made"
    if os.path.lexists(venv):
        if stamp.get("path", folder) == folder and "half" not in stamp and works(service):
            return "kept"
        former = set_aside(venv)
        if "path" in stamp and not former.is_symlink():
            shutil.rmtree(former)
        else:
            said = f"made; the former one, which does not work, is now {former.name}"
    venv.mkdir()
    write_stamp(venv, path=str(venv), half=True)
    create(venv)
    return said


def works(service: Service) -> bool:
    """Return whether its Python starts, is a supported one, and has nothing half installed."""
    command = [str(venv_python(service.venv)), "-c", WORKS]
    try:
        done = subprocess.run(command, cwd=service.root, env=clean(), capture_output=True)
    except OSError:
        return False
    return done.returncode == 0


def set_aside(venv: Path) -> Path:
    names = (venv.with_name(f".venv.old{number or ''}") for number in itertools.count())
    try:
        return venv.rename(next(path for path in names if not os.path.lexists(path)))
    except OSError as error:  # on Windows, while something runs from it
        raise BootstrapError(
            f"{venv} does not work and cannot be moved away: {error.strerror};"
            f" deactivate it, end what runs from it, then {command_line('bootstrap.py')}"
        ) from None


def create(venv: Path) -> None:
    if uv := find_uv():
        command = [uv, "venv", "--quiet", "--allow-existing", "--python", BASE_PYTHON]
    else:
        command = [BASE_PYTHON, "-m", "venv"]
    if subprocess.call([*command, str(venv)], env=clean()) != 0:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise BootstrapError(
            f"no virtual environment could be made with {BASE_PYTHON}; on Debian and Ubuntu:"
            f" sudo apt install python{version}-venv, then {command_line('bootstrap.py')}"
        )


def install(service: Service) -> str:
    """Install what is required, unless it was, and say so. Raise BootstrapError on failure."""
    kind = "production" if service.environment == "production" else "dev"
    names = list(dict.fromkeys([f"requirements-{kind}.txt", service.requirements.name]))
    before, stamp = [Receipt(service, name) for name in names], read_stamp(service.venv)
    if all(receipt.fits() for receipt in before):
        return "nothing to do"
    condemn(service)
    installer_name, code = run_installer(service, names)
    after = [Receipt(service, name) for name in names]
    if code != 0:
        if after[0].text == before[0].text:  # nothing was changed
            write_stamp(service.venv, **stamp)
        raise BootstrapError(
            "the requirements could not be installed, for the reason above;"
            f" fix it, then {command_line('bootstrap.py')}"
        )
    for receipt in after:
        receipt.write()
    write_stamp(service.venv, **{key: stamp[key] for key in stamp if key != "half"})
    return f"installed with {installer_name}"


def run_installer(service: Service, requirements: list[str]) -> tuple[str, int]:
    name, command, variables = installer(service.venv)
    command += [f"--requirement={each}" for each in requirements]
    # pip warns of much that is of no concern here; what it says of a failure is shown.
    with tempfile.TemporaryFile() as warnings:
        stderr = warnings if name == "pip" else None
        code = subprocess.call(command, cwd=service.root, env=variables, stderr=stderr)
        if code != 0:
            warnings.seek(0)
            sys.stderr.write(warnings.read().decode(errors="replace"))
    return name, code


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
    (venv / "bootstrap.json").write_text(json.dumps(facts), encoding="utf-8")
