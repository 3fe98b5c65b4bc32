"""The settings, as data: these modules import nothing but the standard library.

Here is which environments there are, and how a variable becomes a setting that is no text.
"""

import os

# Each has a module here. The variable ENVIRONMENT says which applies; unset, it is the first.
ENVIRONMENTS = ("development", "production")


def environment() -> str:
    name = os.environ.get("ENVIRONMENT") or ENVIRONMENTS[0]
    if name not in ENVIRONMENTS:
        raise RuntimeError(f"ENVIRONMENT is {name!r}; it must be one of {', '.join(ENVIRONMENTS)}")
    return name


def number(name: str, default: int) -> int | str:
    """Return the variable as an int; what is no number stays text, which `check` reports."""
    text = os.environ.get(name) or str(default)
    return int(text) if text.isdecimal() else text


def listed(name: str) -> list[str]:
    """Return the variable's words, which commas or blanks separate."""
    return os.environ.get(name, "").replace(",", " ").split()
