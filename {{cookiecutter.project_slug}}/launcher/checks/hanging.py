"""Where in the service's own source a slow thread is."""

import sys
import threading
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Seconds after which the reader is told where it is, and after which a check gives up.
NOTED_AFTER, GIVEN_UP_AFTER = 15, 60


@contextmanager
def noted(thread: threading.Thread, root: Path) -> Iterator[None]:
    """Say where the thread is if what happens meanwhile takes long."""
    timer = threading.Timer(NOTED_AFTER, lambda: note(place_of(thread, root)))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def note(place: str) -> None:
    print(f"still waiting for {place or 'the application'}", file=sys.stderr)


def place_of(thread: threading.Thread, root: Path) -> str:
    frame = sys._current_frames().get(thread.ident or 0)
    stack = traceback.walk_stack(frame) if frame else ()
    return innermost(((frame.f_code.co_filename, line) for frame, line in stack), root)


def innermost(places: Iterable[tuple[str, int]], root: Path) -> str:
    """Return the first file:line that is in the service's own source, or ""."""
    for file, line in places:
        path = Path(file)
        if path.is_relative_to(root) and path.relative_to(root).parts[0] in ("backend", "config"):
            return f"{path.relative_to(root).as_posix()}:{line}"
    return ""
