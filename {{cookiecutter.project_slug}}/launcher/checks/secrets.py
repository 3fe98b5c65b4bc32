"""Does production keep its secrets?"""

import re
from collections.abc import Iterator

from launcher.checks.configuration import EXPORT, Configuration
from launcher.checks.problem import Problem
from launcher.checks.service import PYTHON

SECRET_LENGTH = 32
PLACEHOLDER = re.compile(
    r"change|secret|password|example|placeholder|develop|(.)\1{7}|(.{2,16})\2{3}", re.I | re.S
)
EXAMPLES = {
    "DATABASE_URL": "postgresql://user:password@host/name",
    "SECRET_KEY": f'$({PYTHON} -c "import secrets; print(secrets.token_hex(32))")',
}


def weak_secrets(configuration: Configuration) -> Iterator[Problem]:
    secret = configuration.values.get("SECRET_KEY")
    if secret and is_weak(secret):
        fact = f"SECRET_KEY can be guessed; it needs {SECRET_LENGTH} random characters"
        hint = EXPORT.format("SECRET_KEY", EXAMPLES["SECRET_KEY"])
        if not configuration.variable("SECRET_KEY"):
            hint = f'write SECRET_KEY = os.environ.get("SECRET_KEY"), then {hint}'
        yield Problem("settings.secret", fact, hint, configuration.where("SECRET_KEY"))
    former = configuration.values.get("SECRET_KEY_FALLBACKS")
    if isinstance(former, list) and any(map(is_weak, former)):
        fact = "SECRET_KEY_FALLBACKS has a key that can be guessed, and what it signs is accepted"
        variable = configuration.variable("SECRET_KEY_FALLBACKS")
        hint = EXPORT.format(variable, "") if variable else "write SECRET_KEY_FALLBACKS = []"
        yield Problem("settings.secret", fact, hint, configuration.where("SECRET_KEY_FALLBACKS"))


def is_weak(secret: object) -> bool:
    """Return whether it can be guessed. The check of types says that it must be text."""
    if not isinstance(secret, str):
        return False
    return len(secret) < SECRET_LENGTH or bool(PLACEHOLDER.search(secret))


def debugging(configuration: Configuration) -> Iterator[Problem]:
    for key in ("DEBUG", "TESTING"):
        if configuration.values.get(key) is True:
            fact = f"{key} is on, which shows internals to callers"
            yield Problem("settings.debug", fact, f"write {key} = False", configuration.where(key))
