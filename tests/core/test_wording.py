"""The form of all files of wording: sections, comments, placeholders, languages."""

import pytest

from gateway.core.wording import (
    BadWording,
    fill,
    numbered_lines,
    read_line,
    read_words,
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


@pytest.mark.parametrize(
    ("text", "has_other_words", "expected"),
    [
        ("", False, {}),
        ("one = a = b", False, {"one": "a = b"}),
        ("\n  one=a\n# two = c\ntwo   =   b  \n", False, {"one": "a", "two": "b"}),
        ("one = $a #", False, {"one": "$a #"}),
        ("three = c\nfour =", True, {"three": "c", "four": ""}),
        ("one", False, "x:1: [words]: write it as `key = text`"),
        ("# a\n\none =", False, "x:3: [words]: write it as `key = text`"),
        ("one =", True, "x:1: [words]: write it as `key = text`"),
        ("= a", False, "x:1: [words]: write it as `key = text`"),
        ("= a", True, "x:1: [words]: write it as `key = text`"),
        ("three", True, "x:1: [words]: write it as `key = text`"),
        (" # a", False, "x:1: [words]: write it as `key = text`"),
        ("ones = a", False, "x:1: [words]: no word is called ones (known: one, two): "
         "did you mean one?"),
        ("One = a", False, "x:1: [words]: no word is called One (known: one, two): "
         "did you mean one?"),
        ("zebra = a", False, "x:1: [words]: no word is called zebra (known: one, two)"),
        ("one = a\ntwo = b\none = a", False, "x:3: [words]: the word one occurs twice"),
        ("three =\nthree =", True, "x:2: [words]: the word three occurs twice"),
    ],
)  # fmt: skip
def test_words_are_keys_with_a_text_once_each(
    text: str, has_other_words: bool, expected: object
) -> None:
    lines = numbered_lines(text)
    read: object
    try:
        read = read_words(lines, ("one", "two"), "x", has_other_words=has_other_words)
    except BadWording as problem:
        read = str(problem)

    assert expected == read
