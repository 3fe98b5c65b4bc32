"""Hands over to the generated bootstrap.py, unless the answer or the environment says not to.

It always succeeds: cookiecutter would delete the project of a hook that fails.
"""

import contextlib
import io
import os
import subprocess
import sys

wanted = {{ "%r"|format(cookiecutter.bootstrap) }} is not False
if wanted and os.environ.get("FLASK_SAFE_START_BOOTSTRAP") != "no":
    bootstrap = subprocess.Popen([sys.executable, os.path.abspath("bootstrap.py")])
    while bootstrap.poll() is None:
        with contextlib.suppress(KeyboardInterrupt):  # it has that too, and says how to go on
            bootstrap.wait()
else:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    print("Not bootstrapped. To do so, run bootstrap.py in", os.getcwd(), flush=True)
