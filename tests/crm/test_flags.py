"""Yes and no, and numbers, as exports write them."""

import pytest

from gateway.crm.cells.flags import read_count, read_flag
from gateway.crm.cells.unreadable import UnreadableCell


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "Yes",
        "y",
        "1",
        "1.0",
        "1,0",
        "-1",
        "ja",
        "JA",
        "J",
        "Oui",
        "o",
        "wahr",
        "Vrai",
        "WAAR",
        "x",
        "X",
        "✓",
    ],
)
def test_yes_is_yes(text: str) -> None:
    assert read_flag(f" {text} ") is True


@pytest.mark.parametrize(
    "text",
    [
        "false",
        "No",
        "n",
        "0",
        "0.0",
        "nee",
        "NEIN",
        "non",
        "falsch",
        "Faux",
        "ONWAAR",
        "-",
        "–",
        "uit",
    ],
)
def test_no_is_no(text: str) -> None:
    assert read_flag(text) is False


@pytest.mark.parametrize("text", ["maybe", "2", "", "yes no", "?", "1.5", "#N/A", "j a"])
def test_any_other_word_is_refused(text: str) -> None:
    with pytest.raises(UnreadableCell, match="not true or false"):
        read_flag(text)


@pytest.mark.parametrize(("text", "expected"), [("30", 30), ("30.0", 30), ("30,00", 30), ("0", 0)])
def test_a_number_may_have_a_blank_fraction(text: str, expected: int) -> None:
    assert expected == read_count(text)


@pytest.mark.parametrize("text", ["-1", "30.5", "1e3", "", "thirty", "123456"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(UnreadableCell, match="not a number of days"):
        read_count(text)
