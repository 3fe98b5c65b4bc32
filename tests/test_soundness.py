"""Green means that it starts, and red that it would not, or would do harm.

A small run of benchmarks/soundness.py, which tells more and takes hundreds.
"""

from pathlib import Path

import pytest
from breakages import CORE, KINDS, OWNERS, PRODUCTIONS, break_one, python_files
from breaking import on_any_port
from judging import judge
from legitimate import OTHERS, VARIATIONS, Variation, together, vary
from services import BakedProject

FINE = {"green, works", "red, broken", "red, harm", "in a view"}
# Of the other kinds there are tests that know what is to be found.
JUDGED = ("a statement deleted", "a name misspelt", "a character dropped", "a route changed",
          "a setting changed", "a migration changed", "a model changed", "a job changed",
          "a variable changed")  # fmt: skip


@pytest.mark.parametrize("kind", JUDGED)
def test_what_is_broken_is_red_and_what_is_green_starts(
    shared_service: BakedProject, tmp_path: Path, kind: str
) -> None:
    base = on_any_port(shared_service.copy(tmp_path / "base"))
    service, change = break_one(base, tmp_path / "own", {}, kind, f"1: {kind} 0")
    verdict = judge(service, change)
    assert verdict.word in FINE, "\n".join((change.note, *verdict.facts))


def sources(project: BakedProject) -> dict[Path, bytes]:
    files = python_files(project.path, (*OWNERS, *CORE, *PRODUCTIONS))
    return {path.relative_to(project.path): path.read_bytes() for path in files}


def test_the_other_kinds_of_breakages_can_be_made(
    shared_service: BakedProject, tmp_path: Path
) -> None:
    for kind in KINDS.keys() - {*JUDGED, "a requirement changed"}:  # which asks an installer
        service, change = break_one(shared_service, tmp_path / kind, {}, kind, f"1: {kind} 0")
        assert change.note or sources(service) != sources(shared_service), kind


@pytest.mark.parametrize("variations", [VARIATIONS, OTHERS], ids=["together", "others"])
def test_what_is_right_is_green(
    shared_service: BakedProject, tmp_path: Path, variations: dict[str, Variation]
) -> None:
    base = on_any_port(shared_service.copy(tmp_path / "base"))
    service, change = vary(base, tmp_path / "own", {}, together(variations))
    verdict = judge(service, change)
    assert verdict.word == "green, works", "\n".join(verdict.facts)
