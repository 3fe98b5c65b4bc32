"""The scheduler is asked what it would refuse: all of it at once, each with the Job's own line."""

from textwrap import dedent

import pytest
from asking import ask, marked
from breaking import append, edit
from services import ANSWER_WITHIN, BakedProject
from test_job_runs import SCHEDULER, running

JOBS = "backend/jobs/__init__.py"
REFUSED = """
    from functools import partial
    import datetime as times
    ID, LINE, ONCE = "delete_old_runs", "* * * *", times.timedelta(minutes=-5)
    async def slow(): ...
    async def each_slow():
        yield
    def each():
        if False:
            yield 1
    def one(one): ...
    def named(*, often): ...
    class Sweep:
        def sweep(self): ...
        async def __call__(self): ...
    def job(id, **given):
        return Job(**{"id": id, "function": print, "trigger": "0 6 * * *"} | given)  # !jobs.trigger
    JOBS += (
        Job(ID, print, "0 6 * * *"),  # !jobs.duplicate
        Job("f1", slow, "0 6 * * *"),  # !jobs.function
        Job("f2", each_slow, "0 6 * * *"),  # !jobs.function
        Job("f3", each, "0 6 * * *"),  # !jobs.function
        Job("f4", one, "0 6 * * *"),  # !jobs.function
        Job("f5", named, "0 6 * * *"),  # !jobs.function
        Job("f6", Sweep, "0 6 * * *"),  # !jobs.function
        Job("f7", Sweep(), "0 6 * * *"),  # !jobs.function
        Job("f8", Sweep.sweep, "0 6 * * *"),  # !jobs.function
        Job("f9", partial(slow), "0 6 * * *"),  # !jobs.function
        Job("f10", None, LINE),  # !jobs.function jobs.trigger
        Job("f11", "backend.jobs:delete_old_runs", "0 6 * * *"),  # !jobs.function
        Job(  # !jobs.trigger
            "t0",
            print,
            "0 0 6 * * mon",
        ),
        job("t1", trigger=""),
        *(Job(f"t{line}", print, line) for line in ["0 6 * * 1"]),  # !jobs.trigger
        Job("t2", print, "0 6 * * mon#1"),  # !jobs.trigger
        Job("t3", print, "0 6 * * mon,7"),  # !jobs.trigger
        Job("t4", print, "@daily"),  # !jobs.trigger
        Job("t5", print, "5-65 * * * *"),  # !jobs.trigger
        Job("t6", print, "*/0 * * * *"),  # !jobs.trigger
        Job("t7", print, "0 22-2 * * *"),  # !jobs.trigger
        Job("t8", print, "0 6 1,15,last,L * *"),  # !jobs.trigger
        Job("t9", print, "0 6 * january *"),  # !jobs.trigger
        Job("t10", print, "0 6 * * fri-mon"),  # !jobs.trigger
        Job("t11", print, "0 6 * * monday"),  # !jobs.trigger
        Job("t12", print, "0 6 * * mon-fry"),  # !jobs.trigger
        Job("t13", print, "0, 6 * * *"),  # !jobs.trigger
        Job("t14", print, "0 6 * * \u0663"),  # !jobs.trigger
        Job("t15", print, "0 0 31 2 *"),  # !jobs.trigger
        Job("t16", print, ONCE),  # !jobs.trigger
        Job("t17", print, timedelta()),  # !jobs.trigger
        Job("t18", print, timedelta(seconds=1.5)),  # !jobs.trigger
        Job("t19", print, timedelta.max),  # !jobs.trigger
        Job("t20", print, 60),  # !jobs.trigger
        Job("d1", print, "0 6 * * *", timedelta()),  # !jobs.dead_after
        Job("d2", print, "0 6 * * *", dead_after=120),  # !jobs.dead_after
        Job(None, print, "0 6 * * *"),  # !jobs.id
        Job("", print, "0 6 * * *"),  # !jobs.id
        ("sweep", print, "0 6 * * *"),
    )
    JOBS += (Job("twice", print, "0 6 * * *"),) * 2  # !jobs.duplicate
"""
ACCEPTED = """
    import asyncio, gc, os
    import datetime as times
    from functools import partial, wraps
    def plain(): ...
    def with_one(function):
        @wraps(function)
        def called():
            return function(1)
        return called
    @with_one
    def decorated(one): ...
    def waiting(function):
        return lambda: asyncio.run(function())
    @waiting
    async def waited_for(): ...
    def within():
        def each():
            yield 1
        return sum(each())
    def optional(one=1, /, two=2, *more, three=3, **others): ...
    class Sweeper:
        def sweep(self): ...
        def __call__(self): ...
    sweeper = Sweeper()
    FUNCTIONS = [plain, decorated, within, optional, sweeper.sweep, sweeper, gc.collect, os.getpid,
                 print, partial(decorated), partial(max, 1, 2), lambda: None, waited_for]
    NIGHTLY, MINUTES, WEEKDAY = "0 3 * * *", 5, "sun"
    TRIGGERS = [
        NIGHTLY, f"0 3 * * {WEEKDAY}", "0 6 last * *", "*/15 8-18 1,15 jan-mar MON-fri",
        "0 0 29 2 *", timedelta(minutes=MINUTES), 2 * timedelta(minutes=1),
        times.timedelta(hours=1), timedelta(milliseconds=1500) * 2, timedelta(days=36_500),
    ]
    JOBS = list(JOBS)
    JOBS += [Job(f"function_{n}", function, NIGHTLY) for n, function in enumerate(FUNCTIONS)]
    JOBS += [Job(f"trigger_{n}", plain, trigger) for n, trigger in enumerate(TRIGGERS)]
    JOBS.append(Job(**{"id": "known", "function": plain, "trigger": NIGHTLY, "retry": True}))
    JOBS.append(Job(*("row", plain), NIGHTLY, timedelta(seconds=1)))
    JOBS += map(Job, ["mapped"], [plain], [NIGHTLY])
"""
BROKEN = {
    "a comma is missing": (
        "JOBS = (Job('sweep', delete_old_runs, '0 6 * * *'))  # !jobs.broken",
        "JOBS is one Job",
    ),
    "a trigger is missing": (
        "JOBS += (Job('sweep', delete_old_runs),)  # !application.broken",
        "missing 1 required positional argument: 'trigger'",
    ),
    "they are gone": ("del JOBS", "cannot import name 'JOBS' from 'backend.jobs'"),
}


def add(project: BakedProject, source: str) -> None:
    append(project.path / JOBS, dedent(source))


def test_whatever_the_scheduler_refuses_is_found_at_once(service: BakedProject) -> None:
    add(service, REFUSED)
    said = ask(service)
    assert said.found == marked(service, JOBS) | {("jobs.broken", JOBS)}
    assert all(problem["hint"] for problem in said.problems)
    assert (said.application, said.traceback) == (True, "")
    with running(service, *SCHEDULER) as scheduler:
        assert scheduler.process.wait(ANSWER_WITHIN) != 0
    refused = {problem["message"] for problem in said.problems}
    assert len(refused) > 30
    assert [fact for fact in refused if fact.partition(" at ")[0] not in scheduler.output] == []


def test_whatever_can_be_run_is_accepted(service: BakedProject) -> None:
    add(service, ACCEPTED)
    append(service.path / "config/development.py", "TIMEZONE = 'America/Argentina/Ushuaia'")
    assert ask(service).problems == []


@pytest.mark.parametrize(("source", "message"), BROKEN.values(), ids=BROKEN)
def test_jobs_that_are_none_are_found_where_they_stand(
    service: BakedProject, source: str, message: str
) -> None:
    add(service, source)
    said = ask(service)
    (problem,) = said.problems
    assert said.found == (marked(service, JOBS) or {("application.broken", problem["where"])})
    assert message in problem["message"]
    assert problem["hint"]
    assert not said.traceback or "TypeError" in said.traceback


def test_jobs_that_cannot_be_imported_hide_nothing_else(service: BakedProject) -> None:
    add(service, 'JOBS += (Job("sweep", delete_old_runs, "0 6 * * 1"),)')
    edit(service.path / "backend/routes/chat.py", "def post_message(", "async def post_message(")
    append(service.path / "backend/models.py", "import stripe")
    assert {id for id, _ in ask(service).found} == {"application.broken", "views.async"}


def test_an_unknown_time_zone_is_found(service: BakedProject) -> None:
    append(service.path / "config/development.py", "TIMEZONE = 'Asia/Tokio'")
    assert {id for id, _ in ask(service).found} == {"jobs.timezone"}


def test_a_system_without_time_zones_knows_the_service_s(service: BakedProject) -> None:
    append(service.path / "config/development.py", "TIMEZONE = 'Asia/Tokyo'")
    assert service.ids(PYTHONTZPATH="", PORT="0") == set()


def test_a_problem_of_a_job_stops_whatever_runs_jobs_and_nothing_else(
    service: BakedProject,
) -> None:
    add(service, 'JOBS += (Job("sweep", delete_old_runs, "0 6 * * 1"),)')
    for command in (["serve", "--port", "0"], ["scheduler"], ["jobs"], ["jobs", "run", "sweep"]):
        refused = service.run("run.py", *command)
        assert (refused.returncode, refused.stdout) == (1, ""), command
        assert JOBS in refused.stderr
        assert "Traceback" not in refused.stderr
    for passed_on in (["db", "current"], ["routes"]):
        assert service.run("run.py", *passed_on).returncode == 0, passed_on
