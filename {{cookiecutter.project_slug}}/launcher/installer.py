"""What installs packages, uv or pip, kept from whatever would make it install elsewhere."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from launcher.checks.service import venv_python

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


def captured(command: list[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=clean(), capture_output=True, text=True, errors="replace")


def clean() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    return UV_DEFAULTS | kept
