"""The wording of mail to staff, which ops may edit."""

from contextlib import nullcontext
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
from gateway.core.triggers.run_report import RUN_REPORT
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
        (TEXT.replace("yes = ja", ""), "x.txt: [words]: yes is missing"),
        (TEXT.replace("yes =", "yess ="),
         "x.txt:11: [words]: no word is called yess (known: yes): did you mean yes?"),
        (TEXT + "yes = oui\n", "x.txt:12: [words]: the word yes occurs twice"),
        (TEXT + "no\n", "x.txt:12: [words]: write it as `key = text`"),
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


@pytest.mark.parametrize(
    ("name", "wording", "line", "problem"),
    [
        ("reply_imported", IMPORTED, "cv = Werdegang", ""),
        ("reply_imported", IMPORTED, "permit = Genehmigung", ""),  # a type of the config
        ("reply_imported", IMPORTED, "cv =", ""),  # called as shipped
        ("reply_imported", IMPORTED, "cv = a\ncv = b", "the word cv occurs twice"),
        ("reply_imported", IMPORTED, "cv = a\ncv =", "the word cv occurs twice"),
        ("reply_imported", IMPORTED, "more = a", "the word more occurs twice"),
        ("reply_imported", IMPORTED, "more =", "write it as `key = text`"),
        ("reply_imported", IMPORTED, "cv Werdegang", "write it as `key = text`"),
        ("reply_imported", IMPORTED, "= Werdegang", "write it as `key = text`"),
        (
            *("reply_refused", REFUSED, "[words]\nmore = mehr"),
            "no word is called more (known: none)",
        ),
        (
            *("trigger_report", RUN_REPORT, "unknowns = x"),
            f"no word is called unknowns (known: {', '.join(sorted(RUN_REPORT.words))}): "
            "did you mean unknown?",
        ),
        (
            *("bounce_report", BOUNCE_REPORT, "total = x"),
            f"no word is called total (known: {', '.join(sorted(BOUNCE_REPORT.words))})",
        ),
        ("bounce_report", BOUNCE_REPORT, "share: x", "write it as `key = text`"),
    ],
)
def test_words_of_ones_own_are_those_of_the_mail_and_those_for_types_of_documents(
    name: str, wording: WordingForm, line: str, problem: str
) -> None:
    text = f"{(TEMPLATES / name / 'de.txt').read_text(encoding='utf-8')}{line}\n"
    where = f"de.txt:{len(text.splitlines())}: [words]: "

    with pytest.raises(BadWording) if problem else nullcontext() as caught:
        parse_mail_wording(text, "de", wording)

    assert caught is None or f"{where}{problem}" == str(caught.value)


@pytest.mark.parametrize("language", ["nl", "de", "fr", "en"])
@pytest.mark.parametrize(
    ("name", "wording"),
    [
        ("reply_imported", IMPORTED),
        ("reply_refused", REFUSED),
        ("bounce_report", BOUNCE_REPORT),
        ("trigger_report", RUN_REPORT),
    ],
)
def test_the_shipped_texts_are_whole(name: str, wording: WordingForm, language: str) -> None:
    file = TEMPLATES / name / f"{language}.txt"

    letter = parse_mail_wording(file.read_text(encoding="utf-8"), language, wording, str(file))

    values = dict.fromkeys(wording.placeholders, "value")
    assert all(letter.section(section, values) for section in wording.sections)
    assert letter.body(values)
