"""Cron lines as the jobs have them: five fields, weekdays by name."""

import re
from collections.abc import Iterator

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
WEEKDAYS = "mon tue wed thu fri sat sun".split()
# The fields with their least and greatest number and with their names.
FIELDS: tuple[tuple[str, int, int, list[str]], ...] = (
    ("minute", 0, 59, []),
    ("hour", 0, 23, []),
    ("day", 1, 31, []),
    ("month", 1, 12, MONTHS),
    ("weekday", 0, 6, WEEKDAYS),
)
NUMBERS = re.compile(r"(?:\*|(\d+)(?:-(\d+))?)(?:/(\d+))?")
NAMES = re.compile(r"([a-z]+)(?:-([a-z]+))?", re.I)


def misread(line: str) -> str | None:
    """Return why APScheduler would not read the line, or not as cron does, or None."""
    fields = line.split()
    if line.startswith("@"):
        return f"{line!r} is a name; a line has five fields"
    if len(fields) == 6:
        return f"{line!r} has six fields; there are no seconds in a line"
    if not line.isascii():
        return f"{line!r} has other characters than ASCII"
    if len(fields) != len(FIELDS):
        return f"{line!r} has {len(fields)} of five fields"
    wrong = (why for field, text in zip(FIELDS, fields, strict=True) for why in faults(field, text))
    return next((f"{line!r}: {why}" for why in wrong), None)


def faults(field: tuple[str, int, int, list[str]], text: str) -> Iterator[str]:
    name, least, greatest, names = field
    for part in text.split(","):
        if name == "weekday" and re.search(r"[\d#]", part):
            yield (
                f"the weekday {part!r} has a number or #, which cron counts from Sunday and"
                " APScheduler from Monday; write names, such as mon-fri"
            )
        elif numbers := NUMBERS.fullmatch(part):
            if out_of_range(least, greatest, *numbers.groups()):
                yield f"the {name} {part!r} is not within {least}-{greatest}"
        elif not (name == "day" and part.lower() == "last") and not named(part, names):
            yield f"the {name} {part!r} cannot be read"


def out_of_range(
    least: int, greatest: int, first: str | None, last: str | None, step: str | None
) -> bool:
    low = least if first is None else int(first)
    high = int(last) if last else low if first and not step else greatest
    if not least <= low <= high <= greatest:
        return True
    return step is not None and not 1 <= int(step) <= (high or greatest) - low


def named(part: str, names: list[str]) -> bool:
    found = NAMES.fullmatch(part)
    if not found or any(name.lower() not in names for name in found.groups() if name):
        return False
    first, last = found.groups()
    return not last or names.index(first.lower()) <= names.index(last.lower())
