"""A triggered mail as octets, identical every time it is built."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, formataddr

from gateway.core import ids
from gateway.core.kinds import Kind
from gateway.core.mail.automatic import OWN_MAIL_FIELD
from gateway.core.mail.mail_writer import (
    field_lines,
    multipart,
    part,
    subject_field,
    text_part,
)
from gateway.core.mail.typed.typed_address import name_and_address

_LONGEST_SUBJECT = 250
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerMail:
    """One mail to one address."""

    id: int
    at: datetime  #: Aware, in the zone shown to people.
    sender: str  #: May have a name: `Office <office@example.org>`.
    hostname: str
    recipient: str
    name: str  #: The recipient's; empty: unknown.
    language: str
    kind: Kind
    subject: str
    text: str
    html: str = ""
    #: The unsubscribe fields, folded with CRLF (RFC 2369, RFC 8058).
    unsubscribe: tuple[str, ...] = ()


def message_id(mail: TriggerMail) -> str:
    """Return the mail's Message-ID, made from its id."""
    return f"<{ids.show(mail.id)}.trigger@{mail.hostname.strip('[]')}>"


def build(mail: TriggerMail) -> bytes:
    """Write the mail, with CRLF line ends, ready to send; it asks for no replies (RFC 3834).

    No name or subject, whatever it contains, can start another line (RELIABILITY H5).
    """
    fields = [
        f"From: {_mailbox(*name_and_address(mail.sender))}",
        f"To: {_mailbox(mail.name, mail.recipient)}",
        subject_field(plain(mail.subject)[:_LONGEST_SUBJECT]),
        f"Date: {format_datetime(mail.at)}",
        f"Message-ID: {message_id(mail)}",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: OOF, AutoReply",
        *(["Precedence: bulk"] if mail.kind is Kind.BULK else []),
        *mail.unsubscribe,
        f"{OWN_MAIL_FIELD}: {ids.show(mail.id)}",
        "MIME-Version: 1.0",
        f"Content-Language: {mail.language}",
    ]
    text = _text_part(mail.text, "plain")
    if not mail.html:
        return field_lines(fields) + text
    # "=_" never begins a line of quoted-printable, so the boundary can't occur (RFC 2045, 6.7).
    boundary = f"=_{ids.show(mail.id)}"
    fields.append(f'Content-Type: multipart/alternative; boundary="{boundary}"')
    # The preferred part comes last (RFC 2046, 5.1.4).
    return part(fields, multipart([text, _text_part(mail.html, "html")], boundary))


def plain(text: str) -> str:
    """Return text on one line without characters that control a reader's program."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())


def _mailbox(name: str, address: str) -> str:
    where = plain(address)
    # Mail to a non-ASCII address needs SMTPUTF8, so its header is UTF-8 (RFC 6532).
    return formataddr((plain(name)[:_LONGEST_NAME], where)) if where.isascii() else f"<{where}>"


def _text_part(text: str, subtype: str) -> bytes:
    return text_part("\n".join(text.splitlines()) + "\n", subtype)
