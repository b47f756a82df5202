"""The wording of mail to staff, which ops may edit."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.core.bounces.bounce_report import BOUNCE_REPORT
from gateway.core.sending.mail_wording import (
    IMPORTED,
    REFUSED,
    WordingForm,
    parse_mail_wording,
)
from gateway.core.wording import BadWording

TEMPLATES = Path(__file__).parents[2] / "config" / "templates"
SMALL = WordingForm(
    placeholders=frozenset({"name", "more"}), sections=frozenset({"why"}), words=frozenset({"yes"})
)
NEWER = replace(SMALL, sections=SMALL.sections | {"how"}, optional=frozenset({"how"}))
TEXT = """\
Subject: Hello $name
# a comment

Dear $name,
also $more

that is $$5.
[why]
because of $name
[words]
yes = ja
"""


def test_values_stand_where_their_names_stood() -> None:
    letter = parse_mail_wording(TEXT, "en", SMALL)
    values = {"name": "Ann", "more": ""}

    assert "Hello Ann" == letter.head(values)
    assert "Dear Ann,\n\nthat is $5." == letter.body(values)
    assert "because of Ann" == letter.section("why", values)
    assert "" == letter.section("other", values)
    assert "ja" == letter.words["yes"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "x.txt: the first line must be `Subject: …`"),
        ("Hello\n", "x.txt: the first line must be `Subject: …`"),
        (TEXT.replace("[why]", "[what]"), "x.txt:8: unknown section [what]; known: why, words"),
        (TEXT + "[why]\n", "x.txt:12: the section [why] occurs twice"),
        (TEXT.replace("[why]\n", ""), "x.txt: the section [why] is missing"),
        (TEXT.replace("$$5", "$5"), "x.txt:7: a lone $ (write $$ for a dollar sign)"),
        (TEXT.replace("$more", "$most"),
         "x.txt:5: unknown placeholder $most; known: $more, $name"),
        (TEXT.replace("yes =", "no ="), "x.txt: [words]: yes is missing"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(BadWording) as caught:
        parse_mail_wording(text, "en", SMALL, "x.txt")

    assert problem == str(caught.value)


def test_an_optional_section_that_older_wording_lacks_is_as_shipped() -> None:
    shipped = parse_mail_wording(f"{TEXT}[how]\nas shipped for $name\n", "en", NEWER)
    values = {"name": "Ann", "more": ""}

    older = parse_mail_wording(TEXT, "en", NEWER, shipped=shipped)
    own = parse_mail_wording(f"{TEXT}[how]\nin my words\n", "en", NEWER, shipped=shipped)

    assert "as shipped for Ann" == older.section("how", values)
    assert "in my words" == own.section("how", values)
    with pytest.raises(BadWording, match=r"the section \[why\] is missing"):
        parse_mail_wording(TEXT.replace("[why]\n", ""), "en", NEWER, shipped=shipped)
    with pytest.raises(BadWording, match=r"the section \[how\] is missing"):
        parse_mail_wording(TEXT, "en", NEWER)


@pytest.mark.parametrize("language", ["nl", "de", "fr", "en"])
@pytest.mark.parametrize(
    ("name", "wording"),
    [
        ("reply_imported", IMPORTED),
        ("reply_refused", REFUSED),
        ("bounce_report", BOUNCE_REPORT),
    ],
)
def test_the_shipped_texts_are_whole(name: str, wording: WordingForm, language: str) -> None:
    file = TEMPLATES / name / f"{language}.txt"

    letter = parse_mail_wording(file.read_text(encoding="utf-8"), language, wording, str(file))

    values = dict.fromkeys(wording.placeholders, "value")
    assert all(letter.section(section, values) for section in wording.sections)
    assert letter.body(values)
