"""Delivery status notifications, read back as mail programs read them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTPUTF8
from itertools import islice
from typing import Any, cast

import pytest

from gateway.core import ids
from gateway.core.decision.dsn import (
    MAX_HEADERS,
    MAX_NOTES,
    DsnReport,
    FailedRecipient,
    LeftOut,
    ReportedMessage,
    ReportSummary,
    build,
    build_summary,
    digest,
    hourly_slots,
    is_owed,
    message_key,
    read_digest,
)
from gateway.core.decision.note import render
from gateway.core.mail.envelope import Recipient, Sender, parse_mail, parse_rcpt
from tests.core.test_note import FACTS, ID, template

EXTENSIONS = frozenset(("DSN", "SMTPUTF8"))
HEADERS = b"From: Ann <ann@office.example>\r\nSubject: Vacature\r\n\r\n"


def sender(argument: str = "<ann@office.example>") -> Sender:
    return parse_mail(f"FROM:{argument}".encode(), EXTENSIONS)


def recipient(argument: str = "<ralph@example.org>") -> Recipient:
    return parse_rcpt(f"TO:{argument}".encode(), EXTENSIONS, utf8=True)


def failed(argument: str = "<ralph@example.org>", language: str = "nl") -> FailedRecipient:
    facts = replace(FACTS, recipient=recipient(argument).address)
    return FailedRecipient(recipient(argument), render(template(language), facts))


REPORT = DsnReport(
    message_id="<1.dsn@gateway.example>",
    at=FACTS.now,
    notifier="postmaster@gateway.example",
    hostname="gateway.example",
    message=ID,
    sender=sender(),
    subject="Mooie vacature",
    arrived=FACTS.now - timedelta(seconds=5),
    headers=HEADERS,
    failed=(failed(),),
)


def parsed(report: DsnReport, language: str = "nl") -> EmailMessage:
    octets = build(template(language), report)
    assert octets.count(b"\n") == octets.count(b"\r\n") == octets.count(b"\r")
    mail = message_from_bytes(octets, policy=SMTPUTF8)
    assert not mail.defects
    return mail


def parts(mail: EmailMessage) -> tuple[EmailMessage, EmailMessage, EmailMessage]:
    text, status, original = cast(list[EmailMessage], mail.get_payload())
    return text, status, original


def groups(mail: EmailMessage) -> list[dict[str, str]]:
    """The fields of the status part, group by group."""
    status = cast(list[EmailMessage], mail.get_payload())[1]
    payload = cast(list[EmailMessage], status.get_payload())
    return [{name: str(value) for name, value in group.items()} for group in payload]


def test_a_report_of_a_host_without_a_name_has_a_sender() -> None:
    mail = parsed(replace(REPORT, notifier="postmaster@[127.0.0.1]"))

    assert "Mail gateway <postmaster@[127.0.0.1]>" == mail["From"]


def test_P13_a_dsn_is_an_automatic_report_to_the_sender() -> None:
    mail = parsed(REPORT)

    assert mail.get_content_type() == "multipart/report"
    assert mail["Content-Type"].params["report-type"] == "delivery-status"
    assert [part.get_content_type() for part in parts(mail)] == [
        "text/plain",
        "message/delivery-status",
        "text/rfc822-headers",
    ]
    assert mail["From"] == "Mail gateway <postmaster@gateway.example>"
    assert mail["To"] == "ann@office.example"
    assert mail["Subject"] == "Verzenden mislukt: Mooie vacature"
    assert mail["Message-ID"] == "<1.dsn@gateway.example>"
    assert mail["Auto-Submitted"] == "auto-replied"
    assert REPORT.at == mail["Date"].datetime


def test_S37_the_status_names_every_failed_recipient_and_returns_envid_and_orcpt() -> None:
    report = replace(
        REPORT,
        sender=sender("<ann@office.example> ENVID=QQ+2B314 RET=HDRS"),
        failed=(failed(), failed("<bob@example.org> ORCPT=rfc822;Bob+3D1@Example.org")),
    )

    about_message, first, second = groups(parsed(report))

    assert about_message == {
        "Original-Envelope-Id": "QQ+314",
        "Reporting-MTA": "dns; gateway.example",
        "X-Gateway-Message": ids.show(ID),
        "Arrival-Date": "Thu, 12 Mar 2026 09:04:55 +0100",
    }
    assert first == {
        "Final-Recipient": "rfc822; ralph@example.org",
        "Action": "failed",
        "Status": "5.7.1",
        "Diagnostic-Code": f"smtp; 550 5.7.1 {failed().note.short[0]}",
    }
    assert second["Original-Recipient"] == "rfc822; Bob=1@Example.org"
    assert second["Final-Recipient"] == "rfc822; bob@example.org"


@pytest.mark.parametrize("language", ["nl", "de", "fr", "en"])
def test_the_text_holds_the_whole_note_in_the_readers_language(language: str) -> None:
    report = replace(REPORT, subject="Über uns", failed=(failed(language=language),))

    mail = parsed(report, language)
    text = parts(mail)[0].get_content().replace("\r\n", "\n")

    assert "Über uns" in mail["Subject"]
    assert "Über uns" in text
    assert ids.show(ID) in text
    assert failed(language=language).note.full in text
    assert language == mail["Content-Language"]


def test_beyond_a_hundred_recipients_are_named_without_their_note() -> None:
    many = tuple(failed(f"<p{number}@example.org>") for number in range(MAX_NOTES + 2))

    mail = parsed(replace(REPORT, failed=many))
    text = parts(mail)[0].get_content()

    assert text.count("Dit bericht is niet verstuurd aan") == MAX_NOTES
    assert text.replace("\r\n", "\n").endswith("p100@example.org\np101@example.org\n")
    assert len(many) + 1 == len(groups(mail))


def test_headers_only_come_back_and_no_octet_is_lost() -> None:
    headers = b"Subject: gr\xfc\xdfe \xff\r\nX-Long: " + b"x" * 3000 + b"\r\nX: a=b \r\n"

    original = parts(parsed(replace(REPORT, headers=headers)))[2]

    assert original["Content-Transfer-Encoding"] == "quoted-printable"
    decoded = cast(bytes, original.get_payload(decode=True))
    assert headers == decoded.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def test_plain_headers_come_back_as_they_are() -> None:
    original = parts(parsed(REPORT))[2]

    assert original["Content-Transfer-Encoding"] == "7bit"
    assert original.get_payload(decode=True) == HEADERS[:-2]


def test_huge_headers_are_cut_at_a_line() -> None:
    headers = b"X-Filler: " + b"y" * 90 + b"\r\n"

    original = parts(parsed(replace(REPORT, headers=headers * 5000)))[2]
    returned = cast(bytes, original.get_payload(decode=True)).replace(b"\r\n", b"\n")

    assert MAX_HEADERS - len(headers) < len(returned) <= MAX_HEADERS
    assert returned.endswith(b"y\n")


def test_one_endless_header_line_is_cut_where_it_must() -> None:
    original = parts(parsed(replace(REPORT, headers=b"X: " + b"y" * 100_000)))[2]

    decoded = cast(bytes, original.get_payload(decode=True))
    assert len(decoded.rstrip(b"\r\n")) == MAX_HEADERS


def test_a_recipient_beyond_ascii_does_not_need_smtputf8_for_an_ascii_sender() -> None:
    octets = build(template("en"), replace(REPORT, failed=(failed("<zoë+x@exämple.org>"),)))

    assert octets.isascii()
    assert b"Content-Type: message/delivery-status\r\n" in octets
    assert b"Final-Recipient: utf-8; zo\\x{EB}\\x{2B}x@ex\\x{E4}mple.org\r\n" in octets


def test_a_sender_beyond_ascii_gets_the_global_form() -> None:
    report = replace(
        REPORT,
        sender=sender("<änn@office.example> SMTPUTF8"),
        failed=(failed("<zoë@example.org>"), failed()),
    )

    mail = parsed(report)
    octets = build(template("nl"), report)

    assert parts(mail)[1].get_content_type() == "message/global-delivery-status"
    assert "\r\nTo: <änn@office.example>\r\n".encode() in octets
    assert "\r\nFinal-Recipient: utf-8; zoë@example.org\r\n".encode() in octets
    assert b"\r\nFinal-Recipient: rfc822; ralph@example.org\r\n" in octets


def test_nothing_from_outside_can_add_a_field() -> None:
    report = replace(
        REPORT,
        subject="Hi\r\nBcc: eve@example.net\x00",
        sender=sender("<ann@office.example> ENVID=a+0D+0ABcc:x"),
        failed=(failed("<bob@example.org> ORCPT=rfc822;b+0D+0AStatus:+202.0.0"),),
        headers=b"X: 1\r\n\r\n--boundary--\r\nevil: yes",
    )

    mail = parsed(report)

    assert "Bcc" not in mail
    assert mail["Subject"] == "Verzenden mislukt: Hi Bcc: eve@example.net"
    about_message, about_bob = groups(mail)
    assert about_message["Original-Envelope-Id"] == "a+0D+0ABcc:x"
    assert about_bob["Original-Recipient"] == "rfc822; b+0D+0AStatus:+202.0.0"


def test_a_message_without_subject_is_known_by_its_recipients() -> None:
    assert parsed(replace(REPORT, subject=" "))["Subject"] == "Verzenden mislukt: ralph@example.org"


def test_a_report_is_hard_to_overlook() -> None:
    mail = parsed(replace(REPORT, notifier="Grüße vom Gateway <gw@office.example>"))

    assert mail["From"].addresses[0].display_name == "Grüße vom Gateway"
    assert mail["From"].addresses[0].addr_spec == "gw@office.example"
    assert ("high", "1") == (mail["Importance"], mail["X-Priority"])


@pytest.mark.parametrize(
    ("language", "others", "given_up", "opening"),
    [
        (
            "nl",
            2,
            0,
            'Uw bericht "Mooie vacature" van 12 maart 2026 om 09:04 is NIET verstuurd aan '
            "ralph@example.org, zoe@example.org.\nDe andere ontvangers (2) krijgen het wel.\nPer",
        ),
        (
            "de",
            1,
            0,
            "Ihre Nachricht „Mooie vacature“ vom 12. März 2026, 09:04 Uhr wurde NICHT versendet an "
            "ralph@example.org, zoe@example.org.\nDie anderen Empfänger (1) bekommen die Nachricht",
        ),
        (
            "fr",
            0,
            3,
            "Votre message « Mooie vacature » du 12 mars 2026 à 09 h 04 n'a PAS été envoyé à "
            "ralph@example.org, zoe@example.org.\nIl n'est pas parti non plus vers les autres "
            "destinataires (3) : ",
        ),
        (
            "en",
            0,
            0,
            'Your message "Mooie vacature" of 12 March 2026 at 09:04 was NOT sent to '
            "ralph@example.org, zoe@example.org.\nFor each of them (2)",
        ),
    ],
)
def test_the_text_begins_with_who_did_not_get_it_and_whether_the_others_did(
    language: str, others: int, given_up: int, opening: str
) -> None:
    out = (failed(language=language), failed("<zoe@example.org>", language))
    report = replace(REPORT, failed=out, others=others, given_up=given_up)

    text = parts(parsed(report, language))[0].get_content().replace("\r\n", "\n")

    assert opening == text[: len(opening)]


def test_of_many_the_text_begins_with_a_few() -> None:
    many = tuple(failed(f"<p{number}@example.org>") for number in range(8))

    text = parts(parsed(replace(REPORT, failed=many)))[0].get_content()

    assert " aan p0@example.org, p1@example.org, p2@example.org, p3@example.org, " in text
    assert "p4@example.org … (+3)." in text


@pytest.mark.parametrize(
    ("fields", "in_reply_to", "references"),
    [
        ("Message-ID: <a@crm.example>", "<a@crm.example>", "<a@crm.example>"),
        ("Message-ID:\r\n <a@crm.example>", "<a@crm.example>", "<a@crm.example>"),
        ("Message-ID: <a@crm.example> (made by crm)", "<a@crm.example>", "<a@crm.example>"),
        (
            "Message-ID: <c@crm.example>\r\nReferences: <a@x.example>\r\n\t<b@x.example>",
            "<c@crm.example>",
            "<a@x.example> <b@x.example> <c@crm.example>",
        ),
        (
            "Message-ID: <c@crm.example>\r\nReferences: <a@x.example> <undefined> <c@crm.example>",
            "<c@crm.example>",
            "<a@x.example> <c@crm.example>",
        ),
        (
            "Message-ID: <c@crm.example>\r\nIn-Reply-To: <b@x.example>",
            "<c@crm.example>",
            "<b@x.example> <c@crm.example>",
        ),
        (
            "Message-ID: <c@crm.example>\r\nIn-Reply-To: <a@x.example> <b@x.example>",
            "<c@crm.example>",
            "<c@crm.example>",
        ),
        (
            "Message-ID: <c@crm.example>\r\nReferences: =?utf-8?q?=3Ca=40x=2Eexample=3E?=",
            "<c@crm.example>",
            "<a@x.example> <c@crm.example>",
        ),
        (
            "Message-ID: <c@crm.example>\r\nReferences: =?utf-8?q?=3Ca=40x=0D=0ABcc=3Ab=40c=3E?=",
            "<c@crm.example>",
            "<c@crm.example>",
        ),
        ("Message-ID: <undefined>", None, None),
        ("Message-ID: <>", None, None),
        ("Message-ID: a@crm.example", None, None),
        ("Message-ID: <a b@crm.example>", None, None),
        ("Message-ID: <ä@crm.example>", None, None),
        ("Message-ID: <a@crm.example> <b@crm.example>", None, None),
        (f"Message-ID: <{'a' * 500}@crm.example>", None, None),
        ("Message-ID: <a@crm\rBcc: eve@example.net>", None, None),
        ("X: none\r\nReferences: <a@x.example>", None, None),
    ],
)
def test_a_report_hangs_on_the_mail_it_is_about(
    fields: str, in_reply_to: str | None, references: str | None
) -> None:
    headers = f"From: ann@office.example\r\n{fields}\r\n\r\n".encode()

    mail = parsed(replace(REPORT, headers=headers))

    assert in_reply_to == mail["In-Reply-To"]
    assert references == mail["References"]
    assert "Bcc" not in mail


def test_a_long_conversation_is_carried_on_by_its_first_and_latest_mails() -> None:
    ids_before = [f"<{number}.{'x' * 60}@x.example>" for number in range(300)]
    headers = f"Message-ID: <own@x.example>\r\nReferences: {' '.join(ids_before)}\r\n\r\n"

    octets = build(template("nl"), replace(REPORT, headers=headers.encode()))
    mail = message_from_bytes(octets, policy=SMTPUTF8)

    assert [ids_before[0], *ids_before[-19:], "<own@x.example>"] == mail["References"].split()
    assert max(map(len, octets.partition(b"\r\n\r\n")[0].split(b"\r\n"))) < 998


def test_a_mailbox_has_one_group_however_often_it_was_named() -> None:
    names = (
        "<Ann@Example.org>",
        '<"ann"@example.org.>',
        "<ann@EXAMPLE.org> ORCPT=rfc822;a@b.example",
    )
    report = replace(REPORT, failed=(*map(failed, names), failed("<bob@example.org>")))

    mail = parsed(report)
    _, ann, bob = groups(mail)
    text = parts(mail)[0].get_content()

    assert ("rfc822; ann@EXAMPLE.org", "rfc822; a@b.example") == (
        ann["Final-Recipient"],
        ann["Original-Recipient"],
    )
    assert "rfc822; bob@example.org" == bob["Final-Recipient"]
    assert 2 == text.count("Dit bericht is niet verstuurd aan")
    assert "(2)" in text


def test_the_same_report_is_the_same_octets() -> None:
    assert build(template("nl"), REPORT) == build(template("nl"), REPORT)


@pytest.mark.parametrize(
    ("mail_from", "rcpt_to", "expected"),
    [
        ("<ann@office.example>", "<b@example.org>", True),
        ("<ann@office.example>", "<b@example.org> NOTIFY=FAILURE", True),
        ("<ann@office.example>", "<b@example.org> NOTIFY=SUCCESS,FAILURE", True),
        ("<ann@office.example>", "<b@example.org> NOTIFY=NEVER", False),
        ("<ann@office.example>", "<b@example.org> NOTIFY=SUCCESS,DELAY", False),
        ("<>", "<b@example.org>", False),
        ("<>", "<b@example.org> NOTIFY=FAILURE", False),
    ],
)
def test_P13_a_dsn_is_owed_where_notify_allows_and_never_to_the_null_sender(
    mail_from: str, rcpt_to: str, expected: bool
) -> None:
    assert expected is is_owed(sender(mail_from), recipient(rcpt_to))


def test_S38_a_retry_shares_the_key_of_its_first_attempt() -> None:
    assert message_key(ID, None) == message_key(ID + 1, attempt_of=ID)
    assert message_key(ID, None) != message_key(ID + 1, None)


# Several messages in one report


def test_a_sender_gets_two_reports_an_hour() -> None:
    now = datetime(2026, 3, 12, 12, 20, tzinfo=UTC)
    slots = list(islice(hourly_slots("ann@office.example", now), 4))
    later = next(iter(hourly_slots("ann@office.example", now + timedelta(minutes=39))))
    others = next(iter(hourly_slots("bob@office.example", now)))

    one, two = datetime(2026, 3, 12, 13, tzinfo=UTC), datetime(2026, 3, 12, 14, tzinfo=UTC)
    assert [now + timedelta(seconds=2), one, one, two] == [due for _, due in slots]
    assert 4 == len({key for key, _ in slots})
    assert slots[0][0] == later[0]
    assert slots[0][0] != others[0]


def told(number: int, *arguments: str, subject: str = "Mooie vacature") -> ReportedMessage:
    """What is kept of one message, written and read back."""
    about = replace(
        REPORT,
        message=ID + number,
        subject=subject,
        headers=f"Message-ID: <{number}@crm.example>\r\n\r\n".encode(),
        failed=tuple(failed(one) for one in arguments or (f"<p{number}@example.org>",)),
    )
    return read_digest(digest(about, "nl"))


def summary(*messages: ReportedMessage, **fields: Any) -> ReportSummary:
    count = sum(len(one.left_out) for one in messages)
    notes = {
        (one.message, each.mailbox): f"note for {each.mailbox}"
        for one in messages
        for each in one.left_out
    }
    values = {
        "message_id": "<2.dsn@gateway.example>",
        "at": REPORT.at,
        "notifier": "postmaster@gateway.example",
        "hostname": "gateway.example",
        "recipient": "ann@office.example",
        "messages": len(messages),
        "recipients": count,
        "since": REPORT.arrived,
        "listed": messages,
        "notes": dict(list(notes.items())[:MAX_NOTES]),
    }
    return ReportSummary(**{**values, **fields})


def parsed_summary(about: ReportSummary, language: str = "nl") -> tuple[EmailMessage, str]:
    octets = build_summary(template(language), about)
    mail = message_from_bytes(octets, policy=SMTPUTF8)
    assert not mail.defects
    text = cast(list[EmailMessage], mail.get_payload())[0]
    return mail, text.get_content().replace("\r\n", "\n")


def test_one_report_of_several_messages_names_each_with_its_recipients_and_reasons() -> None:
    first = told(1, "<ralph@example.org>", "<zoe@example.org> ORCPT=rfc822;z@b.example")
    second = told(2, "<RALPH@example.org>", '<"ralph"@example.org>', subject="Tweede\r\nBcc: x")

    mail, text = parsed_summary(summary(first, second))

    reason = failed().note.short[0]
    assert "Verzenden mislukt: 2 berichten, 3 ontvangers" == mail["Subject"]
    assert ["<1@crm.example>", "<2@crm.example>"] == mail["References"].split()
    assert mail["References"] == mail["In-Reply-To"]
    assert ("high", "auto-replied") == (mail["Importance"], mail["Auto-Submitted"])
    assert text.startswith(
        "2 berichten van ann@office.example zijn sinds 12 maart 2026 om 09:04 NIET verstuurd aan 3 "
        "ontvangers.\n"
    )
    assert (
        f'Nr. {ids.show(ID + 1)}, 12 maart 2026 om 01:00: "Mooie vacature"\n'
        f"  ralph@example.org: {reason}\n  zoe@example.org: {reason}\n\n"
        f'Nr. {ids.show(ID + 2)}, 12 maart 2026 om 01:00: "Tweede Bcc: x"\n'
        f"  RALPH@example.org: {reason}\n"
    ) in text
    assert "note for zoe@example.org" in text
    about, ralph, zoe, again = groups(mail)
    assert {"Reporting-MTA": "dns; gateway.example"} == about
    assert ("rfc822; ralph@example.org", ids.show(ID + 1), "<1@crm.example>") == (
        ralph["Final-Recipient"],
        ralph["X-Gateway-Message"],
        ralph["X-Original-Message-ID"],
    )
    assert "rfc822; z@b.example" == zoe["Original-Recipient"]
    assert ids.show(ID + 2) == again["X-Gateway-Message"]


@pytest.mark.parametrize("language", ["nl", "de", "fr", "en"])
def test_a_report_of_very_many_names_some_and_says_how_to_list_the_others(language: str) -> None:
    many = [told(number) for number in range(MAX_NOTES + 2)]

    _, text = parsed_summary(summary(*many, recipients=7_000), language)

    assert MAX_NOTES == text.count("note for ")
    colon = " : " if language == "fr" else ": "
    assert f"  p{MAX_NOTES + 1}@example.org{colon}" in text
    assert "6898" in text
    assert (
        "gateway messages list --state send_failed --from ann@office.example --since "
        "2026-03-12T09:03\n"
    ) in text


def test_where_the_console_is_known_a_long_report_names_the_page_with_the_others() -> None:
    words = replace(template("en"), console_url="https://gateway.example.org")
    many = [told(number) for number in range(MAX_NOTES + 2)]

    text = build_summary(words, summary(*many, recipients=7_000)).decode()

    at = "https://gateway.example.org/console/send-failed"
    assert f"{at}?from=3Dann%40office.example&since=3D2026-03-12T09%3A03" in text.replace(
        "=\r\n", ""
    )


def test_nothing_to_add_is_not_added() -> None:
    _, text = parsed_summary(summary(told(1), told(2)))

    assert "gateway messages list" not in text


def test_what_is_kept_of_a_message_is_read_back_whole() -> None:
    report = replace(REPORT, subject="Über\tuns", headers=b"Message-ID: <a@crm.example>\r\n\r\n")

    assert ReportedMessage(
        message=ID,
        language="de",
        subject="Über uns",
        message_id="<a@crm.example>",
        left_out=(LeftOut(mailbox="ralph@example.org", orcpt=None, reason=failed().note.short[0]),),
    ) == read_digest(digest(report, "de"))
