"""Is every name in config/ a setting, and is every setting that the service needs declared?"""

import builtins
import re
from collections.abc import Iterator, Set
from difflib import get_close_matches
from typing import Any

from launcher.checks.problem import Problem
from launcher.checks.service import Service
from launcher.checks.setting_types import fits

# Flask 3.1's own, from Flask.default_config: valid in every module of config/.
FLASK_SETTINGS = frozenset(
    """
    APPLICATION_ROOT DEBUG EXPLAIN_TEMPLATE_LOADING MAX_CONTENT_LENGTH MAX_COOKIE_SIZE
    MAX_FORM_MEMORY_SIZE MAX_FORM_PARTS PERMANENT_SESSION_LIFETIME PREFERRED_URL_SCHEME
    PROPAGATE_EXCEPTIONS PROVIDE_AUTOMATIC_OPTIONS SECRET_KEY SECRET_KEY_FALLBACKS
    SEND_FILE_MAX_AGE_DEFAULT SERVER_NAME SESSION_COOKIE_DOMAIN SESSION_COOKIE_HTTPONLY
    SESSION_COOKIE_NAME SESSION_COOKIE_PARTITIONED SESSION_COOKIE_PATH
    SESSION_COOKIE_SAMESITE SESSION_COOKIE_SECURE SESSION_REFRESH_EACH_REQUEST
    TEMPLATES_AUTO_RELOAD TESTING TRAP_BAD_REQUEST_ERRORS TRAP_HTTP_EXCEPTIONS
    TRUSTED_HOSTS USE_X_SENDFILE
    """.split()
)
# Flask-SQLAlchemy's settings: many people know them, but nothing reads them here.
FOREIGN = "SQLALCHEMY_TRACK_MODIFICATIONS"
DELETE = "delete it (or write pass in its place)"
# What core and the launcher read, with the lines that declare it. An update may add to it.
REQUIRED = "backend/core/settings.py"


def required_settings(service: Service) -> dict[str, str]:
    """Return the lines that declare what the service needs, by name."""
    lines = (service.root / REQUIRED).read_text(encoding="utf-8").splitlines()
    found = ((re.match("[A-Z_]+(?=: )", line), line) for line in lines)
    return {name[0]: line for name, line in found if name}


def undeclared_settings(service: Service) -> Iterator[Problem]:
    """Yield what the service needs and the owner's config/default.py lacks."""
    for name, line in required_settings(service).items():
        if name not in service.configuration.declared:
            fact = f"{name} is not declared, and the service needs it"
            yield Problem("settings.missing", fact, f"write {line}", "config/default.py")


def unknown_settings(service: Service) -> Iterator[Problem]:
    configuration = service.configuration
    known = configuration.declared.keys() | required_settings(service).keys() | FLASK_SETTINGS
    private = {key for key in configuration.values if key.startswith("_")}
    for key in sorted(configuration.values.keys() - known - private):
        slip, declare = slip_of(key, known | {FOREIGN}), declaration(key, configuration.values[key])
        if slip == FOREIGN:
            hint = f"{DELETE}: it looks like Flask-SQLAlchemy's {FOREIGN}, which is not read here"
        elif slip and fits(configuration.values[key], configuration.declared.get(slip, Any)):
            hint = f"rename it to {slip} if that is meant, or {declare}"
        elif slip:
            hint = f"{DELETE}, or {declare}"
        else:
            near = [f", or rename it to {name} if that is meant" for name in like(key, known)]
            hint = "".join([declare, *near])
        level = "error" if slip else "warning"
        fact, where = f"{key} is not a setting", configuration.where(key)
        yield Problem("settings.unknown", fact, hint, where, level)


def declaration(key: str, value: Any) -> str:
    name = type(value).__name__
    known = getattr(builtins, name, None) is type(value)
    return f"declare it in config/default.py: `{key}: {name if known else 'object'}`"


def slip_of(key: str, names: Set[str]) -> str | None:
    """Return the name that was clearly meant: one or two letters are missing, wrong or swapped."""
    names = names - {key, key.removesuffix("S")}
    exchanged = [name for name in names if sorted(name) == sorted(key)]
    longer = (name for name in names - {f"{key}S"} if len(name) > 4)
    lost = [name for name in longer if key in without_a_letter(name)]
    surely = exchanged or lost or get_close_matches(key, names, n=1, cutoff=0.92)
    return next(iter(surely), None)


def without_a_letter(name: str) -> set[str]:
    return {name[:place] + name[place + 1 :] for place in range(len(name))}


def like(key: str, names: Set[str]) -> list[str]:
    ends = [name for name in sorted(names) if len(key) > 8 and name.endswith(f"_{key}")]
    return ends or get_close_matches(key, names, n=1, cutoff=0.75)
