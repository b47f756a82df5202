"""Which tries to send are one mail, and which are two."""

import random
from collections.abc import Callable
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import formatdate, make_msgid

import pytest

from gateway.core.mail.content_hash import WHOLLY_HASHED, ContentHash

BIG = 3 * WHOLLY_HASHED


def hashed(content: bytes) -> str:
    body = ContentHash()
    body.feed(content)
    return body.text()


def in_pieces(content: bytes, sizes: Callable[[], int]) -> str:
    """Hash content that comes as `Splitter` cuts it: never between CR and LF."""
    body = ContentHash()
    while content:
        size = sizes()
        size += content[size - 1 : size + 1] == b"\r\n"
        body.feed(content[:size])
        content = content[size:]
    return body.text()


def mail(*fields: str, body: str = "Dag!\r\n") -> bytes:
    head = ("From: ann@crm.example", "Subject: Vacature", *fields)
    return "".join(f"{line}\r\n" for line in head).encode() + b"\r\n" + body.encode()


def multipart(
    outer: str = "b1",
    inner: str = "b2",
    *,
    text: str = "Dag!",
    html: str = "<p>Dag!</p>",
    attachment: bytes = b"JVBERi0xLjQ=",
    fields: tuple[str, ...] = (
        "Message-ID: <1@crm.example>",
        "Date: Sat, 28 Nov 2026 10:00:00 +0100",
    ),
    written: str = 'boundary="{}"',
) -> bytes:
    """Return a mail of two texts and a file, as most libraries write it."""
    top = f"Content-Type: multipart/mixed;\r\n {written.format(outer)}"
    lines = [
        f"--{outer}",
        f"Content-Type: multipart/alternative; {written.format(inner)}",
        "",
        f"--{inner}",
        "Content-Type: text/plain; charset=utf-8",
        "",
        text,
        f"--{inner}",
        "Content-Type: text/html; charset=utf-8",
        "",
        html,
        f"--{inner}--",
        f"--{outer}",
        'Content-Type: application/pdf; name="cv.pdf"',
        "Content-Transfer-Encoding: base64",
        "",
        attachment.decode(),
        f"--{outer}--",
    ]
    return mail(*fields, top, body="".join(f"{line}\r\n" for line in lines))


FIRST = multipart()
NEW_ID = ("Message-ID: <2@crm.example>", "Date: Sat, 28 Nov 2026 10:00:07 +0100")

#: How a library's boundaries look, in two tries (versions as in docs/flow.md).
BOUNDARIES = {
    "phpmailer": ("b1_=kKz9Q", "b2_=kKz9Q", "b1_=0aXy1", "b2_=0aXy1"),
    "symfony": ("Zk1_aB9x", "Qq0_cD8y", "Tt7_eF7z", "Uu6_gH6w"),
    "swift": ("_=_swift_1_a_=_", "_=_swift_1_b_=_", "_=_swift_2_c_=_", "_=_swift_2_d_=_"),
    "python": (
        "===============11==",
        "===============12==",
        "===============21==",
        "===============22==",
    ),
    "nodemailer": ("--_NmP-11-Part_1", "--_NmP-11-Part_2", "--_NmP-22-Part_1", "--_NmP-22-Part_2"),
    "javamail": ("----=_Part_0_1.1", "----=_Part_1_2.1", "----=_Part_2_3.2", "----=_Part_3_4.2"),
    "ruby": ("--==_mimepart_11", "--==_mimepart_12", "--==_mimepart_21", "--==_mimepart_22"),
    "dotnet": ("--boundary_0_11", "--boundary_1_12", "--boundary_0_21", "--boundary_1_22"),
    "one a beginning of the other": ("b", "b-2", "c-2", "c"),
}


@pytest.mark.parametrize("library", BOUNDARIES)
def test_new_id_date_and_boundaries_make_no_other_mail(library: str) -> None:
    outer, inner, outer_again, inner_again = BOUNDARIES[library]

    assert hashed(multipart(outer, inner)) == hashed(
        multipart(outer_again, inner_again, fields=NEW_ID)
    )


SAME = {
    "a new Message-ID": mail("Message-ID: <2@x>"),
    "a Message-ID at one time only": mail(),
    "a new Date": mail("Message-ID: <1@x>", "Date: Sat, 28 Nov 2026 10:00:07 +0100"),
    "a folded Message-ID": mail("Message-ID:\r\n <3@x>"),
    "fields in other case": mail("MESSAGE-ID: <3@x>", "date: today"),
    "a hop before": mail("Received: from crm by mta;\r\n\tSat, 28 Nov 2026 10:00:07 +0100"),
    "a signature that tells the time": mail("DKIM-Signature: v=1; t=1; b=abc\r\n\tdef"),
}


@pytest.mark.parametrize("name", SAME)
def test_what_a_try_changes_makes_no_other_mail(name: str) -> None:
    assert hashed(mail("Message-ID: <1@x>")) == hashed(SAME[name])


OTHER = {
    "a word": multipart(text="Doei!"),
    "a word of the HTML": multipart(html="<p>Doei!</p>"),
    "a blank": multipart(text="Dag! "),
    "an empty line": multipart(text="Dag!\r\n"),
    "an octet of the file": multipart(attachment=b"JVBERi0xLjU="),
    "a line that begins like a boundary": multipart(text="Dag!\r\n--b3"),
    "a signature of two dashes": multipart(text="Dag!\r\n-- \r\nAnn"),
    "another field": multipart(fields=("X-Ref: 2",)),
    "another subject": FIRST.replace(b"Vacature", b"Vacatures"),
    "another name": FIRST.replace(b"From: ann", b"From: Ann <ann"),
    "another charset": FIRST.replace(b"plain; charset=utf-8", b"plain; charset=latin1"),
    "another type of multipart": FIRST.replace(b"multipart/alternative", b"multipart/related"),
    "the parts exchanged": multipart(text="<p>Dag!</p>", html="Dag!"),
    "a closed part": FIRST.replace(b"--b2--\r\n", b""),
    "a text outside all parts": FIRST + b"Dag!\r\n",
    "the other boundary closed": FIRST.replace(b"--b2--", b"--b1--"),
    "a date in the text": multipart(text="Date: Sat, 28 Nov 2026 10:00:07 +0100"),
}


@pytest.mark.parametrize("name", OTHER)
def test_anything_else_makes_another_mail(name: str) -> None:
    assert hashed(FIRST) != hashed(OTHER[name])


TEXTS_WITH_DASHES: dict[str, Callable[[str], bytes]] = {
    "in no multipart": lambda line: mail(body=f"Dag!\r\n--{line}\r\n"),
    "as the first line": lambda line: mail(body=f"--{line}\r\n"),
    "in a multipart": lambda line: multipart(text=f"Dag!\r\n--{line}"),
    "where the boundary goes on": lambda line: multipart(text=f"Dag!\r\n--b1{line}"),
    "behind a boundary and a blank": lambda line: multipart(text=f"Dag!\r\n--b1 {line}"),
}


@pytest.mark.parametrize("name", TEXTS_WITH_DASHES)
def test_a_text_line_that_begins_with_dashes_counts(name: str) -> None:
    write = TEXTS_WITH_DASHES[name]

    assert hashed(write("one")) != hashed(write("two"))


@pytest.mark.parametrize(
    "written",
    ['boundary="{}"', "boundary={}", 'BOUNDARY="{}"', 'charset=utf-8;\r\n\tboundary = "{}"; x=y'],
)
def test_a_boundary_is_found_however_it_is_written(written: str) -> None:
    again = multipart("c1", "c2", written=written, fields=NEW_ID)

    assert hashed(multipart(written=written)) == hashed(again)


UNSURE = {
    "two boundaries": 'boundary="{}"; boundary="{}x"',
    "one in pieces (RFC 2231)": 'boundary*0="{}"',
    "one in a name": 'name="a; boundary=x"; boundary="{}"',
}


@pytest.mark.parametrize("name", UNSURE)
def test_what_is_not_surely_a_boundary_counts_as_it_is(name: str) -> None:
    written = UNSURE[name].replace("{}x", "{0}x").replace('="{}"', '="{0}"')

    assert hashed(multipart(written=written)) != hashed(multipart("c1", "c2", written=written))


def test_a_boundary_of_what_is_no_multipart_counts() -> None:
    first, second = (mail(f"Content-Type: text/plain; boundary={one}") for one in ("a", "b"))

    assert hashed(first) != hashed(second)


def test_exchanged_boundaries_are_no_renaming() -> None:
    """One boundary for both is another structure than two."""
    assert hashed(multipart("b1", "b2")) != hashed(multipart("b1", "b1"))


LARGE = multipart(attachment=b"QUJD" * (BIG // 4) + b"RA==")


@pytest.mark.parametrize("place", [0, WHOLLY_HASHED, BIG - 1])
def test_one_octet_of_a_large_file_counts(place: int) -> None:
    start = LARGE.index(b"QUJD") + place
    other = LARGE[:start] + b"x" + LARGE[start + 1 :]

    assert len(LARGE) > WHOLLY_HASHED
    assert hashed(LARGE) != hashed(other)


@pytest.mark.parametrize("more", [b"QUJD", b"\r\n"])
def test_the_length_of_a_large_file_counts(more: bytes) -> None:
    assert hashed(LARGE) != hashed(multipart(attachment=b"QUJD" * (BIG // 4) + more + b"RA=="))


def test_large_mail_in_another_try_is_the_same() -> None:
    again = multipart("c1", "c2-longer", attachment=b"QUJD" * (BIG // 4) + b"RA==", fields=NEW_ID)

    assert hashed(LARGE) == hashed(again)


@pytest.mark.parametrize("content", [FIRST, OTHER["a line that begins like a boundary"], mail()])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_it_does_not_matter_how_the_content_is_cut(content: bytes, size: int) -> None:
    assert hashed(content) == in_pieces(content, lambda: size)


def test_nor_where_large_content_is_cut() -> None:
    cuts = random.Random(9)
    long_line, long_part = (
        b"--b1" + b" " * 2_000 + b"\r\n",
        b"--b1\r\nX: " + b"y" * 40_000 + b"\r\n\r\n",
    )
    content = LARGE + b"--b" * 30_000 + b"\r\n" + long_line + long_part + b"\r\n--b1 \r\n\r\n" * 500

    assert hashed(content) == in_pieces(content, lambda: cuts.choice((1, 5, 900, 40_000)))


def by_email_message() -> bytes:
    """As Django 6 and most programs of today write a mail."""
    one = EmailMessage()
    one["Subject"], one["From"], one["To"] = "Vacature", "ann@crm.example", "bob@example.org"
    one["Date"], one["Message-ID"] = formatdate(random.random() * 1e9), make_msgid()
    one.set_content("Dag!\n")
    one.add_alternative("<p>Dag!</p>\n", subtype="html")
    one.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="cv.pdf")
    return one.as_bytes().replace(b"\n", b"\r\n")


def by_mime_multipart() -> bytes:
    """As Django 5 and Flask-Mail do."""
    one = MIMEMultipart("alternative")
    one["Subject"], one["Date"], one["Message-ID"] = "Vacature", formatdate(), make_msgid()
    one.attach(MIMEText("Dag!"))
    one.attach(MIMEText("<p>Dag!</p>", "html"))
    return one.as_bytes().replace(b"\n", b"\r\n")


@pytest.mark.parametrize("build", [by_email_message, by_mime_multipart])
def test_python_s_own_mail_is_the_same_in_each_try(build: Callable[[], bytes]) -> None:
    first, again = build(), build()

    assert first != again
    assert hashed(first) == hashed(again)
    assert hashed(first) != hashed(again.replace(b"Dag!", b"Doei!"))
