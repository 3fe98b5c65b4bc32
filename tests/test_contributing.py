"""What CONTRIBUTING.md tells a contributor to run is run, as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from breaking import edit
from services import TEMPLATE
from updating import new_template, update_environment

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are for a POSIX shell")


def test_an_edit_in_a_baked_service_is_carried_back(tmp_path: Path) -> None:
    text = (TEMPLATE / "CONTRIBUTING.md").read_text(encoding="utf-8")
    bake, carry = re.findall(r"```\n(.*\.\./baked.*)\n```", text)
    template, service = new_template(tmp_path / "template"), tmp_path / "baked/my-service"
    run(template.path, bake.replace(".venv/bin/python", sys.executable))
    edit(service / "launcher/stopping.py", "KILLED_AFTER = 35", "KILLED_AFTER = 36")
    edit(service / "backend/routes/chat.py", "You said: ", "You wrote: ")
    run(template.path, carry)
    assert "2 files changed, 2 insertions(+), 2 deletions(-)" in template.git("diff", "--stat")


def run(folder: Path, command: str) -> None:
    env = update_environment(folder.parent, FLASK_SAFE_START_BOOTSTRAP="no")
    subprocess.run(command, shell=True, cwd=folder, env=env, check=True, capture_output=True)
