"""The gateway's own mail of every kind, byte for byte, and what none of them lets in.

`own_mail/KIND.eml` is what goes out.
"""

from dataclasses import replace
from datetime import datetime
from email import message_from_bytes
from email.policy import SMTPUTF8
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.app.checks import probe
from gateway.app.checks.probe import Probe
from gateway.core.decision import dsn
from gateway.core.decision.dsn import ReportSummary
from gateway.core.kinds import Kind
from gateway.core.mail import address
from gateway.core.mail.own_mail import message_id
from gateway.core.sending import notice
from gateway.core.sending.notice import Notice
from gateway.core.triggers import trigger_mail
from gateway.core.triggers.trigger_mail import TriggerMail
from tests.core.test_dsn import REPORT, summary, told
from tests.core.test_note import template

GOLDEN = Path(__file__).parent / "own_mail"
AT = datetime(2026, 3, 31, 9, tzinfo=ZoneInfo("Europe/Amsterdam"))
HOST = "gateway.example.org"
OFFICE = "Büro Süd <office@example.org>"
TEXT = "Grüße\n.\nFrom here on, a line that is longer than the 76 characters that are in one line."
HTML = "<!doctype html>\n<p>Grüße</p>"

NOTICE = Notice(
    id=2**60 + 17,
    at=AT,
    sender=OFFICE,
    hostname=HOST,
    recipient="eva@office.example",
    language="de",
    subject="Antwort von Ann Müller:  Grüße",
    text=TEXT,
)
TRIGGER_MAIL = TriggerMail(
    id=2**60 + 17,
    at=AT,
    sender=OFFICE,
    hostname=HOST,
    recipient="ann@example.net",
    name="Ann Roe, M.A.",
    language="nl",
    kind=Kind.INDIVIDUAL,
    subject="Gefeliciteerd,  Ann",
    text=TEXT,
)
UNSUBSCRIBE = (
    "List-Unsubscribe: <https://mail.example.org/u/sample>,\r\n <mailto:u+sample@example.org>",
    "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
)
PROBE = Probe(recipient="probe@example.net", sender="news@example.org", listener="crm")


def probe_mail(about: Probe) -> bytes:
    number, link = 2**60 + 17, "https://mail.example.org/u/sample"
    own_id = message_id(number, "probe", HOST)
    return probe.content_of(about, number=number, message_id=own_id, link=link, at=AT)


def report_of_several(**fields: object) -> ReportSummary:
    return summary(told(1), told(2), **fields)


@pytest.mark.parametrize(
    ("kind", "octets"),
    [
        ("notice", notice.build(NOTICE)),
        ("notice_html", notice.build(replace(NOTICE, html=HTML))),
        (
            "notice_answering",
            notice.build(replace(NOTICE, in_reply_to="<1@office.example>", answers=True)),
        ),
        ("trigger", trigger_mail.build(TRIGGER_MAIL)),
        ("trigger_html", trigger_mail.build(replace(TRIGGER_MAIL, html=HTML))),
        (
            "trigger_bulk",
            trigger_mail.build(
                replace(TRIGGER_MAIL, kind=Kind.BULK, unsubscribe=UNSUBSCRIBE, html=HTML)
            ),
        ),
        ("dsn", dsn.build(template("en"), replace(REPORT, notifier=OFFICE))),
        ("dsn_of_several", dsn.build_summary(template("en"), report_of_several())),
        ("probe", probe_mail(PROBE)),
    ],
)
def test_it_is_written_as_it_was_looked_at(kind: str, octets: bytes) -> None:
    assert (GOLDEN / f"{kind}.eml").read_bytes() == octets


def of_every_kind(*, sender: str, recipient: str) -> list[bytes]:
    """Return a mail of each kind from and to these."""
    to = replace(REPORT.sender, path=address.Path(f"<{recipient}>".encode(), recipient))
    several = report_of_several(notifier=sender, recipient=recipient)
    return [
        notice.build(replace(NOTICE, sender=sender, recipient=recipient)),
        trigger_mail.build(replace(TRIGGER_MAIL, sender=sender, recipient=recipient)),
        dsn.build(template("nl"), replace(REPORT, notifier=sender, sender=to)),
        dsn.build_summary(template("nl"), several),
        probe_mail(replace(PROBE, sender=sender, recipient=recipient)),
    ]


def test_an_address_beyond_ascii_is_written_whoever_it_is_of() -> None:
    for octets in of_every_kind(sender="büro@exämple.org", recipient="änn@exämple.net"):
        assert "From: <büro@exämple.org>\r\nTo: <änn@exämple.net>\r\n".encode() in octets


@pytest.mark.parametrize("broken", ["\r\n", "\n", "\r", "\u2028", "\x00", "\u202e"])
def test_no_sender_or_recipient_begins_another_line(broken: str) -> None:
    hostile = f"eva@office.example{broken}Bcc:eve@example.net"

    for octets in of_every_kind(sender=hostile, recipient=hostile):
        mail = message_from_bytes(octets, policy=SMTPUTF8)

        assert mail["Bcc"] is None
        assert broken not in f"{mail['From']}{mail['To']}"


@pytest.mark.parametrize("broken", ["\r", "\x00", "\x1b", "\u202e", "\udc80"])
def test_no_subject_controls_a_readers_program(broken: str) -> None:
    subject = f"a{broken}b"

    for octets in (
        notice.build(replace(NOTICE, subject=subject)),
        trigger_mail.build(replace(TRIGGER_MAIL, subject=subject)),
        dsn.build(template("nl"), replace(REPORT, subject=subject)),
    ):
        assert broken not in message_from_bytes(octets, policy=SMTPUTF8)["Subject"]


def test_a_message_id_is_written_without_the_brackets_of_an_address() -> None:
    assert "<100000000000h.dsn@192.0.2.1>" == message_id(2**60 + 17, "dsn", "[192.0.2.1]")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_a_text_end_in_cr_lf_however_they_ended(end: str) -> None:
    for octets in (
        notice.build(replace(NOTICE, text=f"a{end}b", html=f"a{end}b")),
        trigger_mail.build(replace(TRIGGER_MAIL, text=f"a{end}b", html=f"a{end}b")),
    ):
        assert 2 == octets.count(b"\r\na\r\nb\r\n")
        assert octets.count(b"\n") == octets.count(b"\r") == octets.count(b"\r\n")
