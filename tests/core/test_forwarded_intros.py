"""Lines above a quoted mail that name its author, as languages and clients write them."""

from datetime import UTC, datetime

import pytest

from gateway.core.replies.forwarded.mailboxes import Mailbox
from gateway.core.replies.forwarded.original import Original
from tests.core.finding import find_original

BODY = "Guten Tag,\n\ndas passt mir gut.\n\nAnn"
OWN = "Bitte ablegen."
QUOTED = "\n".join(f"> {line}" for line in BODY.split("\n"))
MOMENT = datetime(2026, 3, 4, 10, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("9:15 nachm. Ann van Roe", "Ann van Roe"),
        ("9:15 ص Ann van Roe", "Ann van Roe"),
        ("9:15 PTG, Ann Roe", "Ann Roe"),
        ("9:15 по подне Ann Roe", "Ann Roe"),
        ("9:15 de. Ann Roe", "Ann Roe"),
        ("9:15 de Vries, Ann", "de Vries, Ann"),
        ("9:15 Pop Ion", "Pop Ion"),
        ("9:15 CH Ann", "Ann"),
        ("9:15 Firma 24 GmbH", "Firma 24 GmbH"),
        ("09:15:02 GMT+01:00 Ann 2000", "Ann 2000"),
        ("09:15:02 +0100 Ann", "Ann"),
        ("9:15:02 PM GMT+01:00, Ann Roe", "Ann Roe"),
        ("9:15:02 p.m. UTC-5 Ann", "Ann"),
        ("9:15:02 م غرينتش+01:00، Ann", "Ann"),
        ("9:15:02 ч. Гринуич+01:00, Ann", "Ann"),
        ("9:15:02 [GMT+01:00]，Ann", "Ann"),
        ("9:15 Firma X-24 GmbH", "Firma X-24 GmbH"),
        ("09:15 (GMT+01:00) Ann", "Ann"),
        ("09:15:02 -0500 Ann Roe", "Ann Roe"),
        ("09:15:02 −05:00, Ann Roe", "Ann Roe"),
        ("09:15:02 -0300 (BRT) Ann", "Ann"),
        ("09:15:02 AEDT Ann", "Ann"),
        ("09:15 - 3C Group", "3C Group"),
        ("09:15 West, Ann", "West, Ann"),
        ("09:15 from Ann Roe", "Ann Roe"),
        ("09:15, at 09:15, Ann Roe", "Ann Roe"),
        ("9:15 AM, at 9:15 AM, Ann Roe", "Ann Roe"),
    ],
)
def test_a_half_of_the_day_is_no_part_of_a_name(said: str, name: str) -> None:
    found = find_original(f"Am 23.11.2026 um {said} <ann@example.org> schrieb:\n{QUOTED}")

    assert found is not None
    assert Mailbox(name, "ann@example.org") == found.heading.sender


@pytest.mark.parametrize("behind", [" Ann Roe ", ", Ann Roe", " "])
@pytest.mark.parametrize(
    "line",
    [
        "On Wed, 4 Mar 2026 05:11:00 {offset}{name}<ann@example.org> wrote:",
        "---- On Wed, 04 Mar 2026 05:11:00 {offset}{name}<ann@example.org> wrote ----",
        "El mié, 4 mar 2026 05:11 {offset}{name}<ann@example.org> escribió:",
        "Wednesday, 4 March 2026, 5:11 AM {offset} from{name}<ann@example.org>:",
    ],
)
@pytest.mark.parametrize("offset", ["-0500", "-05:00", "−0500"])
def test_a_zone_west_of_greenwich_is_of_the_date_and_not_of_the_name(
    line: str, offset: str, behind: str
) -> None:
    """`-0200 Ann` was a name."""
    found = find_original(f"{OWN}\n\n{line.format(offset=offset, name=behind)}\n{QUOTED}")

    assert found is not None
    assert Mailbox(behind.strip(" ,"), "ann@example.org") == found.heading.sender
    assert MOMENT == found.heading.date


def test_a_name_like_a_half_of_the_day_changes_no_time() -> None:
    found = find_original(f"Am 04.03.2026 um 10:11 schrieb Pop Ion <ann@example.org>:\n{QUOTED}")

    assert found is not None
    assert MOMENT == found.heading.date


DATED = [
    "On 04/03/2026 10:11, {who} wrote:",
    "{who} wrote on 04.03.2026 10:11:",
    "On Wed, 2026-03-04 at 10:11 +0000, {who} wrote:",
    "Am 04.03.2026 um 10:11 schrieb {who}:",
    "{who} schrieb am 04.03.2026 um 10:11:",
    "Am Mittwoch, dem 04.03.2026 um 10:11 +0000 schrieb {who}:",
    "Am Mittwoch, 4. März 2026 um 10:11:00 UTC hat {who} Folgendes geschrieben:",
    "Op 04-03-2026 om 10:11 schreef {who}:",
    "{who} schreef op wo 04-03-2026 om 10:11 [+0000]:",
    "Le 04/03/2026 à 10:11, {who} a écrit\xa0:",
    "{who} a écrit le 04/03/2026 à 10:11\xa0:",
    "El 04.03.2026 a les 10:11, {who} ha escrit:",
    "{who} ha escrit el 04.03.2026 a les 10:11:",
    "El dc 04 de 03 de 2026 a les 10:11 +0000, en/na {who} va escriure:",
    "O mér, 04-03-2026 ás 10:11 +0000, {who} escribiu:",
    "Às 10:11 de 04.03.2026, {who} escreveu:",
    "{who} escreveu às 10:11 de 04.03.2026:",
    "{who} a scris la 04.03.2026 10:11:",
    "ons, 04 03 2026 kl. 10:11 +0000, skrev {who}:",
    "Den 2026-03-04 10:11 skreiv {who}:",
    "{who} skrifaði þann 04.03.2026 10:11:",
    "Ühel kenal päeval, K, 04.03.2026 kell 10:11, kirjutas {who}:",
    "{who} @ 2026-03-04 10:11 rakstīja:",
    "W\xa0dniu śr, 04.03.2026 o\xa0godzinie 10∶11\u2009+0000, użytkownik {who} napisał:",
    "{who} píše v St 04. 03. 2026 v 10:11 +0000:",
    "{who} napísal(a) dňa 04.03.2026 o 10:11:",
    "04.03.2026 u 10:11, {who} piše:",
    "Dana 2026-03-04 10:11, {who} je napisao(la):",
    "Dne 04.03.2026 (sr) ob 10:11 +0000 je {who} napisal(a):",
    "{who} je 04.03.2026 ob 10:11\xa0napisal:",
    "2026-03-04 10:11, je {who} napisal",
    "{who} írta 04.03.2026 10:11 dátummal:",
    "2026. 03. 04, szerda keltezéssel 10.11-kor {who} ezt írta:",
    "2026-03-04 10:11 tarixdə, {who} yazıb:",
    "Çrş, 2026-03-04 tarihinde 10:11 +0000 saatinde, {who} yazdı:",
    "Më 2026-03-04 10:11, {who} shkroi:",
    "Ar 2026-03-04 10:11, ysgrifennodd {who}:",
    "{who} писал(а) 2026-03-04 10:11:",
    "{who} напісаў 2026-03-04 10:11:",
    "В 10:11 +0000 на 04.03.2026 (ср), {who} написа:",
    "04.03.2026 10:11, {who}:",
    "Ο/Η {who} έγραψε στις 04.03.2026 10:11:",
    "Στις 04-03-2026, ημέρα Τετ, και ώρα 10:11 +0000, ο/η {who} έγραψε:",
    "נכתב על ידי {who}, ב־04.03.2026 בשעה 10:11:",
    "على 04.03.2026 \u202b10:11، كتب {who}:",
    "كتب {who} في 2026-03-04 10:11:",
    "در 2026-03-04 10:11، {who} نوشته است:",
    "เมื่อ 04.03.2026 เวลา 10:11 {who} เขียนว่า:",
    "Vào ngày 2026-03-04 10:11, {who} viết:",
    "{who} đã viết vào lúc 10:11 04.03.2026:",
    "{who} menulis di 04.03.2026 10:11:",
    "{who} 写于 04.03.2026 10:11:",
    "於 星期三，2026-03-04 於 10:11 +0000，{who} 提到：",
    "{who} 於 2026-03-04 10:11 寫到:",
    "2026-03-04 (水) の 10:11 +0000 に {who} さんは書きました:",
    "2026-03-04 (수), 10:11 +0000, {who}:",
    "04.03.2026 10:11에 {who} 이(가) 쓴 글:",
]

UNDATED = [
    "{who} wrote:",
    "{who} schrieb:",
    "{who} schreef:",
    "{who} a écrit\xa0:",
    "{who} ha scritto:",
    "skrev {who}:",
    "{who} napsal(a):",
    "{who} пишет:",
    "Ο/Η {who} έγραψε:",
    "كتب {who}:",
    "{who} 写道:",
]


def _found(text: str) -> Original:
    found = find_original(text)
    assert found is not None
    return found


@pytest.mark.parametrize("who", ["Ann Roe", "Ann Roe <ann@example.org>"])
@pytest.mark.parametrize("line", DATED)
def test_a_line_with_a_date_names_the_author(line: str, who: str) -> None:
    found = _found(f"{OWN}\n\n{line.format(who=who)}\n{QUOTED}\n")

    assert found.heading.sender is not None
    assert found.heading.sender.name == "Ann Roe"
    assert MOMENT == found.heading.date
    assert BODY == found.body
    assert OWN == found.own_text


@pytest.mark.parametrize("line", [*DATED, *UNDATED])
@pytest.mark.parametrize(
    "own",
    [
        "Bitte ablegen",
        "Hi Bob,",
        "Danke, bitte unter dem Vorgang ablegen, den wir gestern am Telefon besprochen haben",
        "Danke\nBob",
        "Bitte zu bob@example.com ablegen",
        "Danke\n\nBob Doe\nE-Mail: bob@example.com",
        "Danke\nBob Doe <bob@example.com>",
    ],
)
def test_what_stands_right_above_an_introduction_is_the_forwarders(line: str, own: str) -> None:
    """It was taken for a part of the line, and with it of the author's name, or was lost."""
    found = find_original(f"{own}\n{line.format(who='Ann Roe <ann@example.org>')}\n{QUOTED}")

    assert found is not None
    assert (own, BODY) == (found.own_text, found.body)
    assert Mailbox("Ann Roe", "ann@example.org") == found.heading.sender
    assert found.heading.date in (MOMENT, None)


@pytest.mark.parametrize("end", ["schrieb am 04.03.2026 10:11:", "wrote on 4 March 2026 10:11:"])
def test_an_introduction_may_be_wrapped_behind_its_author(end: str) -> None:
    found = find_original(f"{OWN}\n\nAnn Roe <ann@example.org>\n{end}\n{QUOTED}")

    assert found is not None
    assert (OWN, MOMENT) == (found.own_text, found.heading.date)
    assert Mailbox("Ann Roe", "ann@example.org") == found.heading.sender


@pytest.mark.parametrize("begin", ["On Wednesday,", "Am Mittwoch", "Le mercredi"])
def test_an_introduction_may_be_wrapped_behind_its_first_words(begin: str) -> None:
    line = f"{begin}\n4 March 2026 10:11, Ann Roe <ann@example.org> wrote:"
    found = find_original(f"{OWN}\n\n{line}\n{QUOTED}")

    assert found is not None
    assert (OWN, MOMENT) == (found.own_text, found.heading.date)


@pytest.mark.parametrize("line", DATED)
@pytest.mark.parametrize("depth", [0, 1])
def test_the_bracket_behind_an_address_may_be_wrapped(line: str, depth: int) -> None:
    """Gmail puts it on a line of its own, where it looks like a quote mark."""
    wrapped = line.replace("{who}", "Ann Roe <ann@example.org\n>")
    marks = "> " * depth
    text = "\n".join(f"{marks}{one}" for one in f"{wrapped}\n\n{QUOTED}".split("\n"))

    found = find_original(f"{OWN}\n\n{text}")

    assert found is not None
    assert Mailbox("Ann Roe", "ann@example.org") == found.heading.sender
    assert MOMENT == found.heading.date
    assert (OWN, QUOTED.replace("> \n", ">\n") if depth else BODY) == (found.own_text, found.body)


def test_a_quote_below_an_address_that_nothing_closes_is_one() -> None:
    """Two marks more than above it, or none of its own: no bracket of that address."""
    found = find_original(
        f"{OWN}\n\nOn 04.03.2026 10:11, Ann Roe <ann@example.org> wrote:\n> see <bob@example.org\n"
        ">>> Hello"
    )

    assert found is not None
    assert "see <bob@example.org\n>> Hello" == found.body


@pytest.mark.parametrize("who", ["Ann Roe", "Ann Roe <ann@example.org>"])
@pytest.mark.parametrize("line", UNDATED)
def test_a_line_without_a_date_names_the_author_of_a_quote(line: str, who: str) -> None:
    found = _found(f"{OWN}\n\n{line.format(who=who)}\n\n{QUOTED}\n")

    assert found.heading.sender is not None
    assert found.heading.sender.name == "Ann Roe"
    assert found.heading.date is None
    assert BODY == found.body
    assert OWN == found.own_text


def test_the_mail_may_begin_on_the_line_that_names_its_author() -> None:
    """Yahoo's app writes both on one line."""
    line = "On Wed, 4 Mar 2026 at 10:11, Ann Roe<ann@example.org> wrote:   Guten Tag,"

    found = _found(f"{OWN}\n\n{line}\n\npasst.")

    assert Mailbox("Ann Roe", "ann@example.org") == found.heading.sender
    assert MOMENT == found.heading.date
    assert found.body == "Guten Tag,\n\npasst."
    assert OWN == found.own_text


def test_an_author_may_be_named_between_dashes() -> None:
    """Zoho does so above what is answered."""
    line = "---- On Wed, 04 Mar 2026 10:11:00 +0000 Ann Roe <ann@example.org> wrote ----"

    found = _found(f"{OWN}\n\n{line}\n\nPasst.")

    assert Mailbox("Ann Roe", "ann@example.org") == found.heading.sender
    assert MOMENT == found.heading.date
    assert found.body == "Passt."
    assert OWN == found.own_text


def test_a_name_that_holds_a_verb_is_whole() -> None:
    found = _found(f"On 04/03/2026 10:11, Jan Wrotek wrote:\n{QUOTED}")

    assert Mailbox("Jan Wrotek", "") == found.heading.sender


@pytest.mark.parametrize(
    "text",
    [
        "Sie schrieb:\n> ja",
        "Zusammenfassung:\n> ja",
        "Termin am 04.03.2026 10:11, Raum Berlin:\n> ja",
        "Wir schrieben:\n> ja",
        "Sie schrieb:   gern am Montag.\nBob",
    ],
)
def test_words_above_a_quote_that_name_nobody_are_the_forwarders(text: str) -> None:
    assert find_original(text) is None
