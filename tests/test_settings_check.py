"""What the check of the settings finds in config/ and in the environment, and what it lets pass."""

import re
from pathlib import Path
from typing import Any

import pytest
from breaking import TYPO, append, edit, follow, found_by, line_of, write
from services import BakedProject

DATABASE = "postgresql://u@127.0.0.1:1/x"
KEY = "d3" + "8f0a1b5c7e9246" * 3


def development(project: BakedProject) -> Path:
    return project.path / "config/development.py"


def of_settings(project: BakedProject, level: str = "error", **env: str) -> list[dict[str, Any]]:
    return [each for each in found_by(project, "settings", **env) if each["level"] == level]


def names(problems: list[dict[str, Any]]) -> list[str]:
    return [each["message"].split()[0] for each in problems]


# Names

SLIPS = [
    TYPO,
    "SECRT_KEY = 'for development only'",
    "DEBGU = True",
    "SQLALCHEMY_DATABASE_URL = os.getenv('DATABASE_URL')",
    "CHAT_MESAGE_KEEP_DAYS = 3",
    "TESTNG = False",
    "EBUG = False",
    "PROT = 0",
    "SESSION_COKIE_NAME = 'own'",
    "ROXY_COUNT = 1",
]
OTHERS = {
    "JWT_SECRET_KEY = 'x'": "SECRET_KEY",
    "API_SECRET_KEY = 'x'": "SECRET_KEY",
    "SITE_NAME = 'x'": "SERVICE_NAME",
    "CELERY_TIMEZONE = 'UTC'": "",
    "DATABASE_POOL_TIMEOUT = 3": "DATABASE_POOL_SIZE",
    "DATABASE_URI = 'x'": "SQLALCHEMY_DATABASE_URI",
    "CHAT_MESSAGE_MIN_LENGTH = 3": "CHAT_MESSAGE_MAX_LENGTH",
    "MIN_CONTENT_LENGTH = 3": "MAX_CONTENT_LENGTH",
    "SECRET_KEYS = []": "SECRET_KEY",
    "HOSTS = []": "HOST",
    "REDIS_PORT = 3": "",
    "SCHEDULER_API_ENABLED = True": "",
    "SQLALCHEMY_TRACK_MODIFICATIONS = False": "",
    "WEATHER_STATION = 'Oslo'": "",
    "X = None": "",
    "ÜBERMUT = 1": "",
}


@pytest.mark.quick
def test_misspelt_settings_are_found_where_they_stand_and_their_hints_mend_them(
    bare: BakedProject,
) -> None:
    append(development(bare), "\n".join(["import os", *SLIPS]))
    found = of_settings(bare)
    assert {each["id"] for each in found} == {"settings.unknown"}
    for line in SLIPS:
        (one,) = [each for each in found if each["message"].startswith(line.split()[0])]
        assert one["where"] == f"config/development.py:{line_of(development(bare), line)}"
    assert len(found) == len(SLIPS)
    for each in found:
        follow(bare, each)
    assert found_by(bare, "settings") == []


def test_a_misspelt_setting_whose_value_is_none_is_not_to_be_renamed(bare: BakedProject) -> None:
    append(development(bare), "import os\nSQLALCHEMY_DATABASE_URL = os.getenv('DATABASE_URL')")
    (nothing,) = of_settings(bare)
    assert "rename" not in nothing["hint"]
    (some,) = of_settings(bare, DATABASE_URL=DATABASE)
    assert some["hint"].startswith("rename it to SQLALCHEMY_DATABASE_URI")


@pytest.mark.quick
def test_the_settings_of_others_are_warnings_with_both_ways_out(bare: BakedProject) -> None:
    append(development(bare), "\n".join(OTHERS))
    assert of_settings(bare) == []
    warnings = of_settings(bare, "warning")
    assert {each["id"] for each in warnings} == {"settings.unknown"}
    assert sorted(names(warnings)) == sorted(line.split()[0] for line in OTHERS)
    hints = dict(zip(names(warnings), (each["hint"] for each in warnings), strict=True))
    for line, other in OTHERS.items():
        name = line.split()[0]
        assert f"config/default.py: `{name}: " in hints[name]
        assert re.findall(r"rename it to (\w+)", hints[name]) == [other] * bool(other), name
    for each in warnings:
        follow(bare, each)
    assert found_by(bare, "settings") == []


def test_what_is_to_be_deleted_may_stand_anywhere(bare: BakedProject) -> None:
    texts = ["if DEBUG:\n    {}", "if DEBUG: {}", "{}; PORT = 0", "{}"]
    texts.append("try:\n    pass\nfinally:\n    {}")
    right = "SQLALCHEMY_TRACK_MODIFICATIONS"
    slips = [right[:place] + right[place + 1 :] for place in range(2 * len(texts))]
    for number, slip in enumerate(slips):
        value = "False" if number < len(texts) else "[\n        1,\n    ]"
        append(development(bare), texts[number % len(texts)].format(f"{slip} = {value}"))
    found = of_settings(bare)
    assert sorted(names(found)) == sorted(slips)
    for problem in found:
        follow(bare, problem)
    assert found_by(bare, "settings") == []


def test_a_setting_is_found_however_it_is_bound(bare: BakedProject) -> None:
    shared = bare.path / "config/shared.py"
    shared.write_text(
        '"""Shared."""\n\n__all__ = ["DEBGU", "SHARED"]\nSHARED = 1\nDEBGU = True  # DEBGU\n'
    )
    (bare.path / "config/unfinished.py").write_text("def (")
    lines = [
        "SECRT_KEY, TIMEZONE = 'x', 'UTC'  # SECRT_KEY",
        "if True:\n    PROT = 1\n    PROT = 0  # PROT",
        "try:\n    pass\nfinally:\n    TESTNG: bool = False  # TESTNG",
        "for ROXY_COUNT in [1]:  # ROXY_COUNT\n    pass",
        "TIMEZOEN = 'x'\nTIMEZOEN = 'UTC'  # TIMEZOEN",
        "from config.shared import SHARED as PORXY_COUNT  # PORXY_COUNT",
        "from config.shared import *",
    ]
    append(development(bare), "\n".join(lines))
    found = of_settings(bare)
    assert len(found) == len(lines)
    for name, problem in zip(names(found), found, strict=True):
        path = shared if name == "DEBGU" else development(bare)
        where = f"config/{path.name}:{line_of(path, f'# {name}')}"
        assert (problem["id"], problem["where"]) == ("settings.unknown", where)


# Types and values

TYPES = """
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import (Annotated, Any, ClassVar, Final, Generic, List, Literal, LiteralString, NewType,
                    Optional, Protocol, TypeAlias, TypedDict, TypeVar, Union)

Item = TypeVar("Item")
Celsius = NewType("Celsius", int)
Names: TypeAlias = "list[str]"


class Colour(Enum):
    RED = 1


class Limits(TypedDict, total=False):
    low: int


class Closing(Protocol):
    def close(self) -> None: ...


class Box(Generic[Item]):
    pass


A1: Literal["strict", "lax"] = "lax"
A2: Final = None
A3: Final[int] = 3
A4: Celsius = Celsius(3)
A5: int | None = None
A6: Optional[str] = None
A7: Union[int, str, None] = "x"
A8: Annotated[int | None, "degrees"] = None
A9: Final[Annotated[int, range(1, 9)]] = 3
B1: Limits = {"low": 1}
B2: Callable[[int], str] = str
B3: Callable[..., Any] | None = None
B4: Sequence[str] = ("a", "b")
B5: Iterable[str] = ["a"]
B6: Iterator[int] = iter([1])
B7: dict[str, int] = {"a": 1}
B8: Mapping[str, list[int]] = {"a": [1]}
B9: dict[str, object] = {"a": True}
C1: tuple[int, ...] = (1, 2)
C2: tuple[int, str] = (1, "a")
C3: tuple[()] = ()
C4: frozenset[str] = frozenset("a")
C5: set[int | str] = {1, "a"}
C6: list = [1]
C7: List[int] = []
C8: type[Exception] = ValueError
C9: type = int
D1: object = True
D2: Any = None
D3: float = 3
D4: complex = 1.5
D5: timedelta = timedelta(1)
D6: Decimal = Decimal(1)
D7: Colour = Colour.RED
D8: Closing = open(__file__)
D9: Box[int] = Box()
E1: LiteralString = "x"
E2: Path | str = Path()
E3: bool | int = True
E4: "int" = 3
E5: None = None
E6: Names = ["a"]
E7: bytes | bytearray = b""
E8: dict[str, Any] | bool = False
E9: Literal[1, None] = None
F1: range = range(3)
F2: list[Annotated[int, range(3)]] = [1]
if sys.version_info >= (3, 12):
    exec("type Port = Annotated[int, range(1, 65536)]")
    F3: Port = 80
"""
# An annotation that only a type checker understands.
CHECKED = """from __future__ import annotations
import typing
if typing.TYPE_CHECKING:
    from somewhere import Some
"""
# What is declared, and what is set instead.
MISFITS = {
    "G01: Literal['strict', 'lax'] = 'other'": "type",
    "G02: Final[int] = 'x'": "type",
    "G03: Celsius = 'x'": "type",
    "G04: int | None = 'x'": "type",
    "G05: Sequence[str] = [1]": "type",
    "G06: dict[str, int] = {'a': 'b'}": "type",
    "G07: Callable[[int], str] = 3": "type",
    "G08: tuple[int, ...] = (1, 'a')": "type",
    "G09: bool = 1": "type",
    "G10: int = True": "type",
    "G11: float = False": "type",
    "G12: list[str] | None = ['a', 1]": "type",
    "G13: Colour = 1": "type",
    "G14: Final[Annotated[int, range(1, 9)]] = 9": "value",
    "G15: Annotated[int, range(0, 100, 5)] = 7": "value",
    "G16: Annotated[int, range(1, 9)] | None = -1": "value",
    "G17: int": "missing",
    "G18: Limits": "missing",
    "G19: str = None": "missing",
    "G20: list[int]": "missing",
}


@pytest.mark.quick
def test_any_type_of_typing_s_is_accepted(bare: BakedProject) -> None:
    append(bare.path / "config/default.py", TYPES)
    assert found_by(bare, "settings") == []
    default = bare.path / "config/default.py"
    write(default, CHECKED + default.read_text() + "S1: Some = 3\nS2: Some | None = None\n")
    assert found_by(bare, "settings") == []


@pytest.mark.quick
def test_values_of_another_type_or_out_of_range_or_none_are_all_found(bare: BakedProject) -> None:
    default = bare.path / "config/default.py"
    append(default, TYPES + "\n".join(MISFITS))
    found = of_settings(bare)
    assert sorted(names(found)) == sorted(line[:3] for line in MISFITS)
    for line, id in MISFITS.items():
        (problem,) = [each for each in found if each["message"].startswith(line[:3])]
        assert (problem["id"], problem["hint"][:6]) == (f"settings.{id}", "write ")
        assert problem["where"] == f"config/default.py:{line_of(default, line)}"
        if id == "value":
            edit(default, line, f"{line.rpartition(' ')[0]} {problem['hint'][6:]}")
    assert {each["id"] for each in of_settings(bare)} == {"settings.type", "settings.missing"}


def test_what_is_set_to_another_type_in_development_is_found_there(bare: BakedProject) -> None:
    lines = {
        "CHAT_MESSAGE_KEEP_DAYS = '30'": "settings.type",
        "JOB_RUN_KEEP_DAYS = 1.5": "settings.type",
        "TIMEZONE = 9": "settings.type",
        "SECRET_KEY = b'bytes'": "settings.type",
        "SECRET_KEY_FALLBACKS = 5": "settings.type",
        "TRUSTED_HOSTS = 5": "settings.type",
        "DEBUG = 'False'": "settings.type",
        "SQLALCHEMY_DATABASE_URI = None": "settings.missing",
        "LOGGING = None": "settings.missing",
    }
    append(development(bare), "\n".join(lines))
    found = {each["where"]: each["id"] for each in of_settings(bare)}
    config = development(bare)
    wanted = {f"config/development.py:{line_of(config, line)}": lines[line] for line in lines}
    assert found == wanted


def test_an_unknown_time_zone_is_found_with_one_that_is_like_it(bare: BakedProject) -> None:
    append(development(bare), "TIMEZONE = 'Asia/Tokio'")
    (problem,) = of_settings(bare)
    assert (problem["id"], "Asia/Tokyo" in problem["hint"]) == ("jobs.timezone", True)
    assert problem["where"] == f"config/development.py:{line_of(development(bare), 'Asia')}"


# What is missing


def test_production_without_anything_says_all_that_it_lacks(bare: BakedProject) -> None:
    found = of_settings(bare, ENVIRONMENT="production", DATABASE_URL="", SECRET_KEY="")
    assert {each["id"] for each in found} == {"settings.missing"}
    assert sorted(names(found)) == ["DATABASE_URL", "SECRET_KEY"]
    assert all(each["hint"].startswith(("export ", "$env:")) for each in found)


def test_what_production_lacks_is_to_be_written_into_its_own_module(bare: BakedProject) -> None:
    append(bare.path / "config/default.py", "WEATHER_STATION: str")
    append(development(bare), "WEATHER_STATION = 'Oslo'")
    production = {"ENVIRONMENT": "production", "DATABASE_URL": DATABASE, "SECRET_KEY": KEY}
    assert of_settings(bare) == []
    (problem,) = of_settings(bare, **production)
    assert problem["id"] == "settings.missing"
    assert problem["hint"] == 'write WEATHER_STATION = "..." in config/production.py'


def test_a_variable_of_the_owner_s_that_is_wrong_is_to_be_exported(bare: BakedProject) -> None:
    append(bare.path / "config/default.py", "PAGES: int = 3\nBETA: str\nGAMMA: int = 7\nDELTA: int")
    append(
        bare.path / "config/production.py",
        "def flag(name): return os.environ.get(name)\n"
        "PAGES = number('PAGES_SHOWN', default.PAGES)\n"
        "BETA = flag('BETA')\n"
        "GAMMA = os.environ['GAMMA']\n"
        "DELTA = number('DELTA', 1)",
    )
    base = {"ENVIRONMENT": "production", "DATABASE_URL": DATABASE, "SECRET_KEY": KEY}
    wrong = {"PAGES_SHOWN": "many", "GAMMA": "g", "DELTA": "-1"}
    found = {each["message"].split()[0]: each for each in of_settings(bare, **base, **wrong)}
    assert {name: each["id"] for name, each in found.items()} == {
        "BETA": "settings.missing",
        "PAGES": "settings.type",
        "GAMMA": "settings.type",
        "DELTA": "settings.type",
    }
    exported = {name: each["hint"].replace("$env:", "export ") for name, each in found.items()}
    assert exported["PAGES"] == 'export PAGES_SHOWN="3"'
    assert exported["GAMMA"] == 'export GAMMA="7"'
    assert exported["BETA"].startswith('export BETA="')
    assert exported["DELTA"].startswith('export DELTA="')


def test_a_variable_that_breaks_a_module_is_to_be_exported_too(bare: BakedProject) -> None:
    append(bare.path / "config/default.py", "PAGES: int = 3")
    append(bare.path / "config/production.py", "PAGES = int(os.environ['PAGES'])")
    where = f"config/production.py:{line_of(bare.path / 'config/production.py', 'PAGES')}"
    (missing,) = of_settings(bare, ENVIRONMENT="production")
    assert (missing["id"], missing["where"]) == ("settings.missing", where)
    (wrong,) = of_settings(bare, ENVIRONMENT="production", PAGES="many")
    assert (wrong["id"], wrong["where"]) == ("settings.broken", where)
    assert 'PAGES="3"' in wrong["hint"].replace("PAGES = ", "PAGES=")


# Modules that cannot be imported

BROKEN = [
    "DEBUG = = True",
    "DEBUG = (",
    "raise RuntimeError('no')",
    "import a_package_that_is_not_there",
    "DEBUG = 1 / 0",
    "raise SystemExit(3)",
    "raise KeyboardInterrupt",
    "raise KeyError",
    "f = lambda: f(); f()",
]


@pytest.mark.parametrize("file", ["default.py", "development.py"])
def test_a_config_module_that_cannot_be_imported_is_found(bare: BakedProject, file: str) -> None:
    config = bare.path / "config" / file
    good = config.read_text()
    for line in BROKEN if file == "development.py" else BROKEN[::4]:
        append(config, line)
        (broken,) = found_by(bare, "settings")
        where = f"config/{file}:{line_of(config, line)}"
        assert (broken["id"], broken["where"]) == ("settings.broken", where)
        follow(bare, broken)
        assert config.read_text().rstrip() == good.rstrip()
        write(config, good)


def test_all_modules_that_cannot_be_imported_are_found_at_once(bare: BakedProject) -> None:
    append(bare.path / "config/default.py", "1 / 0")
    append(development(bare), "2 / 0")
    assert [each["where"].partition(":")[0] for each in found_by(bare, "settings")] == [
        "config/default.py",
        "config/development.py",
    ]
    edit(development(bare), "2 / 0", "from config import default")
    assert len(found_by(bare, "settings")) == 1


@pytest.mark.parametrize("mistake", ["return 1 / 0", "return ("])
def test_a_mistake_in_a_module_that_the_config_imports_is_found_there(
    bare: BakedProject, mistake: str
) -> None:
    shared = bare.path / "config/shared.py"
    shared.write_text(f"\n\ndef port():\n    {mistake}\n\n\nPORT = port()\n")
    append(development(bare), "from config.shared import PORT")
    (broken,) = found_by(bare, "settings")
    assert (broken["id"], broken["where"]) == ("settings.broken", "config/shared.py:4")


def test_the_password_is_not_shown_by_a_module_that_stumbles_over_it(bare: BakedProject) -> None:
    append(development(bare), "import os\nraise ValueError(os.environ['DATABASE_URL'])")
    (broken,) = found_by(bare, "settings", DATABASE_URL="postgresql://u:geheim@h/x")
    assert broken["id"] == "settings.broken"
    assert "geheim" not in str(broken)


# The environment


@pytest.mark.parametrize("name", ["default", "../x", " "])
def test_an_unknown_environment_is_refused(bare: BakedProject, name: str) -> None:
    (problem,) = found_by(bare, "settings", ENVIRONMENT=name)
    assert problem["id"] == "settings.environment"


@pytest.mark.parametrize("name", ["prodution", "Production ", "PROD"])
def test_what_is_meant_as_production_is_never_hinted_as_development(
    bare: BakedProject, name: str
) -> None:
    (problem,) = found_by(bare, "settings", ENVIRONMENT=name)
    assert problem["id"] == "settings.environment"
    assert 'ENVIRONMENT="production"' in problem["hint"].replace(" = ", "=")
    assert "development" not in problem["hint"]


def test_an_unknown_environment_starts_nothing(bare: BakedProject) -> None:
    served = bare.run("run.py", ENVIRONMENT="prodution")
    assert served.returncode == 1
    assert "Traceback" not in served.stderr


def test_what_a_config_module_prints_does_not_get_into_the_report(bare: BakedProject) -> None:
    append(development(bare), f"print('Good morning')\n{TYPO}")
    assert "settings.unknown" in bare.ids(PORT="0")
