import os
import runpy
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from flask import Flask

from config import default

PRODUCTION = Path(__file__).resolve().parent.parent / "config" / "production.py"


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the module sets where the environment says nothing."""
    monkeypatch.setattr(os, "environ", {})
    return runpy.run_path(str(PRODUCTION))


def test_production_has_no_secret_of_its_own(production: dict[str, Any]) -> None:
    assert production["SECRET_KEY"] is None
    assert production["SECRET_KEY_FALLBACKS"] == []
    assert production["SQLALCHEMY_DATABASE_URI"] is None


def test_production_sets_what_is_declared(production: dict[str, Any]) -> None:
    known = get_type_hints(default).keys() | Flask.default_config.keys()
    assert {name for name in production if name.isupper()} - known == set()
