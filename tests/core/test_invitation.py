"""Invitations, where the text/calendar part stands in the mail."""

import base64
import quopri
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.mail.content import dot_stuff, parted_file
from gateway.core.mail.headers import Headers
from gateway.core.mail.invitation import OPENING, invitation, opening
from tests.core.test_classify import said

BULK = "Precedence: bulk\nList-Unsubscribe: <https://crm.example/u>\n"


def calendar(method: str = "REQUEST") -> str:
    return (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"
        f"METHOD:{method}\r\nBEGIN:VEVENT\r\nUID:1@crm.example\r\nSUMMARY:Gesprek\r\n"
        "DESCRIPTION:Tot dan\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )


def part(kind: str, text: str, *, encoding: str = "7bit") -> str:
    match encoding:
        case "base64":
            text = base64.encodebytes(text.encode()).decode()
        case "quoted-printable":
            text = quopri.encodestring(text.encode()).decode()
    return f"Content-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n\n{text}"


def multipart(*parts: str, kind: str = "alternative", boundary: str = "b1") -> str:
    inner = "".join(f"--{boundary}\n{one}\n" for one in parts)
    return f'Content-Type: multipart/{kind};\n boundary="{boundary}"\n\n{inner}--{boundary}--\n'


TEXT = part("text/plain; charset=utf-8", "Wij nodigen u uit.\n")


def rule_of(content: str) -> str:
    """Return the rule for a mail that a CRM stamped as bulk."""
    header, _, body = content.partition("\n\n")
    return said(f"From: a@crm.example\n{BULK}{header}\n", body=body)[1]


@pytest.mark.parametrize("method", ["REQUEST", "REPLY", "CANCEL", "COUNTER", "ADD", "REFRESH"])
@pytest.mark.parametrize("encoding", ["7bit", "base64", "quoted-printable"])
def test_a_calendar_part_that_invites_or_answers_is_individual(method: str, encoding: str) -> None:
    kind = f"text/calendar; charset=UTF-8; method={method}"

    assert "calendar" == rule_of(multipart(TEXT, part(kind, calendar(method), encoding=encoding)))
    assert "calendar" == rule_of(
        multipart(TEXT, part("text/calendar", calendar(method), encoding=encoding), kind="mixed")
    )
    assert "calendar" == rule_of(part(kind, calendar(method), encoding=encoding))
    assert "calendar" == rule_of(part("text/calendar", calendar(method), encoding=encoding))
    assert "calendar" == rule_of(multipart(TEXT, part("Text/Calendar", calendar(method))))


@pytest.mark.parametrize("written", ["base64;", "base64 (RFC 2045)", "base64 "])
def test_an_invitation_is_decoded_whatever_stands_behind_its_encoding(written: str) -> None:
    invited = part("text/calendar", calendar(), encoding="base64")

    assert "calendar" == rule_of(multipart(TEXT, invited.replace("base64", written), kind="mixed"))


@pytest.mark.parametrize(
    "content",
    [
        multipart(TEXT, part("text/calendar; method=PUBLISH", calendar("PUBLISH"))),
        multipart(TEXT, part("text/calendar", calendar("PUBLISH")), kind="mixed"),
        multipart(TEXT, part("text/calendar", calendar().replace("METHOD:REQUEST\r\n", ""))),
        multipart(TEXT, part("text/calendar; method=REQUEST", calendar("PUBLISH"))),
        multipart(TEXT, part("text/calendar; method=PUBLISH", calendar("REQUEST"))),
        multipart(TEXT, part("text/calendar; method=REQUEST", calendar("CANCEL"))),
        multipart(TEXT, part("application/ics; name=invite.ics", calendar())),
        multipart(TEXT, part("text/plain", "Content-Type: text/calendar; method=REQUEST\n")),
        multipart(
            TEXT,
            part("message/rfc822", multipart(part("text/calendar", calendar()), boundary="b2")),
        ),
        multipart(TEXT, boundary="b1") + part("text/calendar", calendar()),
        part("text/plain", calendar()),
        part("text/calendar", calendar("PUBLISH")),
        "Content-Type: multipart/alternative; method=REQUEST; boundary=b\n\n--b\n\nDag!\n--b--\n",
        "Content-Type: multipart/mixed\n\n--b\n" + part("text/calendar", calendar()),
        "Content-Type: text/plain\n" + multipart(part("text/calendar", calendar())),
        multipart(part("text/calendar", calendar().replace("METHOD:", "X-NOTE:a\r\n METHOD:"))),
        "Content-Class: urn:content-classes:calendarmessage\n"
        + multipart(TEXT, part("text/calendar", calendar("PUBLISH"))),
        "Content-Class: urn:content-classes:message\n" + TEXT,
    ],
)
def test_what_invites_nobody_stays_bulk(content: str) -> None:
    assert "precedence" == rule_of(content)


@pytest.mark.parametrize(
    "content",
    [
        # Google: an alternative, and the same again as a file.
        multipart(
            multipart(TEXT, part("text/calendar; charset=UTF-8; method=REQUEST", calendar())),
            part("application/ics; name=invite.ics", calendar(), encoding="base64"),
            kind="mixed",
            boundary="b0",
        ),
        # Signed (RFC 1847).
        multipart(
            multipart(TEXT, part("text/calendar; method=REPLY", calendar("REPLY"))),
            part("application/pkcs7-signature", "x", encoding="base64"),
            kind="signed",
            boundary="b0",
        ),
        # Without the last delimiter, as where the content goes on for long.
        multipart(TEXT, part("text/calendar", calendar())).replace("--b1--\n", ""),
        # A boundary that begins as another does.
        multipart(
            multipart(TEXT, part("text/calendar", calendar()), boundary="b-1"),
            kind="mixed",
            boundary="b",
        ),
        multipart(TEXT, part("TEXT/CALENDAR; METHOD=request", calendar("request"))),
        multipart(TEXT, part('text/calendar; name="a; b.ics"; method="REQUEST"', calendar())),
        "Content-Class: urn:content-classes:calendarmessage\n"
        + multipart(TEXT, part("application/ms-tnef; name=winmail.dat", "eJ8+", encoding="base64")),
    ],
)
def test_real_programs_write_it_in_many_ways(content: str) -> None:
    assert rule_of(content) in ("calendar", "calendar-class")
    assert rule_of(content.replace("\r\n", "\n").replace("\n", "\r\n")) != "default"


def test_only_the_beginning_is_looked_at() -> None:
    long = part("text/html", "x" * 76 + "\n") * 1
    near = part("text/html", ("x" * 76 + "\n") * 700)
    far = part("text/html", ("x" * 76 + "\n") * 900)
    invited = part("text/calendar; method=REQUEST", calendar())

    assert ["calendar", "calendar", "precedence"] == [
        rule_of(multipart(one, invited)) for one in (long, near, far)
    ]


def test_what_pythons_email_writes_is_understood() -> None:
    message = EmailMessage()
    message["From"] = "a@crm.example"
    message.set_content("Wij nodigen u uit.")
    message.add_alternative("<p>Wij nodigen u uit.</p>", subtype="html")
    message.add_alternative(calendar(), subtype="calendar", params={"method": "REQUEST"})
    message.add_attachment(b"x" * 500, maintype="application", subtype="ics", filename="i.ics")

    assert "calendar" == rule_of(message.as_string())


@given(st.binary(max_size=300), st.binary(max_size=600))
def test_no_content_raises(kind: bytes, content: bytes) -> None:
    for header in (b"multipart/mixed; boundary=b; " + kind, b"text/calendar;" + kind):
        headers = Headers.parse(b"Content-Type: " + header)
        text = b"--b\ncontent-type: text/calendar" + kind + b"\n\n" + content + b"\n--b\n" + content
        invitation(headers, opening(text.replace(b"\n", b"\r\n")))


@given(st.lists(st.sampled_from([b"--b\n", b"--c\n", b"--b--\n", b"--c--\n", b"\n", b"METHOD:ADD\n",
                                 b"Content-Type: multipart/x; boundary=c\n",
                                 b"Content-Type: text/calendar\n"]), max_size=40))  # fmt: skip
def test_no_nesting_raises(lines: list[bytes]) -> None:
    invitation(Headers.parse(b"Content-Type: multipart/mixed; boundary=b"), b"".join(lines))


@pytest.mark.no_cover  # being traced costs time of its own
def test_deep_nesting_costs_little() -> None:
    one = b"--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n"
    nested = b"".join(one % (n, n + 1) for n in range(5_000)) + b"text/calendar"

    header = Headers.parse(b"Content-Type: multipart/mixed; boundary=b0")
    assert invitation(header, opening(nested)) is None


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r", b"\r\r\n"])
def test_the_kind_of_line_end_changes_nothing(newline: bytes) -> None:
    mail = multipart(TEXT, part("text/calendar", calendar().replace("\r\n", "\n"))).encode()

    block, rest = parted_file(mail.replace(b"\n", newline), behind=OPENING)

    assert "request" == invitation(Headers.of(block), opening(dot_stuff(rest)))
