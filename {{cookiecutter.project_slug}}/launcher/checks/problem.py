"""What a check finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    `id` never changes, `message` states the fact, `hint` is the fix, if possible a command, and
    `where` is a file:line. A problem of level "warning" does not stop the service.
    `details` are for programs.
    """

    id: str
    message: str
    hint: str = ""
    where: str = ""
    level: str = "error"
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass
class Report:
    """What the application was found to be.

    `application` is None if it could not be made. `traceback` is shown to people, below
    everything else, and is "" if the problems say it all.
    """

    application: Any | None
    problems: list[Problem] = field(default_factory=list)
    traceback: str = ""


class Skipped(Exception):
    """Raised by a check that cannot run yet; its text says what it needs first."""
