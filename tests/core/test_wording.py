"""The form of all files of wording: sections, comments, placeholders, languages."""

import pytest

from gateway.core.wording import (
    BadWording,
    fill,
    in_language,
    numbered_lines,
    read_line,
    split_sections,
)

TEXT = """\
\ufeffabove
# a comment
 # none
[why not]
because\x20
[See 1]
[end]
"""


def test_lines_belong_to_the_section_above_them() -> None:
    sections = split_sections(numbered_lines(TEXT), ("why not", "end"), "x.txt")

    texts = {name: [(line.number, line.text) for line in of] for name, of in sections.items()}
    assert {
        "": [(1, "above"), (3, " # none")],
        "why not": [(5, "because"), (6, "[See 1]")],
        "end": [],
    } == texts


@pytest.mark.parametrize(
    ("known", "problem"),
    [
        (("end",), "x.txt:4: unknown section [why not]; known: end"),
        (("why not",), "x.txt:7: unknown section [end]; known: why not"),
    ],
)
def test_an_unknown_section_is_named_with_those_there_are(
    known: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(BadWording) as caught:
        split_sections(numbered_lines(TEXT), known, "x.txt")

    assert problem == str(caught.value)


def test_a_line_that_lacks_a_value_is_left_out_and_percent_signs_are_text() -> None:
    lines = [read_line(text, ("a", "b"), "x") for text in ("$a 5 % $$", "$a and ${b}", "")]

    assert ["A 5 % $", ""] == fill(lines, {"a": "A", "b": ""})


@pytest.mark.parametrize(("language", "expected"), [("de-AT", 2), ("nl", 1), ("xx", 1), ("", 1)])
def test_a_language_stands_in_for_its_kin_and_the_first_for_all_others(
    language: str, expected: int
) -> None:
    assert expected == in_language({"nl": 1, "de": 2}, language)
