"""Twenty services with twenty sets of answers: made, checked, edited, updated, checked again."""

import json
import os
import runpy
import tempfile
from pathlib import Path

import cruft
import pytest
from breaking import append, edit
from services import BakedProject
from updating import SERVICE, Repository, begin, new_template, out, update_environment

NAMES = (
    "My Service",
    "気象サービス🎉",
    "日本語の、長い「名前」" * 8,
    "х" * 78,
    "x" * 79,
    "x y" * 80,
    "it's",
    'a "quoted" name',
    "'''thrice\"\"\" `so`",
    "C:\\new\\",
    "100 %",
    "%s %(x)s {} {0} ${HOME} $(id)",
    "; & | < > ! ~ ^",
    "<script>alert(1)</script>",
    "[x](y) **b** # = [section]",
    "- yaml: |",
    "مرحبا",
    "Ünïcödé ﬁ",
    "1st",
    "🎉",
)
ZONES = ("UTC", "Asia/Tokyo", "America/Argentina/Buenos_Aires", "Etc/GMT+12", "Pacific/Chatham")
FLEET = [
    {
        "project_name": name,
        "description": f"{name} in one sentence",
        "author": name[::-1],
        "port": str(1024 + 3395 * number),
        "timezone": ZONES[number % len(ZONES)],
        "bootstrap": "no",
    }
    for number, name in enumerate(NAMES)
]


def release(template: Path) -> None:
    """Change what is replaced, what is rendered, and what the owners edit."""
    append(template / SERVICE / "launcher/commands.py", "# Changed.")
    append(template / SERVICE / "backend/core/health.py", "# Changed.")
    edit(template / SERVICE / "config/default.py", "LOGGING: ", "GREETING: str = 'Hi'\nLOGGING: ")
    edit(template / SERVICE / "README.md", "## Commands", "## All commands")
    edit(template / SERVICE / "requirements.txt", "# time zones", "# all time zones")


def week(service: BakedProject) -> None:
    append(service.path / "config/default.py", "PAGES_SHOWN: int = 10")
    append(service.path / "requirements.txt", "Jinja2==3.1.6")
    edit(service.path / "README.md", "## Start\n", "Ask the owner.\n\n## Start\n")
    Repository(service.path).commit("week")


def assert_green(service: BakedProject) -> None:
    checks = service.check(PORT="0")["checks"]
    assert {check["status"] for check in checks} == {"ok"}, checks


@pytest.fixture
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """cruft runs in this process, and is not imported forty times; it keeps nothing elsewhere."""
    for name, value in update_environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", os.environ["TMPDIR"])


@pytest.mark.usefixtures("_alone")
def test_a_fleet_stays_green_through_an_update(
    shared_service: BakedProject, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    template = new_template(tmp_path / "template")
    database = "instance/development.db"
    fleet = []
    for number, answers in enumerate(FLEET):
        output = out(tmp_path) / str(number)
        path = cruft.create(str(template.path), output, extra_context=answers)
        assert "bootstrap.py" in capfd.readouterr().out
        # The one environment is enough for all: there is no .venv, so this Python serves.
        service = BakedProject(path, started_by=shared_service.python)
        begin(service.path, "generated")
        (path / "instance").mkdir()
        (path / database).write_bytes((shared_service.path / database).read_bytes())
        week(service)
        assert_green(service)
        fleet.append(service)
    release(template.path)
    template.commit("release")
    for number, service in enumerate(fleet):
        assert cruft.update(service.path)
        said = capfd.readouterr()
        assert len(said.out.splitlines()) == 1, said.out
        assert said.err == ""
        if number % 5 == 0:  # each check takes as long as the update
            assert_green(service)
    for service, answers in zip(fleet, FLEET, strict=True):
        settings = runpy.run_path(str(service.path / "config/default.py"))
        assert settings["SERVICE_NAME"] == answers["project_name"]
        assert (settings["PAGES_SHOWN"], settings["GREETING"]) == (10, "Hi")
        kept = json.loads((service.path / "made-from.json").read_text(encoding="utf-8"))
        assert answers.items() <= kept["default_context"].items()
