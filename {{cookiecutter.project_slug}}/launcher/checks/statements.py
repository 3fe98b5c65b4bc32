"""The statements of config/ that set something, found by reading them."""

import ast
from pathlib import Path

Found = tuple[Path, ast.stmt]
# What reads a variable of the environment, beside config/'s own functions.
READING = {"get", "getenv"}


def find(path: Path, key: str = "", line: int = 0) -> Found | None:
    """Return the file's last statement that sets the key, or the one that the line is of."""
    nodes = [node for node in statements(path) if key in names(node) or node.lineno <= line]
    node = max(nodes, key=lambda node: (node.lineno, node.col_offset), default=None)
    return (path, node) if node else None


def statements(path: Path) -> list[ast.stmt]:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    return [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]


def names(statement: ast.stmt) -> set[str]:
    """Return what the statement, or one within it, sets."""
    nodes = list(ast.walk(statement))
    stored = {x.id for x in nodes if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)}
    return stored | {x.asname or x.name for x in nodes if isinstance(x, ast.alias)}


def variable(path: Path, statement: ast.stmt) -> str | None:
    """Return the environment variable that the statement reads, if it reads one."""
    modules = (path, path.with_name("__init__.py"))
    own = {x.name for each in modules for x in statements(each) if isinstance(x, ast.FunctionDef)}
    for node in ast.walk(statement):
        match node:
            case ast.Call(func=reader, args=[ast.Constant(value=str(name)), *_]):
                if ast.unparse(reader).rpartition(".")[2] in READING | own:
                    return name
            case ast.Subscript(value=reader, slice=ast.Constant(value=str(name))):
                if ast.unparse(reader).endswith("environ"):
                    return name
    return None
