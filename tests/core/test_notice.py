"""Mail the gateway writes to staff by itself."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from gateway.core.sending.notice import Notice, build

NOTICE = Notice(
    id=7,
    at=datetime(2026, 3, 4, 10, tzinfo=UTC),
    sender="gateway@office.example",
    hostname="gateway.office.example",
    recipient="eva@office.example",
    language="de",
    subject="Antwort von Ann Müller: Grüße",
    text="Grüße\n.\nFrom here",
)


def built(**changes: Any) -> Any:
    from dataclasses import replace

    octets = build(replace(NOTICE, **changes))
    assert octets.isascii()
    assert b"\n" not in octets.replace(b"\r\n", b"")
    return message_from_bytes(octets, policy=default)


def test_a_sender_at_a_host_without_a_name_is_written() -> None:
    mail = built(sender="postmaster@[127.0.0.1]")

    assert ["postmaster@[127.0.0.1]"] == [str(one) for one in mail["From"].addresses]


def test_it_is_read_as_it_was_written() -> None:
    mail = built()

    assert NOTICE.subject == mail["Subject"]
    assert ("gateway@office.example", "eva@office.example") == (mail["From"], mail["To"])
    assert NOTICE.text == mail.get_content().strip().replace("\r\n", "\n")


def test_P16_nothing_answers_it() -> None:
    mail = built()

    assert "auto-generated" == mail["Auto-Submitted"]
    assert "All" == mail["X-Auto-Response-Suppress"]
    assert mail["X-Gateway-Notice"]


@pytest.mark.parametrize("hostile", ["", "<>", "<a b@c>", "<a@b>\r\nBcc: x@y", "x", "<ü@x>"])
def test_an_answer_names_the_mail_only_where_it_can_be_named(hostile: str) -> None:
    mail = built(in_reply_to=hostile, answers=True)

    assert mail["In-Reply-To"] is None
    assert mail["Bcc"] is None
    assert "auto-replied" == mail["Auto-Submitted"]


def test_a_line_break_makes_no_field() -> None:
    assert built(subject="x\r\nBcc: y@evil.example")["Bcc"] is None


def test_the_senders_name_goes_with_the_address() -> None:
    mail = built(sender="Büro <office@office.example>")

    assert "Büro <office@office.example>" == mail["From"]
