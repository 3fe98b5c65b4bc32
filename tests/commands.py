"""Many commands of a service in one process of its own, as each alone takes long to start."""

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator

from services import BakedProject, environment

# For each line of its input, a line with the exit code and what was said.
LOOP = """
import contextlib, importlib, io, json, sys
from launcher.serving import commands
create_app = importlib.import_module(sys.argv[1]).create_app
for line in sys.stdin:
    code, said = 0, io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            commands.run(json.loads(line), create_app)
        except SystemExit as ended:
            code = int(ended.code or 0)
    print(json.dumps([code, said.getvalue()]), flush=True)
"""
Command = Callable[..., tuple[int, str]]


@contextlib.contextmanager
def commands(project: BakedProject, module: str = "backend", **env: str) -> Iterator[Command]:
    """Yields what gives a command, without the checks, to the application that the module makes."""
    with subprocess.Popen(
        [str(project.python), "-c", LOOP, module],
        cwd=project.path,
        env=environment(**env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        given, answers = process.stdin, process.stdout
        assert given
        assert answers

        def give(*arguments: str) -> tuple[int, str]:
            given.write(f"{json.dumps(arguments)}\n")
            given.flush()
            code, said = json.loads(answers.readline())
            return code, said

        yield give
