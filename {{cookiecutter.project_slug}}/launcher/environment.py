"""The virtual environment .venv: made if need be, and brought to what is required."""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from launcher.checks.dependencies import check_dependencies
from launcher.checks.service import Service, command_line, venv_python
from launcher.installer import BASE_PYTHON, captured, clean, find_uv, installer, usable_uv
from launcher.versions import NEWEST, OLDEST


class BootstrapError(Exception):
    """Something that the reader has to mend; the text says what and how."""


def make(service: Service) -> str:
    """See that .venv works, and say what was done. Raise BootstrapError if it is not ours to mend.

    The stamp says that bootstrap made the environment, and in which folder: one that was moved,
    or left half made, is made again; one that somebody else made is never deleted unasked.
    """
    venv, stamp = service.venv, read_stamp(service.venv)
    if venv.exists():
        if works(venv) and stamp.get("path", str(venv)) == str(venv) and "half" not in stamp:
            return "kept"
        again = command_line("bootstrap.py")
        if "path" not in stamp and not may_delete(venv):
            raise BootstrapError(f"{venv} does not work; move it away, then {again}")
        if sys.platform == "win32" and Path(sys.prefix) == venv:
            raise BootstrapError(f"{venv} must be remade: deactivate it first, then {again}")
        shutil.rmtree(venv)
    venv.mkdir()
    write_stamp(venv, path=str(venv), half=True)
    create(venv)
    write_stamp(venv, path=str(venv))
    return "made"


def works(venv: Path) -> bool:
    """Return whether its Python starts, is a supported one, and can install."""
    question = f"import sys; assert {OLDEST} <= sys.version_info[:2] <= {NEWEST}"
    if find_uv() is None:
        question += "; import pip"
    try:
        return captured([venv_python(venv), "-I", "-c", question]).returncode == 0
    except OSError:
        return False


def may_delete(venv: Path) -> bool:
    if not sys.stdin.isatty():
        return False
    answer = input(f"{venv} does not work, and bootstrap did not make it. Delete it? [y/N] ")
    return answer.strip().lower() in ("y", "yes")


def create(venv: Path) -> None:
    if uv := usable_uv():
        command = [uv, "venv", "--quiet", "--allow-existing", "--python", BASE_PYTHON]
    else:
        command = [BASE_PYTHON, "-m", "venv"]
    if subprocess.call([*command, str(venv)], env=clean()) != 0:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise BootstrapError(
            f"no virtual environment could be made with {BASE_PYTHON}; on Debian and Ubuntu:"
            f" sudo apt install python{version}-venv, then {command_line('bootstrap.py')}"
        )


def install(service: Service, requirements: Path) -> str:
    """Install what is required, unless it was, and say so. Raise BootstrapError on failure."""
    digest, stamp = requirements_digest(service.root), read_stamp(service.venv)
    unchanged = stamp.get(requirements.name) == digest
    if unchanged and not any(check_dependencies(service)):
        return "nothing to do"
    name, *command = installer(service.venv)
    # pip warns of much that is of no concern here; what it says of a failure is shown.
    with tempfile.TemporaryFile() as warnings:
        stderr = warnings if name == "pip" else None
        command = [*command, "--requirement", str(requirements)]
        code = subprocess.call(command, cwd=service.root, env=clean(), stderr=stderr)
        if code != 0:
            warnings.seek(0)
            sys.stderr.write(warnings.read().decode(errors="replace"))
            raise BootstrapError(
                "the requirements could not be installed, for the reason above;"
                f" when that is mended: {command_line('bootstrap.py')}"
            )
    write_stamp(service.venv, **stamp | {requirements.name: digest})
    return f"installed with {name}"


def requirements_digest(root: Path) -> str:
    files = sorted([*root.glob("requirements*.txt"), root / "constraints.txt"])
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def read_stamp(venv: Path) -> dict[str, object]:
    try:
        found: dict[str, object] = json.loads((venv / "bootstrap.json").read_text(encoding="utf-8"))
        return found
    except (OSError, ValueError):
        return {}


def write_stamp(venv: Path, **facts: object) -> None:
    (venv / "bootstrap.json").write_text(json.dumps(facts), encoding="utf-8")
