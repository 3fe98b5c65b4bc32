"""What installs packages, uv or pip, kept from whatever would make it install elsewhere."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from launcher.checks.service import venv_python

# Variables that would make an installer put the packages somewhere else.
MISLEADING = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__",
              "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_PYTHON", "PIP_REQUIRE_VIRTUALENV",
              "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_TARGET", "UV_PREFIX")  # fmt: skip
# Where it cannot link uv would warn; it would leave it to the first start to compile; it would
# trust no certificate of the system's, as a company's proxy has (an older uv calls it NATIVE_TLS);
# and it would take a package from the first index that has it, where pip takes the best version.
UV_DEFAULTS = {"UV_LINK_MODE": "copy", "UV_COMPILE_BYTECODE": "1", "UV_SYSTEM_CERTS": "1",
               "UV_NATIVE_TLS": "1", "UV_INDEX_STRATEGY": "unsafe-best-match"}  # fmt: skip
# Whoever sets one of these has told uv itself where packages are.
UV_INDEXES = ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL",
              "UV_FIND_LINKS", "UV_CONFIG_FILE")  # fmt: skip
# What pip may be configured to and uv can be told, by an option or by a variable.
OPTIONS = ("index-url", "extra-index-url", "find-links", "constraint", "trusted-host")
VARIABLES = {"cert": "SSL_CERT_FILE", "client-cert": "SSL_CLIENT_CERT", "proxy": "ALL_PROXY"}
# Not that of an active environment, which may be the very one that is made again.
BASE_PYTHON = getattr(sys, "_base_executable", sys.executable)


def installer(venv: Path) -> tuple[str, list[str], dict[str, str]]:
    """Return what installs: its name, its command and its variables. uv is much faster."""
    python = str(venv_python(venv))
    if uv := find_uv():  # with pip, which people and hints call by `python -m pip`
        told = {} if any(map(os.environ.get, UV_INDEXES)) else pip_configuration()
        options = [f"--{name}={value}" for name in OPTIONS for value in told.get(name, "").split()]
        options += ["--no-index"] * (told.get("no-index", "") in ("1", "true", "yes", "on"))
        variables = {VARIABLES[name]: value for name, value in told.items() if name in VARIABLES}
        command = [uv, "pip", "install", "--python", python, *options, "pip"]
        return "uv", command, variables | clean()
    if captured([python, "-m", "pip", "--version"]).returncode != 0:
        captured([python, "-m", "ensurepip"])
    return "pip", [python, "-m", "pip", "install"], clean()


def pip_configuration() -> dict[str, str]:
    """Return what pip is configured to, which uv does not look at."""
    listed = captured([BASE_PYTHON, "-m", "pip", "config", "list"])
    if listed.returncode != 0 and (pip := shutil.which("pip")):  # uv's environments have no pip
        listed = captured([pip, "config", "list"])
    found: dict[str, str] = {}
    for section in ("global", "install", ":env:"):  # the later one wins
        lines = re.findall(rf"^{section}\.([\w-]+)=(.+)$", listed.stdout, re.MULTILINE)
        found |= {name: text for name, value in lines if (text := ast.literal_eval(value))}
    return found


def find_uv() -> str | None:
    return shutil.which("uv") or shutil.which("uv", path=Path(sys.executable).parent)


def captured(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=clean(), capture_output=True, text=True, errors="replace")


def clean() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    return UV_DEFAULTS | kept
