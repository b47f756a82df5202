"""A triggered mail as octets: whatever names and subjects hold, it is one mail to one reader."""

from dataclasses import replace
from datetime import datetime
from email import message_from_bytes
from email.policy import SMTP, SMTPUTF8
from zoneinfo import ZoneInfo

import pytest

from gateway.core import ids
from gateway.core.kinds import Kind
from gateway.core.triggers.trigger_mail import TriggerMail, build, message_id

MAIL = TriggerMail(
    id=2**60 + 17,
    at=datetime(2026, 3, 31, 9, tzinfo=ZoneInfo("Europe/Amsterdam")),
    sender="Office <office@example.org>",
    hostname="gw.example.org",
    recipient="ann@example.org",
    name="Ann Roe",
    language="nl",
    kind=Kind.INDIVIDUAL,
    subject="Gefeliciteerd, Ann",
    text="Beste Ann,\nveel geluk!",
)


def test_a_mail_is_the_same_each_time_and_says_that_a_program_wrote_it() -> None:
    read = message_from_bytes(build(MAIL), policy=SMTP)

    assert build(MAIL) == build(replace(MAIL))
    assert "Office <office@example.org>" == read["From"]
    assert "Ann Roe <ann@example.org>" == read["To"]
    assert "Gefeliciteerd, Ann" == read["Subject"]
    assert "Tue, 31 Mar 2026 09:00:00 +0200" == read["Date"]
    assert message_id(MAIL) == read["Message-ID"]
    assert "auto-generated" == read["Auto-Submitted"]  # RFC 3834
    assert "nl" == read["Content-Language"]
    assert read["Precedence"] is None
    assert "Beste Ann,\nveel geluk!\n" == read.get_content().replace("\r\n", "\n")


def test_a_sender_at_a_host_without_a_name_is_written() -> None:
    read = message_from_bytes(build(replace(MAIL, sender="postmaster@[127.0.0.1]")), policy=SMTP)

    assert "postmaster@[127.0.0.1]" == read["From"]


def test_bulk_mail_says_that_it_is() -> None:
    assert "bulk" == message_from_bytes(build(replace(MAIL, kind=Kind.BULK)))["Precedence"]


def test_html_comes_last_as_what_a_reader_shows_best() -> None:
    read = message_from_bytes(build(replace(MAIL, html="<p>Beste Ann</p>")), policy=SMTP)

    assert "multipart/alternative" == read.get_content_type()
    assert [("text/plain", "Beste Ann,\nveel geluk!\n"), ("text/html", "<p>Beste Ann</p>\n")] == [
        (part.get_content_type(), part.get_content().replace("\r\n", "\n"))
        for part in read.iter_parts()
    ]


@pytest.mark.parametrize("broken", ["\r\n", "\n", "\r", "\u2028", "\x0b", "\x00", "\u202e"])
def test_no_name_or_subject_begins_another_line(broken: str) -> None:
    evil = f"x{broken}Bcc: eve@example.net"
    mail = replace(MAIL, name=evil, subject=evil, sender=f"{evil} <office@example.org>")

    read = message_from_bytes(build(mail), policy=SMTP)

    assert read["Bcc"] is None
    assert broken not in f"{read['To']}{read['Subject']}{read['From']}"
    assert ["ann@example.org"] == [address.addr_spec for address in read["To"].addresses]


def test_long_names_and_subjects_are_cut() -> None:
    read = message_from_bytes(build(replace(MAIL, name="n" * 900, subject="s" * 900)), policy=SMTP)

    assert 80 == len(read["To"].addresses[0].display_name)
    assert "s" * 250 == read["Subject"].strip()


def test_an_address_beyond_ascii_stands_without_a_name() -> None:
    """Mail to it travels with SMTPUTF8, its header in UTF-8 (RFC 6532)."""
    octets = build(replace(MAIL, recipient="änn@exämple.org"))

    assert "To: <änn@exämple.org>\r\n".encode() in octets
    assert message_from_bytes(octets, policy=SMTPUTF8)["To"].addresses


@pytest.mark.parametrize("hostname", ["192.0.2.1", "[192.0.2.1]"])
def test_a_message_id_has_no_brackets_of_a_host_s_address(hostname: str) -> None:
    mail = replace(MAIL, hostname=hostname)

    assert f"<{ids.show(MAIL.id)}.trigger@192.0.2.1>" == message_id(mail)
