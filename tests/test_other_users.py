"""What another user may not see, end or write. Only root can become another user to try it."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from breaking import holding
from services import ANSWER_WITHIN, BakedProject, environment
from test_processes import alive
from test_stopping import RUNNING, program

PYTHON = shutil.which("python3", path="/usr/bin:/usr/local/bin")

pytestmark = pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0 or PYTHON is None,
    reason="needs root, and a Python that nobody may run",
)


@pytest.fixture
def reachable(bare_service: BakedProject) -> Iterator[BakedProject]:
    """A service, nothing installed, in a folder that other users can read and not write."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield bare_service.copy(Path(folder))


def as_nobody(project: BakedProject, *arguments: str, **env: str) -> tuple[int, str]:
    done = subprocess.run(
        [str(PYTHON), "run.py", *arguments],
        cwd=project.path,
        env=environment(HOME="/nonexistent", **env),
        user="nobody",
        extra_groups=[],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=ANSWER_WITHIN,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def found(output: str) -> dict[str, dict[str, Any]]:
    checks = json.loads(output)["checks"]
    return {problem["id"]: problem for check in checks for problem in check["problems"]}


def test_a_holder_that_is_another_users_is_said_to_be_hidden(reachable: BakedProject) -> None:
    with holding() as (port, _):
        code, output = as_nobody(reachable, "check", "--json", PORT=str(port))
    busy = found(output)["port.busy"]
    assert code == 1
    assert "owners" not in busy
    assert "1 that you cannot see" in busy["message"]
    assert "sudo" in busy["hint"]
    assert "--port" in busy["hint"]


def test_a_read_only_folder_is_checked_like_any_other(reachable: BakedProject) -> None:
    _, output = as_nobody(reachable, "check", "--json", PORT="0")
    assert set(found(output)) == {"dependencies.missing", "database.unreachable"}
    assert "Permission denied" in found(output)["database.unreachable"]["message"]


def test_another_users_server_is_left_alone_and_said(reachable: BakedProject) -> None:
    with program(reachable, RUNNING) as (process, _):
        code, output = as_nobody(reachable, "stop")
        assert alive(process)
    assert (code, output) == (1, "")
    assert as_nobody(reachable, "stop")[0] == 1  # who can no longer see whether anything runs


def test_the_development_database_is_for_its_user_alone(reachable: BakedProject) -> None:
    with program(reachable, RUNNING):
        pass
    instance = reachable.path / "instance"
    (instance / "development.db").touch()
    assert instance.stat().st_mode & 0o777 == 0o700
    _, output = as_nobody(reachable, "check", "--json", PORT="0")
    assert set(found(output)) == {"dependencies.missing", "database.unreachable"}
    assert "Permission denied" in found(output)["database.unreachable"]["message"]


def test_a_port_for_privileged_users_is_no_port_for_others(reachable: BakedProject) -> None:
    first_free = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if first_free.exists() and int(first_free.read_text()) <= 80:
        pytest.skip("this system lets everybody listen on port 80")
    _, output = as_nobody(reachable, "check", "--json", PORT="80")
    invalid = found(output)["port.invalid"]
    assert "privileged" in invalid["message"]
    assert int(invalid["hint"].rpartition("--port ")[2]) > 1023
