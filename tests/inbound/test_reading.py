"""Mails as they really come: read in another process, whatever is in them."""

import base64
import contextlib
import quopri
import resource
import time
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from gateway.inbound.reading.reader import room_of
from gateway.inbound.reading.readers import Readers, UnreadableMail
from gateway.inbound.reading.reading import ReadingTask, ReadMail
from tests.inbound.mails import PDF, as_attachment, forward, original, with_file
from tests.rig.cost import slowness

Read = Callable[..., Awaitable[ReadMail]]
HEAD = b"From: eva@office.example\r\nSubject: 4711 x\r\nMIME-Version: 1.0\r\n"


@pytest.fixture
def read(tmp_path: Path, readers: Readers) -> Read:
    """Reads a mail."""

    async def read(mail: EmailMessage | bytes, **changes: Any) -> ReadMail:
        file, folder = tmp_path / "mail", tmp_path / "parts"
        file.write_bytes(mail if isinstance(mail, bytes) else mail.as_bytes())
        task = {"reference": r"(?P<reference>\d+)", "zone": "Europe/Berlin"} | changes
        return await readers.read(ReadingTask(file=str(file), folder=str(folder), **task))

    return read


def names(reading: ReadMail) -> list[str]:
    return [one.filename for one in reading.attachments]


def octets(reading: ReadMail) -> list[bytes]:
    return [Path(one.file).read_bytes() for one in reading.attachments]


def multipart(*parts: bytes, kind: bytes = b"mixed") -> bytes:
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts)
    return HEAD + b'Content-Type: multipart/%s; boundary="b"\r\n\r\n' % kind + body + b"--b--\r\n"


MAIL = b"Content-Type: message/rfc822\r\n\r\n"
PLIST = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" '
    b'"http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n<plist version="1.0">\n<dict>\n'
    b"\t<key>flags</key>\n\t<integer>8590195713</integer>\n</dict>\n</plist>\n"
)
TEXT = b"Content-Type: text/plain\r\n\r\nHallo"
HTML = b'Content-Type: text/html\r\n\r\n<p>Hallo <img src="cid:logo@x"></p>'


def file_part(name: bytes, content: bytes = PDF, kind: bytes = b"application/pdf") -> bytes:
    return (
        b"Content-Type: " + kind + b"\r\nContent-Transfer-Encoding: base64\r\n"
        b"Content-Disposition: attachment; filename=" + name + b"\r\n\r\n"
        + base64.encodebytes(content)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "is_kept"),
    [
        (b"Original html part", False),
        (b"Original html part.html", False),
        (b"part-1.html", False),
        (b"Portfolio.html", True),
    ],
)
async def test_the_html_of_a_text_that_its_program_attached_is_no_document(
    read: Read, name: bytes, is_kept: bool
) -> None:
    html = file_part(
        b'"' + name + b'"', "<p>Gr\xfc\xdfe, Hallo</p>".encode("latin-1"), b"text/html"
    )
    text = b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + "Grüße, Hallo".encode()

    reading = await read(multipart(text, html))

    assert ([name.decode()] if is_kept else []) == names(reading)


@pytest.mark.parametrize(
    ("kind", "name", "is_kept"),
    [
        (b"application/pkcs7-signature", b"smime.p7s", False),
        (b"application/octet-stream", b"smime.p7s", False),
        (b"application/pgp-signature", b"signature.asc", False),
        (b"application/pgp-signature", b"OpenPGP_signature.asc", False),
        (b"application/pgp-signature", b"", False),
        (b"application/pgp-keys", b"OpenPGP_0x1A2B3C4D5E6F7081.asc", False),
        (b"application/pgp-keys", b'"publickey - ann@proton.example - 0x1A2B3C4D.asc"', False),
        (b"application/pkcs7-signature", b"Vertrag.pdf.p7s", True),
        (b"text/plain", b"Zeugnis.asc", True),
        (b"image/png", b"signature.png", True),
    ],
)
async def test_what_signs_a_mail_is_no_document(
    read: Read, kind: bytes, name: bytes, is_kept: bool
) -> None:
    """Staff or candidates whose program signs send one with each mail."""
    part = file_part(name, kind=kind) if name else b"Content-Type: " + kind + b"\r\n\r\nx"
    signed = multipart(TEXT, file_part(b"cv.pdf"), part)

    wanted = {"cv.pdf", *([name.decode()] if is_kept else [])}
    assert wanted == set(names(await read(signed)))


@pytest.mark.parametrize(
    ("kind", "encoding", "content"),
    [
        (b"text/plain; charset=utf-8", b"8bit", "Één: 2.950 €".encode()),
        (b"text/csv; charset=iso-8859-1", b"8bit", "Größe;1".encode("latin-1")),
        (b"text/vcard", b"", "FN:Müller".encode()),
        (b"application/octet-stream", b"binary", b"%PDF-1.4 \x80\xff"),
    ],
)
async def test_a_file_that_came_unencoded_is_kept_octet_by_octet(
    read: Read, kind: bytes, encoding: bytes, content: bytes
) -> None:
    told = b"Content-Transfer-Encoding: " + encoding + b"\r\n" if encoding else b""
    file = b"Content-Type: " + kind + b"\r\n" + told
    file += b"Content-Disposition: attachment; filename=x\r\n\r\n" + content

    reading = await read(multipart(TEXT, file))

    assert [content] == octets(reading)


class TestAttachments:
    @pytest.mark.parametrize("size", [0, 1, 2, 3, 70_000, 300_000, 1_000_001])
    async def test_content_comes_out_as_it_went_in(self, read: Read, size: int) -> None:
        content = bytes(range(256)) * (size // 256) + bytes(size % 256)

        reading = await read(with_file(forward(), content=content))

        assert [content] == octets(reading)

    async def test_a_large_one_beside_small_ones(self, read: Read) -> None:
        contents = [b"a" * 500_000, b"b", b"c" * 200_000, b""]
        mail = forward()
        for number, content in enumerate(contents):
            with_file(mail, f"{number}.pdf", content)

        assert contents == octets(await read(mail))

    async def test_only_pictures_that_the_html_shows_are_no_documents(self, read: Read) -> None:
        shown = b"Content-Type: image/png\r\nContent-ID: <logo@x>\r\n\r\npicture"
        other = b"Content-Type: image/png\r\nContent-ID: <photo@x>\r\n\r\npicture"
        inline = (
            b'Content-Type: application/pdf; name="cv.pdf"\r\n'
            b"Content-Disposition: inline; filename=cv.pdf\r\nContent-ID: <logo@x>\r\n\r\nx"
        )

        reading = await read(multipart(HTML, shown, other, inline, kind=b"related"))

        assert ["image/png", "application/pdf"] == [o.content_type for o in reading.attachments]

    @pytest.mark.parametrize("size", [61_000, 80_000, 100_000, 130_000, 200_000, 1_000_000])
    async def test_a_photo_within_the_text_is_a_document(self, read: Read, size: int) -> None:
        photo = file_part(b"IMG_1234.jpg", b"\xff\xd8" + bytes(size), b"image/jpeg")
        inline = photo.replace(b"attachment;", b"inline;")

        assert ["IMG_1234.jpg"] == names(await read(multipart(TEXT, inline)))

    @pytest.mark.parametrize(
        ("name", "height", "is_document"),
        [
            (b"logo.png", 90, False),
            (b"image001.png", 90, False),
            (b"logo.png", 900, True),
            (b"scan.png", 90, True),
            (b"scan.png", 16, False),
            (b"zeugnis.png", 16, True),
        ],
    )
    async def test_a_logo_is_none_where_sylpheed_attaches_it(
        self, read: Read, name: bytes, height: int, is_document: bool
    ) -> None:
        start = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
        picture = start + (300).to_bytes(4, "big") + height.to_bytes(4, "big") + bytes(50)

        reading = await read(multipart(TEXT, file_part(name, picture, b"image/png")))

        assert ([name.decode()] if is_document else []) == names(reading)

    @pytest.mark.parametrize("kind", [b"png", b"gif", b"jpeg"])
    @pytest.mark.parametrize(
        ("disposition", "name", "height", "is_document"),
        [
            (b"attachment", b"bild", 90, False),
            (b"attachment", b"bild", 900, True),
            (b"attachment", b"foto", 90, True),
            (b"inline", b"bild", 900, False),
            (b"", b"bild", 90, False),
            (b"", b"bild", 900, True),
        ],
    )
    async def test_a_picture_with_an_id_that_no_html_shows_is_none_where_it_is_small(
        self,
        read: Read,
        kind: bytes,
        disposition: bytes,
        name: bytes,
        height: int,
        is_document: bool,
    ) -> None:
        high, low = height.to_bytes(2, "big")
        start = {
            b"png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0%c%c",
            b"gif": b"GIF89a\0\1%c%c",
            b"jpeg": b"\xff\xd8\xff\xe0\0\x04\0\0\xff\xc0\0\x11\x08%c%c\1\0\3",
        }[kind] % ((low, high) if kind == b"gif" else (high, low))
        head = b"Content-Type: image/%s; name=%s\r\n" % (kind, name)
        head += b"Content-Disposition: %s\r\n" % disposition if disposition else b""
        encoding = b"Content-Transfer-Encoding: base64\r\nContent-ID: <a@x>\r\n\r\n"
        picture = head + encoding + base64.b64encode(start + bytes(500))

        reading = await read(multipart(HTML, picture))

        assert ([name.decode()] if is_document else []) == names(reading)

    async def test_text_without_a_name_is_read_not_filed(self, read: Read) -> None:
        invitation = b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR"
        named = b'Content-Type: text/plain; name="notes.txt"\r\n\r\nnotes'

        assert ["notes.txt"] == names(await read(multipart(TEXT, invitation, named)))

    async def test_a_mail_attached_in_base64_is_opened(self, read: Read) -> None:
        inner = with_file(original(), content=b"x" * 300_000).as_bytes()
        part = file_part(b'"reply.eml"', inner, b"application/octet-stream")

        reading = await read(multipart(TEXT, part))

        assert reading.original is not None
        assert "ann@example.org" == reading.original.sender
        assert [b"x" * 300_000] == octets(reading)

    @pytest.mark.parametrize("said", [b"base64", b"quoted-printable", b"8bit", b""])
    @pytest.mark.parametrize("encoding", ["base64", "quoted-printable", ""])
    async def test_a_mail_that_is_attached_encoded_is_read_like_any_other(
        self, read: Read, encoding: str, said: bytes
    ) -> None:
        """RFC 2046, 5.2.1 forbids to encode it; programs do, or only say so."""
        inner = original(said=f"Preis: 1+1=2, Grüße. {'lang ' * 40}")
        del inner["Subject"]
        inner["Subject"] = f"AW: {'Stelle als Sachbearbeiterin, ' * 4}Köln"
        source = with_file(inner, content=bytes(range(256)) * 900).as_bytes()
        plain = await read(multipart(TEXT, MAIL + source))
        encode: dict[str, Callable[[bytes], bytes]] = {
            "base64": base64.encodebytes,
            "quoted-printable": quopri.encodestring,
            "": bytes,
        }
        field = b"Content-Transfer-Encoding: " + said + b"\r\n" if said else b""

        reading = await read(
            multipart(TEXT, MAIL[:-2] + field + b"\r\n" + encode[encoding](source))
        )

        assert (plain.original, plain.attachments) == (reading.original, reading.attachments)
        assert ["Lebenslauf.pdf"] == names(reading)

    async def test_a_mail_is_read_in_quoted_printable_whatever_stands_above_it(
        self, read: Read
    ) -> None:
        source = b">From - Wed Mar  4 10:11:12 2026\r\n" + with_file(original()).as_bytes()
        encoded = quopri.encodestring(source.replace(b"\r\n", b"\n"))
        head = MAIL[:-2] + b"Content-Transfer-Encoding: Quoted-Printable \r\n\r\n"

        reading = await read(multipart(TEXT, head + encoded))

        assert reading.original is not None
        assert ("ann@example.org", "Ann Müller") == (
            reading.original.sender,
            reading.original.sender_name,
        )
        assert ["Lebenslauf.pdf"] == names(reading)

    async def test_a_large_mail_attached_in_quoted_printable_has_room(self, read: Read) -> None:
        """Its reader has 64 MB, and decodes it piece by piece."""
        content = bytes(range(256)) * 100_000
        encoded = quopri.encodestring(with_file(original(), content=content).as_bytes())
        head = MAIL[:-2] + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"

        reading = await read(multipart(TEXT, head + encoded))

        assert [len(content)] == [file.size for file in reading.attachments]

    @pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            (b"4711.emlx", b"application/octet-stream"),
            (b"4711.EMLX", b"message/rfc822"),
            (b"Ann.mbox", b"application/octet-stream"),
            (b"mbox", b"text/plain"),
            (b"Ann", b"application/mbox"),
            (b"Ann.eml", b"application/octet-stream"),
        ],
    )
    async def test_a_mail_attached_as_a_file_of_a_mail_program_is_read_like_any_other(
        self, read: Read, name: bytes, kind: bytes, line_end: bytes
    ) -> None:
        source = with_file(original()).as_bytes().replace(b"\r\n", b"\n")
        plain = await read(multipart(TEXT, MAIL + source))
        if name.lower().endswith(b".emlx"):
            kept = b"%-10d\n" % len(source) + source + PLIST
        else:
            kept = b"From ann@example.org Wed Mar  4 10:11:12 2026\n" + source + b"\n"

        reading = await read(multipart(TEXT, file_part(name, kept.replace(b"\n", line_end), kind)))

        assert (plain.original, plain.attachments) == (reading.original, reading.attachments)

    async def test_a_mailbox_of_several_mails_stays_a_file(self, read: Read) -> None:
        """Nobody said which one is meant."""
        mail = b"From a@x.example Wed Mar  4 10:11:12 2026\n" + original().as_bytes() + b"\n"

        reading = await read(multipart(TEXT, file_part(b"Ann.mbox", mail + mail)))

        assert ["Ann.mbox"] == names(reading)
        assert reading.original is not None
        assert not reading.original.is_recovered

    async def test_a_file_that_apple_mail_left_out_is_told_and_no_document(
        self, read: Read
    ) -> None:
        source = with_file(original()).as_bytes().replace(b"\r\n", b"\n")
        field = b"Content-Transfer-Encoding: base64\n"
        source = source.replace(field, field + b"X-Apple-Content-Length: 38\n")
        source = source.replace(base64.encodebytes(PDF), b"")
        kept = b"%-10d\n" % len(source) + source + PLIST

        reading = await read(multipart(TEXT, file_part(b"4711.partial.emlx", kept)))

        assert [] == names(reading)
        assert reading.original is not None
        assert ("ann@example.org", True) == (reading.original.sender, reading.original.is_cut)

    async def test_a_mail_of_an_own_form_that_is_not_filed_is_a_file_as_it_travels(
        self, read: Read
    ) -> None:
        second = original(said="another").as_bytes()
        kept = b"%-10d\n" % len(second) + second + PLIST

        reading = await read(
            multipart(TEXT, MAIL + original().as_bytes(), file_part(b"2.emlx", kept))
        )

        assert ["AW: Ihre Bewerbung.eml"] == names(reading)
        assert octets(reading)[0].startswith(b"From: Ann")
        assert b"plist" not in octets(reading)[0]

    async def test_the_files_of_both_mails_are_filed(self, read: Read) -> None:
        mail = with_file(as_attachment(with_file(original(), "a.pdf")), "b.pdf")

        assert {"a.pdf", "b.pdf"} == set(names(await read(mail)))

    async def test_a_second_attached_mail_is_a_file(self, read: Read) -> None:
        second = original(said="another")
        mail = as_attachment(original())
        mail.add_attachment(second)

        reading = await read(mail)

        assert ["AW: Ihre Bewerbung.eml"] == names(reading)
        assert b"another" in octets(reading)[0]

    async def test_I12_a_winmail_dat_that_is_none_stays_as_it_is(self, read: Read) -> None:
        part = file_part(b"winmail.dat", b"no TNEF", b"application/ms-tnef")

        reading = await read(multipart(TEXT, part))

        assert (["winmail.dat"], [b"no TNEF"]) == (names(reading), octets(reading))

    async def test_I12_a_winmail_dat_is_opened(self, read: Read) -> None:
        part = file_part(b"winmail.dat", tnef(b"cv.pdf", PDF), b"application/ms-tnef")

        reading = await read(multipart(TEXT, part))

        assert (["cv.pdf"], [PDF]) == (names(reading), octets(reading))

    async def test_I13_archives_and_active_content_are_kept_unopened(self, read: Read) -> None:
        zipped = base64.b64decode(b"UEsDBBQAAAAI")
        parts = (
            file_part(b"a.zip", zipped, b"application/zip"),
            file_part(b"x.svg", b"<svg onload=x>", b"image/svg+xml"),
        )

        assert [zipped, b"<svg onload=x>"] == octets(await read(multipart(TEXT, *parts)))

    async def test_I14_signed_and_encrypted_mail_is_kept_unopened(self, read: Read) -> None:
        sealed = (
            HEAD + b'Content-Type: application/pkcs7-mime; name="smime.p7m"\r\n'
            b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(b"sealed")
        )

        reading = await read(sealed)

        assert "4711" == reading.header.reference
        assert (["smime.p7m"], [b"sealed"]) == (names(reading), octets(reading))

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            (b'"=?utf-8?q?M=C3=BCller=2Epdf?="', "Müller.pdf"),
            (b'"M\xc3\xbcller.pdf"', "Müller.pdf"),
            (b'"M\xfcller.pdf"', "Müller.pdf"),
            (b"; filename*=UTF-8''M%C3%BCller.pdf", "Müller.pdf"),
            (b"; filename*0=Mue; filename*1=ller.pdf", "Mueller.pdf"),
            (b"", ""),
        ],
    )
    async def test_I10_names_are_decoded_however_they_are_written(
        self, read: Read, written: bytes, expected: str
    ) -> None:
        part = file_part(written).replace(b"filename=;", b"")

        assert [expected] == names(await read(multipart(TEXT, part)))


class TestText:
    @pytest.mark.parametrize(
        ("charset", "encoding"),
        [
            ("iso-2022-jp", "iso-2022-jp"),
            ("shift_jis", "shift_jis"),
            ("gb2312", "gb18030"),
            ("ks_c_5601-1987", "cp949"),
            ("windows-1252", "cp1252"),
            ("utf-8", "utf-8"),
            ("x-unknown", "utf-8"),
        ],
    )
    async def test_I9_charsets_are_read_by_what_they_mean(
        self, read: Read, charset: str, encoding: str
    ) -> None:
        text = {"cp1252": "Grüße", "gb18030": "你好瑧", "cp949": "안녕", "utf-8": "Grüße 你好"}.get(
            encoding, "こんにちは"
        )
        head = HEAD + f"Content-Type: text/plain; charset={charset}\r\n\r\n".encode()

        reading = await read(head + text.encode(encoding))

        assert reading.original is not None
        assert text == reading.original.text

    @pytest.mark.parametrize(
        "head",
        [
            b"Subject: 4711 caf\xe9\r\n",
            b"Subject: 4711 caf\xc3\xa9\r\n",
            b"Subject: 4711 =?iso-8859-1?q?caf=E9?=\r\n",
            b"Subject: =?utf-8?q?4711?= =?utf-8?q?_caf=C3=A9?=\r\n",
        ],
    )
    async def test_I9_raw_subjects_are_read_too(self, read: Read, head: bytes) -> None:
        reading = await read(b"From: eva@office.example\r\n" + head + b"\r\nHallo")

        assert ("4711", "café") == (reading.header.reference, reading.header.bare_subject)

    async def test_I9_nul_and_lone_surrogates_become_replacement_characters(
        self, read: Read
    ) -> None:
        head = b"From: eva@office.example\r\nSubject: 4711 a\0b =?utf-8?q?=ED=A0=80?=\r\n"

        reading = await read(head + b"\r\nHal\0lo")

        assert reading.original is not None
        assert "Hal\ufffdlo" == reading.original.text
        assert reading.header.subject.isprintable()

    async def test_html_is_made_safe(self, read: Read) -> None:
        page = b'Content-Type: text/html\r\n\r\n<p onclick="x()">Hallo<script>x()</script></p>'

        reading = await read(multipart(page))

        assert reading.original is not None
        assert "<p>Hallo</p>" == reading.original.html.strip()

    async def test_a_long_text_in_base64_is_read_whole(self, read: Read) -> None:
        text = b"Zeile\n" * 30_000
        body = b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(text)

        reading = await read(HEAD + body)

        assert reading.original is not None
        assert text.decode().strip() == reading.original.text


BROKEN = {
    "no boundary": HEAD + b"Content-Type: multipart/mixed\r\n\r\nHallo",
    "boundary that never comes": HEAD + b"Content-Type: multipart/mixed; boundary=x\r\n\r\nHallo",
    "boundary twice": multipart(multipart(TEXT)),
    "boundary with a blank": HEAD + b'Content-Type: multipart/mixed; boundary="b "\r\n\r\n--b \r\n',
    "overlong boundary": HEAD + b"Content-Type: multipart/mixed; boundary=" + b"b" * 9000 + b"\r\n",
    "header without colon": HEAD + b"nonsense\r\n\r\nHallo",
    "bad base64": HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n!!!=A=",
    "bad quoted-printable": HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n=ZZ=",
    "unknown encoding": HEAD + b"Content-Transfer-Encoding: rot13\r\n\r\nHallo",
    "uuencode": HEAD + b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\r\n#86)C\r\nend",
    "partial": HEAD + b"Content-Type: message/partial; id=x; number=1; total=2\r\n\r\nHallo",
    "truncated": with_file(forward()).as_bytes()[:-40],
    "empty multipart": HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--",
    "empty": b"",
    "header only": HEAD,
    "no header": b"\r\nHallo",
    "utf-7": HEAD + b"Content-Type: text/plain; charset=utf-7\r\n\r\n+ADw-script+AD4-",
    "bare CR": HEAD.replace(b"\r\n", b"\r") + b"\rHallo",
}


@pytest.mark.parametrize("name", BROKEN)
async def test_I8_malformed_mail_is_read_as_far_as_it_goes(read: Read, name: str) -> None:
    reading = await read(BROKEN[name])

    assert reading.original is not None


def nested(depth: int) -> bytes:
    head = b"Content-Type: message/rfc822\r\n\r\n"
    return b"From: eva@office.example\r\nSubject: 4711 x\r\n" + head * depth + b"Hallo"


HOSTILE = {
    "nested mails": nested(100),
    "deeply nested mails": nested(3000),
    "nested multiparts": HEAD + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
        for n in range(3000)
    ),
    "20,000 parts": multipart(*[b"\r\nx"] * 20_000),
    "10,000 attachments": multipart(*[file_part(b"x", b"")] * 10_000),
    "20,000 encoded words": b"From: eva@office.example\r\nSubject: 4711 "
    + b"=?utf-8?q?x?= " * 20_000 + b"\r\n\r\nHallo",
    "20,000 recipients": HEAD + b"To: " + b"x@example.org, " * 20_000 + b"\r\n\r\nHallo",
    "5,000 parentheses": b"From: " + b"(" * 5000 + b"\r\nSubject: 4711 x\r\n\r\nHallo",
    "100,000 fields": HEAD + b"X: y\r\n" * 100_000 + b"\r\nHallo",
    "nothing but line ends": HEAD + b"\r\n" * 4_000_000,
    "a line of 7 MB": HEAD + b"\r\n" + b"x " * 3_500_000,
    "text of 20 MB": HEAD + b"\r\n" + b"Hallo, wie geht es?\r\n" * 1_000_000,
    "html without end": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<div><b>" * 400_000,
    "quotes without end": HEAD + b"\r\n" + b"> " * 200_000 + b"\r\n" * 1000,
    "base64 without end": HEAD + b"\r\n" + (b"QUJD" * 19 + b"\r\n") * 300_000,
    "a subject of digits": b"From: eva@office.example\r\nSubject: " + b"4" * 200_000 + b"\r\n\r\nx",
    "a mailbox that may have many mails": multipart(
        file_part(b"x.mbox", (b"\n\nFrom " + b"1:1x" * 90 + b"\nA:") * 50_000)
    ),
    "a mail in quoted-printable of nothing but escapes": multipart(
        MAIL[:-2] + b"Content-Transfer-Encoding: quoted-printable\r\n\r\nFrom: a\r\n"
        + (b"=3D" * 25 + b"=\r\n") * 90_000
    ),
    "a parameter in 5,000 pieces": HEAD + b"Content-Type: text/plain; "
    + b"; ".join(b"name*%d=x" % n for n in range(5000)) + b"\r\n\r\nHallo",
}  # fmt: skip


@pytest.mark.parametrize(
    ("started_in", "times"), [(0.1, 1.0), (0.25, 1.0), (0.375, 1.5), (0.5, 2.0), (9.0, 2.0)]
)
def test_a_slow_machine_gives_a_mail_twice_as_long_at_most(started_in: float, times: float) -> None:
    assert times == room_of(started_in)


@pytest.mark.no_cover  # being traced costs time of its own
@pytest.mark.parametrize("name", HOSTILE)
async def test_I7_I8_a_hostile_mail_costs_less_than_a_second_and_64_mb(
    tmp_path: Path, name: str
) -> None:
    readers = Readers()
    file = tmp_path / "mail"
    file.write_bytes(HOSTILE[name])
    task = ReadingTask(
        file=str(file), folder=str(tmp_path), reference=r"(?P<reference>x)", zone="UTC"
    )
    await readers.start()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)

    slow, began = slowness(), time.process_time()
    with contextlib.suppress(UnreadableMail):
        await readers.read(task)
    own = time.process_time() - began
    await readers.close()

    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    slow = max(slow, slowness())
    assert own < 0.2 * slow
    # What the process took to start is in it too.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2.0 * slow


@pytest.mark.no_cover  # being traced costs time of its own
async def test_I7_even_a_mail_that_is_given_up_twice_costs_less_than_a_second(
    tmp_path: Path,
) -> None:
    readers = Readers()
    file = tmp_path / "mail"
    file.write_bytes(forward(subject="4" * 40 + "x").as_bytes())
    task = ReadingTask(
        file=str(file), folder=str(tmp_path), reference=r"(?P<reference>(4+)+)y", zone=""
    )
    slow, before = slowness(), resource.getrusage(resource.RUSAGE_CHILDREN)

    with pytest.raises(UnreadableMail):
        await readers.read(task)
    assert await readers.read_header(task) is None
    await readers.close()

    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Both starts of the process are in it.
    slow = max(slow, slowness())
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.5 * slow


async def test_P14_a_mail_that_takes_too_long_does_not_keep_the_next_from_being_read(
    read: Read,
) -> None:
    with pytest.raises(UnreadableMail):
        await read(forward(subject="4" * 30 + "x"), reference=r"(?P<reference>(4+)+)y")

    assert "4711" == (await read(forward())).header.reference


def tnef(name: bytes, content: bytes) -> bytes:
    """Write the smallest winmail.dat with one file in it (MS-OXTNEF)."""
    attributes = (
        (1, 0x00089006, b"\x00\x00\x01\x00"),
        (2, 0x00069002, b"\x01\x00" + b"\xff\xff\xff\xff" + b"\0" * 8),
        (2, 0x00018010, name + b"\0"),
        (2, 0x0006800F, content),
    )
    written = b"\x78\x9f\x3e\x22" + b"\x01\x00"
    for level, number, value in attributes:
        written += bytes([level]) + number.to_bytes(4, "little")
        written += len(value).to_bytes(4, "little") + value
        written += (sum(value) & 0xFFFF).to_bytes(2, "little")
    return written


@pytest.mark.parametrize(("after", "reference"), [("A0", "4711"), ("09", "4711"), ("2003", None)])
async def test_I17_only_some_blanks_end_a_reference(
    read: Read, after: str, reference: str | None
) -> None:
    mail = forward(subject=f"4711{chr(int(after, 16))}x")

    assert reference == (await read(mail)).header.reference


async def test_lines_end_in_one_way_however_a_mail_was_forwarded(read: Read) -> None:
    attached = (await read(as_attachment(original(said="Eins\nzwei")))).original
    inline = (await read(forward(said="Eins\nzwei"))).original

    assert attached is not None
    assert inline is not None
    assert attached.text == "Guten Tag,\n\nEins\nzwei"
    assert "\r" not in inline.text + inline.staff_text
