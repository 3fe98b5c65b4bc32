"""Standard output, on whatever console it ends."""

import io
import sys


def show_any_text() -> None:
    """Let what the console has no character for be written as an escape, and not be an error."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
