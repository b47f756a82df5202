"""Mails that Outlook attaches in forms of its own are filed as if attached ordinarily."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from compressed_rtf import compress

from gateway.inbound.verdict import Filed, NeedsAttention, Repeated
from tests.inbound.importer_rig import ImporterRig
from tests.inbound.mails import INLINE, PDF, forward, original, with_file
from tests.inbound.msg_file import mail_within, msg_file
from tests.inbound.test_notices import text as said
from tests.inbound.test_reading import tnef

#: Written by @tutao/oxmsg 0.2.3: a mail of Ann's as text and HTML with a PDF (MS-OXMSG).
ANN = (Path(__file__).parent / "files" / "ann.msg").read_bytes()
#: Written by aspose-email-foss 26.3: without Unicode, under a wrong charset, its PDF with a short
#: name alone; and a text that is RTF alone.
ANSI = (Path(__file__).parent / "files" / "ansi.msg").read_bytes()
RTF = (Path(__file__).parent / "files" / "rtf.msg").read_bytes()
OF_ANN: dict[int, str | bytes] = {
    0x0042: "Ann Müller",
    0x0065: "ann@example.org",
    0x0037: "AW: Ihre Bewerbung",
}
#: HTML as Exchange turns it into RTF: tags in groups, and what was made of them switched off.
HTML_AS_RTF = rb"""{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0
{\fonttbl{\f0\fswiss Arial;}{\f1\fnil\fcharset128 MS \'96\'be\'92\'a9;}}\uc1\pard\plain
{\*\htmltag18 <html>}{\*\htmltag50 <body>}\htmlrtf \lang1031 \htmlrtf0 {\*\htmltag64 <p>}
Das pa\'dft f\'fcr 5 \u8364?, {\*\htmltag84 <b>}\htmlrtf {\b \htmlrtf0 gut{\*\htmltag92 </b>}
\htmlrtf }\htmlrtf0 .{\*\htmltag72 </p>}\htmlrtf\par\htmlrtf0 {\*\htmltag58 </body>}
{\*\htmltag27 </html>}}"""
_IMESSAGE = bytes.fromhex("0703020000000000c000000000000046")  # IID_IMessage, MS-OXTNEF 2.1.3.3


@pytest.mark.parametrize("kind", ["octet-stream", "vnd.ms-outlook"])
async def test_a_msg_file_is_opened(rig: ImporterRig, kind: str) -> None:
    mail = with_file(forward(text="Bitte ablegen."), "AW Ihre Bewerbung.msg", ANN, kind)

    entry = await rig.filed(mail)

    assert ("Ann Müller", "ann@example.org") == (entry.sender_name, entry.sender)
    assert ("Ihre Bewerbung", "Das passt.") == (entry.subject, entry.text)
    assert ("Eva Bos <eva@office.example>", "Cleo <cleo@example.com>") == (
        entry.recipients,
        entry.copies,
    )
    assert entry.date is not None
    assert "2026-03-04T09:11:00+00:00" == entry.date.isoformat()
    assert "Bitte ablegen." == entry.staff_text
    assert ["Lebenslauf.pdf"] == [one.filename for one in entry.documents]
    assert () == entry.remarks


async def test_a_msg_file_whose_name_is_encoded_words_is_opened(rig: ImporterRig) -> None:
    mail = with_file(forward(text="Bitte ablegen."), "AW.msg", ANN).as_bytes()
    named = mail.replace(b'"AW.msg"', b'"AW =?utf-8?Q?Verk=C3=A4ufer=2Emsg?="')
    assert named != mail

    entry = await rig.filed(named)

    assert ("ann@example.org", "Das passt.") == (entry.sender, entry.text)
    assert "Bitte ablegen." == entry.staff_text


async def test_a_mail_as_a_file_without_a_name_is_opened_by_its_type(rig: ImporterRig) -> None:
    mail = with_file(forward(text="Bitte ablegen."), "x", original().as_bytes(), "eml").as_bytes()

    entry = await rig.filed(mail.replace(b'; filename="x"', b""))

    assert ("ann@example.org", "Bitte ablegen.") == (entry.sender, entry.staff_text)


async def test_a_msg_file_without_unicode_is_opened(rig: ImporterRig) -> None:
    mail = with_file(forward(text="Bitte ablegen."), "AW.msg", ANSI, "vnd.ms-outlook")

    entry = await rig.filed(mail)

    assert ("Ann Müller", "ann@example.org") == (entry.sender_name, entry.sender)
    assert ("Ihre Bewerbung", "Das passt für mich, 5 €.") == (entry.subject, entry.text)
    assert ["CV~1.PDF"] == [one.filename for one in entry.documents]
    assert () == entry.remarks


async def test_a_msg_file_whose_text_is_rtf_alone_is_read(rig: ImporterRig) -> None:
    mail = with_file(forward(text="Bitte ablegen."), "AW.msg", RTF, "vnd.ms-outlook")

    entry = await rig.filed(mail)

    assert ("ann@example.org", "Ihre Bewerbung") == (entry.sender, entry.subject)
    assert "Das passt für mich, 5 €." == entry.text
    assert () == entry.documents
    assert () == entry.remarks


@pytest.mark.parametrize("wrap", ["msg", "winmail.dat"])
async def test_html_that_outlook_turned_into_rtf_is_read(rig: ImporterRig, wrap: str) -> None:
    mail = with_rtf(wrap, compress(HTML_AS_RTF))

    entry = await rig.filed(mail)

    assert "Das paßt für 5 €, gut." == entry.text
    assert "<b>gut</b>" in entry.html
    assert () == entry.documents


@pytest.mark.parametrize(
    "rtf",
    [
        pytest.param(compress(HTML_AS_RTF)[:-9], id="cut off"),
        pytest.param(
            compress(HTML_AS_RTF).replace(b"LZFu", b"XXXX"), id="in no form that is known"
        ),
        pytest.param(compress(b"Das passt."), id="no RTF"),
    ],
)
@pytest.mark.parametrize("wrap", ["msg", "winmail.dat"])
async def test_a_text_of_outlook_that_cannot_be_read_is_kept_with_a_remark(
    rig: ImporterRig, wrap: str, rtf: bytes
) -> None:
    entry = await rig.filed(with_rtf(wrap, rtf))

    assert ("ann@example.org", "") == (entry.sender, entry.text)
    assert [{"msg": "AW.msg"}.get(wrap, wrap)] == [one.filename for one in entry.documents]
    assert "text_unread" in entry.remarks
    assert "no_text" not in entry.remarks
    assert "Rich-Text-Format" in said(rig.notices()[0])


async def test_of_many_mails_whose_text_is_large_rtf_the_first_is_read(rig: ImporterRig) -> None:
    mail = forward(text="Bitte ablegen.")
    for subject, begin in (("AW: A", "first"), ("AW: B", "second"), ("AW: C", "third")):
        rtf = compress(b"{\\rtf1 " + begin.encode() + b" x" * 149_000 + b"}", compressed=False)
        values = tuple({**OF_ANN, 0x0037: subject, 0x1009: rtf}.items())
        wrapped = _tnef(*_mail_attributes(values=values))
        with_file(mail, f"{begin}.dat", wrapped, "ms-tnef")

    entry = await rig.filed(mail)

    assert "A" == entry.subject
    assert entry.text.startswith("first")
    assert "text_unread" not in entry.remarks


@pytest.mark.parametrize("wrap", ["msg", "winmail.dat"])
@pytest.mark.parametrize(
    "subject", ["Bewerbung für Köln", "Re: CV – «Ингeнер» " + "für Köln " * 20, "履歴書", "5 € ✔"]
)
async def test_the_subject_of_a_file_of_outlook_may_be_beyond_ascii(
    rig: ImporterRig, wrap: str, subject: str
) -> None:
    mail = with_values(wrap, {**OF_ANN, 0x0037: subject, 0x1000: "Das passt."})

    entry = await rig.filed(mail)

    assert subject.removeprefix("Re: ").strip() == entry.subject
    assert ("Ann Müller", "ann@example.org") == (entry.sender_name, entry.sender)


@pytest.mark.parametrize(
    ("name", "address", "expected"),
    [
        ("Ann Müller", "ann@bücher.example", ("Ann Müller", "ann@bücher.example")),
        ("Müller, Ann", "änn@example.org", ("Müller, Ann", "änn@example.org")),
        ("ann@bücher.example", "ann@bücher.example", ("", "ann@bücher.example")),
    ],
)
async def test_a_msg_file_whose_author_has_an_address_beyond_ascii_is_read(
    rig: ImporterRig, name: str, address: str, expected: tuple[str, str]
) -> None:
    values = {**OF_ANN, 0x0042: name, 0x5D02: address, 0x0C1A: name, 0x5D01: address}
    octets = msg_file({**values, 0x1000: "Das passt."})

    entry = await rig.filed(with_file(forward(text="Bitte ablegen."), "AW.msg", octets))

    assert (*expected, "Das passt.") == (entry.sender_name, entry.sender, entry.text)


IN_EXCHANGE = "/O=Office/OU=Exchange Administrative Group/CN=Recipients/CN=ann"
ENTRY_ID = b"\0\0\0\0\xdc\xa7@\xc8" + IN_EXCHANGE.upper().encode() + b"\0"


@pytest.mark.parametrize("wrap", ["msg", "winmail.dat"])
@pytest.mark.parametrize(
    ("beside", "expected"),
    [
        ({0x3FFB: ENTRY_ID, 0x5D0B: "ann@example.org"}, "ann@example.org"),
        ({0x3FF9: ENTRY_ID, 0x5D0A: "ann@example.org"}, "ann@example.org"),
        ({0x3FF9: ENTRY_ID.replace(b"=ANN", b"=BOB"), 0x5D0A: "bob@example.org"}, ""),
        ({0x0E28: f"00000002\1X{IN_EXCHANGE.lower()}\1ann@example.org"}, "ann@example.org"),
        ({0x0E28: "00000002\1bob@example.org\1bob@example.org"}, ""),
        ({}, ""),
    ],
    ids=["who changed it", "who made it", "made by another", "account", "other account", "nothing"],
)
async def test_the_author_of_a_mail_within_one_exchange_is_known_by_what_stands_beside_the_name(
    rig: ImporterRig, wrap: str, beside: dict[int, str | bytes], expected: str
) -> None:
    mail = with_values(wrap, {**OF_ANN, 0x0065: IN_EXCHANGE, 0x1000: "Das passt.", **beside})

    entry = await rig.filed(mail)

    assert ("Ann Müller", expected) == (entry.sender_name, entry.sender)
    assert ("sender_without_address" in entry.remarks) == (expected == "")


async def test_an_address_in_a_long_name_is_not_the_authors(rig: ImporterRig) -> None:
    name = "Chef der Firma, Ü <chef@firma.example>, und noch viel mehr Text, damit es lang wird"
    mail = with_values("msg", {**OF_ANN, 0x0042: name, 0x1000: "Das passt."})

    assert "ann@example.org" == (await rig.filed(mail)).sender


@pytest.mark.parametrize(
    ("code_page", "charset", "text"),
    [(950, "cp950", "您好，我很樂意"), (874, "cp874", "สวัสดี"), (1252, "cp1252", "Schöne Grüße")],
)
async def test_the_code_page_of_a_text_may_be_called_otherwise_by_python(
    rig: ImporterRig, code_page: int, charset: str, text: str
) -> None:
    markup = f"<p>{text}</p>".encode(charset)
    octets = msg_file({**OF_ANN, 0x1013: markup}, numbers={0x3FDE: code_page})

    entry = await rig.filed(with_file(forward(text="Bitte ablegen."), "AW.msg", octets))

    assert (text, "ann@example.org") == (entry.text, entry.sender)


async def test_a_text_in_a_code_page_that_is_unknown_leaves_the_file(rig: ImporterRig) -> None:
    octets = msg_file({**OF_ANN, 0x1013: b"<p>x</p>"}, numbers={0x3FDE: 20833})

    entry = await rig.filed(with_file(forward(text="Bitte ablegen."), "AW.msg", octets))

    assert ["AW.msg"] == [document.filename for document in entry.documents]


async def test_a_msg_file_that_names_what_it_does_not_hold_is_read(rig: ImporterRig) -> None:
    sent = {0x0C1A: "Ann Müller", 0x0C1F: "ann@example.org", 0x0037: "Hallo", 0x1000: "Gut."}
    octets = msg_file(sent, without=[0x0065, 0x0E04])

    entry = await rig.filed(with_file(forward(text="Bitte ablegen."), "AW.msg", octets))

    assert ("ann@example.org", "Hallo", "Gut.") == (entry.sender, entry.subject, entry.text)


@pytest.mark.parametrize("first", ["", "Microsoft Mail Internet Headers Version 2.0\r\n", "\r\n"])
async def test_the_header_of_a_msg_file_may_begin_with_a_line_of_exchanges(
    rig: ImporterRig, first: str
) -> None:
    header = "Received: by mx.example\r\nFrom: Ann <ann@example.org>\r\nSubject: Hallo Eva\r\n\r\n"
    known = {0x0042: "Ann", 0x0065: "/O=X/CN=ANN", 0x0037: "Hallo", 0x1000: "Gut."}
    octets = msg_file({**known, 0x007D: first + header})

    entry = await rig.filed(with_file(forward(text="Bitte ablegen."), "AW.msg", octets))

    assert ("ann@example.org", "Hallo Eva", "Gut.") == (entry.sender, entry.subject, entry.text)


async def test_who_sent_a_msg_file_for_its_author_is_remarked(rig: ImporterRig) -> None:
    behalf = {0x0C1A: "Jobboard", 0x0C1F: "noreply@jobs.example"}
    octets = msg_file({**OF_ANN, **behalf, 0x1000: "Das passt."})

    entry = await rig.filed(with_file(forward(text="Bitte ablegen."), "AW.msg", octets))

    assert ("Ann Müller", "ann@example.org") == (entry.sender_name, entry.sender)
    assert "sent_by Jobboard <noreply@jobs.example>" in entry.remarks


async def test_who_sent_a_msg_file_of_their_own_is_not_remarked(rig: ImporterRig) -> None:
    same = {0x0C1A: "Ann Müller", 0x0C1F: "/O=X/CN=ANN", 0x5D01: "Ann@example.org"}
    octets = msg_file({**OF_ANN, **same, 0x1000: "Das passt."})

    entry = await rig.filed(with_file(forward(text="Bitte ablegen."), "AW.msg", octets))

    assert "ann@example.org" == entry.sender
    assert not [remark for remark in entry.remarks if remark.startswith("sent_by")]


async def test_a_msg_file_that_is_none_stays_a_document(rig: ImporterRig) -> None:
    mail = with_file(forward(text="Bitte ablegen."), "AW.msg", ANN[:700], "vnd.ms-outlook")

    entry = await rig.filed(mail)

    assert ["AW.msg"] == [one.filename for one in entry.documents]
    assert entry.remarks


@pytest.mark.parametrize("head", [24, 32], ids=["as MS-OXMSG says", "as aspose-email-foss writes"])
async def test_a_mail_within_a_mail_in_a_msg_file_is_a_document(
    rig: ImporterRig, head: int
) -> None:
    cleo = {0x0042: "Cleo", 0x0065: "cleo@example.com", 0x0037: "Zeugnis", 0x1000: "Anbei."}
    octets = msg_file({**OF_ANN, 0x1000: "Das passt."}, mails=[mail_within(cleo, head=head)])

    entry = await rig.filed(with_file(forward(text="Bitte ablegen."), "AW.msg", octets))

    assert ("ann@example.org", "Das passt.") == (entry.sender, entry.text)
    assert ["Zeugnis.eml"] == [document.filename for document in entry.documents]
    octets = await rig.blobs.get(entry.documents[0].sha256)
    within = message_from_bytes(octets, policy=SMTP)
    assert ("Cleo <cleo@example.com>", "Zeugnis") == (within["from"], within["subject"])
    assert "Anbei." == within.get_content().strip()


async def test_of_mails_within_mails_in_a_msg_file_a_few_layers_are_opened(
    rig: ImporterRig,
) -> None:
    inner = mail_within({**OF_ANN, 0x1000: "Innen."})
    for _ in range(7):
        inner = mail_within({**OF_ANN, 0x1000: "Dazwischen."}, mails=[inner])
    octets = msg_file({**OF_ANN, 0x1000: "Das passt."}, mails=[inner])

    entry = await rig.filed(with_file(forward(text="Bitte ablegen."), "AW.msg", octets))

    # What could not be opened is in the file.
    assert "Das passt." == entry.text
    assert ["AW.msg", "AW_ Ihre Bewerbung.eml"] == sorted(
        document.filename for document in entry.documents
    )


@pytest.mark.parametrize("beside", [(), ((b"cv.pdf", PDF),)], ids=["alone", "beside a file"])
async def test_a_mail_in_a_winmail_dat_is_the_original(
    rig: ImporterRig, beside: tuple[tuple[bytes, bytes], ...]
) -> None:
    wrapped = tnef_with_mail() + b"".join(tnef(*each)[6 + 15 :] for each in beside)
    mail = with_file(forward(text="Bitte ablegen."), "winmail.dat", wrapped, "ms-tnef")

    entry = await rig.filed(mail)

    assert ("Ann Müller", "ann@example.org") == (entry.sender_name, entry.sender)
    assert ("Ihre Bewerbung", "Das passt.") == (entry.subject, entry.text)
    assert "Bitte ablegen." == entry.staff_text
    assert [name.decode() for name, _ in beside] == [one.filename for one in entry.documents]


async def test_a_mail_within_a_mail_in_a_winmail_dat_is_a_document(rig: ImporterRig) -> None:
    wrapped = _tnef(*_mail_attributes(*_mail_attributes()))
    mail = with_file(forward(text="Bitte ablegen."), "winmail.dat", wrapped, "ms-tnef")

    entry = await rig.filed(mail)

    assert ("ann@example.org", "Das passt.") == (entry.sender, entry.text)
    assert 1 == len(entry.documents)
    assert entry.documents[0].filename.endswith(".eml")


@pytest.mark.parametrize(
    ("name", "octets"),
    [(b"AW.msg", ANN), (b"AW.eml", with_file(original(), "Lebenslauf.pdf").as_bytes())],
    ids=["msg", "eml"],
)
async def test_a_mail_that_is_a_file_in_a_winmail_dat_is_the_original(
    rig: ImporterRig, name: bytes, octets: bytes
) -> None:
    wrapped = tnef(b"Liste.pdf", PDF + b"1") + tnef(name, octets)[6 + 15 :]
    mail = with_file(forward(text="Bitte ablegen."), "winmail.dat", wrapped, "ms-tnef")

    entry = await rig.filed(mail)

    assert "ann@example.org" == entry.sender
    assert "Bitte ablegen." == entry.staff_text
    assert ["Lebenslauf.pdf", "Liste.pdf"] == [one.filename for one in entry.documents]


async def test_a_text_that_only_a_winmail_dat_holds_is_read(rig: ImporterRig) -> None:
    text = INLINE.format(said="Das passt.")
    wrapped = tnef(b"cv.pdf", PDF) + _tnef((1, 0x0002800C, text.encode("cp1252") + b"\0"))[6:]
    mail = with_file(forward(text=""), "winmail.dat", wrapped, "ms-tnef")

    entry = await rig.filed(mail)

    assert "ann@example.org" == entry.sender
    assert "Das passt." in entry.text
    assert "Bitte ablegen." == entry.staff_text
    assert ["cv.pdf"] == [one.filename for one in entry.documents]


async def test_a_text_that_a_winmail_dat_holds_as_rtf_is_read(rig: ImporterRig) -> None:
    text = INLINE.format(said="Das passt.").replace("\n", "\\par\n").replace("ü", "\\'fc")
    rtf = compress(f"{{\\rtf1\\ansi\\ansicpg1252\\fromtext {text.replace('ä', '')}}}".encode())
    wrapped = tnef(b"cv.pdf", PDF) + _tnef((1, 0x00069003, properties((0x1009, rtf))))[6:]
    mail = with_file(forward(text=""), "winmail.dat", wrapped, "ms-tnef")

    entry = await rig.filed(mail)

    assert "ann@example.org" == entry.sender
    assert "Das passt." in entry.text
    assert "Bitte ablegen." == entry.staff_text


async def test_a_text_in_a_winmail_dat_is_passed_over_where_the_mail_has_one(
    rig: ImporterRig,
) -> None:
    wrapped = tnef(b"cv.pdf", PDF) + _tnef((1, 0x0002800C, b"Das passt.\0"))[6:]

    entry = await rig.filed(with_file(forward(), "winmail.dat", wrapped, "ms-tnef"))

    assert 1 == entry.text.count("das passt")
    assert ["cv.pdf"] == [one.filename for one in entry.documents]


async def test_broken_files_of_outlook_cost_no_mail(rig: ImporterRig) -> None:
    """They are filed, as the same mail again or with the file, or wait."""
    for name, octets in (("AW.msg", ANN), ("winmail.dat", tnef_with_mail())):
        for place in (*range(30, 80, 16), *range(512, len(octets), len(octets) // 9)):
            broken = octets[:place] + b"\xff\xfe\xff\xfe" + octets[place + 4 :]
            verdict = await rig.take(with_file(forward(said=f"{name} {place}"), name, broken))
            assert isinstance(verdict, Filed | Repeated | NeedsAttention)


def tnef_with_mail(
    *,
    name: str = "Ann Müller",
    address: str = "ann@example.org",
    subject: str = "AW: Ihre Bewerbung",
    text: str = "Das passt.",
) -> bytes:
    """Write a winmail.dat with a mail attached in it."""
    values = ((0x0042, name), (0x0065, address), (0x0037, subject), (0x1000, text))
    return _tnef(*_mail_attributes(values=values))


def _mail_attributes(
    *within: tuple[int, int, bytes],
    values: tuple[tuple[int, str | bytes], ...] = (
        (0x0042, "Ann Müller"),
        (0x0065, "ann@example.org"),
        (0x0037, "AW: Ihre Bewerbung"),
        (0x1000, "Das passt."),
    ),
) -> tuple[tuple[int, int, bytes], ...]:
    """Return the attributes of a mail attached in a winmail.dat (MS-OXTNEF 2.1.3.3.15)."""
    inner = _tnef(
        (1, 0x00089006, b"\0\0\1\0"),
        (1, 0x00069007, (65001).to_bytes(4, "little") + bytes(4)),
        (
            1,
            0x00069003,
            properties(*values),
        ),
        *(attribute for attribute in within if attribute[0] == 2),
    )
    value = _IMESSAGE + inner
    padded = value + bytes(-len(value) % 4)
    attached = (
        (1).to_bytes(4, "little")
        + (0x000D).to_bytes(2, "little")
        + (0x3701).to_bytes(2, "little")
        + (1).to_bytes(4, "little")
        + len(value).to_bytes(4, "little")
        + padded
    )
    return (
        (1, 0x00089006, b"\0\0\1\0"),
        (2, 0x00069002, b"\1\0" + b"\xff" * 4 + bytes(8)),
        (2, 0x00069005, attached),
    )


def with_rtf(wrap: str, rtf: bytes) -> EmailMessage:
    """Return a forward of Ann's mail whose text is compressed RTF alone, in a form of Outlook."""
    return with_values(wrap, {**OF_ANN, 0x1009: rtf})


def with_values(wrap: str, values: dict[int, str | bytes]) -> EmailMessage:
    """Return a forward of a mail with these properties, in a form of Outlook."""
    mail = forward(text="Bitte ablegen.")
    if wrap == "msg":
        return with_file(mail, "AW.msg", msg_file(values), "vnd.ms-outlook")
    attributes = _mail_attributes(values=tuple(values.items()))
    return with_file(mail, "winmail.dat", _tnef(*attributes), "ms-tnef")


def properties(*values: tuple[int, str | bytes]) -> bytes:
    """Write properties, texts and octets, as a winmail.dat has them (MS-OXTNEF 2.1.3.4)."""
    written = len(values).to_bytes(4, "little")
    for number, value in values:
        octets = f"{value}\0".encode("utf-16-le") if isinstance(value, str) else value
        kind = 0x001F if isinstance(value, str) else 0x0102
        written += kind.to_bytes(2, "little") + number.to_bytes(2, "little")
        written += (1).to_bytes(4, "little") + len(octets).to_bytes(4, "little")
        written += octets + bytes(-len(octets) % 4)
    return written


def _tnef(*attributes: tuple[int, int, bytes]) -> bytes:
    written = b"\x78\x9f\x3e\x22" + b"\x01\x00"
    for level, number, value in attributes:
        written += bytes([level]) + number.to_bytes(4, "little")
        written += len(value).to_bytes(4, "little") + value
        written += (sum(value) & 0xFFFF).to_bytes(2, "little")
    return written
