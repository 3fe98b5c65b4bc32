"""Refuses answers that would make a broken service, before anything is written.

cookiecutter.json itself refuses a project_slug that is not the name of one folder: cookiecutter
deletes the folder of a project whose hook fails, and `..` is somebody else's.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from zoneinfo import available_timezones

SLUG = {{ "%r"|format(cookiecutter.project_slug) }}
PORT = {{ "%r"|format(cookiecutter.port) }}
TIMEZONE = {{ "%r"|format(cookiecutter.timezone) }}
BOOTSTRAP = {{ "%r"|format(cookiecutter.bootstrap|string) }}
TEXTS = {
    "project_name": {{ "%r"|format(cookiecutter.project_name) }},
    "description": {{ "%r"|format(cookiecutter.description) }},
    "author": {{ "%r"|format(cookiecutter.author) }},
}
RESERVED = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9]")
WORDS = re.compile(r"\s*(yes|y|true|1|on|no|n|false|0|off)\s*", re.IGNORECASE)
# Line breaks, escape sequences, what turns the direction of text, what is no text at all; and what
# cookiecutter would not give back when the service is made again.
UNFIT = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]|\{[%#{]"
)


def refusals() -> Iterator[str]:
    if not TEXTS["project_name"].strip():
        yield "project_name is empty: give the service a name."
    for question, text in TEXTS.items():
        if found := UNFIT.search(text):
            yield f"{question} must not contain {found[0]!r}: remove it."
    if RESERVED.fullmatch(SLUG):
        yield f"project_slug {SLUG!r} is a name that Windows reserves: choose another."
    if not re.fullmatch(r"[1-9][0-9]{0,4}", PORT) or not 1024 <= int(PORT) <= 65535:
        yield f"port {PORT[:20]!r} must be a number from 1024 to 65535."
    if TIMEZONE != "UTC" and not is_time_zone(TIMEZONE):
        yield f"timezone {TIMEZONE!r} is unknown: give an IANA name such as UTC or Asia/Tokyo."
    if not WORDS.fullmatch(BOOTSTRAP):
        yield f"bootstrap {BOOTSTRAP[:20]!r} must be yes or no."
    if os.listdir() and has_uncommitted_changes():
        yield f"{os.getcwd()} has changes that are not committed: commit or stash them first."


def is_time_zone(name: str) -> bool:
    """Look it up, unless the system knows none at all: the service brings its own."""
    zones = available_timezones()
    return name in zones if zones else bool(re.fullmatch(r"\w+(/[\w+-]+)*", name))


def has_uncommitted_changes() -> bool:
    """Return whether git could not bring back what is here, and may be overwritten."""
    command = ["git", "status", "--short", "--", "."]
    try:
        return bool(subprocess.check_output(command, stderr=subprocess.DEVNULL))
    except (OSError, subprocess.CalledProcessError):  # no git, or no repository
        return False


if found := list(refusals()):
    sys.exit("\n".join(found).encode("ascii", "backslashreplace").decode())
