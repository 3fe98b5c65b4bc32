"""The page at `/` of the development server, in a real browser."""

import contextlib
import json
import sys
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from breaking import append, edit
from playwright.sync_api import Browser, Page
from services import ANSWER_WITHIN, BakedProject, Server, http, wait_until
from test_serving import reply

WARNED = "OWN_THING = 1"
BEAT = """

def beat() -> None:
    pass


JOBS += (Job("beat", beat, timedelta(seconds=1)),)
"""
ROOT = """

@bp.get("/")
def home() -> str:
    return "home"
"""
AT_ROOT = 'url_prefix="/api"'
HOOK = """

@bp.before_app_request
def close() -> str:
    return "closed"
"""
SHOWN = """

@bp.get("/shown")
def shown() -> dict[str, str]:
    from unittest.mock import Mock, patch
    from launcher.serving import start_page
    from sqlalchemy import make_url
    from sqlalchemy.exc import SQLAlchemyError

    engine = Mock(url=make_url("postgresql://{}"), connect=Mock(side_effect=SQLAlchemyError))
    with patch.object(start_page, "db", Mock(engine=engine)):
        return start_page.database()
"""
IMPORTED = """
import sys


@bp.get("/imported")
def imported() -> list[str]:
    return [name for name in sys.modules if name.startswith("launcher.serving.")]
"""


@pytest.fixture
def url(service: BakedProject) -> Iterator[str]:
    """Of a service with a warning, and a job that has run."""
    append(service.path / "config/development.py", WARNED)
    append(service.path / "backend/jobs/__init__.py", BEAT)
    with service.start() as server:
        wait_until(lambda: "job beat succeeded" in server.output)
        yield server.url


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with browser.new_context(permissions=["clipboard-read", "clipboard-write"]) as context:
        context.set_default_timeout(ANSWER_WITHIN * 1000)
        page, said = context.new_page(), list[str]()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(url)
        yield page
        assert said == []


def test_it_shows_the_checks_and_copies_a_hint(page: Page) -> None:
    checks = page.locator(".checks > li")
    assert checks.count() == 8
    warned = checks.filter(has_text="OWN_THING is not a setting")
    assert "warning" in warned.inner_text()
    hint = warned.locator(".hint code").inner_text()
    warned.get_by_role("button", name="Copy").click()
    warned.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == hint


def test_it_shows_routes_and_tries_them(page: Page) -> None:
    ping = page.locator(".routes > li").filter(has_text="/ping")
    assert "backend/core/health.py:" in ping.inner_text()
    ping.get_by_role("link").click()
    ping.get_by_text('{"status":"ok"}').wait_for()
    chat = page.locator(".routes > li").filter(has_text="/api/chat")
    chat.locator("summary").click()
    chat.get_by_role("textbox").fill(json.dumps({"message": "Hi"}))
    chat.get_by_role("button", name="Send").press("Enter")
    chat.get_by_text("You said: Hi").wait_for()
    assert chat.get_by_role("textbox").input_value() == json.dumps({"message": "Hi"})


def test_it_shows_jobs_and_keeps_up_with_them(page: Page) -> None:
    beat = page.locator(".jobs > li").filter(has_text="every 0:00:01")
    beat.locator(".outcome.succeeded").wait_for()  # it may run just now
    assert beat.get_by_role("img").locator("rect").count() > 0
    last = beat.locator("time").first.inner_text()
    page.wait_for_function(
        "last => [...document.querySelectorAll('.jobs li')].at(-1)"
        ".querySelector('time').textContent !== last",
        arg=last,
    )
    assert page.locator(".next").first.inner_text().startswith("in ")


def test_what_changes_before_it_first_looks_again_is_shown(
    page: Page, service: BakedProject
) -> None:
    page.add_init_script("window.setInterval = () => 0")
    page.reload()
    append(service.path / "requirements.txt", "no-such-package")
    http(page.url, b"", Origin=page.url.rstrip("/"))
    page.evaluate("refresh()")
    assert "no-such-package" in page.locator(".checks").inner_text()


def test_it_shows_database_schema_and_versions(page: Page) -> None:
    about = page.locator("dl").inner_text()
    assert "0001, core_0002 (ok)" in about
    assert "instance" in about
    page.get_by_text("packages").click()
    assert page.locator(".packages li").filter(has_text="flask").count() > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1600])
def test_axe_finds_nothing_and_nothing_is_cut_off(page: Page, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for summary in page.locator("summary").all():
        summary.click()
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_without_javascript_it_checks_again(browser: Browser, service: BakedProject) -> None:
    append(service.path / "config/development.py", WARNED)
    with (
        service.start() as server,
        browser.new_context(java_script_enabled=False) as context,
    ):
        page = context.new_page()
        page.goto(server.url)
        assert "OWN_THING" in page.locator(".checks").inner_text()
        assert page.locator(".next").first.inner_text().endswith(" UTC")
        former = set(server.family[1:])
        append(service.path / "config/default.py", "OWN_THING: int")
        wait_until(lambda: former.isdisjoint(server.family[1:]) and at_root(server))  # reloaded
        page.get_by_role("button", name="Check again").click()
        page.get_by_text("Settings ok").wait_for(timeout=ANSWER_WITHIN * 1000)
        assert "OWN_THING" not in page.locator(".checks").inner_text()
        assert {item.inner_text() for item in page.locator(".checks .state").all()} == {"ok"}


def test_the_owner_s_page_wins_as_soon_as_it_is_there(service: BakedProject) -> None:
    with service.start() as server:
        assert "The development server is running" in at_root(server)
        edit(service.path / "backend/routes/chat.py", AT_ROOT, 'url_prefix=""')
        append(service.path / "backend/routes/chat.py", ROOT)
        wait_until(lambda: at_root(server) == "home")


def test_after_a_reload_it_still_knows_what_was_checked(service: BakedProject) -> None:
    with service.start() as server:
        assert at_root(server).count('<li class="ok">') == 8
        edit(service.path / "backend/routes/chat.py", "You said", "Changed")
        wait_until(lambda: reply(server) == "Changed: Hi")
        assert at_root(server).count('<li class="ok">') == 8


def at_root(server: Server) -> str:
    with contextlib.suppress(OSError):  # it is just restarted
        return http(f"{server.url}/").body
    return ""


def test_who_does_not_sit_at_this_machine_gets_nothing(url: str) -> None:
    assert http(f"{url}/", Host="evil.example").status == 404
    assert http(f"{url}/", Host="127.0.0.1.evil.example").status == 404
    assert http(f"{url}/", Host="[::1]:5001").status == 200
    assert http(f"{url}/", b"").status == 403
    assert http(f"{url}/", b"", Origin="http://evil.example").status == 403
    assert http(f"{url}/", b"", Origin="null").status == 403


def test_an_application_that_answers_without_a_view_is_not_replaced(service: BakedProject) -> None:
    append(service.path / "backend/routes/chat.py", HOOK)
    with service.start() as server:
        assert http(f"{server.url}/").body == "closed"


def test_no_password_is_shown(service: BakedProject) -> None:
    append(
        service.path / "backend/routes/chat.py", SHOWN.format("u:geheim-1@h/n?password=geheim-2")
    )
    with service.start() as server:
        said = http(f"{server.url}/api/shown").body
    assert "u:***@h/n" in said
    assert "geheim" not in said


def test_nothing_of_it_is_imported_before_it_is_asked_for(service: BakedProject) -> None:
    append(service.path / "backend/routes/chat.py", IMPORTED)
    with service.start() as server:
        before = http(f"{server.url}/api/imported").json
        http(f"{server.url}/")
        after = http(f"{server.url}/api/imported").json
    assert "launcher.serving.start_page" not in before
    assert "launcher.serving.start_page" in after


@pytest.mark.skipif(sys.platform == "win32", reason="PostgreSQL is started the POSIX way")
def test_production_has_nothing_of_it(project: BakedProject, migrated: dict[str, str]) -> None:
    with project.start(**migrated) as server:
        assert http(f"{server.url}/").status == 404
