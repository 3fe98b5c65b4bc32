"""The settings, as data: these modules import nothing but the standard library.

Here is how a variable of the environment becomes a setting that is no text.
"""

import os


def number(name: str, default: int) -> int | str:
    """Return the variable as an int; what is no number stays text, which `check` reports."""
    text = os.environ.get(name) or str(default)
    return int(text) if text.isdecimal() else text


def listed(name: str) -> list[str]:
    """Return the variable's words, which commas or blanks separate."""
    return os.environ.get(name, "").replace(",", " ").split()
