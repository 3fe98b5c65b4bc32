"""What `check` says of the jobs, with nothing installed, and that it reads triggers as they run."""

import calendar
import contextlib
import json
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from breaking import append, line_of
from hypothesis import assume, configuration, example, given, settings
from hypothesis import strategies as st
from services import ANSWER_WITHIN, BakedProject, environment
from test_checks import on_any_port
from test_job_runs import SCHEDULER, running

JOBS = "backend/jobs/__init__.py"
HERE = "  # here"
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
# The fields of a line as `check` calls them, with their least and greatest number, and names.
Field = tuple[str, int, int, list[str]]
FIELDS: tuple[Field, ...] = (
    ("minute", 0, 59, []),
    ("hour", 0, 23, []),
    ("day", 1, 31, []),
    ("month", 1, 12, MONTHS),
    ("weekday", 0, 6, WEEKDAYS),
)
# In these `# here` stands where the problem is to be found. `extra` is backend/jobs/extra.py.
EXTRA = """
async def slow(): ...


class Sweep: ...


def sweep_one(one): ...


def sweep_all(*all, often=False): ...
"""
NO_FUNCTIONS = {
    "an async function": """
        async def sweep(): ...
        JOBS += (Job("sweep", sweep, "0 6 * * *"),)  # here
    """,
    "an async function of another module": """
        from backend.jobs.extra import slow
        JOBS += (Job("sweep", slow, "0 6 * * *"),)  # here
    """,
    "an async function by the name of its module": """
        from backend.jobs import extra
        JOBS += (Job("sweep", extra.slow, "0 6 * * *"),)  # here
    """,
    "an async function by another name": """
        from .extra import slow as quick
        sweep = quick
        JOBS += (
            Job(
                "sweep",
                sweep,  # here
                "0 6 * * *",
            ),
        )
    """,
    "a generator": """
        def sweep():
            for one in range(3):
                if one:
                    yield one
        JOBS += (Job("sweep", sweep, "0 6 * * *"),)  # here
    """,
    "a delegating generator": """
        def sweep():
            yield from range(3)
        JOBS += (Job("sweep", sweep, "0 6 * * *"),)  # here
    """,
    "a class": """
        from backend.jobs.extra import Sweep
        JOBS += (Job(trigger="0 6 * * *", function=Sweep, id="sweep"),)  # here
    """,
    "a lambda": """
        JOBS += (Job("sweep", lambda: None, "0 6 * * *"),)  # here
    """,
    "a partial": """
        from functools import partial
        from backend.jobs.extra import sweep_one
        JOBS += (Job("sweep", partial(sweep_one, 1), "0 6 * * *"),)  # here
    """,
    "what the function returns": """
        JOBS += (Job("sweep", delete_old_runs(), "0 6 * * *"),)  # here
    """,
    "the function's name as text": """
        JOBS += (Job("sweep", "backend.jobs:delete_old_runs", "0 6 * * *"),)  # here
    """,
    "a function that takes an argument": """
        from backend.jobs.extra import sweep_one
        JOBS += (Job("sweep", sweep_one, "0 6 * * *"),)  # here
    """,
    "a function that takes a named argument": """
        def sweep(*, often): ...
        JOBS += (Job("sweep", sweep, "0 6 * * *"),)  # here
    """,
    "a function that takes a second argument": """
        def sweep(one, two=2): ...
        JOBS += (Job("sweep", sweep, "0 6 * * *"),)  # here
    """,
    "a name without a meaning": """
        JOBS += (Job("sweep", delete_old_rums, "0 6 * * *"),)  # here
    """,
    "a module that does not exist": """
        from backend.jobs.sweep import sweep
        JOBS += (Job("sweep", sweep, "0 6 * * *"),)  # here
    """,
    "a neighbouring module that does not exist": """
        from .sweep import sweep
        JOBS += (Job("sweep", sweep, "0 6 * * *"),)  # here
    """,
    "a module that does not exist, by its whole name": """
        import backend.jobs.sweep
        JOBS += (Job("sweep", backend.jobs.sweep.sweep, "0 6 * * *"),)  # here
    """,
    "a name that its module does not define": """
        from backend.jobs.extra import sweep
        JOBS += (Job("sweep", sweep, "0 6 * * *"),)  # here
    """,
    "an attribute that its module does not define": """
        from backend.jobs import extra
        JOBS += (Job("sweep", extra.sweep, "0 6 * * *"),)  # here
    """,
}
# The trigger, and what the message says.
MISREAD = {
    "0 6 * * 1": "weekday",
    "0 6 * * 1-5": "weekday",
    "0 6 * * mon#1": "weekday",
    "0 6 * * mon,7": "weekday",
    "@daily": "five fields",
    "@reboot": "five fields",
    "0 0 6 * * mon": "six fields",
    "0 6 * *": "4 of five fields",
    "": "0 of five fields",
    "60 * * * *": "minute",
    "5-65 * * * *": "minute",
    "*/0 * * * *": "minute",
    "0 24 * * *": "hour",
    "0 22-2 * * *": "hour",
    "0 6 0 * *": "day",
    "0 6 32 * *": "day",
    "0 6 1,15,last,L * *": "day",
    "0 6 * 13 *": "month",
    "0 6 * 0 *": "month",
    "0 6 * january *": "month",
    "0 6 * * monday": "weekday",
    "0 6 * * fri-mon": "weekday",
    "0 6 * * mon-fry": "weekday",
    "0 6 ? * *": "day",
    "noon * * * *": "minute",
    "0, 6 * * *": "minute",
}
NO_INTERVALS = [
    "timedelta(0)",
    "timedelta()",
    "timedelta(seconds=0.5)",
    "timedelta(0, 0, 500)",
    "timedelta(seconds=1, milliseconds=1)",
    "timedelta(minutes=-5)",
    "60",
    "0.5",
    "True",
    "b'0 6 * * *'",
]
# All of these can be run: their functions have names of their own, so as to stand in one file.
HARMLESS = {
    "ids that are computed": """
        def computed(): ...
        JOBS += tuple(Job(f"computed_{n}", computed, "0 6 * * *") for n in range(3))
    """,
    "a function that a decorator makes of one with an argument": """
        def with_one(function):
            return lambda: function(1)
        @with_one
        def decorated(one): ...
        JOBS += (Job("decorated", decorated, "0 6 * * *"),)
    """,
    "a function that a decorator makes of a generator": """
        def all_of(function):
            return lambda: list(function())
        @all_of
        def exhausted():
            yield
        JOBS += (Job("exhausted", exhausted, "0 6 * * *"),)
    """,
    "a function that a decorator makes of a coroutine": """
        import asyncio
        def waited_for(function):
            return lambda: asyncio.run(function())
        @waited_for
        async def waiting(): ...
        JOBS += (Job("waiting", waiting, "0 6 * * *"),)
    """,
    "a function that has been replaced by its name": """
        from functools import partial
        def replaced(one): ...
        replaced = partial(replaced, 1)
        JOBS += (Job("replaced", replaced, "0 6 * * *"),)
    """,
    "a function that another one makes": """
        def make(n):
            def made(): ...
            return made
        made_1, made_2 = make(1), make(2)
        JOBS += (Job("made_1", made_1, "0 6 * * *"), Job("made_2", made_2, "0 6 * * *"))
    """,
    "a generator within a function": """
        def within():
            def each():
                yield 1
            return sum(each()) + sum((yield_ for yield_ in each()))
        JOBS += (Job("within", within, "0 6 * * *"),)
    """,
    "a job that a function makes": """
        def named(): ...
        def daily(some):
            return Job(some.__name__, some, "0 6 * * *")
        JOBS += (daily(named),)
    """,
    "arguments in a table": """
        def tabled(): ...
        TABLE = [("tabled_1", tabled, "0 6 * * *"), ("tabled_2", tabled, "0 7 * * *")]
        JOBS += tuple(Job(*row) for row in TABLE)
        JOBS += tuple(Job(*row[:2], "0 8 * * *") for row in [("tabled_3", tabled)])
        JOBS += (Job(**{"id": "tabled_4", "function": tabled, "trigger": "0 6 * * *"}),)
    """,
    "names from everywhere": """
        from backend.jobs.star import *
        JOBS += (Job("starred", starred, "0 6 * * *"), Job("printed", print, "0 6 * * *"))
    """,
    "a module that need not be there": """
        try:
            from backend.jobs.fast import optional
        except ImportError:
            def optional(): ...
        JOBS += (Job("optional", optional, "0 6 * * *"),)
    """,
    "a function of another package": """
        import gc
        from os import getpid
        JOBS += (Job("collect", gc.collect, "0 6 * * *"), Job("getpid", getpid, "0 6 * * *"))
    """,
    "a method": """
        class Sweeper:
            def sweep(self): ...
            def __call__(self): ...
        sweeper = Sweeper()
        JOBS += (Job("method", sweeper.sweep, "0 6 * * *"), Job("called", sweeper, "0 6 * * *"))
    """,
    "arguments that need not be given": """
        from backend.jobs.extra import sweep_all
        def defaults(one=1, /, two=2, *more, three=3, **others): ...
        JOBS += (Job("defaults", defaults, "0 6 * * *"), Job("all", sweep_all, "0 6 * * *"))
    """,
    "a list": """
        def listed(): ...
        JOBS = list(JOBS) + [Job("listed_1", listed, "0 6 * * *")]
        JOBS += [Job("listed_2", listed, "0 6 * * *")]
        JOBS.append(Job("listed_3", listed, "0 6 * * *"))
        JOBS = tuple(JOBS)
    """,
    "triggers that are computed": """
        import datetime as times
        def triggered(): ...
        NIGHTLY, MINUTES, WEEKDAY = "0 3 * * *", 5, "sun"
        JOBS += (
            Job("trigger_1", triggered, NIGHTLY),
            Job("trigger_2", triggered, f"0 3 * * {WEEKDAY}"),
            Job("trigger_3", triggered, timedelta(minutes=MINUTES)),
            Job("trigger_4", triggered, 2 * timedelta(minutes=1)),
            Job("trigger_5", triggered, times.timedelta(hours=1)),
            Job("trigger_6", triggered, "0 3 " + "* * *"),
            Job("trigger_7", triggered, timedelta(milliseconds=1500) * 2),
            Job("trigger_8", triggered, dead_after=timedelta(0), trigger="0 6 last * *"),
        )
    """,
}
RUN_THEM_ALL = """
from backend.jobs import JOBS
from backend.core.jobs.triggers import read_trigger
for job in JOBS[2:]:
    job.function()
    read_trigger(job.trigger, "UTC")
print(len({job.id for job in JOBS}) == len(JOBS))
"""
# Answers each line of its input, a cron line and a time: why it is refused by either reader, and
# when it is due from then on.
READER = """
import json, sys
from datetime import datetime, timedelta
from itertools import islice
from backend.core.jobs.triggers import next_due, read_trigger
from launcher.checks.cron import misread

def due(trigger, now, days):
    end = now + timedelta(days)
    while (now := next_due(trigger, now)) < end:
        yield now.isoformat()

for question in sys.stdin:
    line, now, days, most = json.loads(question)
    refused, times = None, []
    try:
        trigger = read_trigger.__wrapped__(line, "UTC")
        times = list(islice(due(trigger, datetime.fromisoformat(now), days), most))
    except ValueError as error:
        refused = str(error)
    print(json.dumps([misread(line), refused, times]), flush=True)
"""
DAYS, TIMES = 100, 200


@pytest.fixture
def bare(bare: BakedProject) -> BakedProject:
    return with_modules(on_any_port(bare))


@pytest.fixture
def service(service: BakedProject) -> BakedProject:
    return with_modules(on_any_port(service))


@pytest.fixture(autouse=True, scope="module")
def _nothing_is_remembered(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Even without a database of examples Hypothesis keeps a few tables in a folder."""
    configuration.set_hypothesis_home_dir(tmp_path_factory.mktemp("hypothesis"))


def with_modules(project: BakedProject) -> BakedProject:
    (project.path / "backend/jobs/extra.py").write_text(EXTRA)
    (project.path / "backend/jobs/star.py").write_text("def starred(): ...\n")
    return project


def add(project: BakedProject, source: str) -> None:
    lines = [line.removeprefix(" " * 8) for line in source.splitlines()]
    append(project.path / JOBS, "\n".join(lines))


def add_trigger(project: BakedProject, trigger: str) -> None:
    add(project, f'\nJOBS += (\n    Job("x", delete_old_runs,\n        {trigger}),{HERE}\n)')


def of_jobs(problems: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [problem for problem in problems if problem["id"].startswith("jobs.")]


def here(project: BakedProject, mark: str = HERE) -> str:
    return f"{JOBS}:{line_of(project.path / JOBS, mark)}"


# Problems


@pytest.mark.parametrize("source", NO_FUNCTIONS.values(), ids=NO_FUNCTIONS)
def test_what_the_scheduler_cannot_call_is_found_where_it_stands(
    bare: BakedProject, source: str
) -> None:
    add(bare, source)
    (problem,) = of_jobs(bare.problems())
    assert (problem["id"], problem["where"]) == ("jobs.function", here(bare))
    assert problem["hint"]


@pytest.mark.parametrize(("line", "fact"), MISREAD.items(), ids=MISREAD)
def test_a_line_that_cannot_be_read_is_found_and_its_field_named(
    bare: BakedProject, line: str, fact: str
) -> None:
    add_trigger(bare, repr(line))
    (problem,) = of_jobs(bare.problems())
    assert (problem["id"], problem["where"]) == ("jobs.trigger", here(bare))
    assert repr(line) in problem["message"]
    assert fact in problem["message"].replace(repr(line), "")
    others = {name for name, *_ in FIELDS} - {fact}
    assert not any(f"the {name} " in problem["message"] for name in others)
    assert problem["hint"]


@pytest.mark.parametrize("trigger", NO_INTERVALS)
def test_what_is_neither_a_line_nor_whole_seconds_is_found(
    bare: BakedProject, trigger: str
) -> None:
    add_trigger(bare, trigger)
    (problem,) = of_jobs(bare.problems())
    assert (problem["id"], problem["where"]) == ("jobs.trigger", here(bare))


def test_a_trigger_that_has_a_name_is_found_where_it_is_used(bare: BakedProject) -> None:
    add(bare, f'\nOFTEN = "* * * *"\nJOBS += (Job("x", delete_old_runs, OFTEN),){HERE}')
    (problem,) = of_jobs(bare.problems())
    assert (problem["id"], problem["where"]) == ("jobs.trigger", here(bare))


def test_an_id_that_two_jobs_have_is_found_at_the_second(bare: BakedProject) -> None:
    add(bare, f'\nJOBS += (Job(trigger="0 6 * * *", function=print, id="delete_old_runs"),){HERE}')
    (problem,) = of_jobs(bare.problems())
    assert (problem["id"], problem["where"]) == ("jobs.duplicate", here(bare))
    first = line_of(bare.path / JOBS, 'Job("delete_old_runs"')
    assert f"line {first}" in problem["message"]


@pytest.mark.parametrize("name", ["Asia/Tokio", "Mars/Olympus", "", "../UTC", "Europe", "MEZ"])
@pytest.mark.parametrize("file", ["config/default.py", "config/development.py"])
def test_an_unknown_time_zone_is_found_where_it_stands(
    bare: BakedProject, name: str, file: str
) -> None:
    append(bare.path / file, f"TIMEZONE: str = {name!r}")
    (problem,) = of_jobs(bare.problems())
    where = f"{file}:{line_of(bare.path / file, f'TIMEZONE: str = {name!r}')}"
    assert (problem["id"], problem["where"]) == ("jobs.timezone", where)
    assert repr(name) in problem["message"]
    assert problem["hint"]


@pytest.mark.parametrize("name", ["Europe/Berlin", "Etc/GMT+5", "America/Argentina/Ushuaia"])
def test_a_known_time_zone_is_no_problem(bare: BakedProject, name: str) -> None:
    append(bare.path / "config/development.py", f"TIMEZONE = {name!r}")
    assert of_jobs(bare.problems()) == []


def test_all_that_is_wrong_with_the_jobs_is_told_at_once(bare: BakedProject) -> None:
    add(
        bare,
        """
        async def sweep(): ...
        JOBS += (
            Job("delete_old_runs", sweep, "0 6 * * 1"),  # first
            Job(
                "sweep",
                nothing,  # second
                timedelta(0),  # third
            ),
            Job("sweep", print, "0 6 * * mon"),  # fourth
            Job("fine", print, "0 6 * * mon"),
        )
        """,
    )
    append(bare.path / "config/development.py", "TIMEZONE = 'Asia/Tokio'")
    found = {(problem["id"], problem["where"]) for problem in of_jobs(bare.problems())}
    first, second, third, fourth = (
        here(bare, f"# {mark}") for mark in ("first", "second", "third", "fourth")
    )
    config = bare.path / "config/development.py"
    assert found == {
        ("jobs.duplicate", first),
        ("jobs.function", first),
        ("jobs.trigger", first),
        ("jobs.function", second),
        ("jobs.trigger", third),
        ("jobs.duplicate", fourth),
        ("jobs.timezone", f"config/development.py:{line_of(config, 'Tokio')}"),
    }
    screen = bare.run("run.py", "check")
    assert screen.returncode == 1
    assert all(where in screen.stdout for _, where in found)


# No problems


@pytest.mark.parametrize("source", HARMLESS.values(), ids=HARMLESS)
def test_what_cannot_be_read_or_is_right_gives_no_alarm(bare: BakedProject, source: str) -> None:
    add(bare, source)
    assert of_jobs(bare.problems()) == []


def test_all_that_is_to_give_no_alarm_can_be_run(service: BakedProject) -> None:
    for source in HARMLESS.values():
        add(service, source)
    done = service.run("-c", RUN_THEM_ALL, python=service.python)
    assert done.stdout.endswith("True\n"), done.stderr


# What they stop


PROBLEMS = {
    "jobs.duplicate": 'JOBS += (Job("delete_old_runs", delete_old_runs, "0 6 * * *"),)',
    "jobs.function": 'JOBS += (Job("sweep", lambda: None, "0 6 * * *"),)',
    "jobs.trigger": 'JOBS += (Job("sweep", delete_old_runs, "0 6 * * 1"),)',
}


@pytest.mark.parametrize("id", PROBLEMS)
def test_a_problem_of_a_job_stops_everything_but_a_migration(
    service: BakedProject, id: str
) -> None:
    append(service.path / JOBS, PROBLEMS[id])
    assert service.ids() == {id}
    for command in (["serve", "--port", "0"], ["scheduler"], ["jobs"], ["jobs", "run", "sweep"]):
        refused = service.run("run.py", *command)
        assert (refused.returncode, refused.stdout) == (1, ""), command
        assert here(service, PROBLEMS[id]) in refused.stderr
        assert "Traceback" not in refused.stderr
    assert service.run("run.py", "db", "upgrade").returncode == 0


def test_an_unknown_time_zone_stops_what_runs_jobs(service: BakedProject) -> None:
    append(service.path / "config/development.py", "TIMEZONE = 'Asia/Tokio'")
    for command in (["serve", "--port", "0"], ["scheduler"], ["jobs"]):
        refused = service.run("run.py", *command)
        assert (refused.returncode, refused.stdout) == (1, ""), command
        assert "Asia/Tokio" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_a_trigger_that_only_the_scheduler_can_see_ends_it_and_says_why(
    service: BakedProject,
) -> None:
    add(service, '\nDAY = 1\nJOBS += (Job("sweep", delete_old_runs, f"0 6 * * {DAY}"),)')
    assert of_jobs(service.problems()) == []
    with running(service, *SCHEDULER) as scheduler:
        assert scheduler.process.wait(ANSWER_WITHIN) != 0
    last = scheduler.output.splitlines()[-1]
    assert last.startswith("ValueError: '0 6 * * 1': ")
    assert "write weekdays by name" in last


def test_a_job_that_would_be_dead_at_once_ends_the_scheduler(service: BakedProject) -> None:
    add(service, '\nJOBS += (Job("sweep", delete_old_runs, "0 6 * * *", timedelta()),)')
    with running(service, *SCHEDULER) as scheduler:
        assert scheduler.process.wait(ANSWER_WITHIN) != 0
    assert scheduler.output.splitlines()[-1].startswith("ValueError: 'sweep': ")


# Cron lines, read by `check` and by the scheduler


NUMBERS = st.integers(0, 62).map(str)
SPANS = st.tuples(NUMBERS, NUMBERS).map("-".join)
NAMES = st.sampled_from([*MONTHS, *WEEKDAYS, "MON", "Jan", "last", "monday", "sept", "l", "x"])
STEPPED = st.tuples(st.just("*") | NUMBERS | SPANS | NAMES, NUMBERS).map("/".join)
NAME_SPANS = st.tuples(NAMES, NAMES | NUMBERS).map("-".join)
ODD = st.sampled_from(
    ["", "*", "**", "*-5", "-5", "5-", "*/", "/5", "?", "L", "15W", "mon#1", "1st mon", "+5", "05",
     "1.5", "1-2-3", "*/2/3", "last mon", "2nd fri", "H", "5L", "1_0", "\u0663", "\u017fun"],
)  # fmt: skip
PARTS = st.one_of(
    NUMBERS, SPANS, NAMES, STEPPED, NAME_SPANS, ODD, st.text("*/-,#0159amn", max_size=4)
)
NO_LINES = st.lists(PARTS, max_size=7).map(" ".join) | st.text(max_size=12)


@st.composite
def odd_lines(draw: st.DrawFn) -> str:
    """Draw a line of which a field or two may be wrong, such as a span from high to low."""
    fields = ["*"] * 5
    for position in draw(st.lists(st.integers(0, 4), min_size=1, max_size=2)):
        _, least, greatest, names = FIELDS[position]
        value = st.sampled_from(names or [str(n) for n in range(least, greatest + 1)])
        parts = draw(st.sampled_from([PARTS, st.tuples(value, value).map("-".join)]))
        fields[position] = ",".join(draw(st.lists(parts, min_size=1, max_size=2)))
    return " ".join(fields)


@st.composite
def right_fields(draw: st.DrawFn, least: int, greatest: int, names: list[str]) -> str:
    """Draw a field of which at most the step may be wrong."""
    first: int
    last: int
    if names != [] and draw(st.booleans()):
        first, last = sorted(draw(st.tuples(*[st.integers(0, len(names) - 1)] * 2)))
        return draw(st.sampled_from([names[first], f"{names[first]}-{names[last]}"]))
    first, last = sorted(draw(st.tuples(*[st.integers(least, greatest)] * 2)))
    span = draw(st.sampled_from(["*", str(first), f"{first}-{last}"]))
    return draw(st.just(span) | st.integers(1, greatest // 2).map(lambda step: f"{span}/{step}"))


@st.composite
def right_lines(draw: st.DrawFn) -> str:
    """Draw a line in which the day or the weekday is open: with both, cron takes either."""
    *most, weekdays = (st.just("*") | right_fields(*field[1:]) for field in FIELDS)
    fields = [",".join(draw(st.lists(field, min_size=1, max_size=3))) for field in most]
    fields[2] = draw(st.just(fields[2]) | st.just("last"))
    names = st.lists(weekdays, min_size=1, max_size=3).map(",".join)
    return " ".join([*fields, draw(names) if fields[2] == "*" else "*"])


def examples(number: int) -> settings:
    return settings(max_examples=number, deadline=None, derandomize=True, database=None)


@contextlib.contextmanager
def reader(service: BakedProject) -> Iterator[Callable[..., Any]]:
    """Yield a question to a process of the service: what of this line, from then on?"""
    command = [str(service.python), "-c", READER]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=service.path, env=environment(), **pipes) as process:

        def ask(
            line: str, now: str = "2026-01-01T00:00:00+00:00", days: int = DAYS, most: int = 0
        ) -> Any:
            print(json.dumps([line, now, days, most]), file=process.stdin, flush=True)
            assert process.stdout
            return json.loads(process.stdout.readline())

        yield ask


def test_check_refuses_the_lines_that_the_scheduler_refuses_and_no_others(
    shared_service: BakedProject,
) -> None:
    with reader(shared_service) as ask:

        @examples(400)
        @given(odd_lines() | NO_LINES | right_lines())
        @example("0 6 lastly * *")
        @example("0 6 * * \u0663")
        def agree(line: str) -> None:
            misread, refused, _ = ask(line)
            assert (misread is None) == (refused is None), (line, misread, refused)

        agree()


def test_a_line_is_due_when_cron_says(shared_service: BakedProject) -> None:
    with reader(shared_service) as ask:

        @examples(100)
        @given(right_lines(), st.datetimes(datetime(2023, 1, 1), datetime(2026, 1, 1)))
        def agree(line: str, now: datetime) -> None:
            now = now.replace(tzinfo=UTC)
            _, refused, times = ask(line, now.isoformat(), DAYS, TIMES)
            assume(not refused)
            assert times == [due.isoformat() for due in islice(due_by_cron(line, now), TIMES)]

        agree()


def due_by_cron(line: str, now: datetime) -> Iterator[datetime]:
    """Yield the minutes that the line allows, found by trying."""
    minute, hour, *others = zip(FIELDS, line.split(), strict=True)
    midnight, end = now.replace(hour=0, minute=0, second=0, microsecond=0), now + timedelta(DAYS)
    for day in allowed(others, (midnight + timedelta(days=n) for n in range(DAYS + 1))):
        for begun in allowed([hour], (day + timedelta(hours=n) for n in range(24))):
            due = allowed([minute], (begun + timedelta(minutes=n) for n in range(60)))
            yield from (moment for moment in due if now < moment < end)


def allowed(fields: Iterable[tuple[Field, str]], moments: Iterable[datetime]) -> Iterator[datetime]:
    """Yield the moments that all the fields allow."""
    for moment in moments:
        if all(allows(field, text, moment) for field, text in fields):
            yield moment


def allows(field: Field, text: str, moment: datetime) -> bool:
    name, least, greatest, names = field
    value = moment.weekday() if name == "weekday" else getattr(moment, name)
    return any(value in values(part, least, greatest, names, moment) for part in text.split(","))


def values(
    part: str, least: int, greatest: int, names: list[str], moment: datetime
) -> Sequence[int]:
    """Return the range that a part of a field stands for."""
    if part == "last":
        return [calendar.monthrange(moment.year, moment.month)[1]]
    span, _, step = part.partition("/")
    first, _, last = span.replace("*", f"{least}-{greatest}").partition("-")
    low = number(first, least, names)
    high = number(last, least, names) if last else greatest if step else low
    return range(low, high + 1, int(step or 1))


def number(text: str, least: int, names: list[str]) -> int:
    return names.index(text) + least if text in names else int(text)
