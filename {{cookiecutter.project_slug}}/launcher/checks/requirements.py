"""The lines of the requirements files, as pip reads them."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from posixpath import dirname, join, normpath

COMMENT = re.compile(r"(^|\s+)#.*")
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
INCLUDED = re.compile(r"(-r|--requirement|-c|--constraint)[\s=]*(.+)")
# A file or an address; the name of the package is unknown.
ELSEWHERE = re.compile(r"[^@;]*[/\\]|\.|\w+:|[^@]*\.(whl|zip|tgz|tar(\.\w+)?)$")
UTF16 = (b"\xff\xfe", b"\xfe\xff")  # as PowerShell writes


@dataclass(frozen=True)
class Line:
    """A requirement or a constraint; or `-r` and the name of a file that cannot be read."""

    text: str
    where: str
    constraint: bool


def read(
    root: Path, name: str, where: str = "", constraint: bool = False, within: tuple[str, ...] = ()
) -> Iterator[Line]:
    """Yield the lines of the file and of the files it includes, without options and addresses."""
    try:
        data = (root / name).read_bytes()
    except OSError:
        yield Line(f"-r {name}", where or name, constraint)
        return
    text = data.decode("utf-16" if data[:2] in UTF16 else "utf-8-sig", errors="replace")
    for number, line in logical_lines(text):
        where = f"{name}:{number}"
        if included := INCLUDED.match(line):
            other = normpath(join(dirname(name), included[2].strip("'\"")))
            if "://" not in included[2] and other not in (*within, name):
                limits = constraint or "c" in included[1]
                yield from read(root, other, where, limits, (*within, name))
        elif not line.startswith("-"):
            text = re.split(r"\s+-", line)[0].rstrip("; ")
            if not ELSEWHERE.match(text):
                yield Line(text, where, constraint)


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each non-empty line, joined with its continuation lines, and its number."""
    begun, first = "", 0
    for number, line in enumerate([*text.splitlines(), ""], 1):
        first = first if begun else number
        begun += COMMENT.sub("", line)
        if begun.endswith("\\"):
            begun = begun.rstrip("\\")
            continue
        if whole := VARIABLE.sub(lambda found: os.environ.get(found[1]) or found[0], begun).strip():
            yield first, whole
        begun = ""
