"""A service's Python, its tests and those of core included, is clean under mypy --strict."""

import shutil

from services import TEMPLATE, BakedProject


def test_a_service_is_clean_under_mypy(service: BakedProject) -> None:
    shutil.copytree(TEMPLATE / "tests/core", service.path / "tests/core")
    options = ("--strict", "--no-error-summary", "--python-executable", service.python)
    done = service.run("-m", "mypy", *options, "--cache-dir", service.path / ".mypy_cache", ".")
    assert done.stdout + done.stderr == ""
