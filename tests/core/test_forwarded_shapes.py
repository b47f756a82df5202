"""Forwarded mail in the shapes that clients, phones and webmails of many countries give it."""

from dataclasses import dataclass

import pytest

from gateway.core.replies.forwarded.mailboxes import Mailbox
from tests.core.finding import find_original

BODY = "Guten Tag,\n\ndas passt."
OWN = "Bitte ablegen.\n\nBob"
ANN = Mailbox("Ann Roe", "ann@example.org")


@dataclass(frozen=True)
class Shape:
    """A text, and what is in it where that isn't what is in all of them."""

    name: str
    text: str
    has_body: bool = False  #: The text has the body in it, in a form of its own.
    subject: str = "AW: Termin"
    sender: Mailbox = ANN
    to: tuple[str, ...] = ("bob@example.com",)
    cc: tuple[str, ...] = ()
    date: str = "2026-03-04 10:11"
    own: str = ""  #: What else the forwarder wrote.
    around: str = "Termin"  #: The subject of the mail around it.


SHAPES = [
    Shape(
        "samsung one line",
        "-------- Original message --------From: Ann Roe <ann@example.org> Date: 04/03/2026 "
        " 10:11  (GMT+00:00) To: bob@example.com Subject: AW: Termin \n",
    ),
    Shape(
        "samsung one line cc",
        "-------- Original message --------From: Ann Roe <ann@example.org> Date: 3/4/26  "
        "10:11 AM  (GMT+00:00) To: bob@example.com Cc: max@example.org Subject: AW: Termin \n",
        cc=("max@example.org",),
    ),
    Shape(
        "em client nocolon en",
        "------ Original Message ------\n"
        'From "Ann Roe" <ann@example.org>\n'
        "To bob@example.com\n"
        'Cc "Max" <max@example.org>\n'
        "Date 04/03/2026 10:11:00\n"
        "Subject AW: Termin\n"
        "\n",
        cc=("max@example.org",),
    ),
    Shape(
        "the bat",
        "This is a forwarded message\n"
        "From: Ann Roe <ann@example.org>\n"
        "To: bob@example.com\n"
        "Date: Wednesday, March 4, 2026, 10:11:00 AM\n"
        "Subject: AW: Termin\n"
        "\n"
        "===8<==============Original message text===============\n"
        "Guten Tag,\n"
        "\n"
        "das passt.\n"
        "\n"
        "===8<===========End of original message text===========",
        has_body=True,
    ),
    Shape(
        "the bat de",
        "Dies ist eine weitergeleitete Nachricht\n"
        "Von: Ann Roe <ann@example.org>\n"
        "An: bob@example.com\n"
        "Datum: Mittwoch, 4. März 2026, 10:11:00\n"
        "Betreff: AW: Termin\n"
        "\n"
        "===8<================ Original Nachrichtentext ===============\n"
        "Guten Tag,\n"
        "\n"
        "das passt.\n"
        "\n"
        "===8<============ Ende des Original Nachrichtentextes ===========",
        has_body=True,
    ),
    Shape(
        "airmail",
        "Begin forwarded message:\n"
        "\n"
        "From: Ann Roe <ann@example.org>\n"
        "Reply: Ann Roe <ann@example.org>\n"
        "Date: 4 March 2026 at 10:11:00\n"
        "To: bob@example.com <bob@example.com>\n"
        "Subject:  AW: Termin \n"
        "\n"
        "> Guten Tag,\n"
        "> \n"
        "> das passt.",
        has_body=True,
    ),
    Shape(
        "t-online",
        "-----Original-Nachricht-----\n"
        "Betreff: AW: Termin\n"
        "Datum: 2026-03-04T10:11:00+0000\n"
        'Von: "Ann Roe" <ann@example.org>\n'
        'An: "bob@example.com" <bob@example.com>\n'
        "\n"
        "\n",
    ),
    Shape(
        "seznam",
        "---------- Původní e-mail ----------\n"
        "Od: Ann Roe <ann@example.org>\n"
        "Komu: bob@example.com\n"
        "Datum: 4. 3. 2026 10:11:00\n"
        "Předmět: AW: Termin\n",
    ),
    Shape(
        "wp.pl",
        'Od: "Ann Roe" <ann@example.org>\n'
        'Do: "bob@example.com" <bob@example.com>;\n'
        "Wysłane: 10:11 Środa 2026-03-04\n"
        "Temat: AW: Termin\n"
        "\n",
    ),
    Shape(
        "qq",
        "------------------ 原始邮件 ------------------\n"
        '发件人: "Ann Roe"<ann@example.org>;\n'
        "发送时间: 2026年3月4日(星期三) 上午10:11\n"
        '收件人: "bob"<bob@example.com>;\n'
        "\n"
        "主题: AW: Termin\n"
        "\n",
    ),
    Shape(
        "163",
        "-------- 转发邮件信息 --------\n"
        '发件人："Ann Roe" <ann@example.org>\n'
        "发送日期：2026-03-04 10:11:00\n"
        '收件人："bob" <bob@example.com>\n'
        "主题：AW: Termin\n"
        "\n",
    ),
    Shape(
        "owa2010",
        "________________________________________\n"
        "Von: Ann Roe [ann@example.org]\n"
        "Gesendet: Mittwoch, 4. März 2026 10:11\n"
        "An: Bob\n"
        "Cc: Max Moe\n"
        "Betreff: AW: Termin\n"
        "\n",
        to=("",),
        cc=("",),
    ),
    Shape(
        "on behalf",
        "-----Original Message-----\n"
        "From: Ann Roe [mailto:ann@example.org] On Behalf Of Max Moe\n"
        "Sent: Wednesday, March 4, 2026 10:11 AM\n"
        "To: bob@example.com\n"
        "Subject: AW: Termin\n"
        "\n",
    ),
    Shape(
        "comma name",
        'From: "Roe, Ann (HR)" <ann@example.org>\n'
        "Sent: Wednesday, March 4, 2026 10:11 AM\n"
        "To: bob@example.com\n"
        "Subject: AW: Termin\n"
        "\n",
        sender=Mailbox("Roe, Ann (HR)", "ann@example.org"),
    ),
    Shape(
        "brackets at the end of a name",
        'From: "Ann Roe [HR]" <ann@example.org>\n'
        "Sent: Wednesday, March 4, 2026 10:11 AM\n"
        "To: bob@example.com\n"
        "Subject: AW: Termin\n"
        "\n",
        sender=Mailbox("Ann Roe [HR]", "ann@example.org"),
    ),
    Shape(
        "brackets at the beginning of a name",
        'From: "(HR) Ann Roe" <ann@example.org>\n'
        "Sent: Wednesday, March 4, 2026 10:11 AM\n"
        "To: bob@example.com\n"
        "Subject: AW: Termin\n"
        "\n",
        sender=Mailbox("(HR) Ann Roe", "ann@example.org"),
    ),
    Shape(
        "via",
        "From: Ann Roe via Jobs Board <ann@example.org>\n"
        "Sent: Wednesday, March 4, 2026 10:11 AM\n"
        "To: bob@example.com\n"
        "Subject: AW: Termin\n"
        "\n",
        sender=Mailbox("Ann Roe via Jobs Board", "ann@example.org"),
    ),
    Shape(
        "mailto twice",
        "Von: Ann Roe <ann@example.org<mailto:ann@example.org>>\n"
        "Datum: 4. März 2026 um 10:11:00 UTC\n"
        "An: Bob <bob@example.com<mailto:bob@example.com>>\n"
        "Betreff: AW: Termin\n"
        "\n",
    ),
    Shape(
        "wrapped to",
        "Von: Ann Roe <ann@example.org>\n"
        "Gesendet: Mittwoch, 4. März 2026 10:11\n"
        "An: Bob Bobsen <bob@example.com>; Cleo von\n"
        "Langenname <cleo@example.com>; Dora <dora@example.com>\n"
        "Cc: Max Moe\n"
        "<max@example.org>\n"
        "Betreff: AW: Termin\n"
        "\n",
        to=("bob@example.com", "cleo@example.com", "dora@example.com"),
        cc=("max@example.org",),
    ),
    Shape(
        "wrapped to gmail",
        "---------- Forwarded message ---------\n"
        "From: Ann Roe <ann@example.org>\n"
        "Date: Wed, Mar 4, 2026 at 10:11 AM\n"
        "Subject: AW: Termin\n"
        "To: Bob Bobsen <bob@example.com>, Cleo von\n"
        "Langenname <cleo@example.com>\n"
        "Cc: Max Moe <max@example.org>, Dora\n"
        "<dora@example.com>\n"
        "\n"
        "\n",
        to=("bob@example.com", "cleo@example.com"),
        cc=("max@example.org", "dora@example.com"),
    ),
    Shape(
        "indented",
        "     Von:      Ann Roe <ann@example.org>\n"
        "     Gesendet: Mittwoch, 4. März 2026 10:11\n"
        "     An:       bob@example.com\n"
        "     Betreff:  AW: Termin\n"
        "\n",
    ),
    Shape(
        "bold spaces",
        "*Von: *Ann Roe <ann@example.org>\n"
        "*Gesendet: *Mittwoch, 4. März 2026 10:11\n"
        "*An: *bob@example.com\n"
        "*Betreff: *AW: Termin\n"
        "\n",
    ),
    Shape(
        "bold whole",
        "*Von:* *Ann Roe* <ann@example.org>\n"
        "*Gesendet:* Mittwoch, 4. März 2026 10:11\n"
        "*An:* bob@example.com\n"
        "*Betreff:* AW: Termin\n"
        "\n",
    ),
    Shape(
        "iphone",
        "Von meinem iPhone gesendet\n"
        "\n"
        "Anfang der weitergeleiteten Nachricht:\n"
        "\n"
        "> Von: Ann Roe <ann@example.org>\n"
        "> Datum: 4. März 2026 um 10:11:00 MEZ\n"
        "> An: bob@example.com\n"
        "> Betreff: AW: Termin\n"
        "> \n"
        "> \ufeffGuten Tag,\n"
        "> \n"
        "> das passt.",
        has_body=True,
        own="\n\nVon meinem iPhone gesendet",
    ),
    Shape(
        "missing to",
        "Von: Ann Roe <ann@example.org>\n"
        "Datum: Mittwoch, 4. März 2026 um 10:11\n"
        "Betreff: AW: Termin\n"
        "\n",
        to=(),
    ),
    Shape(
        "no subject line",
        "---------- Forwarded message ---------\n"
        "Von: Ann Roe <ann@example.org>\n"
        "Date: Mi., 4. März 2026 um 10:11 Uhr\n"
        "Subject:\n"
        "To: <bob@example.com>\n"
        "\n"
        "\n",
        subject="",
    ),
    Shape(
        "two seps",
        "-------- Weitergeleitete Nachricht --------\n"
        "\n"
        "-------- Weitergeleitete Nachricht --------\n"
        "Betreff: AW: Termin\n"
        "Datum: Wed, 4 Mar 2026 10:11:00 +0000\n"
        "Von: Ann Roe <ann@example.org>\n"
        "An: bob@example.com\n"
        "\n"
        "\n",
    ),
    Shape(
        "quote of seps",
        "> -------- Weitergeleitete Nachricht --------\n"
        "> Betreff: AW: Termin\n"
        "> Datum: Wed, 4 Mar 2026 10:11:00 +0000\n"
        "> Von: Ann Roe <ann@example.org>\n"
        "> An: bob@example.com\n"
        ">\n"
        ">\n"
        "> Guten Tag,\n"
        "> \n"
        "> das passt.",
        has_body=True,
    ),
    Shape(
        "outlook fr a",
        "-----Message d'origine-----\n"
        "De : Ann Roe [mailto:ann@example.org]\n"
        "Envoyé : mercredi 4 mars 2026 10:11\n"
        "A : bob@example.com\n"
        "Objet : AW: Termin\n"
        "\n",
    ),
    Shape(
        "label own line",
        "Von:\n"
        "Ann Roe <ann@example.org>\n"
        "\n"
        "Gesendet:\n"
        "Mittwoch, 4. März 2026 10:11\n"
        "\n"
        "An:\n"
        "bob@example.com\n"
        "\n"
        "Betreff:\n"
        "AW: Termin\n"
        "\n",
    ),
    Shape(
        "date odd kept",
        "Von: Ann Roe <ann@example.org>\n"
        "Gesendet: vorgestern\n"
        "An: bob@example.com\n"
        "Betreff: AW: Termin\n"
        "\n",
        date="",
    ),
    Shape(
        "long subject wrapped",
        "Von: Ann Roe <ann@example.org>\n"
        "Gesendet: Mittwoch, 4. März 2026 10:11\n"
        "An: bob@example.com\n"
        "Betreff: AW: Termin für das\n"
        "Gespräch am Montag\n"
        "\n",
        subject="AW: Termin für das Gespräch am Montag",
        around="Termin für das Gespräch am Montag",
    ),
]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_every_shape_is_read(shape: Shape, ending: str) -> None:
    text = f"{OWN}\n\n{shape.text}{'' if shape.has_body else BODY}\n"

    found = find_original(text.replace("\n", ending), subject=shape.around)

    assert found is not None
    assert shape.sender == found.heading.sender
    assert shape.subject == found.heading.subject
    assert shape.to == tuple(each.address for each in found.heading.to)
    assert shape.cc == tuple(each.address for each in found.heading.cc)
    assert shape.date == (f"{found.heading.date:%Y-%m-%d %H:%M}" if found.heading.date else "")
    assert BODY == found.body
    assert OWN + shape.own == found.own_text
