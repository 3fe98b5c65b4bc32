"""What differs between systems, through the few functions that know the difference.

On each system its own tools are asked; what another's would print is given as text.
"""

import os
import subprocess
import sys

import psutil
import pytest
from breaking import posix_only
from services import BakedProject, program

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


@pytest.mark.parametrize("ask", ["describe", "ask_ps"])
def test_a_process_is_described_as_the_system_knows_it(
    bare_service: BakedProject, ask: str
) -> None:
    if ask == "ask_ps":
        program("ps")
    me = psutil.Process()
    script = f"""
from launcher.system.processes import {ask} as ask
(found,) = ask([int(sys.argv[1])])
print(found.pid, found.parent, found.started.timestamp(), found.user, found.command, sep="\\n")
"""
    pid, parent, started, user, command = python(bare_service, script, str(me.pid)).split("\n", 4)
    assert (int(pid), int(parent)) == (me.pid, me.ppid())
    assert abs(float(started) - me.create_time()) < 2
    assert user == me.username().rpartition("\\")[2]
    assert command.split() == " ".join(me.cmdline()).split()


def test_a_process_of_which_the_system_tells_nothing_is_its_pid(bare_service: BakedProject) -> None:
    """As where PowerShell, or ps, is not to be had, or does not know it."""
    script = """
from launcher.system import processes
processes.sys.platform = sys.argv[1]
print(*map(str, processes.describe([2**22 + 1])))
"""
    for system in ("linux", "darwin", "win32"):
        assert python(bare_service, script, system) == str(2**22 + 1)


POWERSHELL = """[
    {"user": null, "parent": 0, "pid": 4711, "command": null,
     "started": "2026-11-22T10:11:12.1234567Z"},
    {"user": "me", "parent": 4711, "pid": 40488, "command": "C:\\\\py.exe run.py",
     "started": "2026-11-22T10:11:12.1234567Z"}
]"""


def test_what_powershell_says_is_read(bare_service: BakedProject) -> None:
    script = """
from launcher.system import processes
processes.sys.platform = "win32"
processes.output_of = lambda command: sys.argv[1]
for found in processes.describe([40488, 4711]):
    print(found.pid, found.parent, found.user, found.started.isoformat("T", "seconds"), found)
"""
    assert python(bare_service, script, POWERSHELL).splitlines() == [
        "4711 0  2026-11-22T10:11:12+00:00 4711",
        r"40488 4711 me 2026-11-22T10:11:12+00:00 40488 `C:\py.exe run.py`",
    ]


def test_netstat_is_read_in_any_language(bare_service: BakedProject) -> None:
    script = """
from launcher.system.owners import from_netstat, in_the_way, packed
for host in ("127.0.0.1", "192.0.2.7", "::1"):
    print(*in_the_way(from_netstat(sys.argv[1], 5001), packed(host)))
"""
    assert python(bare_service, script, NETSTAT).splitlines() == ["40488", "29124", "29124"]


def test_lsof_is_read(bare_service: BakedProject) -> None:
    listed = "p7\nf3\ntIPv4\nn127.0.0.2:5001\np8\ntIPv4\nn*:5001\np9\ntIPv6\nn[::1]:5001\n"
    listed += "tIPv6\nn[::ffff:127.0.0.1]:5001\np10\ntIPv6\nn*:5001\n"
    script = """
from launcher.system.owners import from_lsof, in_the_way, packed
for host in ("127.0.0.1", "127.0.0.2", "::1", "::"):
    print(*sorted(in_the_way(from_lsof(sys.argv[1]), packed(host))))
"""
    assert python(bare_service, script, listed).splitlines() == ["8 9", "7 8", "9 10", "7 8 9 10"]
    listed = "p7\nf3\nar\np8\nf3\nar\nf4\nau\np9\naw\n"
    script = "from launcher.system.running import from_lsof; print(*from_lsof(sys.argv[1]))"
    assert python(bare_service, script, listed) == "8 9"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no lsof")
def test_lsof_finds_who_listens_and_who_holds_the_lock(bare: BakedProject) -> None:
    """As on a Mac, which has no /proc."""
    program("lsof")
    script = """
import os, signal, socket, subprocess
from launcher.system import owners, running
running.hold()
sys.platform = "darwin"
with socket.create_server(("127.0.0.1", 0)) as listener, open(running.LOCK) as reading:
    reader = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE,
                              pass_fds=[reading.fileno()])
    if not (child := os.fork()):
        signal.pause()
    try:
        family = {os.getpid(), child}
        print(running.running() == family)
        print(owners.listening(*listener.getsockname()) == (family, 0))
    finally:
        os.kill(child, signal.SIGKILL)
        os.wait()
        reader.communicate(b"\\n")
"""
    assert python(bare, script).split() == ["True", "True"]


def test_on_a_mac_a_busy_port_5000_is_airplay(bare_service: BakedProject) -> None:
    script = """
import errno
from pathlib import Path
from launcher.checks import port
port.sys.platform = "darwin"
port.listening = lambda *_: (set(), 0)
service = port.Service(Path(sys.argv[1]))
problem = port.refused(service, "127.0.0.1", 5000, OSError(errno.EADDRINUSE, "in use"))
print(problem.id, "AirPlay" in problem.hint, "sudo lsof" in problem.hint)
"""
    assert python(bare_service, script, str(bare_service.path)) == "port.busy True True"


@posix_only
def test_on_windows_a_file_that_nobody_locks_is_nobody_s(bare: BakedProject) -> None:
    """Here its locks are imitated by those of flock."""
    script = """
import fcntl, glob, ipaddress, pathlib, subprocess, types
lock = lambda file, mode, count: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
sys.modules["msvcrt"] = types.SimpleNamespace(LK_NBLCK=2, locking=lock)
sys.platform = "win32"
from launcher.system import running
running.hold()
stale = running.FOLDER / "4711.lock"
stale.touch()
print(running.running() == {running.os.getpid()}, stale.exists(), running.LOCK.exists())
"""
    assert python(bare, script) == "True False True"


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
sys.version_info = (3, int(sys.argv[2]), 0)
print([problem.id for problem in python.check_python(Service(Path(sys.argv[1])))])
"""
    found = python(bare_service, script, str(bare_service.path), str(version[1]))
    assert found == "['python.version']"


def test_a_name_is_no_address_and_no_command_to_the_terminal(bare_service: BakedProject) -> None:
    script = """
from launcher.system.address import announced_url, announcement
name = "\\x1b[31m\\u202e気象🎉 is on http://127.0.0.1:9 (\\nx is on http://127.0.0.1:9 ("
line = announcement(name, "http://127.0.0.1:5001", "development")
assert "気象🎉" in line
assert not any(ord(each) < 32 or ord(each) == 0x202E for each in line), ascii(line)
print(announced_url(line))
"""
    assert python(bare_service, script) == "http://127.0.0.1:5001"
