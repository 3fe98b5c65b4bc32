"""Refuses an answer that would make a broken service, before anything is written."""

import re
import sys
from zoneinfo import available_timezones

NAME = {{ "%r"|format(cookiecutter.project_name) }}
SLUG = {{ "%r"|format(cookiecutter.project_slug) }}
PORT = {{ "%r"|format(cookiecutter.port) }}
TIMEZONE = {{ "%r"|format(cookiecutter.timezone) }}
TEXTS = (NAME, {{ "%r"|format(cookiecutter.description) }}, {{ "%r"|format(cookiecutter.author) }})
RESERVED = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9]")


def refusal() -> str | None:
    if not NAME.strip():
        return "project_name is empty: give the service a name."
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,49}", SLUG):
        return f"project_slug {SLUG!r} must be a letter, then up to 49 of a-z, 0-9, _ and -."
    if RESERVED.fullmatch(SLUG):
        return f"project_slug {SLUG!r} is a name that Windows keeps for itself: choose another."
    if not re.fullmatch(r"[1-9][0-9]{0,4}", PORT) or int(PORT) > 65535:
        return f"port {PORT[:20]!r} must be a number from 1024 to 65535."
    if int(PORT) < 1024:
        return f"port {PORT} is below 1024, where only privileged users may listen: choose another."
    if TIMEZONE not in available_timezones():
        return f"timezone {TIMEZONE!r} is unknown: give an IANA name such as UTC or Asia/Tokyo."
    if any("\ud800" <= character <= "\udfff" for text in TEXTS for character in text):
        return "An answer is not valid text: type it again."
    return None


if message := refusal():
    sys.exit(message.encode("ascii", "backslashreplace").decode())
