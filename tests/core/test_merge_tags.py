"""Known merge tags pass, unknown ones are named."""

import pytest

from gateway.core.campaigns.merge_tags import unknown_merge_tags


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Nieuws voor *|FNAME|* *|LNAME|*",
        "*|OWNERNAME|* <*|OWNEREMAIL|*>",
        "2 * 3 | 4",
        "a*b|c",
    ],
)
def test_known_tags_and_plain_text_pass(text: str) -> None:
    assert not unknown_merge_tags(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hallo *|VOORNAAM|*", ("*|VOORNAAM|*",)),
        ("*|FNAME|* *|X|* *|Y|*", ("*|X|*", "*|Y|*")),
        ("*|fname|*", ("*|fname|*",)),
        ("*| FNAME |*", ("*| FNAME |*",)),
        ("*|FNAME*|", ("*|", "*|")),
        ("|FNAME|*", ("|*",)),
        ("*|IF:FNAME|* x *|END:IF|*", ("*|IF:FNAME|*", "*|END:IF|*")),
        ("*||*", ("*||*",)),
    ],
)
def test_other_tags_are_named_as_written(text: str, expected: tuple[str, ...]) -> None:
    assert expected == unknown_merge_tags(text)


def test_the_fields_of_an_audience_can_be_known_too() -> None:
    assert not unknown_merge_tags("*|CITY|*", known_tags={"CITY"})
