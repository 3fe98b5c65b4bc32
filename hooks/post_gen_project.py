"""Hands over to the generated bootstrap.py, unless the answer or the environment says not to.

It always succeeds: cookiecutter would delete the project of a hook that fails.
"""

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile

ANSWER = {{ "%r"|format(cookiecutter.bootstrap|string) }}
ANSWERS = [ANSWER, os.environ.get("FLASK_SAFE_START_BOOTSTRAP", "")]
NO = {"no", "n", "false", "0", "off"}


def is_for_comparison() -> bool:
    """Return whether `cruft update` or `cruft diff` rendered this: to look at, into tmp…/slug."""
    by_cruft = {{ cookiecutter._output_dir is undefined }}
    folder, name = os.path.split(os.path.dirname(os.getcwd()))
    named = re.fullmatch("tmp[a-z0-9_]{8}", name)
    return by_cruft and bool(named) and os.path.samefile(folder, tempfile.gettempdir())


def bootstrap() -> None:
    process = subprocess.Popen([sys.executable, os.path.abspath("bootstrap.py")])
    while process.poll() is None:
        with contextlib.suppress(KeyboardInterrupt):  # it has that too, and says how to go on
            process.wait()


def say(text: str) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    print(text, "run bootstrap.py in", os.getcwd(), flush=True)


if not is_for_comparison():
    if any(map(os.path.lexists, (".venv", "instance", ".env"))):
        say("The service existed already. Review `git diff`, then")
    elif NO.intersection(answer.strip().lower() for answer in ANSWERS):
        say("Not bootstrapped. To do so,")
    else:
        bootstrap()
