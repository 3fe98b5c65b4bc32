"""What a service's own process says of the application, asked without the front door."""

import json
from dataclasses import dataclass
from typing import Any

from services import BakedProject

ASK = """
import json, sys
from launcher.serving.inspection import inspect
sys.argv[0] = "run.py"
report = inspect(thorough=True)
problems = [vars(problem) for problem in report.problems]
print(json.dumps([report.application is not None, problems, report.traceback]))
"""


@dataclass(frozen=True)
class Said:
    """An answer to the question."""

    application: bool
    problems: list[dict[str, Any]]
    traceback: str

    @property
    def found(self) -> set[tuple[str, str]]:
        """The ids, each with the place."""
        return {(problem["id"], problem["where"]) for problem in self.problems}

    def at(self, where: str) -> dict[str, Any]:
        (problem,) = [problem for problem in self.problems if problem["where"] == where]
        return problem


def ask(project: BakedProject, **env: str) -> Said:
    done = project.run("-W", "ignore", "-c", ASK, python=project.python, **env)
    assert done.returncode == 0, done.stderr
    return Said(*json.loads(done.stdout))


def marked(project: BakedProject, *names: str) -> set[tuple[str, str]]:
    """Return what is to be found: each id that stands in a comment `# !id`, with its place."""
    expected = set()
    for name in names:
        lines = (project.path / name).read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            ids = line.partition("  # !")[2].split()
            expected |= {(id, f"{name}:{number}") for id in ids}
    return expected
