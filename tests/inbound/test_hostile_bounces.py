"""Bounces made to cost time or to break the reading."""

import random
from email import message_from_bytes
from pathlib import Path

import pytest

from gateway.inbound.reading.bounces.reports import ReportSet, read_reports
from tests.rig.cost import cost_of

CORPUS = Path(__file__).parents[1] / "corpus" / "kinds"
HEADER = b"From: MAILER-DAEMON@mx.example\r\nTo: x@y.example\r\nSubject: Undelivered Mail\r\n"
REPORT = (
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\n"
)
GROUPS = b"".join(
    b"Final-Recipient: rfc822; a%d@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    b"Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n" % number
    for number in range(30_000)
)

COMPLAINT = REPORT.replace(b"delivery-status", b"feedback-report") + b"Feedback-Type: abuse\r\n"
RECIPIENTS = b"".join(b"Original-Rcpt-To: <a%d@b.example>\r\n" % n for n in range(100_000))
SES = b'{"notificationType": "Bounce", "bounce": {"bouncedRecipients": ['
LONG = 5_000_000
COSTLY = {
    "recipients in a report": REPORT + GROUPS + b"--b--\r\n",
    "recipients in a text": b"\r\n" + GROUPS,
    "addresses": b"\r\n" + b"<a@b.example>: 550 no such user\r\n" * 100_000,
    "addresses on one line": b"\r\n" + b"<a@b.example> " * 100_000,
    "words": b"\r\n" + b"user unknown 550 5.1.1 " * (LONG // 23),
    "lines": b"\r\n" + b"user unknown 550 5.1.1\r\n" * (LONG // 24),
    "blanks": b"\r\n" + b" " * LONG,
    "tabs": b"\r\n" + (b"\t" * 500 + b"\r\n") * 1_000,
    "empty lines": b"\r\n" + b"\r\n" * (LONG // 2),
    "lines of a blank": b"\r\n" + b" \r\n" * (LONG // 3),
    "fields of a report": b"\r\n" + b"final-recipient: x\r\n" * (LONG // 20),
    "open brackets": b"\r\n" + b"message-id: <" * (LONG // 13),
    "JSON without end": b"\r\n" + b'{"notificationType": ' + b'{"a":' * (LONG // 5),
    "JSON with many recipients": b"\r\n" + SES + b'{"emailAddress":"a@b.example"},' * 100_000,
    "a long diagnostic": REPORT
    + b"Final-Recipient: rfc822; a@b.example\r\nDiagnostic-Code: "
    + b"x " * (LONG // 2),
    "recipients in one block": REPORT + GROUPS.replace(b"\r\n\r\n", b"\r\n") + b"\r\n--b--\r\n",
    "an address of signs": COMPLAINT + b"Original-Rcpt-To: <" + b"@" * LONG + b"\r\n\r\n--b--\r\n",
    "brackets": COMPLAINT + b"Original-Rcpt-To: " + b"<a@b> " * (LONG // 6) + b"\r\n\r\n--b--\r\n",
    "recipients of a complaint": COMPLAINT + RECIPIENTS + b"\r\n--b--\r\n",
    "identifiers of Amazon's": b"\r\n" + b'"messageId": "<' * (LONG // 15),
    "a transcript": b"\r\nTranscript of session\r\n" + b"550 <a@b.example>... no\r\n" * 100_000,
    "one word": b"\r\n550 " + b"ip=" * (LONG // 3),
    "pages": b"Content-Type: text/html\r\n\r\n" + b"<div>" * (LONG // 5),
}


@pytest.mark.parametrize("name", COSTLY)
@pytest.mark.no_cover  # being traced costs time of its own
def test_what_is_made_to_cost_time_takes_little(name: str) -> None:
    mail = message_from_bytes(HEADER + COSTLY[name])

    reports: list[ReportSet] = []
    took = cost_of(lambda: reports.append(read_reports(mail, is_bounce=True)))

    assert took < 1.5  # What grows with the square would take minutes.
    assert len(reports[0].bounces) <= 100


def test_bounces_in_pieces_break_nothing() -> None:
    chance = random.Random(14)
    files = [file.read_bytes() for file in sorted(CORPUS.glob("*-bounce.eml"))]
    for _ in range(200):
        octets = bytearray(chance.choice(files))
        for _ in range(chance.randrange(1, 6)):
            match chance.randrange(4):
                case 0:
                    del octets[chance.randrange(len(octets)) :]
                case 1:
                    start = chance.randrange(len(octets) or 1)
                    del octets[start : start + chance.randrange(200)]
                case 2:
                    other = chance.choice(files)
                    cut = chance.randrange(len(other))
                    octets[chance.randrange(len(octets) or 1) :] = other[cut:]
                case _:
                    octets[chance.randrange(len(octets) or 1) :][:1] = bytes(
                        [chance.randrange(256)]
                    )
            octets = octets or bytearray(b"x")
        read_reports(message_from_bytes(bytes(octets)), is_bounce=True)

    assert 4 <= len(files)


@pytest.mark.parametrize("kind", ["delivery-status", "global-delivery-status"])
@pytest.mark.parametrize("fields", ["abcde", "Final-Recipient: rfc822; a@b.example", "\xff="])
def test_what_is_no_base64_is_read_as_it_is(kind: str, fields: str) -> None:
    named = f"/{kind}\r\nContent-Transfer-Encoding: base64".encode()
    octets = HEADER + REPORT.replace(b"/delivery-status", named)
    said = b"<a@b.example>: 550 5.1.1 no such user\r\n"
    octets += fields.encode() + b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n" + said

    report = read_reports(message_from_bytes(octets), is_bounce=True)

    assert ["a@b.example"] == [bounce.recipient for bounce in report.bounces]
