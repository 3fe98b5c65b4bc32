"""The virtual environment .venv: made if need be, and brought to what is required."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from launcher.checks.dependencies import check_dependencies
from launcher.checks.service import Service, command_line, venv_python
from launcher.versions import NEWEST, OLDEST

# Variables that would make an installer put the packages somewhere else.
MISLEADING = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__",
              "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_PYTHON", "PIP_REQUIRE_VIRTUALENV",
              "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_TARGET", "UV_PREFIX")  # fmt: skip
# Where it cannot link uv would warn; it would leave it to the first start to compile; and it would
# trust no certificate of the system's, as a company's proxy has (an older uv calls it NATIVE_TLS).
UV_DEFAULTS = {"UV_LINK_MODE": "copy", "UV_COMPILE_BYTECODE": "1", "UV_SYSTEM_CERTS": "1",
               "UV_NATIVE_TLS": "1"}  # fmt: skip
UV_INDEXES = ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL",
              "UV_FIND_LINKS", "UV_CONFIG_FILE")  # fmt: skip
# Not that of an active environment, which may be the very one that is deleted and remade.
BASE_PYTHON = getattr(sys, "_base_executable", sys.executable)
PIP_INDEXES = ("index-url", "extra-index-url", "find-links", "no-index")


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


def installer(venv: Path) -> tuple[str, ...]:
    """Return the installer's name and its command."""
    python = str(venv_python(venv))
    if uv := usable_uv():  # with pip, which people and hints call by `python -m pip`
        return "uv", uv, "pip", "install", "--python", python, "pip"
    if captured([python, "-c", "import pip"]).returncode != 0:
        captured([python, "-m", "ensurepip"])
    return "pip", python, "-m", "pip", "install"


@cache
def usable_uv() -> str | None:
    """Return uv if it is there: it is much faster, but does not read which index pip is given."""
    uv = find_uv()
    if uv and (any(map(os.environ.get, UV_INDEXES)) or not pip_has_index()):
        return uv
    return None


def pip_has_index() -> bool:
    listed = captured([BASE_PYTHON, "-m", "pip", "config", "list"])
    if listed.returncode != 0 and (pip := shutil.which("pip")):  # uv's environments have no pip
        listed = captured([pip, "config", "list"])
    return any(f".{option}='" in listed.stdout for option in PIP_INDEXES)


def find_uv() -> str | None:
    return shutil.which("uv") or shutil.which("uv", path=Path(sys.executable).parent)


def requirements_digest(root: Path) -> str:
    files = sorted([*root.glob("requirements*.txt"), root / "constraints.txt"])
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def captured(command: list[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=clean(), capture_output=True, text=True, errors="replace")


def clean() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    return UV_DEFAULTS | kept


def read_stamp(venv: Path) -> dict[str, object]:
    try:
        found: dict[str, object] = json.loads((venv / "bootstrap.json").read_text(encoding="utf-8"))
        return found
    except (OSError, ValueError):
        return {}


def write_stamp(venv: Path, **facts: object) -> None:
    (venv / "bootstrap.json").write_text(json.dumps(facts), encoding="utf-8")
