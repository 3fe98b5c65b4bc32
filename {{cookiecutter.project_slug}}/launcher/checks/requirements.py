"""The lines of the requirements files, read as pip reads them."""

import os
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from posixpath import dirname, join, normpath

COMMENT = re.compile(r"(^|\s+)#.*")
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
INCLUDED = re.compile(r"(-r|--requirement|-c|--constraint)[\s=]*(.+)")


@dataclass(frozen=True)
class Line:
    """A requirement or a constraint; or, of a file that cannot be read, `-r` and its name."""

    text: str
    where: str
    constraint: bool


def read(
    root: Path, name: str, where: str = "", constraint: bool = False, within: tuple[str, ...] = ()
) -> Iterator[Line]:
    """Yield the lines of the file, and of those that it includes, without options and comments."""
    try:
        text = decoded((root / name).read_bytes())
    except OSError:
        yield Line(f"-r {name}", where or name, constraint)
        return
    within = (*within, name)
    for number, line in logical_lines(text):
        where = f"{name}:{number}"
        if included := INCLUDED.match(line):
            other = normpath(join(dirname(name), included[2].strip("'\"")))
            if other not in within and "://" not in included[2]:
                limits = constraint or included[1] in ("-c", "--constraint")
                yield from read(root, other, where, limits, within)
        elif not line.startswith("-"):
            yield Line(re.split(r"\s+-", line)[0], where, constraint)


def decoded(data: bytes) -> str:
    """PowerShell writes UTF-16, and a comment may be in whatever encoding."""
    utf16 = data.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    return data.decode("utf-16" if utf16 else "utf-8-sig", errors="replace")


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line that says something, joined with those that continue it, and its number."""
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
