"""Variables of the environment that are wrong, and some that are right."""

import re
from collections.abc import Callable

DEVELOPMENT: tuple[dict[str, str], ...] = (
    {"PORT": "abc"}, {"PORT": "70000"}, {"PORT": "-1"}, {"PORT": "5001.0"}, {"ENVIRONMENT": "prod"},
    {"ENVIRONMENT": "Development"}, {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"},
    {"SECRET_KEY": ""}, {"ENVIRONMENT": "testing"}, {"ENVIRONMENT": ""}, {"WEB_CONCURRENCY": "abc"},
    {"ENVIRONMENT": "production", "DATABASE_URL": ""}, {"PYTHONPATH": "/nowhere"}, {"PYTHONSAFEPATH": "1"},
    {"FLASK_APP": "nothing"}, {"FLASK_DEBUG": "0"}, {"TZ": "Nowhere/City"}, {"PYTHONWARNINGS": "error"},
    {"PORT": ""}, {"PYTHONOPTIMIZE": "2"}, {"LC_ALL": "C"},
)  # fmt: skip
Rewritten = Callable[[str], str] | str | None
# The variable of a production, and what becomes of it.
PRODUCTION: tuple[tuple[str, Rewritten], ...] = (
    ("SECRET_KEY", None), ("SECRET_KEY", ""), ("SECRET_KEY", "short"), ("SECRET_KEY", "change-me" * 5),
    ("DATABASE_URL", None), ("DATABASE_URL", ""), ("DATABASE_URL", "sqlite:///production.db"),
    ("DATABASE_URL", lambda url: url.replace("geheim", "falsch")),
    ("DATABASE_URL", lambda url: url.replace("postgresql://", "mysql://")),
    ("DATABASE_URL", lambda url: url.replace("postgresql://", "postgres://")),
    ("DATABASE_URL", lambda url: url.replace("postgresql://", "postgresql+psycopg2://")),
    ("DATABASE_URL", lambda url: url + "_not_there"),
    ("DATABASE_URL", lambda url: url.rpartition("/")[0] + "/postgres"),  # which is not migrated
    ("DATABASE_URL", lambda url: re.sub(r":\d+/", ":1/", url)),
    ("DATABASE_URL", lambda url: url.replace("://app:", "://nobody:")),
    ("DATABASE_URL", lambda url: url + "?sslmode=requires"),
    ("DATABASE_URL", lambda url: url + "?sslmode=require"),
    ("DATABASE_URL", lambda url: url + "?application_name=a%20b"),
    ("DATABASE_URL", lambda url: url + "?no_such_option=1"),
    ("DATABASE_URL", lambda url: url.replace("127.0.0.1", "nowhere.invalid")),
    ("WEB_CONCURRENCY", "0"), ("WEB_CONCURRENCY", "two"), ("WEB_CONCURRENCY", "2"), ("PROXY_COUNT", "x"),
    ("PROXY_COUNT", "1"), ("TRUSTED_HOSTS", "[::1]"), ("TRUSTED_HOSTS", "example.com"),
    ("SECRET_KEY_FALLBACKS", "short"), ("PORT", "abc"), ("FLASK_DEBUG", "1"),
)  # fmt: skip


def changed(before: dict[str, str], change: tuple[str, Rewritten]) -> dict[str, str]:
    name, new = change
    if new is None:
        return {key: value for key, value in before.items() if key != name}
    return before | {name: new if isinstance(new, str) else new(before[name])}
