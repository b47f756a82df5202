"""Whole mails in the structures that mail programs build, from their octets to the entry."""

import base64
from datetime import UTC, datetime

import pytest

from gateway.core.people.history import HistoryEntry
from tests.inbound.importer_rig import CANDIDATE, ImporterRig
from tests.inbound.mails import EVA, PASSED, PDF

HEAD = (
    f"Authentication-Results: {PASSED}\r\nFrom: Eva Bos <{EVA}>\r\nTo: import@office.example\r\n"
    "Date: Wed, 04 Mar 2026 12:00:00 +0100\r\nMIME-Version: 1.0\r\n"
)
PHOTO = b"\xff\xd8\xff\xe0 a photo"
LOGO = b"\x89PNG a logo"

APPLE_TEXT = """\
Bitte ablegen.

> Anfang der weitergeleiteten Nachricht:
>=20
> Von: Ann M=C3=BCller <ann@example.org>
> Betreff: Aw: Ihre Bewerbung
> Datum: 4. M=C3=A4rz 2026 um 10:11:00 MEZ
> An: Eva Bos <eva@office.example>
>=20
> Das passt.
>=20
"""
APPLE_HTML = """\
<html><body>Bitte ablegen.<br><div><br><blockquote type=3D"cite"><div>Anfang der weitergeleiteten =
Nachricht:</div><br><div><b>Von: </b>Ann M=C3=BCller &lt;ann@example.org&gt;<br></div><div><b>=
Betreff: </b><b>Aw: Ihre Bewerbung</b><br></div><div><b>Datum: </b>4. M=C3=A4rz 2026 um 10:11:00 =
MEZ<br></div><div><b>An: </b>Eva Bos &lt;eva@office.example&gt;<br></div><br><div>Das <i>passt</i>.
"""
OUTLOOK_HTML = """\
<html><head><style>p.MsoNormal {margin:0}</style></head><body lang=3DNL><div class=3DWordSection1>
<p class=3DMsoNormal>Bitte ablegen.<o:p></o:p></p><p class=3DMsoNormal><o:p>&nbsp;</o:p></p><div>
<div style=3D'border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'>
<p class=3DMsoNormal><b>Van:</b> Ann M&uuml;ller &lt;ann@example.org&gt; <br><b>Verzonden:</b> =
woensdag 4 maart 2026 10:11<br><b>Aan:</b> Eva Bos &lt;eva@office.example&gt;<br><b>Onderwerp:</b> =
Antw: Ihre Bewerbung<o:p></o:p></p></div></div><p class=3DMsoNormal>Das <i>passt</i>.
<img src=3D"cid:image001.png@01" onerror=3D"x()"><script>x()</script></p></div></body></html>
"""
GMAIL_TEXT = """\
Bitte ablegen.

---------- Forwarded message ---------
De : Ann M=C3=BCller <ann@example.org>
Date: mer. 4 mars 2026 =C3=A0 10:11
Subject: RE: Ihre Bewerbung
To: Eva Bos <eva@office.example>


Das passt.
"""
CANDIDATES = """\
From: =?utf-8?q?M=C3=BCller=2C_Ann?= <ann@example.org>
To: Eva Bos <eva@office.example>
Subject: =?utf-8?q?AW=3A_Ihre_Bewerbung?=
Date: Wed, 04 Mar 2026 10:11:00 +0100
MIME-Version: 1.0
"""


def _text(text: str, kind: str = "plain") -> bytes:
    head = f"Content-Type: text/{kind}; charset=utf-8\nContent-Transfer-Encoding: quoted-printable"
    return f"{head}\n\n{text}".replace("\n", "\r\n").encode()


def _file(name: str, content: bytes, kind: str, disposition: str, content_id: str = "") -> bytes:
    head = (
        f"Content-Type: {kind}; name={name}\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: {disposition}; filename={name}\r\n"
    )
    identified = f"Content-ID: <{content_id}>\r\n" if content_id else ""
    return f"{head}{identified}\r\n".encode() + base64.encodebytes(content)


def _multipart(kind: str, *parts: bytes) -> bytes:
    mark = f"=_{kind}_{len(parts)}".encode()
    head = b'Content-Type: multipart/%s; boundary="%s"\r\n\r\n' % (kind.encode(), mark)
    return head + b"".join(b"--%s\r\n%s\r\n" % (mark, part) for part in parts) + b"--%s--" % mark


def _mail(subject: str, body: bytes) -> bytes:
    return f"{HEAD}Subject: {subject}\r\n".encode() + body


APPLE = _mail(
    "Fwd: 4711 Ihre Bewerbung",
    _multipart(
        "alternative",
        _text(APPLE_TEXT),
        _multipart(
            "mixed",
            _text(APPLE_HTML, "html"),
            _file("Lebenslauf.pdf", PDF, "application/pdf", "inline", "pdf@apple"),
            _text("<br>", "html"),
            _file("Foto.jpg", PHOTO, "image/jpeg", "inline", "photo@apple"),
            _text("</div></blockquote></div></body></html>", "html"),
        ),
    ),
)
OUTLOOK = _mail(
    "4711 FW: Antw: Ihre Bewerbung",
    _multipart(
        "mixed",
        _multipart(
            "related",
            _multipart("alternative", _text(OUTLOOK_HTML, "html")),
            _file("image001.png", LOGO, "image/png", "inline", "image001.png@01"),
        ),
        _file("CV.pdf", PDF, "application/pdf", "attachment"),
        _file("Passfoto.jpg", PHOTO, "image/jpeg", "attachment", "other@01"),
    ),
)
GMAIL = _mail(
    "4711 Fwd: Ihre Bewerbung",
    _multipart(
        "mixed",
        _text(GMAIL_TEXT),
        _file("cv.pdf", PDF, "application/pdf", "attachment", "f_1"),
        _file("photo.jpg", PHOTO, "image/jpeg", "attachment", "f_2"),
    ),
)
THUNDERBIRD = _mail(
    "4711 Fwd: AW: Ihre Bewerbung",
    _multipart(
        "mixed",
        _text("Bitte ablegen."),
        b'Content-Type: message/rfc822; name="AW.eml"\r\n'
        b'Content-Disposition: attachment; filename="AW.eml"\r\n\r\n'
        + CANDIDATES.replace("\n", "\r\n").encode()
        + _multipart(
            "mixed",
            _text("Das passt."),
            _file("Lebenslauf.pdf", PDF, "application/pdf", "attachment"),
            _file("Bewerbungsfoto.jpg", PHOTO, "image/jpeg", "attachment"),
        ),
    ),
)


async def _filed(rig: ImporterRig, mail: bytes) -> HistoryEntry:
    entry = await rig.filed(mail)
    assert (CANDIDATE, "4711", "s1") == (entry.person, entry.reference, entry.staff)
    assert () == entry.remarks
    assert datetime(2026, 3, 4, 9, 11, tzinfo=UTC) == entry.date
    assert (entry.text, entry.staff_text) == ("Das passt.", "Bitte ablegen.")
    assert ("Ihre Bewerbung", "ann@example.org") == (entry.subject, entry.sender)
    return entry


@pytest.mark.parametrize(
    ("mail", "name"),
    [
        (APPLE, "Ann Müller"),
        (OUTLOOK, "Ann Müller"),
        (GMAIL, "Ann Müller"),
        (THUNDERBIRD, "Müller, Ann"),
    ],
    ids=["apple", "outlook", "gmail", "thunderbird"],
)
async def test_a_mail_of_every_program_is_filed_with_its_documents(
    rig: ImporterRig, mail: bytes, name: str
) -> None:
    entry = await _filed(rig, mail)

    assert name == entry.sender_name
    assert ["cv", "photo"] == [one.type for one in entry.documents]
    assert [PDF, PHOTO] == [await rig.blobs.get(one.sha256) for one in entry.documents]


async def test_html_is_that_of_the_original_and_safe(rig: ImporterRig) -> None:
    entry = await _filed(rig, OUTLOOK)

    assert "<i>passt</i>" in entry.html
    assert 'src="cid:image001.png@01"' in entry.html
    for bad in ("ablegen", "script", "onerror", "style", "Verzonden"):
        assert bad not in entry.html
