import os
import runpy
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from flask import Flask

from config import default, listed, number

ROOT = Path(__file__).resolve().parent.parent
VARIABLE = "OF_THESE_TESTS"


def run(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the module sets where the environment says nothing."""
    monkeypatch.setattr(os, "environ", {})
    return runpy.run_path(str(ROOT / name))


def test_production_has_no_secret_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    production = run("config/production.py", monkeypatch)
    secrets = production["SECRET_KEY"], production["SQLALCHEMY_DATABASE_URI"]
    assert (*secrets, production["SECRET_KEY_FALLBACKS"]) == (None, None, [])


def test_production_sets_what_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    known = get_type_hints(default).keys() | Flask.default_config.keys()
    names = {name for name in run("config/production.py", monkeypatch) if name.isupper()}
    assert names - known == set()


def test_the_number_of_workers_is_the_same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    production = run("config/production.py", monkeypatch)
    workers = run("gunicorn.conf.py", monkeypatch)["workers"]
    assert workers == production["WEB_CONCURRENCY"] == default.WEB_CONCURRENCY


@pytest.mark.parametrize(
    ("text", "value"),
    [("", 2), ("0", 0), ("16", 16), ("many", "many"), ("-1", "-1"), ("1.5", "1.5")],
)
def test_a_variable_is_a_number_or_stays_text_for_check_to_report(
    monkeypatch: pytest.MonkeyPatch, text: str, value: int | str
) -> None:
    monkeypatch.setenv(VARIABLE, text)
    assert number(VARIABLE, 2) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [("", []), ("a", ["a"]), ("a,b", ["a", "b"]), (" a , b  c,", ["a", "b", "c"])],
)
def test_a_variable_is_a_list_of_words(
    monkeypatch: pytest.MonkeyPatch, text: str, words: list[str]
) -> None:
    monkeypatch.setenv(VARIABLE, text)
    assert listed(VARIABLE) == words


def test_an_unset_variable_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert (number(VARIABLE, 2), listed(VARIABLE)) == (2, [])
