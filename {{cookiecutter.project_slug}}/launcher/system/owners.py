"""Who listens on a port: all of them, of whom the system may show this user only some."""

import re
import struct
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from socket import AF_INET, AF_INET6, getaddrinfo, inet_pton
from subprocess import SubprocessError

from launcher.system.processes import output_of
from launcher.system.running import open_files

# What comes before an address of IPv4 that is written as one of IPv6.
MAPPED = bytes(10) + b"\xff\xff"


def listening(host: str, port: int) -> tuple[set[int], int]:
    """Return who keeps others from listening there, and the number of those that are hidden."""
    try:
        ours = packed(str(getaddrinfo(host, port)[0][4][0]))
        if sys.platform == "linux":
            return from_proc(port, ours)
        if sys.platform == "win32":
            return in_the_way(from_netstat(output_of(["netstat", "-ano"]), port), ours), 0
        lsof = ["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fptn"]
        return in_the_way(from_lsof(output_of(lsof)), ours), 0
    except (OSError, ValueError, SubprocessError):
        return set(), 0


def packed(address: str) -> bytes:
    address = address.strip("[]").partition("%")[0]
    return inet_pton(AF_INET6 if ":" in address else AF_INET, address).removeprefix(MAPPED)


def in_the_way(listeners: Iterable[tuple[bytes, int]], ours: bytes) -> set[int]:
    """Return who listens on this address, or on one that stands for it or that it stands for."""
    found = [(theirs, who) for theirs, who in listeners if clash(ours, theirs)]
    if len(ours) == 4:  # then :: has the port as well, but where another has it
        found = [each for each in found if len(each[0]) == 4] or found
    return {who for _, who in found}


def clash(one: bytes, other: bytes) -> bool:
    if len(one) == len(other):
        return one == other or not any(one) or not any(other)
    return not any(one if len(one) == 16 else other)


def from_proc(port: int, ours: bytes) -> tuple[set[int], int]:
    sockets = {f"socket:[{number}]" for number in in_the_way(proc_listeners(port), ours)}
    held = {(pid, file) for pid, _, file in open_files() if file in sockets}
    return {pid for pid, _ in held}, len(sockets - {file for _, file in held})


def proc_listeners(port: int) -> Iterator[tuple[bytes, int]]:
    """Yield the address and the number of each listening socket; see proc_pid_net(5)."""
    for table in filter(Path.exists, map(Path, ("/proc/net/tcp", "/proc/net/tcp6"))):
        for line in table.read_text().splitlines()[1:]:
            _, local, _, state, *fields = line.split()
            address, _, number = local.partition(":")
            if state == "0A" and int(number, 16) == port:
                words = (int(word, 16) for word in re.findall("." * 8, address))
                raw = b"".join(struct.pack("=I", word) for word in words)
                yield raw.removeprefix(MAPPED), int(fields[5])


def from_netstat(output: str, port: int) -> Iterator[tuple[bytes, int]]:
    """A listening socket is known by its remote port 0: the state's name is translated."""
    for address, local, pid in re.findall(r"TCP\s+(\S+):(\d+)\s+\S+:0\s+\S+\s+(\d+)", output):
        if int(local) == port:
            yield packed(address), int(pid)


def from_lsof(output: str) -> Iterator[tuple[bytes, int]]:
    """After a process `p` come its sockets, each with its type `t` and its name `n`."""
    pid = 0
    for process, family, name in re.findall(r"(?m)^p(\d+)$|^tIPv(.)\nn(.*):\d+$", output):
        pid = int(process or pid)
        if name:
            yield packed({"*4": "0.0.0.0", "*6": "::"}.get(name + family, name)), pid
