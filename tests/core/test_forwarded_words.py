"""Header words above a forwarded mail: those we know, and what is made of those we don't."""

import pytest

from gateway.core.replies.forwarded.labels import read_label
from gateway.core.replies.forwarded.language.languages import LANGUAGES
from gateway.core.replies.forwarded.language.words import HeaderWord, label_key
from gateway.core.replies.forwarded.mailboxes import Mailbox
from gateway.core.replies.forwarded.original import Original
from tests.core.finding import find_original

BODY = "Guten Tag,\n\ndas passt."
OWN = "Bitte ablegen.\n\nBob"
ANN = Mailbox("Ann Roe", "ann@example.org")

FOREIGN = """\
-------- Zprofa dobbl --------
Opisk: AW: Termin
Dnevi: Wed, 4 Mar 2026 10:11:00 +0000
Odkud: Ann Roe <ann@example.org>
Kamto: bob@example.com, cleo@example.com
Vedno: Max <max@example.org>


"""


def test_a_header_in_a_language_nobody_taught_us_is_read_by_its_form() -> None:
    found = _found(f"{OWN}\n\n{FOREIGN}{BODY}")

    assert ANN == found.heading.sender
    assert found.heading.subject == "AW: Termin"
    assert ["bob@example.com", "cleo@example.com"] == [to.address for to in found.heading.to]
    assert ["max@example.org"] == [cc.address for cc in found.heading.cc]
    assert found.heading.date is not None
    assert BODY == found.body
    assert OWN == found.own_text


def test_an_unknown_word_below_the_recipients_names_those_who_got_a_copy() -> None:
    text = "Von: Ann Roe <ann@example.org>\nDatum: heute\nBetreff: x\nAn: Bob\nDurchschlag: "

    found = _found(f"{text}Max <max@example.org>\n\n{BODY}")

    assert (Mailbox("Max", "max@example.org"),) == found.heading.cc
    assert BODY == found.body


def test_a_line_of_the_text_right_below_the_header_is_no_part_of_it() -> None:
    text = "Von: Ann Roe <ann@example.org>\nDatum: heute\nAn: Bob\nBetreff: x\n"

    found = _found(f"{text}Kontakt: ann@example.org\nBis bald")

    assert found.body == "Kontakt: ann@example.org\nBis bald"


COPIED = [
    "---- Zprofa ----\n{subject}: x\n{date}: heute\n{sender}: Ann Roe <ann@example.org>\n"
    "{to}: bob@example.com\n{cc}: Max <max@example.org>, \n dora@example.org\n\n",
    "{sender}: Ann Roe <ann@example.org>\n{date}: heute\n{to}: Bob <bob@example.com>\n"
    "{cc}: Max <max@example.org>; dora@example.org\n{subject}: x\n",
    "  ----- Zprofa ----- {sender}: Ann Roe <ann@example.org>{to}: Bob <bob@example.com>"
    "{cc}: Max <max@example.org>; <dora@example.org>{date}: heute{subject}: x\n ",
]


@pytest.mark.parametrize("text", COPIED, ids=["thunderbird", "outlook", "yahoo"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_who_got_a_copy_is_read_in_every_language(language: str, text: str) -> None:
    words = {role: said.split("|") for role, said in LANGUAGES[language]._asdict().items()}
    for number, cc in enumerate(words["cc"]):
        first = {role: said[number % len(said)] for role, said in words.items()}

        found = _found(f"{OWN}\n\n{text.format(**first | {'cc': cc})}{BODY}")

        assert ["bob@example.com"] == [each.address for each in found.heading.to]
        assert ["max@example.org", "dora@example.org"] == [cc.address for cc in found.heading.cc]
        assert ("x", BODY, OWN) == (found.heading.subject, found.body, found.own_text)


def test_no_word_means_two_things() -> None:
    meanings: dict[str, set[str]] = {}
    for words in LANGUAGES.values():
        for role, variants in words._asdict().items():
            for word in variants.split("|"):
                meanings.setdefault(label_key(word), set()).add(role)

    assert [] == [word for word, roles in meanings.items() if len(roles) > 1]


@pytest.mark.parametrize(
    ("written", "role"),
    [
        ("Kopi til (CC)", HeaderWord.CC),
        ("Irgendwas (CC)", HeaderWord.CC),
        ("An (Empfänger)", HeaderWord.TO),
        ("المُرسِل", HeaderWord.SENDER),
        ("*Von*", HeaderWord.SENDER),
    ],
)
def test_a_word_is_known_with_a_gloss_or_signs(written: str, role: HeaderWord) -> None:
    label = read_label(f"{written}: x")

    assert label is not None
    assert role is label.role


def _found(text: str) -> Original:
    found = find_original(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "line",
    [
        "Anfang weitergeleitete Mail:",
        "Commencer le mail transféré :",
        "Început mesaj redirecţionat:",
        "بدء الرسالة التي أعيد توجيهها:",
        "転送メッセージの開始：",
    ],
)
def test_what_zimbras_app_puts_above_a_forward_is_no_word_of_staff(line: str) -> None:
    found = find_original(
        f"Bitte ablegen.\n\n{line}\n\nFrom: Ann <ann@example.org>\nSubject: x\n\nHallo"
    )

    assert found is not None
    assert ("Bitte ablegen.", "Hallo") == (found.own_text, found.body)
