"""The application is asked, and says all that is wrong with it at once, each with its place."""

import contextlib
import re
import secrets
import sqlite3
from pathlib import Path
from textwrap import dedent

import pytest
from asking import ask, marked
from breaking import append, edit
from services import BakedProject

CREATE_APP = "backend/__init__.py"
DATABASE = "instance/development.db"
PAGE = """class Page(Base):
    __tablename__ = "page"
    id: Mapped[int] = mapped_column(primary_key=True)


"""
# Below backend/routes/. Nothing imports the last, which may be a script; some only follow.
ROUTES = {
    "__init__.py": """
        print("somebody prints")
        from backend.routes import chat, unparsed, leaving, foreign, wrong, twice, follower, deep
        from backend.routes import typed
        def init_app(app): ...
    """,
    "unparsed.py": "def broken(:  # !views.broken",
    "leaving.py": "raise SystemExit(3)  # !application.broken",
    "foreign.py": "import stripe.checkout  # !application.broken",
    "wrong.py": "from backend.models import Mesage  # !application.broken",
    "twice.py": """
        from sqlalchemy import Column, Integer, Table
        from backend.core.database import Base
        Table("twice", Base.metadata, Column("id", Integer))
        Table("twice", Base.metadata, Column("id", Integer))  # !application.broken
    """,
    "follower.py": """
        from backend.routes import leaving
        from .leaving import anything
        from backend.routes.unparsed import broken
    """,
    "deep/__init__.py": "from backend.routes.deep import er",
    "deep/er.py": """
        import os
        def reached():
            return os.no_such_thing
        reached()
        VALUE = jsonn  # not reached
    """,
    "typed.py": "import jsonn  # !application.broken",
    "script.py": "open('run', 'w'); raise RuntimeError",
}
VIEWS = """
    import asyncio, functools
    import flask.views
    from flask import Blueprint
    bp = Blueprint("more", __name__)
    class Bus:
        def get(self, topic):
            return lambda function: function
    bus = Bus()
    def waited_for(function):
        @functools.wraps(function)
        def plain(*arguments, **named):
            return asyncio.run(function(*arguments, **named))
        return plain
    @bp.get("/1")
    async def one(): ...  # !views.async
    @bp.post("/2")
    @functools.cache
    def two(): ...
    @waited_for
    @bp.delete("/3")
    async def three(): ...  # !views.async
    @bp.before_request
    async def four(): ...  # !views.async
    @bp.app_errorhandler(404)
    async def five(error): ...  # !views.async
    @bp.app_template_filter("six")
    async def six(text): ...  # !views.async
    @bp.app_template_global("seven")
    async def seven(): ...  # !views.async
    async def eight(): ...  # !views.async
    async def nine(one): ...  # !views.async
    for number, view in enumerate([eight, functools.partial(nine, 1)]):
        bp.add_url_rule(f"/8/{number}", f"loop{number}", view)
    class Base(flask.views.MethodView):
        async def get(self): ...  # !views.async
        async def help(self): ...
    class Derived(Base):
        def post(self): ...
    bp.add_url_rule("/10", view_func=Derived.as_view("derived"))
    class Page(flask.views.View):
        async def dispatch_request(self): ...  # !views.async
    bp.add_url_rule("/11", view_func=Page.as_view("page"))
    class Called:
        async def __call__(self): ...  # !views.async
    bp.add_url_rule("/12", "called", Called())
    bp.record_once(lambda state: state.app.teardown_appcontext(thirteen))
    async def thirteen(error): ...  # !views.async
    bp.record_once(lambda state: state.app.add_url_rule("/14", view_func=fourteen))
    async def fourteen():  # !views.async
        yield b""
    @bus.get("/no")
    async def topic(): ...
    @bp.get("/no/1")
    @waited_for
    async def waiting(): ...
    @bp.get("/no/2")
    def plain():
        async def inner(): ...
        return asyncio.run(inner())
    async def helper(): ...
    # async def commented(): ...
"""
QUESTIONS = """
    from flask import Blueprint, abort
    from sqlalchemy import ForeignKey
    from sqlalchemy.orm import Mapped, mapped_column, relationship
    from backend.core.database import Base
    bp = Blueprint("more", __name__)
    class Order(Base):  # !application.broken
        __tablename__ = "order"
        id: Mapped[int] = mapped_column(primary_key=True)
        customer: Mapped["Custmer"] = relationship()
        shop: Mapped[int] = mapped_column(ForeignKey("shop.id"))
    @bp.post("/api/chat")
    def never(): ...  # !views.shadowed
    @bp.get("/api/chat")
    def another_method(): ...
    @bp.before_app_request
    def refuse(): abort(401)
"""


def write_module(project: BakedProject, name: str, source: str) -> None:
    path = project.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(source).strip() + "\n")


def add_routes(project: BakedProject, source: str) -> str:
    """Add the module, whose blueprint is called bp, and return its name."""
    write_module(project, "backend/routes/more.py", source)
    routes = project.path / "backend/routes/__init__.py"
    edit(routes, "import chat", "import chat, more")
    edit(routes, "(chat.bp)", "(chat.bp)\n    app.register_blueprint(more.bp)")
    return "backend/routes/more.py"


@pytest.mark.quick
def test_nothing_is_wrong_with_a_new_service(shared_service: BakedProject) -> None:
    said = ask(shared_service)
    assert (said.application, said.problems, said.traceback) == (True, [], "")


def test_all_broken_modules_are_found_at_once_and_no_script_is_run(service: BakedProject) -> None:
    for name, source in ROUTES.items():
        write_module(service, f"backend/routes/{name}", source)
    said = ask(service)
    assert not said.application
    broken = marked(service, *(f"backend/routes/{name}" for name in ROUTES))
    assert said.found == broken | {("application.broken", "backend/routes/deep/er.py:3")}
    assert "No module named 'stripe'" in said.at("backend/routes/foreign.py:1")["message"]
    hint = said.at("backend/routes/foreign.py:1")["hint"]
    assert re.fullmatch(r"add stripe, .*requirements\.txt, then python3? bootstrap\.py", hint)
    assert "backend/models.py" in said.at("backend/routes/wrong.py:1")["hint"]
    assert "SystemExit: 3" in said.traceback
    assert "launcher" not in said.traceback
    assert not (service.path / "run").exists()
    hint = said.at("backend/routes/typed.py:1")["hint"]
    assert hint.startswith("fix the name, if it is json, or add jsonn, ")


def test_every_async_function_that_flask_would_call_is_found_and_no_other(
    service: BakedProject,
) -> None:
    name = add_routes(service, VIEWS)
    said = ask(service)
    assert (said.found, said.traceback) == (marked(service, name), "")
    assert len({problem["hint"] for problem in said.problems}) == 1
    edit(service.path / CREATE_APP, "    refuse_async_views(app)\n", "")
    assert ask(service).found == said.found


def test_what_is_created_is_asked_everything_beside_each_other(service: BakedProject) -> None:
    name = add_routes(service, QUESTIONS)
    jobs = service.path / "backend/jobs/__init__.py"
    append(jobs, 'JOBS += (Job("delete_old_runs", print, "0 6 * * *"),)  # !jobs.duplicate')
    append(service.path / "config/logs.py", 'PLAIN["root"] = {"handlers": ["no"]}')
    said = ask(service)
    assert said.application
    assert said.found == marked(service, name, "backend/jobs/__init__.py") | {
        ("application.broken", "config/logs.py"),
        ("application.broken", "backend/models.py"),  # a table that is not there
        ("application.broken", CREATE_APP),  # /ping and /readyz
    }
    messages = " ".join(problem["message"] for problem in said.problems)
    for text in (
        "Custmer",
        "could not find table 'shop'",
        "Unable to configure root logger",
        "GET /ping answers 401",
        "POST /api/chat is answered by chat.post_message, never by more.never",
    ):
        assert text in messages
    levels = {problem["level"] for problem in said.problems if problem["id"] == "views.shadowed"}
    assert levels == {"warning"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    health.init_app(app)\n", "", "GET /ping answers 404"),
        ("    database.init_app(app)\n", "", "is not registered with this 'SQLAlchemy' instance"),
        ("    return app\n", "", "create_app returned None"),
        ("def create_app", "def create_ap", "module 'backend' has no attribute 'create_app'"),
        ("    register_jobs(app, JOBS)\n", "", "KeyError: 'jobs'"),
    ],
)
def test_an_application_that_would_not_answer_is_found(
    service: BakedProject, old: str, new: str, message: str
) -> None:
    edit(service.path / CREATE_APP, old, new)
    said = ask(service)
    assert {problem["id"] for problem in said.problems} <= {
        "application.broken", "database.url", "database.unreachable",
    }  # fmt: skip
    assert any(message in problem["message"] for problem in said.problems), said


def test_a_view_that_clashes_with_another_is_found_where_it_stands(service: BakedProject) -> None:
    chat = "backend/routes/chat.py"
    append(service.path / chat, "@bp.get('/x')  # !application.broken\ndef post_message(): ...")
    assert ask(service).found == marked(service, chat)


def test_what_the_models_have_and_the_schema_lacks_is_a_warning(service: BakedProject) -> None:
    with contextlib.closing(sqlite3.connect(service.path / DATABASE)) as database:
        database.execute("CREATE VIRTUAL TABLE found USING fts5(text)")  # which is no difference
        database.execute("CREATE INDEX by_hand ON message (reply)")
    models = service.path / "backend/models.py"
    append(models, "    mood: Mapped[str | None] = mapped_column(Text)")
    (problem,) = ask(service).problems
    assert (problem["id"], problem["level"]) == ("database.drift", "warning")
    assert problem["message"].endswith(": add column message.mood")
    revise, upgrade = problem["hint"].split(", then ")
    assert revise.endswith('run.py db revision "what changed"')
    assert upgrade.endswith("run.py db upgrade")
    migration = service.path / "migrations/0002_mood.py"
    migration.write_text('revision = "0002"\ndown_revision = "0001"\n')
    assert ask(service).problems == []  # until it is upgraded to


@pytest.mark.parametrize("by", ["a model without its migration", "hand"])
def test_a_table_that_the_schema_lacks_is_an_error(service: BakedProject, by: str) -> None:
    if by == "hand":
        with contextlib.closing(sqlite3.connect(service.path / DATABASE)) as database:
            database.execute("DROP TABLE message")
    else:
        edit(service.path / "backend/models.py", "class Message(", f"{PAGE}class Message(")
    (problem,) = ask(service).problems
    assert (problem["id"], problem["level"]) == ("database.drift", "error")
    assert f"add table {'message' if by == 'hand' else 'page'}" in problem["message"]


def test_a_database_that_is_not_there_is_not_made_by_asking(service: BakedProject) -> None:
    path = service.path / DATABASE
    path.unlink()
    said = ask(service)
    assert (said.application, said.problems, path.exists()) == (True, [], False)


def test_a_package_that_is_damaged_is_installed_again(
    shared_service: BakedProject, tmp_path: Path
) -> None:
    service = shared_service.copy(tmp_path, own_environment=True)
    (package,) = (service.path / ".venv").rglob("itsdangerous")
    half = (package / "encoding.py").read_bytes()[:200] + b"("
    for name, content in (("encoding.py", b""), ("encoding.py", half), ("__init__.py", b"")):
        (package / name).unlink()  # which other services have too
        if content:
            (package / name).write_bytes(content)
        (problem,) = ask(service).problems
        assert problem["id"] == "application.broken"
        assert re.fullmatch(r"python3? bootstrap\.py", problem["hint"]), problem
        (package / name).touch()


def test_production_is_asked_by_way_of_its_own_files_and_hides_the_password(
    project: BakedProject, tmp_path: Path
) -> None:
    service = project.copy(tmp_path)
    url = f"sqlite:///{(service.path / 'instance/development.db').as_posix()}"
    env = {"ENVIRONMENT": "production", "SECRET_KEY": secrets.token_hex(32)}
    append(service.path / "gunicorn.conf.py", "workers = cpus  # !application.broken")
    assert ask(service, DATABASE_URL=url, **env).found == marked(service, "gunicorn.conf.py")
    line = "workers = cpus"
    for wrong in ("threads = 0", "worker_class = 'no.Worker'", "pidfile = '/no/where'",
                  "wsgi_app = 'wsgi:nothing'"):  # fmt: skip
        edit(service.path / "gunicorn.conf.py", line, line := wrong)
        (problem,) = ask(service, DATABASE_URL=url, **env).problems
        assert (problem["id"], problem["where"]) == ("application.broken", "gunicorn.conf.py")
    edit(service.path / "gunicorn.conf.py", line, "")
    append(service.path / "wsgi.py", "app.config['NO_SUCH_SETTING']  # !application.broken")
    assert ask(service, DATABASE_URL=url, **env).found == marked(service, "wsgi.py")
    said = ask(service, DATABASE_URL="mysql://u:auch:geheim/@127.0.0.1:1/x", **env)
    assert {problem["id"] for problem in said.problems} == {"database.url"}
    assert "geheim" not in repr(said)


@pytest.mark.quick
def test_where_nothing_can_be_asked_the_source_is_read(bare: BakedProject) -> None:
    name = "backend/routes/deep/er/more.py"
    write_module(bare, name, VIEWS)
    write_module(bare, "backend/broken.py", "x = 1\nx = 'never closed")
    lines = (bare.path / name).read_text().splitlines()
    below = [(n, line) for n, line in enumerate(lines, 1) if re.match(r"@b\w+\.", lines[n - 2])]
    read = [n for n, line in below if line.startswith("async")]
    found = {(each["id"], each["where"]) for each in bare.problems() if "views" in each["id"]}
    assert found == {("views.async", f"{name}:{n}") for n in read} | {
        ("views.broken", "backend/broken.py:2")
    }
