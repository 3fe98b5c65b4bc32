"""cruft, the real command: a service is made, edited for a week, and updated over two commits."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from breaking import append, edit
from services import BakedProject
from test_sample import delete_lines, files_of_the_sample
from updating import SERVICE, Repository, create, cruft, new_template, out, update

# What nobody edits, and an update replaces.
REPLACED = ("backend/core", "bootstrap.py", "launcher", "run.py")
# What bootstrap.py and the owner make, and git is not told of.
UNTRACKED = (".env", ".venv/pyvenv.cfg", "instance/development.db")
ANSWERS = {"project_name": 'it\'s "気象" 🎉', "project_slug": "my-service"}
LONG_AGO = 1
RELEASES = ("second", "third")
PAGES = '''"""Pages."""

from flask import Blueprint

bp = Blueprint("pages", __name__)


@bp.get("/pages")
def pages() -> str:
    return "<h1>Pages</h1>"
'''
JOB = '''"""Counts the pages."""


def count_pages() -> None:
    print(1)
'''
QUESTION = '    "team": "Nobody",\n\n    "bootstrap": "yes"'
SETTING = """
# How many pages are shown at once.
PAGES_SHOWN: Annotated[int, range(1, 101)] = 10
"""


def ordinary_week(service: BakedProject) -> None:
    """What an owner does to what is his."""
    path = service.path
    for file in files_of_the_sample(service):
        file.unlink()
    delete_lines(service)
    (path / "backend/routes/pages.py").write_text(PAGES)
    routes = path / "backend/routes/__init__.py"
    edit(routes, "\n\n\ndef", "\n\nfrom backend.routes import pages\n\n\ndef")
    append(routes, "    app.register_blueprint(pages.bp)")
    (path / "backend/jobs/count_pages.py").write_text(JOB)
    jobs = path / "backend/jobs/__init__.py"
    edit(jobs, "\nJOBS = (", "from backend.jobs.count_pages import count_pages\n\nJOBS = (")
    edit(jobs, "\n)\n", '\n    Job("count_pages", count_pages, "0 6 * * mon-fri"),\n)\n')
    append(path / "config/default.py", SETTING)
    append(path / "config/production.py", 'PAGES_SHOWN = number("PAGES_SHOWN", 10)')
    append(path / "requirements.txt", "Jinja2==3.1.6")
    append(path / "requirements-dev.txt", "iniconfig==2.3.1")
    append(path / "requirements-production.txt", "markupsafe==3.0.4")
    append(path / ".gitignore", "/pages/")
    edit(path / "README.md", f"# {ANSWERS['project_name']}", "# Pages\n\nAsk the pages' team.")
    edit(path / "docs/operations.md", "# Operating the service", "# Operating the pages")
    edit(path / "pyproject.toml", 'version = "0.1.0"', 'version = "0.2.0"')
    edit(path / "compose.yaml", "restart: unless-stopped", "restart: always")


def bump(path: Path, name: str, version: str) -> None:
    edited = re.sub(rf"(?im)^({re.escape(name)}==)[\d.]+", rf"\g<1>{version}", path.read_text())
    path.write_text(edited)


def bump_everywhere(service: Path, *pins: str) -> None:
    for path in service.glob("*.txt"):
        for pin in pins:
            bump(path, *pin.split("=="))


def second(template: Path) -> None:
    """A release: pins, core and launcher; a file is new, one is gone, one has another name."""
    service = template / SERVICE
    bump_everywhere(service, "tzdata==2026.7", "Flask==3.1.4", "ruff==0.17.6", "waitress==3.0.3")
    append(service / "launcher/commands.py", "# Changed.")
    append(service / "backend/core/health.py", "# Changed.")
    (service / "backend/core/migrations/0002_more.py").write_text("# New.\n")
    (service / "launcher/more.py").write_text('"""New."""\n')
    (service / "launcher/system/owners.py").unlink()
    (service / "docs/operations.md").rename(service / "docs/production.md")
    (service / "docs/more.md").write_text("# {{ cookiecutter.team }}\n")
    edit(service / ".gitignore", ".env\n", ".env\n/htmlcov/\n")
    append(service / "backend/routes/chat.py", "# Changed.")
    edit(template / "cookiecutter.json", '    "bootstrap": "yes"', QUESTION)
    version = re.compile('"version": ".*"')
    made_from = service / "made-from.json"
    made_from.write_text(version.sub('"version": "2"', made_from.read_text()))


def third(template: Path) -> None:
    """A release: a setting, a README, and the same pins again."""
    service = template / SERVICE
    bump_everywhere(service, "tzdata==2026.8", "ruff==0.17.7", "waitress==3.0.4")
    default = service / "config/default.py"
    edit(default, "LOGGING: ", "LOG_LEVEL: str = 'INFO'\nLOGGING: ")
    edit(service / "config/production.py", "LOGGING = ", "LOG_LEVEL = 'INFO'\nLOGGING = ")
    edit(service / "README.md", "## Commands", "## All commands")
    edit(service / "pyproject.toml", "line-length = 100", "line-length = 101")
    edit(service / "docs/production.md", "**Logs** are", "**The logs** are")
    append(service / "launcher/commands.py", "# Changed again.")
    edit(service / "backend/jobs/__init__.py", "timedelta(days=1)", "timedelta(days=2)")


@dataclass(frozen=True)
class History:
    """A template, and a service whose every stage is a tag in its repository.

    Below `kept` is what was printed.
    """

    folder: Path

    @property
    def template(self) -> Repository:
        return Repository(self.folder / "template")

    @property
    def service(self) -> Repository:
        return Repository(out(self.folder) / "my-service")

    def said(self, what: str, stage: str) -> str:
        return (self.folder / f"{what}-{stage}.txt").read_text(encoding="utf-8")


@pytest.fixture
def history(made_once: Callable[..., Path]) -> History:
    """Do not change it: copy it."""
    return History(made_once("cruft", make_history))


def make_history(folder: Path) -> None:
    folder.mkdir()
    history = History(folder)
    template = new_template(folder / "template")
    service = create(folder, template, ANSWERS, FLASK_SAFE_START_BOOTSTRAP="no")
    for name in UNTRACKED:
        (service.path / name).parent.mkdir(exist_ok=True)
        (service.path / name).write_text("the owner's")
        os.utime(service.path / name, (LONG_AGO, LONG_AGO))
    ordinary_week(service)
    history.service.commit("week")
    keep(history, "diff", "week", "diff")
    for release in (second, third):
        release(template.path)
        template.commit(release.__name__)
        keep(history, "check", release.__name__, "check")
        forget_what_no_commit_has(history.service)
        keep(history, "update", release.__name__, "update", "--skip-apply-ask")
        history.service.commit(release.__name__)
        keep(history, "diff", release.__name__, "diff")


def keep(history: History, what: str, stage: str, *arguments: str) -> None:
    done = cruft(history.folder, *arguments, cwd=history.service.path)
    (history.folder / f"{what}-{stage}.txt").write_text(done.stdout + done.stderr, "utf-8")


def forget_what_no_commit_has(repository: Repository) -> None:
    """Leave what a colleague's clone has: no remainder of an earlier update to merge with."""
    repository.git("reflog", "expire", "--expire=all", "--all")
    repository.git("gc", "--quiet", "--prune=now")


@pytest.mark.parametrize("release", RELEASES)
def test_an_update_says_one_line_and_leaves_nothing_to_resolve(
    release: str, history: History
) -> None:
    said = history.said("update", release)
    assert "has been updated" in said
    assert len(said.splitlines()) == 1, f"cruft tells of a conflict, or a hook speaks: {said}"
    changed = history.service.git("diff", f"{release}~", release)
    assert "\n+<<<<<<<" not in changed
    ignored = {f"!! {name.partition('/')[0]}" for name in UNTRACKED}
    status = history.service.git("status", "--porcelain", "--ignored").splitlines()
    assert {line.rstrip("/") for line in status} == ignored, "no reject among them"


def test_no_file_is_lost_and_none_comes_back(history: History) -> None:
    week, second, third = map(history.service.files, ("week", *RELEASES))
    assert week.keys() - second.keys() == {"launcher/system/owners.py", "docs/operations.md"}
    assert second.keys() - week.keys() == {
        "backend/core/migrations/0002_more.py",
        "docs/more.md",
        "docs/production.md",
        "launcher/more.py",
    }
    assert second.keys() == third.keys()


def test_a_new_question_takes_its_default(history: History) -> None:
    assert history.service.git("show", "second:docs/more.md") == "# Nobody\n"
    kept = json.loads(history.service.git("show", "second:.cruft.json"))
    assert kept["context"]["cookiecutter"]["team"] == "Nobody"


@pytest.mark.parametrize("release", RELEASES)
def test_what_nobody_edits_is_the_new_template_s(release: str, history: History) -> None:
    folders = [f"{SERVICE}/{name}" for name in REPLACED]
    new = history.template.files(release, *folders)
    assert new != history.template.files("first", *folders)
    assert {
        f"{SERVICE}/{name}": content
        for name, content in history.service.files(release, *REPLACED).items()
    } == new


@pytest.mark.parametrize("release", RELEASES)
def test_after_an_update_the_diff_shows_the_owner_s_edits_alone(
    release: str, history: History
) -> None:
    diff = history.said("diff", release)
    assert diff.startswith("diff --git "), "and nothing before it"
    assert changes(diff) == changes(history.said("diff", "week"))


def changes(diff: str) -> list[str]:
    return [line for line in diff.splitlines() if re.match(r"[-+](?![-+]{2} )", line)]


def test_no_update_touches_what_git_is_not_told_of(history: History) -> None:
    for name in UNTRACKED:
        path = history.service.path / name
        assert (path.read_text(), path.stat().st_mtime) == ("the owner's", LONG_AGO)


def test_check_knows_whether_there_is_something_new(history: History) -> None:
    for release in RELEASES:
        assert "out of date" in history.said("check", release)
    done = cruft(history.folder, "check", cwd=history.service.path)
    assert done.returncode == 0, done.stdout
    older = cruft(history.folder, "check", "--checkout", "first", cwd=history.service.path)
    assert older.returncode == 1, older.stdout


def test_a_colleague_s_clone_merges_what_is_beside_an_edit(
    history: History, tmp_path: Path
) -> None:
    """It lacks what the last update was merged from, until docs/operations.md is followed."""
    service = Repository(tmp_path / "my-service")
    history.service.git("clone", "--quiet", "--no-local", ".", str(service.path))
    service.git("checkout", "--quiet", "second")
    requirements = service.path / "requirements.txt"
    edit(requirements, "Werkzeug==3.1.9", "Werkzeug==3.1.9  # ours")
    service.commit("edited")
    (tmp_path / "diff").write_text(cruft(tmp_path, "diff", cwd=service.path).stdout, "utf-8")
    service.git("apply", "--cached", str(tmp_path / "diff"))
    service.git("reset", "--quiet")
    done = update(tmp_path, service.path)
    assert (len(done.stdout.splitlines()), done.stderr) == (1, "")
    pinned = requirements.read_text()
    assert "Werkzeug==3.1.9  # ours\n" in pinned
    assert "tzdata==2026.8  # " in pinned


def test_a_service_that_cookiecutter_has_made_is_linked_with_its_answers(
    history: History, tmp_path: Path
) -> None:
    service = Repository(tmp_path / "my-service")
    history.service.git("clone", "--quiet", "--branch", "generated", ".", str(service.path))
    (service.path / ".cruft.json").unlink()
    which = (history.template.path, "--checkout", "first")
    how = ("--no-input", "--config-file", "made-from.json")
    for command in (("link", *which, *how), ("diff", "--exit-code")):
        done = cruft(tmp_path, *command, cwd=service.path)
        assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_a_service_follows_a_fork_that_has_other_defaults(history: History, tmp_path: Path) -> None:
    """The fork is of the first release, and takes over the second, with its question."""
    history.template.git("clone", "--quiet", ".", str(tmp_path / "fork"))
    fork = Repository(tmp_path / "fork")
    fork.git("checkout", "--quiet", "-b", "own", "first")
    questions = fork.path / "cookiecutter.json"
    edit(questions, "Your name or team", "Our team")
    edit(questions, '"timezone": "UTC"', '"timezone": "Asia/Tokyo"')
    (fork.path / SERVICE / "docs/fork.md").write_text("{{ cookiecutter.author }}\n")
    fork.commit("forked")
    fork.git("merge", "--quiet", "--no-edit", "second")

    service = Repository(tmp_path / "my-service")
    history.service.git("clone", "--quiet", ".", str(service.path))
    service.git("checkout", "--quiet", "week")
    edit(service.path / ".cruft.json", str(history.template.path), str(fork.path))
    service.commit("moved")
    done = update(tmp_path, service.path)
    assert (len(done.stdout.splitlines()), done.stderr) == (1, "")
    assert (service.path / "docs/fork.md").read_text() == "Your name or team\n"
    assert json.loads((service.path / "made-from.json").read_text())["version"] == "2"
    made = create(tmp_path, fork, {"bootstrap": "no"})
    assert (made.path / "docs/fork.md").read_text() == "Our team\n"
