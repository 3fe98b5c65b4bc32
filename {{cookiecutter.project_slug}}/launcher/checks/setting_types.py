"""Compares values with the types that config/default.py declares."""

import ast
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Annotated, Any, ClassVar, Final, Literal, Union, get_args, get_origin
from typing import get_type_hints as types_of

# What a type also accepts, as for type checkers.
TAKEN = {float: (float, int), complex: (complex, float, int), None: NoneType}
# An example value of each, as source code.
EXAMPLE_VALUES = {str: '"..."', bool: "False", int: "1", float: "1.0", list: "[]", dict: "{}"}


def declared_types(module: ModuleType, path: Path) -> dict[str, Any]:
    try:
        return types_of(module, include_extras=True)
    except Exception:  # one of them means something to a type checker alone: take any value
        nodes = ast.walk(ast.parse(path.read_bytes()))
        targets = [node.target for node in nodes if isinstance(node, ast.AnnAssign)]
        return {target.id: Any for target in targets if isinstance(target, ast.Name)}


def fits(value: Any, declared: Any) -> bool:
    """Return whether the value has the type. What cannot be compared passes."""
    declared = bare(declared)
    origin, inner = get_origin(declared), get_args(declared)
    if declared in (Any, object, Final):
        return True
    if origin in (Union, UnionType):
        return any(fits(value, choice) for choice in inner)
    if origin is Literal:
        return value in inner
    if isinstance(value, bool) and declared in (int, float, complex):
        return False  # though Python takes it for an int as well
    try:
        accepted: Any = TAKEN.get(declared, origin or declared)
        if not isinstance(value, accepted):
            return False
    except TypeError:
        return value is not None
    if isinstance(value, Mapping) and len(inner) == 2:
        return all(fits(key, inner[0]) and fits(value[key], inner[1]) for key in value)
    if isinstance(value, list | tuple | set | frozenset) and inner[1:] in ((), (...,)):
        return all(fits(item, *inner[:1]) for item in value if inner)
    return True


def bare(declared: Any) -> Any:
    """Return the plain type behind annotations and aliases."""
    if get_origin(declared) in (Annotated, Final, ClassVar):
        return bare(get_args(declared)[0])
    named = getattr(declared, "__supertype__", getattr(declared, "__value__", None))
    return declared if named is None else bare(named)


def spelled(declared: Any) -> str:
    declared = bare(declared)
    plain = isinstance(declared, type) and not get_args(declared)
    return declared.__name__ if plain else str(declared).replace("typing.", "")


def example(declared: Any) -> str:
    """Return an example value if the type is a plain one."""
    base, allowed = bare(declared), allowed_range(declared)
    origin, inner = get_origin(base), get_args(base)
    if origin in (Union, UnionType):
        return example(inner[0])
    if origin is Literal:
        return repr(inner[0])
    return str(allowed[0]) if allowed else EXAMPLE_VALUES.get(origin or base, "...")


def allowed_range(declared: Any) -> range | None:
    """Return the range in Annotated[int, range(...)]."""
    extras = getattr(declared, "__metadata__", ())
    inner = (allowed_range(each) for each in get_args(declared))
    return next((each for each in (*extras, *inner) if isinstance(each, range)), None)
