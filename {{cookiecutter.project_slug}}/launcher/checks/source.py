"""What names mean in the service's own source, found by reading it."""

import ast
import struct
from functools import cache
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef
Found = tuple[Path, ast.AST]


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())


def is_compiled(path: Path, python: tuple[int, int]) -> bool:
    """Return whether Python has compiled the file as it is now, so that it does parse.

    A *.pyc begins with 8 bytes of its own, the time and the size of its source (PEP 552).
    """
    compiled = path.parent / "__pycache__" / f"{path.stem}.cpython-{python[0]}{python[1]}.pyc"
    try:
        with compiled.open("rb") as file:
            header = file.read(16)
    except OSError:
        return False
    source = path.stat()
    return header[8:] == struct.pack("<II", int(source.st_mtime), source.st_size)


def name_of(node: ast.expr) -> str:
    """Return the last part of a name, which may be called: "route" for @bp.route("/")."""
    while isinstance(node, ast.Call):
        node = node.func
    return str(getattr(node, "attr", None) or getattr(node, "id", ""))


def resolve(node: ast.expr, path: Path, root: Path) -> Found | None:
    """Return the function, class or import that an expression in `path` names, and its file."""
    if isinstance(node, ast.Name):
        return look_up(node.id, path, root)
    if isinstance(node, ast.Attribute):
        owner = resolve(node.value, path, root)
        if owner and isinstance(owner[1], ast.Module):
            return look_up(node.attr, owner[0], root)
    return None


def look_up(name: str, path: Path, root: Path) -> Found | None:
    for node in ast.walk(parse(path)):
        if isinstance(node, Function | ast.ClassDef) and node.name == name:
            return path, node
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    return follow(node, alias, path, root)
        if isinstance(node, ast.Assign) and name in map(name_of, node.targets):
            return resolve(node.value, path, root)
    return None


def follow(node: ast.Import | ast.ImportFrom, alias: ast.alias, path: Path, root: Path) -> Found:
    """Return what is imported, or the import itself where its file is not the service's."""
    if isinstance(node, ast.Import):
        file = module_file(root, alias.name)
        return (file, parse(file)) if file else (path, alias)
    folder = path.parents[node.level - 1] if node.level else root
    if file := module_file(folder, f"{node.module or ''}.{alias.name}".strip(".")):
        return file, parse(file)
    file = module_file(folder, node.module or "")
    found = look_up(alias.name, file, root) if file and file != path else None
    return found or (path, alias)


def module_file(folder: Path, name: str) -> Path | None:
    base = folder.joinpath(*name.split(".")) if name else folder
    files = (base.with_suffix(".py"), base / "__init__.py")
    return next((file for file in files if file.is_file()), None)
