"""What the modules of backend/ do when they are imported, and what is imported by nobody."""

from legitimate.edits import Edits

CHAT = "backend/routes/chat.py"
# At the end of a module of its own, backend/<name>.py, which a route imports.
AT_IMPORT = {
    "prints": "print('Good morning')\nprint('x' * 1_000_000)",
    "writes": "import os\nos.write(1, b'Good morning\\n')\nos.write(2, b'x' * 100_000)",
    "speaks": "import sys\nsys.stderr.write('Good morning\\n')\nsys.stdout.flush()",
    "logs": "import logging\nlogging.basicConfig(level='DEBUG')\nlogging.getLogger(__name__).error('loud')",
    "warns": "import warnings\nwarnings.warn('old', DeprecationWarning)\nwarnings.warn('odd')",
    "a_thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(3600,), daemon=True).start()",
    "short_threads": "import threading\nThreads = [threading.Thread(target=print) for _ in range(3)]\n"
    "for thread in Threads:\n    thread.start()",
    "at_exit": "import atexit, sys\natexit.register(print, 'Good bye', file=sys.stderr)",
    "a_handler_of_signals": "import signal\nif hasattr(signal, 'SIGUSR1'):\n    signal.signal(signal.SIGUSR1, lambda *_: None)",
    "slow": "import time\ntime.sleep(1.5)",
    "timeouts": "import socket\nsocket.setdefaulttimeout(2)",
    "a_pool": "from concurrent.futures import ThreadPoolExecutor\nPOOL = ThreadPoolExecutor(2)\nPOOL.submit(len, '')",
    "another_program": "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(1)'], check=True)",
    "the_environment": "import os\nos.environ.setdefault('OWN_VARIABLE', 'x')",
    "the_path": "import sys\nsys.path.append('/nowhere')\nsys.setrecursionlimit(2000)",
    "the_hook": "import sys\nbefore = sys.excepthook\nsys.excepthook = lambda *error: before(*error)",
    "faults": "import faulthandler\nfaulthandler.enable()",
    "a_loop": "import asyncio\nloop = asyncio.new_event_loop()\nasyncio.set_event_loop(loop)",
    "spawns": "import multiprocessing\nmultiprocessing.set_start_method('spawn', force=True)",
    "optional": "try:\n    import orjson as json\nexcept ImportError:\n    import json\n"
    "try:\n    from stripe import Charge\nexcept (ImportError, AttributeError):\n    Charge = None",
    "for_types": "from __future__ import annotations\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
    "    from stripe import Charge\n\n\ndef pay(charge: Charge) -> None: ...",
    "found": "import importlib.util\nFOUND = importlib.util.find_spec('stripe') is not None",
    "getattr": "def __getattr__(name):\n    if name.startswith('__'):\n        raise AttributeError(name)\n    return name",
    "main": "def main():\n    raise SystemExit(3)\n\n\nif __name__ == '__main__':\n    main()",
    "caught": "import sys\ntry:\n    sys.exit(3)\nexcept SystemExit:\n    pass\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    pass",
    "queue": "from queue import Queue\nWORK = Queue()",
    "types": "from types import SimpleNamespace\nTHING = SimpleNamespace()",
    "walks": "import pkgutil\nimport backend\nALL = [module.name for module in pkgutil.iter_modules(backend.__path__)]",
    "classes": "import abc, dataclasses, enum\n\n\n@dataclasses.dataclass(frozen=True)\nclass Point:\n    x: int = 0\n\n\n"
    "class Kind(enum.StrEnum):\n    ONE = 'x'\n\n\nclass Base(abc.ABC):\n    async def work(self): ...",
    "collector": "import gc\ngc.collect()\ngc.freeze()",
    "clock": "import time, locale\nlocale.setlocale(locale.LC_ALL, 'C')\nif hasattr(time, 'tzset'):\n    time.tzset()",
}  # fmt: skip
IMPORTS: Edits = {
    f"at import: {name}": [(f"backend/{name}.py", text), (CHAT, f"from backend import {name}  # noqa: E402, F401")]
    for name, text in AT_IMPORT.items()
} | {
    "at import: data": [
        ("backend/data.json", "{}"),
        ("backend/data.py", "import json\nfrom importlib import resources\nfrom pathlib import Path\n"
         "DATA = json.loads(Path(__file__).with_name('data.json').read_text())\n"
         "TEXT = resources.files('backend').joinpath('data.json').read_text()"),
        (CHAT, "from backend import data  # noqa: E402, F401"),
    ],
    "at import: nested packages": [
        ("backend/services/billing/__init__.py", "from ..names import NAME\nfrom .invoices import total"),
        ("backend/services/billing/invoices.py", "from . import __name__ as own\n\n\ndef total(): ..."),
        ("backend/services/names.py", "NAME = 'x'"),
        ("backend/services/__init__.py", "from .billing import NAME"),
        (CHAT, "from backend.services.billing import invoices  # noqa: E402, F401"),
    ],
    "at import: a folder without __init__": [
        ("backend/plain/thing.py", "THING = 1"),
        (CHAT, "from backend.plain.thing import THING  # noqa: E402, F401"),
    ],
    "at import: beside backend": [
        ("shared/text.py", "TEXT = 'x'"),
        ("helpers.py", "from shared.text import TEXT"),
        (CHAT, "import helpers  # noqa: E402, F401"),
    ],
    "by nobody: what needs a package": [("backend/lazy_feature.py", "import stripe\n\nstripe.api_key = 'x'")],
    "by nobody: a script": [("backend/scripts/load.py", "import sys\n\nimport pandas\n\nsys.exit(3)")],
    "by nobody: of an older Python": [("backend/scripts/old.py", "print 'Good morning'")],
    "by nobody: a template of source": [("backend/scaffold/{name}.py", "def {name}(:")],
    "by nobody: elsewhere": [("tools/report.py", "import pandas"), ("conftest.py", "import nothing"), ("app.py", "1 / 0")],
    "by nobody: async": [("backend/scripts/quart.py", "from quart import Quart\n\napp = Quart(__name__)\n\n\n"
                          "@app.get('/')\nasync def show():\n    return 'x'")],
    "data": [("backend/notes.ipynb", "{}"), (".env", "SECRET_KEY=x"),
             ("backend/py.typed", ""), ("backend/routes/chat.pyi", "def x(: ...")],
}  # fmt: skip
