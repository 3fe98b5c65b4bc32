"""A reader who knows nothing but what `check` says, and does that."""

import ast
import contextlib
import difflib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import breaking
from services import INSTALL_WITHIN, BakedProject, environment

Problem = dict[str, Any]
# How each begins that asks for more than following: a reader thinks, and undoes the mistake.
THINK = re.compile(
    r"fix |give |see that |end create_app |delete one of |get the code "
    r"|write a value of type "
)
COMMAND = re.compile(r"(ENVIRONMENT=production )?(\S*python\S*|flask) .+")
OF_THE_SHELL = ("export ", "unset ")
# What a reader puts in the place of an example.
EXAMPLE = "postgresql://user:password@host/name"


@dataclass
class Reader:
    """`base` is the service before the mistakes were made; `exported` what the shell has got.

    `secrets` are what the reader knows: the URL of the database.
    """

    project: BakedProject
    base: BakedProject
    exported: dict[str, str] = field(default_factory=dict)
    url: str = EXAMPLE
    said: list[str] = field(default_factory=list)

    def problems(self, **env: str) -> list[Problem]:
        checks = self.project.check(**self.exported | env)["checks"]
        return [problem for check in checks for problem in check["problems"]]

    def follow(self, problems: list[Problem]) -> None:
        """Make the edits from below, as lines keep their numbers, then exports, then commands."""
        steps = [(problem, step) for problem in problems for step in steps_of(problem["hint"])]
        edits = [step for step in steps if not is_for_the_shell(step[1])]
        for problem, step in sorted(edits, key=lambda each: line_of(each[0]), reverse=True):
            self.edit(problem, step)
        commands = dict.fromkeys(step for _, step in steps if is_for_the_shell(step))
        for command in sorted(commands, key=lambda each: not each.startswith(OF_THE_SHELL)):
            self.give(command)

    def give(self, command: str) -> None:
        """Give it to a shell, and keep what it exports. Its end is not looked at: the check is."""
        script = f"{command.replace(EXAMPLE, self.url)}\n{sys.executable} -c '{SHOW}' >&3"
        reading, writing = os.pipe()
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", f"exec 3>&{writing}\n{script}"],
            cwd=self.project.path,
            env=environment(PATH=path, **self.exported),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            pass_fds=[writing],
            timeout=INSTALL_WITHIN,
        )
        os.close(writing)
        with os.fdopen(reading) as shown:
            after = json.load(shown)
        before = environment(PATH=path)
        self.exported = {name: after[name] for name in after if after[name] != before.get(name)}
        self.said.append(f"$ {command}\n{done.stdout}{done.stderr}")

    def edit(self, problem: Problem, step: str) -> None:
        for pattern, do in EDITS.items():
            if found := re.match(pattern, step, re.S):
                do(self, problem, *found.groups())
                return
        raise AssertionError(f"nobody can do this: {step}")


SHOW = "import json, os; print(json.dumps({k: v for k, v in os.environ.items()"
SHOW += ' if k not in ("_", "SHLVL", "PWD", "OLDPWD")}))'


def steps_of(hint: str) -> list[str]:
    """Return what is to be done one after the other, and of several ways the first."""
    first = re.split(r",? or (?=python|rename|delete|write|declare|raise|move|use |to )", hint)[0]
    return first.split(", then ")


def is_for_the_shell(step: str) -> bool:
    return step.startswith(OF_THE_SHELL) or bool(COMMAND.fullmatch(step))


def line_of(problem: Problem) -> tuple[str, int]:
    file, _, line = problem["where"].partition(":")
    return file, int(line or 0)


def lines_of(reader: Reader, problem: Problem) -> tuple[Path, list[str], int]:
    file, line = line_of(problem)
    path = reader.project.path / file
    return path, path.read_text("utf-8").splitlines(), line


def save(path: Path, lines: list[str]) -> None:
    breaking.write(path, "\n".join(lines) + "\n")


def delete(reader: Reader, problem: Problem, first: str | None, last: str | None) -> None:
    path, lines, line = lines_of(reader, problem)
    begin, end = int(first or line), int(last or first or line)
    del lines[begin - 1 : end]
    save(path, lines)


def delete_statement(reader: Reader, problem: Problem) -> None:
    path, lines, line = lines_of(reader, problem)
    begin, end = extent(lines, line)
    indent = lines[begin][: -len(lines[begin].lstrip())]
    lines[begin:end] = [f"{indent}pass"] if indent else []
    save(path, lines)


def rename(reader: Reader, problem: Problem, name: str) -> None:
    path, lines, line = lines_of(reader, problem)
    old = problem["message"].split()[0]
    lines[line - 1] = re.sub(rf"\b{old}\b", name, lines[line - 1])
    save(path, lines)


def write(reader: Reader, problem: Problem, text: str, file: str | None = None) -> None:
    """Put an assignment in the place of the one there is, or at the end; or a value after its =."""
    path, lines, line = lines_of(reader, problem)
    if file and file != problem["where"].partition(":")[0]:
        path = reader.project.path / file
        lines, line = path.read_text("utf-8").splitlines(), 0
    begin, end = extent(lines, line) if line else (len(lines), len(lines))
    name = re.match(r"\w+(?=: | = )", text)
    if text.endswith("= ..."):
        text = filled_in(reader.base, text)
    if name is None:
        before = lines[begin].partition("=")[0].rstrip()
        lines[begin:end] = [f"{before} = {text}"]
    elif re.match(rf"\s*{name[0]}\b", "".join(lines[begin:end])):
        lines[begin:end] = [text]
    else:
        lines.append(text)
    save(path, lines)


def extent(lines: list[str], line: int) -> tuple[int, int]:
    """Return where the statement of this line begins and ends, in a list, or the line itself."""
    with contextlib.suppress(SyntaxError):
        for node in ast.walk(ast.parse("\n".join(lines))):
            if isinstance(node, ast.stmt) and node.lineno == line:
                return line - 1, node.end_lineno or line
    return line - 1, line


def filled_in(base: BakedProject, text: str) -> str:
    """Return the setting with the value that it has in the service that is right."""
    name = text.split()[0]
    sources = ((base.path / f"config/{file}.py").read_text() for file in ("development", "default"))
    found = (re.search(rf"^{name}(?:: .*)? = (.*)", source, re.M) for source in sources)
    value = next(filter(None, found))[1]
    return f"{name} = {value}"


def declare(reader: Reader, problem: Problem, file: str, text: str) -> None:
    write(reader, {"where": file}, text)


def remove_async(reader: Reader, problem: Problem) -> None:
    path, lines, line = lines_of(reader, problem)
    place = next(n for n in range(line - 1, len(lines)) if "async def" in lines[n])
    lines[place] = lines[place].replace("async def", "def")
    save(path, lines)


def move_away(reader: Reader, problem: Problem, name: str) -> None:
    path = reader.project.path / name
    path.rename(path.with_name(f"{path.name}.away"))


def require(reader: Reader, problem: Problem, name: str) -> None:
    with (reader.project.path / "requirements.txt").open("a") as file:
        file.write(f"{name}\n")


def think(reader: Reader, problem: Problem) -> None:
    """Undo the mistake that the line is part of: it has to be one."""
    path, lines, line = lines_of(reader, problem)
    original = reader.base.path / problem["where"].partition(":")[0]
    right = original.read_text("utf-8").splitlines() if original.exists() else []
    matcher = difflib.SequenceMatcher(None, lines, right, autojunk=False)
    for kind, begin, end, first, last in matcher.get_opcodes():
        if kind != "equal" and (line == 0 or begin <= line - 1 <= max(begin, end - 1)):
            if kind == "delete" and line:  # other mistakes may stand beside it
                begin, end = extent(lines, line)
            lines[begin:end] = right[first:last]
            save(path, lines)
            return
    raise AssertionError(f"there is no mistake in {problem['where']}: {problem}")


EDITS: dict[str, Callable[..., None]] = {
    THINK.pattern: think,
    r"delete (?:the )?lines? ?(\d+)?(?:(?:-| to )(\d+))?": delete,
    r"delete it \(or write pass in its place\)": delete_statement,
    r"rename it to (\w+)": rename,
    r"declare it in (\S+): `(.+)`": declare,
    r"write (.+) in ((?:config|backend)/\S+\.py)$": write,
    r"write (.+)$": write,
    r"remove `async`": remove_async,
    r"move (.+) away$": move_away,
    r"add (\S+?)(?:, with its version,)? to requirements.txt": require,
}


def ids(problems: list[Problem]) -> set[str]:
    return {problem["id"] for problem in problems}


def follow_all(reader: Reader, *expected: str, **env: str) -> None:
    """Do what is said of these, all of which is said, and find that nothing is said any more."""
    problems = reader.problems(**env)
    assert ids(problems) == set(expected), problems
    reader.follow(problems)
    assert reader.problems(**env) == [], "\n".join(reader.said)
