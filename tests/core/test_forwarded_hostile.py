"""No text, however hostile, makes the recovery of forwarded mail fail or slow."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.finding import find_original
from tests.rig.cost import cost_of


@given(st.text())
@settings(max_examples=300)
def test_no_text_raises(text: str) -> None:
    find_original(text)


PIECES = (
    "From:|Von: a@b|To: |Date: 31.13.2026 99:99|Subject:|> |>|\n|\r\n|-----x-----|____________"
    '|On 1, a@b wrote:|<|<mailto:|"|;|*|\xa0|١'
)


@given(st.lists(st.sampled_from(PIECES.split("|")), max_size=60).map("".join))
@settings(max_examples=500)
def test_no_mix_of_headers_quotes_and_separators_raises(text: str) -> None:
    find_original(text)


ENDLESS = (
    ">|> \n|>\n|From:\n|From: a@b\n|From: a@b\nTo: b\n|-|-----x-----\n| |\n|From: <\n<\n"
    '|From: a,\nb,\n|a@b 1:\n|On 1 wrote:\n> \n|From: a@b>To:|[mailto:|"'
)


@pytest.mark.no_cover  # being traced costs time of its own
@pytest.mark.parametrize(
    "piece",
    [
        *ENDLESS.split("|"),
        "x" * 300 + "@1:\n",
        "1 " + "at " * 130 + ":\n> x\n",
        "----- Forwarded message from x -----\n",
        "----- End forwarded message -----\n",
        "----- Forwarded message from x -----\n----- End forwarded message -----\n",
        "From: a@b\nTo: c@d\nSubject: x\n\n",
        "----- Forwarded by A/B on 11/24/2026 10:00 AM -----\n" + " " * 13 + "1/1/2026 9:15\n",
        '---------- Forwarded by A/B on\n11/24/2026 10:00 AM ----------\n\n"A" <a@b.c>\n',
        "A ---11/23/2026 09:15:02---x\n",
        "On 1 March 2026, a@b.c wrote:\n> x\n\n",
        "From: a@b>To: " + "GMT1Abcdef ghij klm " * 250 + "\n",
        "a\nSubject: b\n--------------------\n\n----------\nFrom: a@b\nDate: 1\n",
    ],
)
@pytest.mark.parametrize(
    "before",
    [
        "",
        "From: a@b.c\nSubject: ",
        "From: a@b.c\nTo: ",
        "----- Forwarded message from a@b.c -----\nFrom: a@b.c\nTo: d@e\n\n",
    ],
)
def test_a_hundred_kilobytes_of_anything_cost_no_time_to_speak_of(before: str, piece: str) -> None:
    text = before + piece * (100_000 // len(piece))

    assert cost_of(lambda: find_original(text)) < 1  # What grows with the square: many seconds.
