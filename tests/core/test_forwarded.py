"""Recovering what was forwarded inline, whatever the client and its language."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from gateway.core.forwarded import Mailbox, Original, find_original, parse_mailboxes
from gateway.core.forwarded.languages import LANGUAGES, Words
from gateway.core.prefixes import without_prefixes

SAMPLES = Path(__file__).parents[2] / ".." / "shared" / "fixtures" / "forwarded"

ANN = Mailbox("Ann Müller", "ann@example.org")
BOB = Mailbox("Bob", "bob@example.com")
CLEO = Mailbox("", "cleo@example.com")
SUBJECT = "AW: Ihre Bewerbung: ein Termin"
BODY = "Guten Tag,\n\ndas passt mir gut.\n\n> Wann passt es?\n\nAnn Müller"
OWN = "Bitte ablegen.\n\nGrüße\nBob"


def _samples() -> list[dict[str, Any]]:
    file = SAMPLES / "cases.json"
    if not file.exists():
        return []
    described = json.loads(file.read_text(encoding="utf-8"))
    return [case | {"expected": described["expected"]} for case in described["cases"]]


@pytest.mark.skipif(not SAMPLES.exists(), reason="../shared/fixtures/forwarded is not there")
@pytest.mark.parametrize("case", _samples(), ids=lambda case: case["body"])
def test_every_real_sample_is_recovered(case: dict[str, Any]) -> None:
    expected = case["expected"]

    found = find_original(_sample(case["body"]), subject=_subject(case["subject"]))

    if not case["forwarded"]:
        return
    assert found is not None
    assert expected["subject"] == found.heading.subject
    assert Mailbox(*expected["from"]) == found.heading.sender
    assert found.heading.date is not None
    assert found.body.startswith(expected["body_starts"])
    assert (expected["own_text"] if case["own_text"] else "") == found.own_text
    if case["check_to"]:
        assert expected["to"] == found.heading.to[0].address
    if case["check_cc"]:
        assert [address for _, address in expected["cc"]] == [cc.address for cc in found.heading.cc]


def _sample(name: str) -> str:
    return (SAMPLES / f"{name}.txt").read_bytes().decode()


def _subject(name: str | None) -> str:
    return without_prefixes(_sample(name)) if name else ""


@dataclass(frozen=True)
class Shape:
    """How a client writes the header of a forwarded mail."""

    name: str
    text: str  #: With the five words in braces.
    quoted: bool = False


SHAPES = [
    Shape(
        "outlook",
        "{sender}: Ann Müller <ann@example.org>\n{date}: 2026-03-04 10:11\n"
        "{to}: Bob <bob@example.com>; cleo@example.com\n"
        "{subject}: AW: Ihre Bewerbung: ein Termin\n\n",
    ),
    Shape(
        "outlook, old, bold",
        "*{sender}:* Ann Müller [mailto:ann@example.org] \n*{date}:* 2026-03-04 10:11\n"
        "*{to}:* 'Bob' <bob@example.com>; <cleo@example.com>\n"
        "*{subject}:* AW: Ihre Bewerbung: ein Termin\n\n",
    ),
    Shape(
        "outlook on the web",
        "________________________________\n{sender} : Ann Müller <ann@example.org>\n"
        "{date} : 2026-03-04 10:11\n{to} : Bob <bob@example.com>; cleo@example.com "
        "<cleo@example.com>\n{subject} : AW: Ihre Bewerbung: ein Termin\n\n",
    ),
    Shape(
        "outlook, double spaced",
        "{sender}:\xa0Ann Müller <ann@example.org>\n\n{date}:\xa02026-03-04 10:11\n\n"
        "{to}:\xa0Bob <bob@example.com>; cleo@example.com\n\n"
        "{subject}:\xa0AW: Ihre Bewerbung: ein Termin\n\n",
    ),
    Shape(
        "gmail",
        "---------- Forwarded message ---------\n{sender}: Ann Müller <ann@example.org>\n"
        "Date: 2026-03-04 10:11\nSubject: AW: Ihre Bewerbung: ein Termin\n"
        "To: Bob <bob@example.com>, <cleo@example.com>\n\n\n",
    ),
    Shape(
        "thunderbird, words in any language",
        "-------- Dobbl zprofa --------\n{subject}: \tAW: Ihre Bewerbung: ein Termin\n"
        "{date}: \t2026-03-04 10:11\n{sender}: \tAnn Müller <ann@example.org>\n"
        "{to}: \tBob <bob@example.com>, cleo@example.com\n\n\n\n",
    ),
    Shape(
        "apple mail, words in any language",
        "Dobbl zprofa:\n\n{sender}: Ann Müller <ann@example.org>\n"
        "{subject}: AW: Ihre Bewerbung: ein Termin\n{date}: 2026-03-04 10:11\n"
        "{to}: Bob <bob@example.com>, cleo@example.com\n\n",
        quoted=True,
    ),
    Shape(
        "apple mail, empty header lines",
        "Begin forwarded message:\n\n{sender}: \nAnn Müller <ann@example.org>\n"
        "{subject}: \nAW: Ihre Bewerbung: ein Termin\n{date}: \n2026-03-04 10:11\n"
        "{to}: \nBob <bob@example.com>, cleo@example.com\n\n",
        quoted=True,
    ),
    Shape(
        "wrapped lines",
        "-----Original-----\n{sender}: Ann Müller\n<ann@example.org>\n{date}: 2026-03-04\n10:11\n"
        "{to}: Bob <bob@example.com>,\n  cleo@example.com\n{subject}: AW: Ihre\n"
        "Bewerbung: ein Termin\nCc: \n\n",
    ),
]
#: Yahoo runs the header together only where a letter can tell where the next word begins.
GLUED = Shape(
    "yahoo",
    "   ----- Dobbl zprofa ----- {sender}: Ann Müller <ann@example.org>{to}: Bob "
    '<bob@example.com>; "cleo@example.com" <cleo@example.com>{date}: 2026-03-04 10:11'
    "{subject}: AW: Ihre Bewerbung: ein Termin\n ",
)


@pytest.mark.parametrize("shape", [*SHAPES, GLUED], ids=lambda shape: shape.name)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_client_is_read_in_every_language(language: str, shape: Shape) -> None:
    for number, words in enumerate(_spellings(LANGUAGES[language])):
        ending = "\r\n" if number % 2 else "\n"
        forwarded = shape.text.format(**words) + BODY
        if shape.quoted:
            forwarded = "\n".join(f"> {line}" for line in forwarded.split("\n"))
        text = f"{OWN}\n\n{forwarded}\n".replace("\n", ending)

        found = find_original(text, subject="Ihre Bewerbung: ein Termin")

        assert found is not None, words
        assert ANN == found.heading.sender, words
        assert SUBJECT == found.heading.subject, words
        assert (BOB, CLEO) == found.heading.to, words
        assert datetime(2026, 3, 4, 10, 11, tzinfo=UTC) == found.heading.date, words
        assert BODY == found.body, words
        assert OWN == found.own_text, words


def _spellings(words: Words) -> list[dict[str, str]]:
    """Return headers in which every word of a language occurs once."""
    roles = {role: getattr(words, role).split("|") for role in ("sender", "date", "to", "subject")}
    longest = max(map(len, roles.values()))
    return [
        {role: variants[index % len(variants)] for role, variants in roles.items()}
        for index in range(longest)
    ]


@pytest.mark.parametrize(
    "introduction",
    [
        'On 28/10/2021, 12:46, "Ann Müller" <ann@example.org> wrote:',
        "On Thu, Oct 28, 2021 at 12:46 PM Ann Müller <ann@example.org> wrote:",
        "On Thu, Oct 28, 2021 at 12:46\u202fPM Ann Müller\n<ann@example.org> wrote:",
        "Am 28.10.21, 12:46 schrieb „Ann Müller“ <ann@example.org>:",
        "Am Do., 28. Okt. 2021 um 12:46 Uhr schrieb Ann Müller <ann@example.org>:",
        "Ann Müller <ann@example.org> schrieb am Do., 28. Okt. 2021, 12:46:",
        "Op 28-10-2021 12:46 heeft Ann Müller <ann@example.org> geschreven:",
        "Op do 28 okt. 2021 om 12:46 schreef Ann Müller <ann@example.org>:",
        "Le 28/10/2021 12:46, « Ann Müller » <ann@example.org> a écrit :",
        "Le jeu. 28 oct. 2021 à 12:46, Ann Müller <ann@example.org> a écrit\xa0:",
        'Il giorno 28/10/2021, 12:46 "Ann Müller" <ann@example.org> ha scritto:',
        'El 28/10/21 12:46, "Ann Müller" <ann@example.org> escribió:',
        "El jue, 28 oct 2021 a las 12:46, Ann Müller (<ann@example.org>) escribió:",
        'Em 28/10/2021 12:46, "Ann Müller" <ann@example.org> escreveu:',
        "În 28.10.2021 12:46, „Ann Müller” <ann@example.org> a scris:",
        'Den 28.10.2021 12.46 skrev "Ann Müller" <ann@example.org>:',
        "Den tors 28 okt. 2021 kl 12:46 skrev Ann Müller <ann@example.org>:",
        "Ann Müller <ann@example.org> kirjoitti 28.10.2021 kello 12.46:",
        "Kuupäev 28.10.2021 12:46 kirjutas Ann Müller <ann@example.org>:",
        "W dniu 28.10.2021 o 12:46 użytkownik „Ann Müller” <ann@example.org> napisał:",
        "czw., 28 paź 2021 o 12:46 Ann Müller <ann@example.org> napisał(a):",
        "Dne 28.10.2021 12:46, Ann Müller <ann@example.org> napsal(a):",
        "čt 28. 10. 2021 v 12:46 odesílatel Ann Müller <ann@example.org> napsal:",
        "28/10/2021 12:46 používateľ Ann Müller (<ann@example.org>) napísal:",
        "28/10/2021 12:46 keltezéssel, „Ann Müller” <ann@example.org> írta:",
        "Ann Müller <ann@example.org> ezt írta (időpont: 2021. okt. 28., Cs, 12:46):",
        "Ann Müller <ann@example.org> napisao je 28.10.2021. u 12:46:",
        '"Ann Müller" <ann@example.org>, 28/10/2021 12:46 tarihinde şunu yazdı:',
        '28/10/2021, 12:46 пользователь "Ann Müller" <ann@example.org> написал:',
        '28/10/2021 12:46 користувач "Ann Müller" <ann@example.org> написав:',
        "чт, 28 жовт. 2021 р. о 12:46 Ann Müller <ann@example.org> пише:",
        "На 28.10.2021 г. в 12:46 ч. Ann Müller <ann@example.org> написа:",
        "Στις Πέμ, 28 Οκτ 2021 στις 12:46 ο χρήστης Ann Müller <ann@example.org> έγραψε:",
        "2021/10/28 12:46、Ann Müller <ann@example.org>のメール:",
        "Ann Müller <ann@example.org> 于2021年10月28日周四 12:46写道：",
            ],
)  # fmt: skip
def test_an_introduction_names_the_author_where_there_is_no_header(introduction: str) -> None:
    indented = "\n".join(f"    {line}" if line else "" for line in BODY.split("\n"))

    found = find_original(
        f"\ufeff{OWN}\n\n{introduction}\n\n{indented}\n", subject="Ihre Bewerbung"
    )

    assert found is not None
    assert ANN == found.heading.sender
    assert datetime(2021, 10, 28, 12, 46, tzinfo=UTC) == found.heading.date
    assert "Ihre Bewerbung" == found.heading.subject
    assert BODY == found.body
    assert OWN == found.own_text


def test_an_introduction_may_hold_the_address_alone() -> None:
    found = _found("On 28/10/2021 12:46, ann@example.org wrote:\n\n    Hallo")

    assert Mailbox("", "ann@example.org") == found.heading.sender


@pytest.mark.parametrize(
    "text",
    [
        "On July 19, 2022 at 3:36 PM, Ann Müller wrote:\n\n> {}",
        "Am 19.07.22 um 15:36 schrieb Ann Müller:\n> {}",
        "Ann Müller wrote on 19/07/2022 15:36:\n> {}",
        "2022年7月19日(火) 15:36 Ann Müller <ann@example.org>:\n\n> {}",
        "вт, 19 июл. 2022 г. в 15:36, Ann Müller <ann@example.org>:\n\n> {}",
        "-------- Пересылаемое сообщение --------\n"
        '19.07.2022, 15:36, "Ann Müller" <ann@example.org>:\n\n{}',
    ],
)
def test_an_introduction_without_address_or_verb_needs_a_quote_below(text: str) -> None:
    found = find_original(text.format("Das passt."))

    assert found is not None
    assert found.heading.sender is not None
    assert "Ann Müller" == found.heading.sender.name
    assert datetime(2022, 7, 19, 15, 36, tzinfo=UTC) == found.heading.date
    assert "Das passt." == found.body
    assert found.own_text == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Bitte ablegen.",
        "Von: Halle 7\nNach: Halle 8",
        "An: alle\nBetreff: Sommerfest\n\nIm Juli.",
        "Von Ann Müller <ann@example.org>, gestern.",
        "Er schrieb am 5. Mai:\nIch komme.",
        "Siehe https://example.org: dort steht alles.",
        "________________________________\nBob\nTelefon: 030 1\nMail: bob@example.com",
        "-----------------------------\nBob Meier\nE-Mail: bob@example.com\nWeb: example.com",
        "> nur\n> ein Zitat",
        "Termine:\n10:00 Ann\n11:00 Cleo",
    ],
)
def test_a_text_without_a_forwarded_mail_has_no_original(text: str) -> None:
    assert find_original(text) is None


def _found(text: str, subject: str = "") -> Original:
    found = find_original(text, subject=subject)
    assert found is not None
    return found


HEADER = "Von: Ann <ann@example.org>\nGesendet: 4. März 2026 10:11\nAn: Bob <bob@example.com>\n"


def test_nested_forwards_give_the_outermost_and_keep_the_rest() -> None:
    inner = "________________________________\nFrom: Zoe <zoe@example.net>\nSubject: Erste\n\nHallo"

    found = _found(f"Oben\n\n{HEADER}Betreff: Zweite\n\nDazwischen\n\n{inner}")

    assert found.heading.subject == "Zweite"
    assert f"Dazwischen\n\n{inner}" == found.body


def test_a_forward_right_below_the_header_is_not_taken_for_its_end() -> None:
    inner = "From: Zoe <zoe@example.net>\nCc: Max <max@example.net>\nSubject: Erste\n\nHallo"

    found = _found(f"{HEADER}Betreff: Zweite\n\n{inner}")

    assert inner == found.body
    assert () == found.heading.cc


def test_a_body_right_below_the_subject_is_not_taken_for_it() -> None:
    found = _found(f"{HEADER}Betreff: Zweite\nHallo Bob: es passt.\nAnn")

    assert found.heading.subject == "Zweite"
    assert found.body == "Hallo Bob: es passt.\nAnn"


def test_a_wrapped_subject_ends_where_the_subject_of_the_mail_around_it_says() -> None:
    found = _found(f"{HEADER}Betreff: AW: Ihre lange\nBewerbung\n\nHallo", "Ihre lange Bewerbung")

    assert found.heading.subject == "AW: Ihre lange Bewerbung"
    assert found.body == "Hallo"


def test_a_missing_subject_is_that_of_the_mail_around_it() -> None:
    assert _found(f"{HEADER}\nHallo", "Stelle").heading.subject == "Stelle"
    assert _found(f"{HEADER}Betreff:\n\nHallo", "Stelle").heading.subject == ""
    assert _found(f"{HEADER}Betreff:\n\nHallo").body == "Hallo"


def test_stars_of_a_subject_are_kept() -> None:
    found = _found(f"{HEADER}Betreff: ***EILT*** Termin\n\nHallo")

    assert found.heading.subject == "***EILT*** Termin"


def test_a_bold_header_loses_its_stars_only() -> None:
    text = "**Von:** Ann <ann@example.org>\n**Gesendet:** heute\n**Betreff:** **EILT** x\n\n*Hallo*"

    found = _found(text)

    assert found.heading.subject == "**EILT** x"
    assert found.heading.date is None
    assert found.heading.date_text == "heute"
    assert found.body == "*Hallo*"


def test_what_stands_below_a_quoted_forward_is_the_forwarders_own() -> None:
    quoted = "\n".join(f"> {line}" for line in f"{HEADER}\nHallo\n> Zitat".split("\n"))

    found = _found(f"Oben\n\n{quoted}\n\nUnten")

    assert found.body == "Hallo\n> Zitat"
    assert found.own_text == "Oben\n\nUnten"


def test_lines_that_a_client_broke_inside_a_quote_stay_in_it() -> None:
    text = "> Von: Ann <ann@example.org>\n> Betreff: x\n>\n> eine lange\nZeile\n> Ende"

    assert _found(text).body == "eine lange\nZeile\nEnde"


def test_marks_of_direction_and_odd_blanks_do_not_hide_a_header() -> None:
    text = "\u200eVon\xa0:\u202a Ann <ann@example.org>\u202c\n\u200fDatum\u202f: heute\n\nHallo"

    assert Mailbox("Ann", "ann@example.org") == _found(text).heading.sender


def test_words_nobody_knows_take_the_role_that_is_left() -> None:
    text = (
        "---- Zprofa ----\nOdkud: Ann <ann@example.org>\nKam tak: Bob <bob@example.com>\n"
        "Dne: 4.3.2026 10:11\nOpis: Termin\nCc: cleo@example.com\n\nHallo"
    )

    found = _found(text)

    assert Mailbox("Ann", "ann@example.org") == found.heading.sender
    assert (BOB,) == found.heading.to
    assert found.heading.subject == "Termin"
    assert datetime(2026, 3, 4, 10, 11, tzinfo=UTC) == found.heading.date
    assert found.body == "Hallo"


def test_lines_beside_the_point_are_passed_over() -> None:
    text = f"{HEADER}Anlagen: cv.pdf; zeugnis.pdf\nWichtigkeit: Hoch\nBetreff: x\n\nHallo"

    found = _found(text)

    assert found.heading.subject == "x"
    assert found.body == "Hallo"


def test_the_place_to_answer_is_kept() -> None:
    found = _found(f"{HEADER}Antwort an: cleo@example.com\nBetreff: x\n\nHallo")

    assert (CLEO,) == found.heading.reply_to


def test_a_date_without_a_zone_is_taken_in_the_given_one() -> None:
    found = find_original(f"{HEADER}\nHallo", zone=timezone(timedelta(hours=1)))

    assert found is not None
    assert datetime(2026, 3, 4, 9, 11, tzinfo=UTC) == found.heading.date


@pytest.mark.parametrize(
    ("text", "mailboxes"),
    [
        ("Müller, Ann <ann@example.org>", [Mailbox("Müller, Ann", "ann@example.org")]),
        (
            "Müller, Ann <ann@example.org>; Roe, Jo <jo@example.org>",
            [Mailbox("Müller, Ann", "ann@example.org"), Mailbox("Roe, Jo", "jo@example.org")],
        ),
        ("Team Personal; Bob", [Mailbox("Team Personal", ""), Mailbox("Bob", "")]),
        ("Ann O'Neal <ann.o'neal@example.org>", [Mailbox("Ann O'Neal", "ann.o'neal@example.org")]),
        ("'ann@example.org' <ann@example.org>", [Mailbox("", "ann@example.org")]),
        ("ann@example.org (Ann)", [Mailbox("Ann", "ann@example.org")]),
        ("Ann </O=EX/CN=ANN>", [Mailbox("Ann", "")]),
        ("ann@work.org <ann@example.org>", [Mailbox("ann@work.org", "ann@example.org")]),
        ("<>", []),
    ],
)  # fmt: skip
def test_mailboxes_are_read_as_people_see_them(text: str, mailboxes: list[Mailbox]) -> None:
    assert tuple(mailboxes) == parse_mailboxes(text)
