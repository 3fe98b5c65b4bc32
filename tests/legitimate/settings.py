"""Settings of every kind, from everywhere."""

from legitimate.edits import Edits

DEFAULT, OWN = "config/default.py", "config/development.py"
# What is declared with its type.
TYPES = {
    "text": "STATION: str = 'Oslo'",
    "a choice": "from typing import Literal\nMODE: Literal['fast', 'slow', 3] = 'fast'",
    "final": "from typing import Final\nPINNED: Final = 5\nFIXED: Final[int] = 5",
    "a new type": "from typing import NewType\nUserId = NewType('UserId', int)\nADMIN: UserId = UserId(1)",
    "or none": "SENTRY_DSN: str | None = None\nLEVEL: int | str | None = 'info'",
    "optional": "from typing import Optional, Union\nOLD: Optional[int] = 1\nOLDER: Union[int, str] = 'x'",
    "anything": "from typing import Any\nANYTHING: Any = object()\nWHATEVER: object = None",
    "a function": "from collections.abc import Callable\nKEY_OF: Callable[[str], int] = len",
    "a class": "MISTAKE: type[Exception] = KeyError\nKIND: type = dict",
    "a path": "from pathlib import Path\nUPLOADS: Path = Path('/tmp')",
    "times": "from datetime import date, timedelta\nKEEP: timedelta = timedelta(1)\nSINCE: date = date(2020, 1, 1)",
    "a tuple": "SIZES: tuple[int, ...] = (1, 2)\nPAIR: tuple[str, int] = ('x', 1)\nEMPTY: tuple = ()",
    "sets": "NAMES: set[str] = {'x'}\nFROZEN: frozenset[int] = frozenset({1})",
    "a mapping": "from collections.abc import Mapping\nLIMITS: Mapping[str, list[int]] = {'x': [1]}",
    "a nested list": "TABLE: list[dict[str, int | None]] = [{'x': None}]\nBARE: list = [1]",
    "a sequence": "from collections.abc import Sequence, Iterable\nPARTS: Sequence[str] = ('x',)\nEACH: Iterable[int] = [1]",
    "a typed dictionary": "from typing import TypedDict\nclass Box(TypedDict):\n    width: int\nBOX: Box = {'width': 1}",
    "an enumeration": "import enum\nclass Colour(enum.Enum):\n    RED = 1\nCOLOUR: Colour = Colour.RED",
    "a dataclass": "import dataclasses\n@dataclasses.dataclass\nclass Mail:\n    host: str\nMAIL: Mail = Mail('x')",
    "a pattern": "import re\nALLOWED: re.Pattern[str] = re.compile('x')",
    "numbers": "from decimal import Decimal\nRATIO: float = 1\nPRICE: Decimal = Decimal(1)\nODD: complex = 1j",
    "a note": "NOTED: Annotated[str, 'for the people'] = 'x'\nWIDE: Annotated[int | None, range(5)] = None",
    "a forward reference": "LATER: 'int' = 3\nLATEST: 'Later | None' = None\nclass Later: ...",
    "a protocol": "from typing import Protocol\nclass Closes(Protocol):\n    def close(self) -> None: ...\nCLOSES: Closes = open('/dev/null')",
    "literal text": "from typing import LiteralString\nQUERY: LiteralString = 'SELECT 1'",
    "bytes": "SALT: bytes = b'x'\nBUFFER: bytes | bytearray = bytearray()",
    "a module": "import types, json\nSERIALISER: types.ModuleType = json",
    "a named tuple": "from typing import NamedTuple\nclass Point(NamedTuple):\n    x: int\nORIGIN: Point = Point(0)",
}  # fmt: skip
HOW = {
    "Flask's own": "from datetime import timedelta\nPERMANENT_SESSION_LIFETIME = timedelta(days=1)\n"
    "SESSION_COOKIE_NAME = 'own'\nMAX_FORM_PARTS = 10",
    "from the environment": "import os\nSTATE = os.environ.get('STATE', 'x')\nCOUNT = int(os.getenv('COUNT', 5))",
    "by the functions of config": "from config import listed, number\nMANY = number('MANY', 5)\nHOSTS = listed('HOSTS')",
    "on conditions": "import os\nif os.environ.get('CI'):\n    SPEED = 1\nelse:\n    SPEED = 2",
    "if it can be": "try:\n    import fast_json as json_module\nexcept ImportError:\n    import json as json_module\n"
    "SERIALISES = json_module.__name__",
    "by a function": "def twice(n):\n    return 2 * n\n\n\nDOUBLE = twice(2)",
    "in a loop": "for LEVEL_NAME in ('x', 'y'):\n    pass",
    "private names": "_BASE = 'x'\n__all__ = ['DEBUG']\nOWN_BASE = _BASE",
    "several at once": "LEFT, (RIGHT, *REST) = 1, (2, 3)\nUP = DOWN = 5",
    "a walrus": "if (WALRUS := 5) > 3:\n    pass",
    "a random secret": "import secrets\nSECRET_KEY = secrets.token_hex(32)",
    "a print": "print('Good morning')",
    "a write to the descriptor": "import os\nos.write(1, b'Good morning\\n')",
    "logging": "import logging\nlogging.basicConfig()\nlogging.warning('Good morning')",
    "a warning": "import warnings\nwarnings.warn('old', DeprecationWarning)\nwarnings.warn('odd')",
    "another time zone": "TIMEZONE = 'America/Argentina/Ushuaia'",
}  # fmt: skip
FROM_A_FILE = "import json\nfrom pathlib import Path\nPLACE = json.loads(Path(__file__).with_name('place.json').read_text())"
# Those of them that are an owner's own, declared as they have to be.
DECLARED = {
    "from the environment": "STATE: str\nCOUNT: int",
    "by the functions of config": "MANY: int\nHOSTS: list[str]",
    "on conditions": "SPEED: int",
    "if it can be": "SERIALISES: str",
    "by a function": "DOUBLE: int",
    "in a loop": "LEVEL_NAME: str",
    "private names": "OWN_BASE: str",
    "several at once": "LEFT: int\nRIGHT: int\nREST: list[int]\nUP: int\nDOWN: int",
    "a walrus": "WALRUS: int",
}
NAMES = {
    "an extension's secret": "JWT_SECRET_KEY", "a cloud's": "AWS_SECRET_ACCESS_KEY",
    "an API's": "API_KEY", "a provider's": "OAUTH_CLIENT_SECRET", "another API's": "API_SECRET_KEY",
    "a site's": "SITE_NAME", "a pool's": "DATABASE_POOL_TIMEOUT", "a queue's": "CELERY_TIMEZONE",
    "a mail server's": "MAIL_SERVER", "a port of another": "REDIS_PORT", "a host": "SMTP_HOST",
    "a cache's": "CACHE_TYPE", "Babel's": "BABEL_DEFAULT_TIMEZONE", "a version": "SERVICE_VERSION",
    "a size": "UPLOAD_MAX_CONTENT_LENGTH", "a level": "LOGGING_LEVEL",
}  # fmt: skip
SETTINGS: Edits = (
    {f"a setting's type: {name}": [(DEFAULT, text)] for name, text in TYPES.items()}
    | {
        f"settings: {name}": [(OWN, text), (DEFAULT, DECLARED.get(name, ""))]
        for name, text in HOW.items()
    }
    | {
        "settings: from a file": [
            (OWN, FROM_A_FILE),
            (DEFAULT, "PLACE: dict[str, str]"),
            ("config/place.json", "{}"),
        ],
        "settings: from everywhere": [
            (DEFAULT, "SHARED_ONE: int\nSHARED_TWO: int"),
            (OWN, "from config.shared import *\nfrom .shared_too import *"),
            ("config/shared.py", "SHARED_ONE = 1"),
            ("config/shared_too.py", "import os\nSHARED_TWO = len(os.sep)"),
        ],
        "settings: an extension's, declared": [
            (
                DEFAULT,
                "STRIPE_SECRET_KEY: str = 'x'\nCORS_ORIGINS: list[str] = []\nDATABASE_SCHEMA: str = 'x'",
            ),
            (
                DEFAULT,
                "SESSION_TYPE: str = 'x'\nSECRET_SALT: str = 'x'\nDEBUG_TB: bool = False\nPORTS: list[int] = []",
            ),
        ],
    }
)
# Nobody has declared these: a warning, as nobody knows.
UNDECLARED = {f"not declared: {name}": (OWN, f"{key} = 'x'") for name, key in NAMES.items()}
OTHER_SETTINGS: Edits = {
    "settings: a relative file": [(OWN, "SQLALCHEMY_DATABASE_URI = 'sqlite:///development.db'")],
    "settings: no debugging": [(OWN, "DEBUG = False")],
    "settings: every address": [(OWN, "HOST = '0.0.0.0'")],
    "settings: a name": [(DEFAULT, "SERVICE_NAME: str = '野家 \"one\" 🎉'")],
    "settings: JSON lines": [(OWN, "LOGGING = logs.PLAIN | {'root': {'level': 'ERROR'}}")],
    "settings: one proxy": [(OWN, "PROXY_COUNT = 1\nTRUSTED_HOSTS = ['127.0.0.1', '.example.org']")],
    "settings: a large body": [(OWN, "MAX_CONTENT_LENGTH = 2**31 - 1\nWEB_CONCURRENCY = 1000")],
}  # fmt: skip
