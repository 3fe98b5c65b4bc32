"""What an owner does in an ordinary week breaks none of his tests, and changes only what is his."""

from pathlib import Path

from breaking import append, edit
from services import BakedProject
from updating import begin

SESSION_HOOK = """
from flask import session


@bp.before_app_request
def remember_who_asks() -> None:
    session.get("user")
"""
NOT_FOUND_PAGE = """
@bp.app_errorhandler(404)
def not_found(error: Exception) -> tuple[str, int]:
    return "<h1>There is no such page</h1>", 404
"""
PAGE = """
@bp.get("/pages")
def pages() -> str:
    return "<h1>Pages</h1>"
"""
TABLE = """
class Page(Base):
    __tablename__ = "page"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(Text)
"""
JOB = '''"""Counts the pages."""

from sqlalchemy import func, select

from backend.core.database import db
from backend.models import Page


def count_pages() -> None:
    print(db.session.scalar(select(func.count(Page.id))))
'''
SETTING = """
# How many pages are shown at once, from the environment in production.
PAGES_SHOWN: Annotated[int, range(1, 101)] = 10
"""


LOGIN = """
from flask_login import LoginManager, UserMixin, current_user

logins = LoginManager()


@logins.user_loader
def load_user(id: str) -> UserMixin:
    return UserMixin()


@bp.record_once
def set_up(state) -> None:
    logins.init_app(state.app)


@bp.before_app_request
def see_who_asks() -> None:
    assert not current_user.is_authenticated
"""


def assert_own_tests_pass(project: BakedProject) -> None:
    own = ("--basetemp", project.path.with_name("own-tests"))
    done = project.run("-m", "pytest", "-q", "-W", "error", *own, python=project.python)
    assert done.returncode == 0, done.stdout


def test_a_hook_that_reads_the_session_a_page_for_404_and_flask_login_break_no_test(
    shared_service: BakedProject, tmp_path: Path
) -> None:
    service = shared_service.copy(tmp_path, own_environment=True)
    install = ("-m", "uv", "pip", "install", "-q", "--python", service.python)
    done = service.run(*install, "flask-login==0.6.3")
    assert done.returncode == 0, done.stderr
    append(service.path / "backend/routes/chat.py", SESSION_HOOK + NOT_FOUND_PAGE + LOGIN)
    assert_own_tests_pass(service)


def test_an_ordinary_week_changes_nothing_that_updates_replace(service: BakedProject) -> None:
    path = service.path
    repository = begin(path, "generated")
    append(path / "backend/models.py", TABLE)
    append(path / "backend/routes/chat.py", PAGE)
    (path / "backend/jobs/count_pages.py").write_text(JOB)
    jobs = path / "backend/jobs/__init__.py"
    edit(jobs, "\nJOBS = (", "from backend.jobs.count_pages import count_pages\n\nJOBS = (")
    edit(jobs, "JOBS = (", 'JOBS = (\n    Job("count_pages", count_pages, "0 6 * * mon-fri"),')
    append(path / "config/default.py", SETTING)
    append(
        path / "config/production.py",
        'PAGES_SHOWN = number("PAGES_SHOWN", default.PAGES_SHOWN)',
    )
    assert service.run("run.py", "db", "revision", "pages").returncode == 0
    assert service.run("run.py", "db", "upgrade").returncode == 0
    assert service.ids(PORT="0") == set()
    assert_own_tests_pass(service)
    assert service.run("run.py", "jobs", "run", "count_pages").stdout.endswith("succeeded\n")
    changed = repository.git("status", "--porcelain")
    assert "migrations/" in changed
    assert "launcher" not in changed
    assert "backend/core" not in changed
    production = {"ENVIRONMENT": "production", "PAGES_SHOWN": "0"}
    messages = [problem["message"] for problem in service.problems(**production)]
    assert "PAGES_SHOWN is 0 and must be 1 to 100" in messages
