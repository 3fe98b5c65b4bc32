"""Does every setting exist, have a value of its type, and keep its secret?"""

import re
import types
import typing
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from launcher.checks.configuration import EXPORT, Configuration
from launcher.checks.problem import Problem
from launcher.checks.secrets import debugging, example, weak_secrets
from launcher.checks.service import Service, command_line
from launcher.checks.setting_names import (
    ignored_settings,
    undeclared_settings,
    unknown_settings,
)

FLASK_TYPES = {"DEBUG": bool, "TESTING": bool}
HOST_NAME = re.compile(r"(\.?[\w-]+(\.[\w-]+)*|\[[0-9a-f:.]+\])(:\d+)?")
WRITE_SQLITE = "write SQLALCHEMY_DATABASE_URI = f\"sqlite:///{instance / 'development.db'}\""


def check_settings(service: Service) -> Iterator[Problem]:
    configuration = service.configuration
    if configuration.broken:
        yield from configuration.broken
        return
    yield from unknown_settings(service)
    yield from ignored_settings(configuration)
    yield from undeclared_settings(service)
    yield from missing_settings(configuration)
    yield from wrong_types(configuration)
    yield from wrong_values(configuration)
    yield from wrong_hosts(configuration)
    yield from unknown_time_zone(configuration)
    if service.environment == "production":
        yield from weak_secrets(configuration)
        yield from debugging(configuration)


def missing_settings(configuration: Configuration) -> Iterator[Problem]:
    for key, declared in configuration.declared.items():
        if configuration.values.get(key) is None and not fits(None, declared):
            where = configuration.where(key)
            if configuration.module.stem == "development" and key == "SQLALCHEMY_DATABASE_URI":
                fact, hint = f"{key} has no value", WRITE_SQLITE
            elif variable := configuration.variable(key):
                fact, hint = f"{variable} is not set", EXPORT.format(variable, example(variable))
                if variable == "DATABASE_URL":
                    hint += f", then {command_line('run.py', 'db upgrade')}"
            else:
                fact, hint = f"{key} has no value", f"write {key} = ... in {where.split(':')[0]}"
            yield Problem("settings.missing", fact, hint, where)


def wrong_types(configuration: Configuration) -> Iterator[Problem]:
    for key, hint in (FLASK_TYPES | configuration.declared).items():
        value, declared = configuration.values.get(key), without_extras(hint)
        if value is not None and not fits(value, declared):
            name = str(declared) if typing.get_args(declared) else declared.__name__
            found = repr(value) if declared is int else type(value).__name__
            fact = f"{key} must be {name} and is {found}"
            yield misfit("settings.type", key, fact, f"a value of type {name}", configuration)


def wrong_values(configuration: Configuration) -> Iterator[Problem]:
    for key, declared in configuration.declared.items():
        value = configuration.values.get(key)
        allowed = allowed_range(declared)
        if allowed and isinstance(value, int) and value not in allowed:
            fact = f"{key} is {value} and must be {allowed[0]} to {allowed[-1]}"
            nearest_one = str(min(max(value, allowed[0]), allowed[-1]))
            yield misfit("settings.value", key, fact, nearest_one, configuration)


def allowed_range(declared: Any) -> range | None:
    """Return the range in Annotated[int, range(...)]."""
    extras = getattr(declared, "__metadata__", ())
    return next((extra for extra in extras if isinstance(extra, range)), None)


def without_extras(declared: Any) -> Any:
    return declared.__origin__ if hasattr(declared, "__metadata__") else declared


def wrong_hosts(configuration: Configuration) -> Iterator[Problem]:
    hosts = configuration.values.get("TRUSTED_HOSTS") or ()
    for host in filter(lambda host: isinstance(host, str), hosts):
        if host != host.lower() or not HOST_NAME.fullmatch(host):
            fact = f"TRUSTED_HOSTS has {host!r}, which no request can name"
            hint = (
                "write names in small letters, such as example.com, or .example.com for all below"
            )
            where = configuration.where("TRUSTED_HOSTS")
            yield Problem("settings.value", fact, hint, where)


def misfit(id: str, key: str, fact: str, right: str, configuration: Configuration) -> Problem:
    """Say where the right value belongs: into the environment, if it is read from there."""
    hint = f"write {right}"
    if variable := configuration.variable(key):
        hint = EXPORT.format(variable, configuration.defaults.get(key, right))
    return Problem(id, fact, hint, configuration.where(key))


def fits(value: Any, declared: Any) -> bool:
    declared = without_extras(declared)
    if declared is None or declared is type(None):
        return value is None
    if typing.get_origin(declared) in (types.UnionType, typing.Union):
        return any(fits(value, choice) for choice in typing.get_args(declared))
    if isinstance(value, bool):  # which Python takes for an int as well
        return declared in (bool, Any)
    if typing.get_origin(declared) is list:
        (item,) = typing.get_args(declared)
        return isinstance(value, list) and all(fits(each, item) for each in value)
    accepted: Any = {float: (int, float), Any: object}.get(declared, typing.get_origin(declared))
    return isinstance(value, accepted or declared)


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
