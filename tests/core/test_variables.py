import pytest
from config import listed, number

VARIABLE = "OF_THESE_TESTS"


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
