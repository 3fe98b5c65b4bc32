"""What installs packages, uv or pip, kept from whatever would make it install elsewhere."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from launcher.checks.configuration import UNSET
from launcher.checks.service import venv_python

# Variables that would make an installer put the packages somewhere else, or not all of them.
MISLEADING = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__",
              "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_PYTHON", "PIP_DRY_RUN",
              "PIP_NO_DEPS", "PIP_REQUIRE_VIRTUALENV", "UV_PYTHON", "UV_SYSTEM_PYTHON",
              "UV_TARGET", "UV_PREFIX", "UV_PROJECT", "UV_WORKING_DIR")  # fmt: skip
# uv would trust no certificate of the system's, as a company's proxy has (an older uv calls it
# NATIVE_TLS); and it would take a package from the first index that has it, where pip takes the
# best version.
UV_DEFAULTS = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1",
               "UV_INDEX_STRATEGY": "unsafe-best-match"}  # fmt: skip
# Whoever sets one of these has told uv itself where packages are.
UV_INDEXES = ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL",
              "UV_FIND_LINKS", "UV_CONFIG_FILE")  # fmt: skip
# What pip may be configured to and uv can be told, by an option or by a variable: where packages
# are, and which ones not to trust, which holds wherever they are.
PLACES = ("index-url", "extra-index-url", "find-links", "constraint", "trusted-host", "no-index")
RULES = ("only-binary", "require-hashes")
FLAGS = ("no-index", "require-hashes")
# The variables that keep an installer from what it would find or take without them.
DEMANDS = re.compile("(PIP|UV)_.*(INDEX|LINKS|OFFLINE|HASHES|BINARY|NO_BUILD|NEWER|CONSTRAINT)")
VARIABLES = {"cert": "SSL_CERT_FILE", "client-cert": "SSL_CLIENT_CERT", "proxy": "ALL_PROXY"}
TRUE = ("1", "true", "yes", "on", "y", "t")
# Not that of an active environment, which may be the very one that is made again.
BASE_PYTHON = getattr(sys, "_base_executable", sys.executable)


def installer(venv: Path, compiles: bool) -> tuple[str, list[list[str]], dict[str, str]]:
    """Return what installs: its name, its commands and their variables. uv is much faster.

    Unless it `compiles`, Python does so for what is imported, which is a third of all.
    """
    python = str(venv_python(venv))
    ensure_pip = [python, "-m", "ensurepip"]
    if not (uv := find_uv()):
        has_pip = captured([python, "-m", "pip", "--version"]).returncode == 0
        install = [python, "-m", "pip", "install", *["--no-compile"] * (not compiles)]
        return "pip", [ensure_pip] * (not has_pip) + [install], clean()
    told = pip_configuration()
    if any(map(os.environ.get, UV_INDEXES)):
        told = {name: value for name, value in told.items() if name in RULES}
    command = [uv, "pip", "install", "--python", python, *options(told)]
    command += ["--compile-bytecode"] * compiles
    variables = {VARIABLES[name]: value for name, value in told.items() if name in VARIABLES}
    # People and hints call pip by `python -m pip`; nobody has a hash for it.
    if "--require-hashes" in command or os.environ.get("UV_REQUIRE_HASHES") in TRUE:
        return "uv", [ensure_pip, command], variables | clean()
    return "uv", [[*command, "pip"]], variables | clean()


def options(told: dict[str, str]) -> list[str]:
    values = [(name, value) for name in (*PLACES, *RULES) for value in told.get(name, "").split()]
    flags = [f"--{name}" for name, value in values if name in FLAGS and value.lower() in TRUE]
    return [f"--{name}={value}" for name, value in values if name not in FLAGS] + flags


def heeded() -> str:
    """Say how to take back what the variables demand, which the installer may not name."""
    unset = "; ".join(UNSET.format(name) for name in sorted(os.environ) if DEMANDS.match(name))
    return f"; if a variable is the cause: {unset}" if unset else ""


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
