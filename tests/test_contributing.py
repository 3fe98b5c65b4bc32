"""What README.md and CONTRIBUTING.md tell a contributor to run is run, as it stands there."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from breaking import edit
from services import TEMPLATE, BakedProject, http
from updating import new_template, update_environment

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are for a POSIX shell")

README, CONTRIBUTING = (
    (TEMPLATE / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md")
)


def test_the_readme_s_first_command_leaves_a_service_that_answers(tmp_path: Path) -> None:
    command = re.findall(r"```\n(.*)\n```", README)[0]
    subprocess.check_call(["git", "clone", "--quiet", str(TEMPLATE), str(tmp_path / "template")])
    done = run(tmp_path, command, cwd=tmp_path / "template")
    assert "GET /ping answered 200" in done
    with BakedProject(tmp_path / "my-service").start() as server:
        assert http(f"{server.url}/ping").status == 200


def test_an_edit_in_a_baked_service_is_carried_back(tmp_path: Path) -> None:
    bake, carry = re.findall(r"```\n(.*\.\./baked.*)\n```", CONTRIBUTING)
    template, service = new_template(tmp_path / "template"), tmp_path / "baked/my-service"
    own = {"FLASK_SAFE_START_BOOTSTRAP": "no"}
    bake = bake.replace(".venv/bin/python", sys.executable)
    run(tmp_path, bake, cwd=template.path, **own)
    edit(service / "launcher/stopping.py", "KILLED_AFTER = 35", "KILLED_AFTER = 36")
    edit(service / "backend/routes/chat.py", "You said: ", "You wrote: ")
    run(tmp_path, carry, cwd=template.path)
    assert "2 files changed, 2 insertions(+), 2 deletions(-)" in template.git("diff", "--stat")


@pytest.mark.parametrize("selection", re.findall(r"-m pytest (-.*?)[`\n]", CONTRIBUTING))
def test_the_tests_that_it_names_are_found(selection: str, tmp_path: Path) -> None:
    command = f"{sys.executable} -m pytest {selection} --collect-only -q -n 0"
    found = run(tmp_path, command, cwd=TEMPLATE)
    assert int(re.findall(r"(\d+)/\d+ tests collected", found)[0]) > 1


def test_a_benchmark_prints_a_ratio_and_writes_json(tmp_path: Path) -> None:
    """The one that takes seconds; the others are imported, and have the same table."""
    script = """
import all, sys, pathlib
from rows import show, write
write(show(all.rendering.rows(2)), pathlib.Path(sys.argv[1]))
"""
    file = tmp_path / "rows.json"
    command = shlex.join([sys.executable, "-c", script, str(file)])
    shown = run(tmp_path, command, cwd=TEMPLATE / "benchmarks")
    assert re.search(r"^render .* ratio +[\d.]+ \(half of them [\d.]+ to [\d.]+\)$", shown, re.M)
    (row,) = json.loads(file.read_text())["rows"]
    assert [len(row[side]) for side in ("ours", "theirs")] == [2, 2]


def run(own: Path, command: str, cwd: Path, **env: str) -> str:
    """Return what it prints; what it keeps is in a folder of the test's own."""
    return subprocess.run(
        command,
        shell=True,
        cwd=cwd,
        env=update_environment(own, **env),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
