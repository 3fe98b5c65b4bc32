"""What differs between systems, through the few functions that know the difference.

On each system its own tools are asked; what another's would print is given as text.
"""

import os
import subprocess
import sys

import psutil
import pytest
from services import BakedProject

pytestmark = pytest.mark.quick

NETSTAT = """
Aktive Verbindungen

  Proto  Lokale Adresse         Remoteadresse          Status           PID
  TCP    0.0.0.0:135            0.0.0.0:0              ABHÖREN         1044
  TCP    127.0.0.1:5001         0.0.0.0:0              ABHÖREN         40488
  TCP    127.0.0.1:5001         127.0.0.1:50123        HERGESTELLT     40488
  TCP    127.0.0.1:50001        0.0.0.0:0              ABHÖREN         7
  TCP    [::]:5001              [::]:0                 ABHÖREN         29124
  UDP    0.0.0.0:5001           *:*                                    99
"""


def python(project: BakedProject, script: str, *arguments: str) -> str:
    """Run a script in the service's folder with the standard library alone."""
    path = f"import sys; sys.path.insert(0, {str(project.path)!r})\n"
    done = subprocess.run(
        [sys.executable, "-B", "-I", "-S", "-c", path + script, *arguments],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout.strip()


def test_a_process_is_described_as_the_system_knows_it(bare_service: BakedProject) -> None:
    me = psutil.Process()
    script = """
from launcher.system.processes import process
found = process(int(sys.argv[1]))
print(found.parent, found.started.timestamp(), found.user, sep="\\n")
"""
    parent, started, user = python(bare_service, script, str(me.pid)).splitlines()
    assert int(parent) == me.ppid()
    assert abs(float(started) - me.create_time()) < 2
    assert user == me.username().rpartition("\\")[2]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no ps")
def test_ps_describes_a_process_as_psutil_does(bare_service: BakedProject) -> None:
    me = psutil.Process()
    script = """
from launcher.system.processes import ask_ps
found = ask_ps(int(sys.argv[1]))
print(found.parent, found.started.timestamp(), found.user, found.command, sep="\\n")
"""
    parent, started, user, command = python(bare_service, script, str(me.pid)).splitlines()
    assert (int(parent), user) == (me.ppid(), me.username())
    assert abs(float(started) - me.create_time()) < 2
    assert command.split() == " ".join(me.cmdline()).split()


def test_netstat_is_read_in_any_language(bare_service: BakedProject) -> None:
    script = (
        "from launcher.system.owners import from_netstat as read; print(read(sys.argv[1], 5001))"
    )
    assert eval(python(bare_service, script, NETSTAT)) == {40488, 29124}


def test_lsof_is_read(bare_service: BakedProject) -> None:
    script = "from launcher.system.owners import from_lsof; print(from_lsof(sys.argv[1]))"
    assert eval(python(bare_service, script, "p40488\nf3\np29124\nf3\nf4\n")) == {40488, 29124}


def test_on_a_mac_a_busy_port_5000_is_airplay(bare_service: BakedProject) -> None:
    script = """
import errno
from pathlib import Path
from launcher.checks import port
port.sys.platform = "darwin"
port.find_owners = lambda *_: ((), 0)
service = port.Service(Path(sys.argv[1]))
problem = port.explain(service, "127.0.0.1", 5000, OSError(errno.EADDRINUSE, "in use"))
print(problem.id, "AirPlay" in problem.hint, "sudo lsof" in problem.hint)
"""
    assert python(bare_service, script, str(bare_service.path)) == "port.busy True True"


def test_on_windows_a_process_is_ended_with_its_children(bare_service: BakedProject) -> None:
    script = """
from launcher import stopping
asked = []
stopping.output_of = asked.append
stopping.sys.platform = "win32"
stopping.signal_to_end(4711)
print(asked)
"""
    assert python(bare_service, script) == "[['taskkill', '/PID', '4711', '/T', '/F']]"


def test_on_windows_a_command_can_be_pasted(bare_service: BakedProject) -> None:
    script = """
from launcher.checks import service
service.sys.platform = "win32"
print(service.quoted(r"C:\\work\\run.py"), service.quoted(r"C:\\a (1)\\run.py"))
"""
    assert python(bare_service, script) == r'C:\work\run.py "C:\a (1)\run.py"'


@pytest.mark.parametrize("version", [(3, 10), (3, 99)])
def test_a_python_that_is_too_old_or_too_new_is_found(
    bare_service: BakedProject, version: tuple[int, int]
) -> None:
    script = """
from pathlib import Path
from launcher.checks import python
from launcher.checks.service import Service
python.serving_version = lambda service: (3, int(sys.argv[2]))
print([problem.id for problem in python.check_python(Service(Path(sys.argv[1])))])
"""
    found = python(bare_service, script, str(bare_service.path), str(version[1]))
    assert found == "['python.version']"
