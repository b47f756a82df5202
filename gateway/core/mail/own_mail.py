"""Mail that the gateway itself writes: its header, and its text with or without a version in HTML.

    From: Office <office@example.org>
    To: Ann Roe <ann@example.org>
    Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
    Date: Tue, 31 Mar 2026 09:00:00 +0200
    Message-ID: <04s1q7x5k2m3n.trigger@gateway.example.org>
    Auto-Submitted: auto-generated                  what only mail of this kind has stands
    X-Auto-Response-Suppress: OOF, AutoReply        around this field
    X-Gateway-Notice: 04s1q7x5k2m3n
    MIME-Version: 1.0
    Content-Language: de

No name, address or subject made by `configured_mailbox`, `mailbox`, `angled` or `on_one_line` can
start another line, whatever it contains (RELIABILITY H5).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import format_datetime, formataddr
from functools import lru_cache
from typing import Literal, NewType

from gateway.core import ids
from gateway.core.mail.automatic import OWN_MAIL_FIELD
from gateway.core.mail.mail_writer import field_lines, multipart, part, subject_field, text_part
from gateway.core.mail.typed.typed_address import name_and_address

LONGEST_SUBJECT = 250  #: Characters.
_LONGEST_NAME = 80

#: A name and an address as a field has them: folded nowhere, of printable characters only.
WrittenMailbox = NewType("WrittenMailbox", str)


def message_id(number: int, kind: str, hostname: str) -> str:
    """Return the Message-ID of an own mail: `<04s1q7x5k2m3n.notice@gateway.example.org>`.

    The brackets of a host that has no name but an address are left out.
    """
    return f"<{ids.show(number)}.{kind}@{hostname.strip('[]')}>"


@lru_cache(maxsize=128)  # Nearly all mail is from a few senders.
def configured_mailbox(configured: str, name: str = "") -> WrittenMailbox:
    """Return the mailbox in a setting such as `Office <office@example.org>`.

    `name` is for one that has none.
    """
    own_name, address = name_and_address(configured)
    return mailbox(own_name or name, address)


def mailbox(name: str, address: str) -> WrittenMailbox:
    """Return a mailbox with its name, cut and encoded if need be (RFC 2047); it may be empty."""
    where = _printable(address).strip()
    if not where.isascii():
        # Mail to or from it needs SMTPUTF8, so its header is UTF-8 (RFC 6532).
        return angled(where)
    return WrittenMailbox(formataddr((on_one_line(name, _LONGEST_NAME), where)))


def angled(address: str) -> WrittenMailbox:
    """Return a mailbox without a name: `<ann@example.org>`."""
    return WrittenMailbox(f"<{_printable(address).strip()}>")


def on_one_line(text: str, longest: int) -> str:
    """Return text on one line, cut, without characters that control a reader's program."""
    return _printable(" ".join(text.split()))[:longest]


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(filter(str.isprintable, text))


def own_header(
    *,
    sender: WrittenMailbox,
    recipient: WrittenMailbox,
    subject: str,
    at: datetime,
    message_id: str,
    language: str,
    automatic: Literal["auto-generated", "auto-replied"],
    before: Iterable[str] = (),
    after: Iterable[str] = (),
) -> list[str]:
    """Return the header of an own mail up to its content type.

    `subject` has one line, `at` is in the zone shown to people; `before` and `after` are the
    fields of its kind around `Auto-Submitted` (RFC 3834, 5), folded with CRLF.
    """
    return [
        f"From: {sender}",
        f"To: {recipient}",
        subject_field(subject),
        f"Date: {format_datetime(at)}",
        f"Message-ID: {message_id}",
        *before,
        f"Auto-Submitted: {automatic}",
        *after,
        "MIME-Version: 1.0",
        f"Content-Language: {language}",
    ]


def thread_fields(parents: Sequence[str], references: Sequence[str]) -> tuple[str, ...]:
    """Return the fields by which mail programs show it with the mail it is about, if any.

    Both are well-formed Message-IDs, one a line: an encoded one would be none (RFC 2047, 5).
    """
    if not parents:
        return ()
    return (
        "In-Reply-To: " + "\r\n ".join(parents),
        "References: " + "\r\n ".join(references),
    )


def own_mark(number: int) -> str:
    """Return the field by which the gateway knows its own mail, with the mail's id."""
    return f"{OWN_MAIL_FIELD}: {ids.show(number)}"


def with_text(header: Sequence[str], text: str, html: str = "", *, number: int) -> bytes:
    """Return a mail with a text, and the same in HTML unless that is empty; `number` is its id."""
    text_only = text_part(text)
    if not html:
        return field_lines(header) + text_only
    # "=_" never begins a line of quoted-printable, so the boundary can't occur (RFC 2045, 6.7).
    boundary = f"=_{ids.show(number)}"
    fields = (*header, f'Content-Type: multipart/alternative; boundary="{boundary}"')
    # The preferred part comes last (RFC 2046, 5.1.4).
    return part(fields, multipart([text_only, text_part(html, "html")], boundary))
