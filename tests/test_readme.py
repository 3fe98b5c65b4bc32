"""The two READMEs of the template say the same, and their links lead somewhere."""

import re

import pytest
from services import TEMPLATE

pytestmark = pytest.mark.quick

ENGLISH, JAPANESE = (
    (TEMPLATE / name).read_text(encoding="utf-8") for name in ("README.md", "README.ja.md")
)


def test_both_have_the_same_commands_and_screens() -> None:
    assert re.findall(r"```\n(.*?)```", JAPANESE, re.DOTALL) == re.findall(
        r"```\n(.*?)```", ENGLISH, re.DOTALL
    )


def test_both_tables_are_about_the_same() -> None:
    first_cells = re.compile(r"(?m)^\| (`.*?) \|")
    assert first_cells.findall(JAPANESE) == first_cells.findall(ENGLISH)


def test_both_name_the_same_code_and_the_same_pages() -> None:
    for pattern in (r"`[^`\n]+`", r"\]\((https?:[^)]+)\)"):
        found = re.compile(pattern)
        assert set(found.findall(JAPANESE)) == set(found.findall(ENGLISH))


@pytest.mark.parametrize("text", [ENGLISH, JAPANESE], ids=["README.md", "README.ja.md"])
def test_links_within_the_repository_lead_somewhere(text: str) -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if ":" not in link]
    assert links
    assert all((TEMPLATE / link).exists() for link in links)
