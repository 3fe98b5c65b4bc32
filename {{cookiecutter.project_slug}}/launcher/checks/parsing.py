"""Says why a file does not parse. Python does not recognise the marks that a merge leaves."""

from pathlib import Path

MARK = "<<<<<<<"
CONFLICT = "a merge left a conflict"
RESOLVE = f"fix it: keep what is right, and delete the lines with {MARK}, ======= and >>>>>>>"


def why(error: Exception, root: Path, name: str) -> tuple[str, str, str]:
    """Return the fact, what fixes it, and the file:line."""
    text = (root / name).read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(MARK):
            return CONFLICT, RESOLVE, f"{name}:{number}"
    where = f"{name}:{getattr(error, 'lineno', None) or 1}"
    return f"does not parse: {getattr(error, 'msg', error)}", f"fix {where}", where
