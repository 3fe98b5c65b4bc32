"""The two READMEs of the template say the same, and the picture in them is of a real screen."""

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from services import TEMPLATE, environment, free_port

ENGLISH, JAPANESE = (
    (TEMPLATE / name).read_text(encoding="utf-8") for name in ("README.md", "README.ja.md")
)


@pytest.mark.quick
def test_both_have_the_same_commands_and_screens() -> None:
    assert re.findall(r"```\n(.*?)```", JAPANESE, re.DOTALL) == re.findall(
        r"```\n(.*?)```", ENGLISH, re.DOTALL
    )


@pytest.mark.quick
def test_both_tables_are_about_the_same() -> None:
    first_cells = re.compile(r"(?m)^\| (`.*?) \|")
    assert first_cells.findall(JAPANESE) == first_cells.findall(ENGLISH)


@pytest.mark.quick
def test_both_name_the_same_code_and_the_same_pages() -> None:
    for pattern in (r"`[^`\n]+`", r"\]\((https?:[^)]+)\)"):
        found = re.compile(pattern)
        assert set(found.findall(JAPANESE)) == set(found.findall(ENGLISH))


@pytest.mark.skipif(os.name == "nt", reason="it is drawn from a pseudo-terminal")
def test_the_picture_is_what_is_seen(tmp_path: Path) -> None:
    drawn = tmp_path / "problems.svg"
    command = [sys.executable, str(TEMPLATE / "pictures/draw.py"), str(drawn), str(free_port())]
    subprocess.run(command, check=True, env=environment(), stdout=subprocess.DEVNULL)
    assert words(drawn) == words(TEMPLATE / "pictures/problems.svg")


def words(picture: Path) -> str:
    """Return the text without what differs between machines: numbers, users, and line breaks."""
    parts = re.findall(r"<text[^>]*>(.*?)</text>", picture.read_text(encoding="utf-8"))
    text = re.sub(r"\s|\xa0", "", html.unescape("".join(parts)))
    return re.sub(r"\d+|\(\w+,|python3?", "", text)
