"""Makes standard output and standard error usable, whatever they are."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO


class Forgiving(io.FileIO):
    """A file on a disk that may be full: then the text is lost, but nothing fails."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError:
            return len(data)


def prepare_streams() -> None:
    """Make sure that both exist, and that neither fails for text that it cannot show or store."""
    for number in range(3):  # or else the next file or socket would be taken for one of them
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout, sys.stderr = forgiving(sys.stdout, 1), forgiving(sys.stderr, 2)


def forgiving(stream: TextIO | None, number: int) -> TextIO:
    if isinstance(stream, io.TextIOWrapper) and stream.isatty():
        stream.reconfigure(errors="backslashreplace")
        return stream
    file = io.BufferedWriter(Forgiving(number, "w", closefd=False))
    encoding = stream.encoding if stream else "utf-8"
    return io.TextIOWrapper(file, encoding, "backslashreplace", line_buffering=True)


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Keep what is printed meanwhile, to the descriptor too, out of the results."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
