"""Recovering what was forwarded inline, whatever the client and its language."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.core.replies.forwarded.language.languages import LANGUAGES, Words
from gateway.core.replies.forwarded.mailboxes import Mailbox
from gateway.core.replies.subject_prefixes import without_prefixes
from tests.core.finding import find_original
from tests.rig.shared import needs_shared, shared_fixtures

SAMPLES = shared_fixtures("forwarded")

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


@needs_shared(SAMPLES)
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


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("De:", "Para:", "Cc:", "Enviado:", "Assunto"), id="Portuguese"),
        pytest.param(("Kimden:", "Kime:", "Cc:", "Gönderilen:", "Konu:"), id="Turkish"),
        pytest.param(("Zprof:", "Zlotta:", "Zkop:", "Zsandt:", "Zthemo:"), id="no language"),
        pytest.param(("Гдзе :", "Ґазі :", "Ґкоп :", "Ґдат :", "Ґтема :"), id="none in Cyrillic"),
        pytest.param(("From:", "Zlotta:", "Cc:", "Zsandt:", "Subject:"), id="half"),
    ],
)
@pytest.mark.parametrize("zone", ["CET", "GMT+1", "SAST", "UTC+05:30"])
@pytest.mark.parametrize("is_copied", [True, False])
@pytest.mark.parametrize("is_wrapped", [True, False])
def test_yahoos_one_line_is_read_with_words_that_nobody_knows(
    words: tuple[str, ...], zone: str, is_copied: bool, is_wrapped: bool
) -> None:
    sender, to, cc, date, subject = words
    copied = f"{cc} Eva Roe <eva@example.org>; Max <max@example.org>" if is_copied else ""
    text = (
        f"{OWN}\n\n   ----- Dobbl zprofa ----- {sender} Ann Müller <ann@example.org>"
        f'{to} "bob@example.com" <bob@example.com>{copied}{date} 4 March 2026, 10:11:02 {zone}'
        f"{subject} {SUBJECT}\n {BODY}"
    )

    found = find_original(
        text.replace(" <bob@", "\n<bob@") if is_wrapped else text,
        subject="Ihre Bewerbung: ein Termin",
    )

    assert found is not None
    assert ANN == found.heading.sender
    assert ["bob@example.com"] == [one.address for one in found.heading.to]
    assert ["eva@example.org", "max@example.org"][: 2 * is_copied] == [
        one.address for one in found.heading.cc
    ]
    assert found.heading.date is not None
    assert (2026, 3, 4, 10, 11) == found.heading.date.timetuple()[:5]
    assert SUBJECT == found.heading.subject
    assert BODY == found.body


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
        "Am 28.10.2021 12:46 nachm. schrieb Ann Müller <ann@example.org>:",
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
    found = find_original("On 28/10/2021 12:46, ann@example.org wrote:\n\n    Hallo")

    assert found is not None
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
