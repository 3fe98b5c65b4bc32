"""JOBS in every form that the scheduler takes."""

from legitimate.edits import Edits

FILE = "backend/jobs/__init__.py"
TABLE = {
    "computed": "def computed(): ...\n\n\nJOBS += tuple(Job(f'computed_{n}', computed, '0 6 * * *') for n in range(3))",
    "a list": "JOBS = [*JOBS]\nJOBS.append(Job('listed', delete_old_runs, '0 6 * * *'))",
    "ids by name": "NIGHTLY = 'nightly'\nJOBS = [*JOBS, Job(NIGHTLY, delete_old_runs, '0 3 * * *')]",
    "decorated": "from functools import wraps\n\n\ndef logged(function):\n    @wraps(function)\n    def inner():\n"
    "        return function()\n\n    return inner\n\n\n@logged\ndef decorated(): ...\n\n\n"
    "JOBS = [*JOBS, Job('decorated', decorated, '0 6 * * *')]",
    "given its argument": "def with_one(function):\n    return lambda: function(1)\n\n\n@with_one\ndef given(one): ...\n\n\n"
    "JOBS = [*JOBS, Job('given', given, '0 6 * * *')]",
    "waited for": "import asyncio\n\n\nasync def wait(): ...\n\n\ndef waited():\n    asyncio.run(wait())\n\n\n"
    "JOBS = [*JOBS, Job('waited', waited, '0 6 * * *')]",
    "made by a function": "def make(n):\n    def made():\n        return n\n\n    return made\n\n\n"
    "JOBS = [*JOBS, *(Job(f'made_{n}', make(n), '0 6 * * *') for n in range(2))]",
    "methods": "class Sweeper:\n    def sweep(self): ...\n    @classmethod\n    def clean(cls): ...\n    @staticmethod\n"
    "    def tidy(): ...\n\n\nSWEEPER = Sweeper()\nJOBS = [*JOBS, Job('sweep', SWEEPER.sweep, '0 6 * * *'),\n"
    "        Job('clean', Sweeper.clean, '0 6 * * *'), Job('tidy', Sweeper.tidy, '0 6 * * *')]",
    "of another package": "import gc\nfrom os import getpid\n\nJOBS = [*JOBS, Job('collect', gc.collect, '0 6 * * *'),"
    " Job('getpid', getpid, '0 6 * * *')]",
    "defaults": "def defaults(one=1, /, two=2, *more, three=3, **others): ...\n\n\n"
    "JOBS = [*JOBS, Job('defaults', defaults, '0 6 * * *')]",
    "by its names": "JOBS = [*JOBS, Job(**{'id': 'named', 'function': delete_old_runs, 'trigger': '0 6 * * *'}),\n"
    "        Job(trigger='1 6 * * *', function=delete_old_runs, id='turned', retry=True, dead_after=timedelta(hours=1))]",
    "intervals": "EVERY = 5\nJOBS = [*JOBS] + [Job(f'interval_{n}', delete_old_runs, each) for n, each in enumerate((\n"
    "    timedelta(hours=1), timedelta(weeks=2), timedelta(minutes=EVERY), 2 * timedelta(minutes=1),\n"
    "    timedelta(milliseconds=1500) * 2, timedelta(days=-1) + timedelta(days=2), timedelta(seconds=1.0)))]",
    "lines": "JOBS = [*JOBS] + [Job(f'line_{n}', delete_old_runs, each) for n, each in enumerate((\n"
    "    '0 6 * * mon-fri', '*/5 * * * *', '0 0 1 jan *', '0 0 1 jan-mar,jul *', '0 6 * * MON', '0 6 last * *',\n"
    "    '5-55/10 8-18 * * mon,wed,fri', '0 0 29 feb *', '0 0 29 2 *', '0 6 * * sun', '  0   6 * * *  ',\n"
    "    '0 0 31 1,3,5 *', '0 0 1-31/2 * *', '59 23 31 12 *', '00 06 * * *'))]",
    "if there is a need": "import os\n\nif not os.environ.get('CI'):\n    JOBS = (*JOBS, Job('needed', delete_old_runs, '0 6 * * *'))",
    "a function of a function's": "def outer():\n    def each():\n        yield 1\n    return sum(each())\n\n\n"
    "JOBS = [*JOBS, Job('outer', outer, '0 6 * * *')]",
    "odd ids": "JOBS = [*JOBS, Job('ein Häuschen / 野家', delete_old_runs, '0 6 * * *')]",
}  # fmt: skip
# Whether these are taken is the scheduler's to say, and it runs them.
CALLABLES = {
    "a partial": "from functools import partial\n\n\ndef sweep_one(one): ...\n\n\n"
    "JOBS = [*JOBS, Job('partial', partial(sweep_one, 1), '0 6 * * *')]",
    "a lambda": "JOBS = [*JOBS, Job('lambda', lambda: None, '0 6 * * *')]",
    "an object": "class Called:\n    def __call__(self): ...\n\n\nJOBS = [*JOBS, Job('called', Called(), '0 6 * * *')]",
}  # fmt: skip
JOBS: Edits = {f"jobs: {name}": [(FILE, text)] for name, text in (TABLE | CALLABLES).items()} | {
    "jobs: of another module": [
        (FILE, "from backend.jobs.more import *\n\nJOBS: list[Job] = [*JOBS, *MORE]"),
        ("backend/jobs/more.py", "from backend.core.jobs import Job\n\n\ndef more(): ...\n\n\n"
         "MORE = [Job('more', more, '0 6 * * *')]"),
    ]
}  # fmt: skip
OTHER_JOBS: Edits = {
    "jobs: none": [(FILE, "JOBS = ()")],
    "jobs: in a table": [
        (FILE, "_BY_ID = {job.id: job for job in JOBS}\nJOBS = tuple(_BY_ID.values())")
    ],
    "jobs: typed": [(FILE, "JOBS: tuple[Job, ...] = tuple(sorted(JOBS, key=lambda job: job.id))")],
}
