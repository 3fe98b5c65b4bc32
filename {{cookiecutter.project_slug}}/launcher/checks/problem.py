"""What a check finds."""

from dataclasses import dataclass

from launcher.system.owners import Owner


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    `id` never changes, `message` states the fact, `hint` is what mends it, if possible a
    command, and `where` is a file:line. A problem of level "warning" does not stop the service.
    """

    id: str
    message: str
    hint: str = ""
    where: str = ""
    level: str = "error"
    owners: tuple[Owner, ...] = ()


class Skipped(Exception):
    """Raised by a check that cannot be made yet; its text says what it needs first."""
