"""Does every setting exist, and have a safe value of its type?"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from launcher.checks.configuration import EXPORT, Configuration
from launcher.checks.problem import Problem
from launcher.checks.secrets import EXAMPLES, debugging, weak_secrets
from launcher.checks.service import Service, command_line
from launcher.checks.setting_names import undeclared_settings, unknown_settings
from launcher.checks.setting_types import allowed_range, example, fits, spelled

EXAMPLE_HOST = "example.com"
FLASK_TYPES = {"DEBUG": bool, "TESTING": bool}
WRITE_SQLITE = (
    "write SQLALCHEMY_DATABASE_URI = f\"sqlite:///{quote(str(instance / 'development.db'))}\""
    " in config/development.py"
)


def check_settings(service: Service) -> Iterator[Problem]:
    configuration = service.configuration
    if configuration.broken:
        yield from configuration.broken
        return
    yield from unknown_settings(service)
    yield from undeclared_settings(service)
    yield from wrong_values(configuration)
    yield from wrong_hosts(configuration)
    yield from unknown_time_zone(configuration)
    if service.environment == "production":
        yield from weak_secrets(configuration)
        yield from debugging(configuration)
        yield from any_host(configuration)
    yield from missing_settings(service)  # last, as a command of its hints needs all the others


def missing_settings(service: Service) -> Iterator[Problem]:
    configuration = service.configuration
    for key, declared in configuration.declared.items():
        value = configuration.values.get(key)
        if key in ("SECRET_KEY", "SQLALCHEMY_DATABASE_URI"):
            value = value or None  # an empty one is none
        if value is not None or fits(None, declared):
            continue
        fact, module = f"{key} has no value", f"config/{service.environment}.py"
        hint = f"write {key} = {right(key, declared, configuration)} in {module}"
        if key == "SQLALCHEMY_DATABASE_URI" and service.environment == "development":
            hint = WRITE_SQLITE
        elif variable := configuration.variable(key):
            fact = f"{variable} is not set"
            hint = EXPORT.format(variable, EXAMPLES.get(variable, "..."))
            if variable == "DATABASE_URL":
                hint += f", then {command_line('run.py', 'db upgrade')}"
        yield Problem("settings.missing", fact, hint, configuration.where(key))


def wrong_values(configuration: Configuration) -> Iterator[Problem]:
    """Yield values that have the wrong type, or are out of range."""
    for key, declared in (FLASK_TYPES | configuration.declared).items():
        value = configuration.values.get(key)
        allowed = allowed_range(declared)
        if value is not None and not fits(value, declared):
            name = spelled(declared)
            found = repr(value) if name.startswith(("int", "Literal")) else type(value).__name__
            fact = f"{key} must be {name} and is {found}"
            best = right(key, declared, configuration)
            yield misfit("settings.type", key, fact, best, configuration)
        elif allowed and isinstance(value, int) and value not in allowed:
            fact = f"{key} is {value} and must be {allowed[0]} to {allowed[-1]}"
            place = (value - allowed.start) // allowed.step
            nearest = allowed[min(max(place, 0), len(allowed) - 1)]
            yield misfit("settings.value", key, fact, str(nearest), configuration)


def wrong_hosts(configuration: Configuration) -> Iterator[Problem]:
    hosts = configuration.values.get("TRUSTED_HOSTS")
    hosts = [host for host in hosts if isinstance(host, str)] if isinstance(hosts, list) else []
    good = list(filter(can_be_named, hosts))
    for host in (host for host in hosts if host not in good):
        fact = f"TRUSTED_HOSTS has {host!r}, which no request can name"
        value = repr(good or [EXAMPLE_HOST])
        yield misfit("settings.value", "TRUSTED_HOSTS", fact, value, configuration)


def can_be_named(host: str) -> bool:
    """Ask Werkzeug, which does the comparison. While it is not installed, accept all."""
    try:
        from werkzeug.sansio.utils import host_is_trusted
    except ImportError:
        return True
    try:
        name = host.lower().removeprefix(".").encode("idna").decode()
    except UnicodeError:
        return False
    return host_is_trusted(name, [host.lower()])


def any_host(configuration: Configuration) -> Iterator[Problem]:
    if configuration.values.get("TRUSTED_HOSTS") is None:
        fact = "TRUSTED_HOSTS is not set: a request may name any host, and links then lead there"
        value = repr([EXAMPLE_HOST])
        yield misfit("settings.hosts", "TRUSTED_HOSTS", fact, value, configuration, "warning")


def right(key: str, declared: Any, configuration: Configuration) -> str:
    default = configuration.defaults.get(key)
    known = key in configuration.defaults and fits(default, declared)
    return repr(default) if known else example(declared)


def misfit(
    id: str, key: str, fact: str, value: str, configuration: Configuration, level: str = "error"
) -> Problem:
    """Say where to set the right value: in the environment, if it is read from there."""
    hint = f"write {value}"
    if variable := configuration.variable(key):
        hint = EXPORT.format(variable, " ".join(re.findall(r"[^][\s,'\"]+", value)))
    return Problem(id, fact, hint, configuration.where(key), level)


def unknown_time_zone(configuration: Configuration) -> Iterator[Problem]:
    name = configuration.values.get("TIMEZONE")
    if name == "UTC" or not isinstance(name, str):
        return
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones  # takes a while

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        names = available_timezones()  # none on a Windows without the package tzdata
        near = get_close_matches(name, names, n=1) or ["UTC"]
        if names:
            fact, hint = f"TIMEZONE {name!r} is no time zone", f'write TIMEZONE = "{near[0]}"'
            yield Problem("jobs.timezone", fact, hint, configuration.where("TIMEZONE"))
