"""Random small changes of Python source, each of which changes what it means."""

import ast
import io
import keyword
import tokenize
from collections.abc import Callable
from random import Random

Change = Callable[[str, Random], str]
# `import` what is installed nowhere.
FOREIGN = ("import stripe", "import pandas as pd", "from celery import Celery", "import psycopg2",
           "from flask_cors import CORS", "import requests", "from backend.core import mail",
           "from backend.billing import invoices", "import yaml, redis")  # fmt: skip
RAISING = ("raise RuntimeError('no')", "1 / 0", "import sys; sys.exit(3)", "raise SystemExit('bye')",
           "import os; os._exit(3)", "open('/nowhere/to be found')", "raise KeyboardInterrupt",
           "import os; os.environ['NOT_SET_ANYWHERE']", "import sys; sys.exit(0)",
           "import os; os.kill(os.getpid(), 9)", "assert False", "import time; time.sleep(3600)",
           "[][1]", "None.attribute", "raise BaseException('odd')")  # fmt: skip


def meaning(source: str) -> str:
    """Return what the source means, apart from docstrings: itself, if it does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return source
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant(None)
    return ast.dump(tree)


def redrawn(change: Change, source: str, random: Random) -> str | None:
    """Return the changed source, or None if no draw changes its meaning."""
    for _ in range(30):
        changed = change(source, random)
        if meaning(changed) != meaning(source):
            return changed
    return None


def misspelt(word: str, random: Random) -> str:
    place = random.randrange(len(word))
    letter = random.choice("abcdefghijklmnopqrstuvwxyz")
    letter = letter.upper() if word.isupper() else letter
    return random.choice([
        word[:place] + word[place + 1 :],
        word[:place] + word[place : place + 1] + word[place:],
        word[:place] + word[place : place + 2][::-1] + word[place + 2 :],
        word[:place] + letter + word[place + 1 :],
    ])  # fmt: skip


def delete_a_statement(source: str, random: Random) -> str:
    blocks = [block for node in ast.walk(ast.parse(source)) for block in blocks_of(node)]
    block, statement = random.choice([(block, one) for block in blocks for one in block])
    lines = source.splitlines(keepends=True)
    instead = [" " * statement.col_offset + "pass\n"] if len(block) == 1 else []
    lines[first_line(statement) - 1 : statement.end_lineno] = instead
    return "".join(lines)


def blocks_of(node: ast.AST) -> list[list[ast.stmt]]:
    fields = (getattr(node, name, None) for name in ("body", "orelse", "finalbody"))
    return [block for block in fields if isinstance(block, list) and block]


def first_line(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])


def misspell_a_name(source: str, random: Random) -> str:
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    names = [token for token in tokens if token.type == tokenize.NAME and len(token.string) > 2]
    token = random.choice([name for name in names if not keyword.iskeyword(name.string)])
    return replaced(source, token.start, token.string, misspelt(token.string, random))


def replaced(source: str, start: tuple[int, int], old: str, new: str) -> str:
    lines = source.splitlines(keepends=True)
    line, column = lines[start[0] - 1], start[1]
    lines[start[0] - 1] = line[:column] + new + line[column + len(old) :]
    return "".join(lines)


def drop_a_character(source: str, random: Random) -> str:
    place = random.choice([n for n, character in enumerate(source) if not character.isspace()])
    return source[:place] + source[place + 1 :]


def import_what_is_not_installed(source: str, random: Random) -> str:
    return with_a_line(random.choice(FOREIGN), source, random)


def raise_at_import(source: str, random: Random) -> str:
    return with_a_line(random.choice(RAISING), source, random)


def with_a_line(line: str, source: str, random: Random) -> str:
    """Put the line between two statements of the module."""
    lines = source.splitlines(keepends=True)
    body = ast.parse(source).body
    places = [first_line(statement) - 1 for statement in body[1:]]
    lines.insert(random.choice([*places, len(lines)]), f"{line}\n")
    return "".join(lines)


def make_a_function_async(source: str, random: Random) -> str:
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    if not functions:
        return source
    one = random.choice(functions)
    return replaced(source, (one.lineno, one.col_offset), "def", "async def")
