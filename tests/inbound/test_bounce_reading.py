"""Delivery reports in each of the forms that RFC 3464 and RFC 6533 allow."""

import base64
import json
import quopri
from email import message_from_bytes
from pathlib import Path

import pytest

from gateway.inbound.reading.bounces.bounce_parts import address_in
from gateway.inbound.reading.bounces.bounces import read_bounces
from gateway.inbound.reading.bounces.reports import ReportSet, read_reports
from gateway.inbound.reading.reading import ReadingTask, read

FIELDS = """\
Reporting-MTA: dns; mx.example.org

Final-Recipient: {kind}; {first}
Original-Recipient: rfc822;ann@example.org
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 user unknown

Final-Recipient: {kind}; bob@example.org
Action: delayed
Status: 4.2.2
Diagnostic-Code: smtp; 452 4.2.2 mailbox full

Final-Recipient: {kind}; cas@example.org
Action: delivered
Status: 2.0.0
"""


def report(kind: str, fields: bytes, encoding: str = "") -> bytes:
    head = f"Content-Type: message/{kind}\r\n"
    head += f"Content-Transfer-Encoding: {encoding}\r\n" if encoding else ""
    return (
        b"From: MAILER-DAEMON@mx.example\r\nTo: crm@office.example\r\nSubject: Undelivered\r\n"
        b"Content-Type: multipart/report; report-type=" + kind.encode() + b"; boundary=b\r\n\r\n"
        b"--b\r\n" + head.encode() + b"\r\n" + fields + b"\r\n--b--\r\n"
    )


def written(kind: str = "rfc822", first: str = "ann@elsewhere.example") -> bytes:
    return FIELDS.format(kind=kind, first=first).replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    "mail",
    [
        report("delivery-status", written()),
        report("global-delivery-status", written("utf-8"), "8bit"),
        report("delivery-status", base64.encodebytes(written()), "base64"),
        report("delivery-status", quopri.encodestring(written()), "quoted-printable"),
        report("global-delivery-status", base64.encodebytes(written("utf-8")), "base64"),
    ],
    ids=["RFC 3464", "RFC 6533", "base64", "quoted-printable", "RFC 6533 in base64"],
)
def test_each_recipient_of_a_report_is_read(mail: bytes) -> None:
    told = read_bounces(message_from_bytes(mail))

    assert [
        ("bounce", "ann@elsewhere.example", "ann@example.org", "userunknown", True),
        ("delay", "bob@example.org", "", "mailboxfull", False),
        ("delivered", "cas@example.org", "", "undefined", False),
    ] == [
        (one.kind, one.recipient, one.original_recipient, one.reason, one.is_hard) for one in told
    ]


def test_a_comment_behind_an_address_is_none_of_it() -> None:
    assert "ann@example.org" == address_in("rfc822; ann@example.org (Ann Roe)")


def test_a_comment_behind_an_action_says_nothing() -> None:
    fields = written()
    for action in (b"failed", b"delayed", b"delivered"):
        assert fields.count(action + b"\r\n") == 1
        fields = fields.replace(action + b"\r\n", action + b" (to non-DSN-aware mailer)\r\n")

    told = read_bounces(message_from_bytes(report("delivery-status", fields)))

    assert [("bounce", "failed"), ("delay", "delayed"), ("delivered", "delivered")] == [
        (one.kind, one.action) for one in told
    ]


@pytest.mark.parametrize("address", ["änn@example.org", "\\x{e4}nn@example.org"])
def test_an_address_beyond_ascii_is_read_in_both_its_forms(address: str) -> None:
    mail = report("global-delivery-status", written("utf-8", address))

    assert "änn@example.org" == read_bounces(message_from_bytes(mail))[0].recipient


def test_recipients_without_an_empty_line_between_them_are_read() -> None:
    fields = written().replace(b"\r\n\r\nFinal", b"\r\nFinal")

    told = read_bounces(message_from_bytes(report("delivery-status", fields)))

    assert ["ann@elsewhere.example", "bob@example.org", "cas@example.org"] == [
        one.recipient for one in told
    ]
    assert ["userunknown", "mailboxfull", "undefined"] == [one.reason for one in told]


def test_a_reason_that_names_nobody_is_not_every_recipients() -> None:
    mail = report("delivery-status", written()).replace(
        b"\r\n\r\n--b\r\n", b"\r\n\r\n--b\r\n\r\nSome mailbox is full.\r\n--b\r\n", 1
    )

    told = read_bounces(message_from_bytes(mail))

    assert ["userunknown", "mailboxfull", "undefined"] == [one.reason for one in told]


def refused_by_script(auto_submitted: str, *, text: str = "I have left the firm.") -> bytes:
    """Return what Pigeonhole and Cyrus send for Sieve's `reject`, and mail programs for no mark."""
    return (
        "From: Postmaster <postmaster@receiver.example>\r\nTo: <crm@office.example>\r\n"
        f"Subject: Rejected: Vacancy\r\nAuto-Submitted: {auto_submitted}\r\nPrecedence: bulk\r\n"
        "Content-Type: multipart/report; report-type=disposition-notification;\r\n"
        "\tboundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        f"Your message was automatically rejected:\r\n{text}\r\n"
        "--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
        "Final-Recipient: rfc822; ann@example.org\r\nOriginal-Message-ID: <m-1@office.example>\r\n"
        "Disposition: automatic-action/MDN-sent-automatically; deleted\r\n\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\n"
        "Message-ID: <m-1@office.example>\r\nTo: ann@example.org, bob@example.org\r\n\r\n\r\n"
        "--b--\r\n"
    ).encode()


def reports_of(folder: Path, mail: bytes, envelope_sender: str | None = None) -> ReportSet:
    """Return what is read of a mail among the replies or, with a sender, at a listener."""
    file = folder / "mail.eml"
    file.write_bytes(mail)
    report = read(
        ReadingTask(
            file=str(file),
            folder=str(folder),
            reference=r"(?P<reference>\d{4})",
            zone="UTC",
            envelope_sender=envelope_sender,
            is_bounce=envelope_sender is not None,
        )
    ).report
    assert report is not None
    return report


MIMECAST = """\
This is an automatic alert. Please do not answer.

An email that you tried to send to this address could not be delivered:
-- ann@example.org

The problem seems to be :
-- The recipient's address may be wrong

More information follows :
-- 5.4.1 Recipient address rejected: Access denied. [AB1.eur.prod.outlook.example 2026-03-04]

This happened after 1 attempt.
"""


@pytest.mark.parametrize(
    ("subject", "text", "expected"),
    [
        ("[Postmaster] Email Delivery Failure", MIMECAST, [("ann@example.org", True)]),
        ("Zustellproblem", MIMECAST, [("ann@example.org", True)]),
        ("Zustellproblem", MIMECAST.replace("5.4.1 Recipient", "Recipient"), []),
        ("Zustellproblem", f"{MIMECAST}-- bob@example.org\n", []),  # a list
    ],
)
def test_a_notice_with_the_null_sender_may_have_any_subject(
    subject: str, text: str, expected: list[tuple[str, bool]]
) -> None:
    """Mimecast writes such notices, neither a report nor with the mail that came back."""
    mail = (
        "Return-Path: <>\r\nFrom: postmaster <postmaster@mx.example>\r\nTo: crm@office.example\r\n"
        f"Subject: {subject}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    ) + text.replace("\n", "\r\n")

    told = read_bounces(message_from_bytes(mail.encode()))

    assert expected == [(bounce.recipient, bounce.is_hard) for bounce in told]


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Neue Adresse", "Die Adresse ann@example.org existiert nicht mehr. Tel. 030 555 12 34"),
        ("Neue Adresse", "ann@example.org gibt es\nab\n4.7.26 nicht mehr. Bitte anrufen."),
        ("Moved", "User ann@example.org has moved, your mail went on. 251 User not local"),
        ("Received", "250 2.1.5 Ok\nann@example.org: user unknown here, kept for the catch-all"),
        ("Your account", "Account ann@example.org has been disabled. Error: 550 account disabled"),
        ("Abwesend: Ann", "Statt ann@example.org (550 5.1.1 user unknown) nimm das Formular."),
    ],
)
def test_a_null_sender_alone_makes_no_bounce(subject: str, text: str) -> None:
    """Auto-responders of servers have it, and notices of mail that arrived."""
    mail = (
        "Return-Path: <>\r\nFrom: postmaster <postmaster@mx.example>\r\nTo: crm@office.example\r\n"
        f"Subject: {subject}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    ) + text.replace("\n", "\r\n")

    assert () == read_bounces(message_from_bytes(mail.encode()))


@pytest.mark.parametrize("text", ["I have left the firm.", "550 5.1.1 user unknown"])
def test_mail_that_a_sieve_script_refused_came_back_and_says_nothing_of_the_address(
    tmp_path: Path, text: str
) -> None:
    mail = refused_by_script("auto-replied (rejected)", text=text)

    told = reports_of(tmp_path, mail)

    assert "<m-1@office.example>" == told.message_id
    assert [("bounce", "ann@example.org", "filtered", False)] == [
        (one.kind, one.recipient, one.reason, one.is_hard) for one in told.bounces
    ]
    assert told.bounces[0].diagnostic.endswith(text)


@pytest.mark.parametrize("auto_submitted", ["auto-replied", "auto-replied (read; not rejected)"])
def test_a_receipt_of_mail_deleted_unread_is_no_bounce(tmp_path: Path, auto_submitted: str) -> None:
    assert () == reports_of(tmp_path, refused_by_script(auto_submitted)).bounces


@pytest.mark.parametrize("to", ["Crm (Sales, EU) <crm@office.example>", "crm@office.example,"])
def test_where_a_bounce_came_to_is_known_whatever_commas_its_to_has(to: str) -> None:
    """Newer Pythons know nobody in any field then, unless told otherwise."""
    mail = report("delivery-status", written()).replace(
        b"To: crm@office.example", f"Delivered-To: bounces@office.example\r\nTo: {to}".encode()
    )

    told = read_reports(message_from_bytes(mail), is_bounce=True)

    assert ("bounces@office.example", "crm@office.example") == told.addressed_to


def complaint(feedback_type: str, *recipients: str) -> bytes:
    named = "".join(f"Original-Rcpt-To: <{one}>\r\n" for one in recipients)
    return (
        "From: fbl@receiver.example\r\nTo: crm@office.example\r\nSubject: report\r\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/plain\r\n\r\nAn abuse report about 550 user unknown.\r\n"
        "--b\r\nContent-Type: message/feedback-report\r\n\r\n"
        f"Feedback-Type: {feedback_type}\r\n{named}\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\n"
        "Message-ID: <m-1@office.example>\r\nTo: ann@example.org, bob@example.org\r\n\r\nHi.\r\n"
        "--b--\r\n"
    ).encode()


@pytest.mark.parametrize(
    ("feedback_type", "kind"),
    [
        ("abuse", "complaint"),
        ("Fraud", "complaint"),
        ("abuse (spam button)", "complaint"),
        ('"abuse"', "complaint"),
        ("(button) not-spam (undone)", "not_spam"),
        ("not-spam", "not_spam"),
        ("opt-out", "opt_out"),
        ("auth-failure", "feedback"),  # RFC 6591: a server's, of mail that failed SPF or DKIM
        ("dmarc", "feedback"),
        ("fraud; v=2", "complaint"),
        ("tomorrows", "complaint"),  # what can't be read protects the person
        ("", "complaint"),
    ],
)
def test_a_report_is_a_complaint_unless_its_type_says_otherwise(
    feedback_type: str, kind: str
) -> None:
    told = read_bounces(message_from_bytes(complaint(feedback_type, "ann@example.org")))

    assert [(kind, "ann@example.org", False)] == [
        (one.kind, one.recipient, one.is_hard) for one in told
    ]


@pytest.mark.parametrize(
    ("named", "recipient"),
    [
        (["ann@example.org"], "ann@example.org"),
        (["ann@example.org", "ANN@example.org"], "ann@example.org"),
        (["ann@example.org", "bob@example.org"], ""),
        ([], ""),  # as the mail that came back was to two
    ],
)
def test_a_complaint_is_of_one_person(named: list[str], recipient: str) -> None:
    told = read_bounces(message_from_bytes(complaint("abuse", *named)))

    assert [recipient] == [one.recipient for one in told]


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("rfc822; ann@example.org", "ann@example.org"),
        ("rfc822;<ann@example.org>", "ann@example.org"),
        ("<ann@example.org>", "ann@example.org"),
        ("ann@example.org", "ann@example.org"),
        ("undisclosed Comcast recipient <ann@example.org>", "ann@example.org"),
        ("rfc822; Ann <ann@example.org>", "ann@example.org"),
        ("x400; /S=ann/O=example", "/S=ann/O=example"),
        ("", ""),
    ],
)
def test_the_address_of_a_field_is_read(value: str, address: str) -> None:
    assert address == address_in(value)


@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        ("Delayed Mail (still being retried)", "delay"),
        ("Warning: could not send message for past 4 hours", "delay"),
        ("=?utf-8?q?Zustellung_verz=C3=B6gert?=", "delay"),
        ("Bezorging vertraagd", "delay"),
        ("=?iso-8859-1?q?Remise_retard=E9e?=", "delay"),
        ("Unzustellbar", "bounce"),
    ],
)
def test_a_delay_is_told_by_its_subject_where_no_field_says_so(subject: str, kind: str) -> None:
    mail = (
        f"From: MAILER-DAEMON@mx.example\nSubject: {subject}\n\n<ann@example.org>: user unknown\n"
    )

    told = read_bounces(message_from_bytes(mail.encode()))

    assert [(kind, "ann@example.org")] == [(one.kind, one.recipient) for one in told]


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
@pytest.mark.parametrize("encoded", ["feedback-report", "rfc822", "global"])
def test_parts_of_a_complaint_are_read_though_they_are_encoded(encoding: str, encoded: str) -> None:
    """Receivers encode them, and Python's parser (3.11 to 3.13) takes them as they stand."""
    encode = base64.encodebytes if encoding == "base64" else quopri.encodestring
    original = "global" if encoded == "global" else "rfc822"
    parts = {
        "feedback-report": b"Feedback-Type: abuse\r\nVersion: 1\r\n",
        original: b"Message-ID: <m=1@office.example>\r\nTo: <ann@example.org>\r\n\r\nDag\r\n",
    }
    octets = (
        b"From: fbl@receiver.example\r\n"
        b"Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n"
    )
    for kind, content in parts.items():
        octets += f"--b\r\nContent-Type: message/{kind}\r\n".encode()
        if kind == encoded:
            octets += f"Content-Transfer-Encoding: {encoding}\r\n".encode()
        octets += b"\r\n" + (encode(content) if kind == encoded else content) + b"\r\n"

    report = read_reports(message_from_bytes(octets + b"--b--\r\n"), is_bounce=True)

    assert [("complaint", "ann@example.org")] == [
        (told.kind.value, told.recipient) for told in report.bounces
    ]
    assert "<m=1@office.example>" == report.message_id


@pytest.mark.parametrize(
    ("status", "said", "is_hard"),
    [
        ("5.0.0", "550 User unknown", True),
        ("5.0.0", "451 4.3.0 User unknown: lookup failed", False),
        ("5.0.0", "450 User unknown", False),
        ("5.0.0", "450 4.1.1 User unknown", True),  # for as long as it was tried
        ("5.1.1", "550 User unknown", True),
        ("5.1.1 (bad address)", "450 User unknown", True),
    ],
)
def test_a_status_that_says_nothing_yields_to_what_the_server_said(
    status: str, said: str, *, is_hard: bool
) -> None:
    fields = f"""\
Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; ann@example.org
Action: failed
Status: {status}
Diagnostic-Code: smtp; {said}
"""

    [told] = read_bounces(message_from_bytes(report("delivery-status", fields.encode())))

    assert ("userunknown", is_hard) == (told.reason, told.is_hard)


@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        ("Undeliverable: Warning: your certificate expires", "bounce"),
        ("Returned mail: Delayed payment", "bounce"),
        ("Onbestelbaar: vertraagd", "bounce"),
        ("Warning: could not send message for past 4 hours", "delay"),
        ("Delivery Status Notification (Delay)", "delay"),
        ("Undeliverable mail delayed: Hello", "delay"),
    ],
)
def test_the_subject_of_the_returned_mail_delays_nothing(subject: str, kind: str) -> None:
    mail = f"""\
From: MAILER-DAEMON@mx.example
To: crm@office.example
Subject: {subject}

<ann@example.org>: 550 5.1.1 user unknown
"""

    assert [kind] == [told.kind for told in read_bounces(message_from_bytes(mail.encode()))]


@pytest.mark.parametrize(
    "fields",
    [
        "Content-Type: multipart/report; boundary=b\r\nAuto-Submitted: auto-replied\r\n",
        "Content-Type: multipart/report; boundary=b\r\nX-Autoreply: yes\r\n",
        "Content-Type: multipart/mixed; boundary=b\r\nIn-Reply-To: <m@office.example>\r\n",
    ],
    ids=["without its type", "without its type, marked otherwise", "within another mail"],
)
def test_a_report_is_one_whatever_its_header_says(tmp_path: Path, fields: str) -> None:
    """Exchange's has `In-Reply-To`, and a server that adds a footer makes a mixed mail of it."""
    whole = report("delivery-status", written())
    head = f"From: Exchange <exchange329e71ec@mx.example>\r\nSubject: Bericht\r\n{fields}"
    mail = head.encode() + whole[whole.index(b"\r\n\r\n") :]

    told = reports_of(tmp_path, mail, envelope_sender="").bounces

    assert ["bounce", "delay", "delivered"] == [bounce.kind for bounce in told]


def test_the_null_sender_of_an_envelope_counts_as_that_in_the_mail(tmp_path: Path) -> None:
    """A mail server that passes mail on over LMTP adds no `Return-Path`."""
    mail = (
        "Return-Path: <ann@example.org>\r\nFrom: postmaster <postmaster@mx.example>\r\n"
        "To: crm@office.example\r\nSubject: Zustellproblem\r\n\r\n"
    ) + MIMECAST.replace("\n", "\r\n")

    told = [
        reports_of(tmp_path, mail.encode(), envelope_sender=sender).bounces
        for sender in ("", "ann@example.org")
    ]

    assert [["ann@example.org"], []] == [[one.recipient for one in bounces] for bounces in told]


@pytest.mark.parametrize("between", ["", " \n"], ids=["no line", "a line of a space"])
@pytest.mark.parametrize("first", ["Original-Recipient: rfc822; ann@example.org\n", ""])
def test_recipients_with_no_empty_line_between_keep_their_own_fields(
    first: str, between: str
) -> None:
    fields = f"""\
Reporting-MTA: dns; mx.example.org

{first}Final-Recipient: rfc822; ann@elsewhere.example
Action: failed
Status: 5.1.1
{between}Original-Recipient: rfc822; bob@example.org
Final-Recipient: rfc822; bob@elsewhere.example
Action: delayed
Status: 4.2.2
"""

    told = read_bounces(message_from_bytes(report("delivery-status", fields.encode())))

    assert [
        ("bounce", "ann@elsewhere.example", "ann@example.org" if first else ""),
        ("delay", "bob@elsewhere.example", "bob@example.org"),
    ] == [(one.kind, one.recipient, one.original_recipient) for one in told]


@pytest.mark.parametrize(
    ("addresses", "feedback_type", "expected"),
    [
        (["ann@example.org"], "abuse", [("complaint", "ann@example.org", False)]),
        (["Ann Roe <ann@example.org>"], None, [("complaint", "ann@example.org", False)]),
        (
            ["ann@example.org", "bob@example.org"],
            "abuse",
            [("complaint", "ann@example.org", True), ("complaint", "bob@example.org", True)],
        ),
        (["ann@example.org"], "not-spam", [("not_spam", "ann@example.org", False)]),
    ],
)
def test_a_complaint_by_amazon_is_of_one_person_and_of_its_type(
    addresses: list[str], feedback_type: str | None, expected: list[tuple[str, str, bool]]
) -> None:
    """It lists everybody who may have complained."""
    complaint = {
        "complainedRecipients": [{"emailAddress": address} for address in addresses],
        "complaintFeedbackType": feedback_type,
    }
    notification = json.dumps({"notificationType": "Complaint", "complaint": complaint})
    mail = f"From: no-reply@sns.amazonaws.com\nSubject: Notification\n\n{notification}\n"

    told = read_bounces(message_from_bytes(mail.encode()))

    assert expected == [(one.kind, one.recipient, one.is_presumed) for one in told]
