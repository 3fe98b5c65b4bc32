"""Is every name in config/ a setting, and is every setting that the service needs declared?"""

import re
from collections.abc import Iterator, Set
from difflib import get_close_matches

from launcher.checks.configuration import Configuration
from launcher.checks.problem import Problem
from launcher.checks.service import Service

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
# What other projects read and this one does not, so that renaming to it would help nobody.
FOREIGN_SETTINGS = {
    "ENV": "Flask 2.2",
    "JSON_AS_ASCII": "Flask 2.2",
    "JSON_SORT_KEYS": "Flask 2.2",
    "SCHEDULER_API_ENABLED": "Flask-APScheduler",
    "SCHEDULER_TIMEZONE": "Flask-APScheduler",
    "SQLALCHEMY_BINDS": "Flask-SQLAlchemy",
    "SQLALCHEMY_ECHO": "Flask-SQLAlchemy",
    "SQLALCHEMY_ENGINE_OPTIONS": "Flask-SQLAlchemy",
    "SQLALCHEMY_RECORD_QUERIES": "Flask-SQLAlchemy",
    "SQLALCHEMY_TRACK_MODIFICATIONS": "Flask-SQLAlchemy",
}
# What core and the launcher read, with the lines that declare it. An update may add to it.
REQUIRED = "backend/core/settings.py"


def required_settings(service: Service) -> dict[str, str]:
    """Return the lines that declare what the service needs, by name."""
    lines = (service.root / REQUIRED).read_text(encoding="utf-8").splitlines()
    found = ((re.match("[A-Z_]+(?=: )", line), line) for line in lines)
    return {name[0]: line for name, line in found if name}


def undeclared_settings(service: Service) -> Iterator[Problem]:
    """Yield what the service needs and config/default.py, which is its owner's, lacks."""
    for name, line in required_settings(service).items():
        if name not in service.configuration.declared:
            fact = f"{name} is not declared, and the service needs it"
            yield Problem("settings.missing", fact, f"write {line}", "config/default.py")


def unknown_settings(service: Service) -> Iterator[Problem]:
    configuration = service.configuration
    known = configuration.declared.keys() | required_settings(service).keys() | FLASK_SETTINGS
    for key in sorted(configuration.values.keys() - known):
        fact, where = f"{key} is not a setting", configuration.where(key)
        near = nearest(key, known | FOREIGN_SETTINGS.keys())
        if not near:
            hint = "declare it with its type in config/default.py, or delete the line"
            yield Problem("settings.unknown", fact, hint, where, level="warning")
        elif owner := FOREIGN_SETTINGS.get(near[0]):
            hint = f"delete the line: it looks like {owner}'s {near[0]}, which is not read here"
            yield Problem("settings.unknown", fact, hint, where)
        else:
            yield Problem("settings.unknown", fact, f"rename it to {near[0]}", where)


def nearest(key: str, names: Set[str]) -> list[str]:
    """Return the name that was probably meant: one of which this is the end, or most letters."""
    ends = [name for name in sorted(names) if len(key) > 8 and name.endswith(key)]
    return ends or get_close_matches(key, names, n=1, cutoff=0.75)


def ignored_settings(configuration: Configuration) -> Iterator[Problem]:
    known = configuration.declared.keys() | FLASK_SETTINGS
    for name in sorted(configuration.ignored):
        if name.upper() in known:
            fact = f"{name} is ignored: a setting is written in capitals"
            hint = f"rename it to {name.upper()}, or to something else if it is not the setting"
            where = configuration.where(name)
            yield Problem("settings.unknown", fact, hint, where, level="warning")
