"""Keeps the password of a database out of what is shown."""

import re
from urllib.parse import unquote


def credentials(url: str) -> str:
    """Return the user and the password. An @ in the query ends them only if it is the only one."""
    rest = url.partition("://")[2]
    path = rest.partition("?")[0]
    return (path if "@" in path else rest).rpartition("@")[0]


def masked(text: str, url: str) -> str:
    secrets = {credentials(url).partition(":")[2], *re.findall("password=([^&]+)", url)} - {""}
    for secret in secrets | {unquote(secret) for secret in secrets}:
        text = text.replace(secret, "***")
    return text
