"""Green means that it starts, and red that it would not, or would do harm.

A small run of benchmarks/soundness.py, which tells more and takes hundreds.
"""

from pathlib import Path

import pytest
from breakages import KINDS, break_one
from breaking import on_any_port
from judging import judge
from legitimate import OTHERS, VARIATIONS, Variation, together, vary
from services import BakedProject

FINE = {"green, works", "red, broken", "red, harm", "in a view"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_broken_is_red_and_what_is_green_starts(
    shared_service: BakedProject, tmp_path: Path, kind: str
) -> None:
    base = on_any_port(shared_service.copy(tmp_path / "base"))
    service, change = break_one(base, tmp_path / "own", {}, kind, f"1: {kind} 0")
    verdict = judge(service, change)
    assert verdict.word in FINE, "\n".join((change.note, *verdict.facts))


@pytest.mark.parametrize("variations", [VARIATIONS, OTHERS], ids=["together", "others"])
def test_what_is_right_is_green(
    shared_service: BakedProject, tmp_path: Path, variations: dict[str, Variation]
) -> None:
    base = on_any_port(shared_service.copy(tmp_path / "base"))
    service, change = vary(base, tmp_path / "own", {}, together(variations))
    verdict = judge(service, change)
    assert verdict.word == "green, works", "\n".join(verdict.facts)
