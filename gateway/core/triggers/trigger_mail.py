"""A triggered mail as octets: the same each time it is built."""

import quopri
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, formataddr, parseaddr

from gateway.core import ids
from gateway.core.kinds import Kind
from gateway.core.sending.notice import MARK

_LONGEST_SUBJECT = 250
_LONGEST_NAME = 80
_CRLF = "\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerMail:
    """One mail to one address."""

    id: int
    at: datetime  #: Aware, in the zone people see.
    sender: str  #: May have a name: `Office <office@example.org>`.
    hostname: str
    recipient: str
    name: str  #: The recipient's; empty: unknown.
    language: str
    kind: Kind
    subject: str
    text: str
    html: str = ""


def message_id(mail: TriggerMail) -> str:
    """Return the mail's Message-ID, made from its id."""
    return f"<{ids.show(mail.id)}.trigger@{mail.hostname.strip('[]')}>"


def build(mail: TriggerMail) -> bytes:
    """Write the mail, with CRLF line ends, ready to be sent; nothing answers it (RFC 3834).

    Whatever a name or subject holds, it can't begin another line (RELIABILITY H5).
    """
    subject = plain(mail.subject)[:_LONGEST_SUBJECT]
    fields = [
        f"From: {_mailbox(*parseaddr(mail.sender))}",
        f"To: {_mailbox(mail.name, mail.recipient)}",
        f"Subject: {_encoded(subject)}",
        f"Date: {format_datetime(mail.at)}",
        f"Message-ID: {message_id(mail)}",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: OOF, AutoReply",
        *(["Precedence: bulk"] if mail.kind is Kind.BULK else []),
        f"{MARK}: {ids.show(mail.id)}",
        "MIME-Version: 1.0",
        f"Content-Language: {mail.language}",
    ]
    head = "".join(f"{field}{_CRLF}" for field in fields).encode()
    return head + (_alternatives(mail) if mail.html else _part("plain", mail.text))


def plain(text: str) -> str:
    """Return text as one line without what steers a reader's program."""
    return "".join(one for one in " ".join(text.split()) if one.isprintable())


def _mailbox(name: str, address: str) -> str:
    where = plain(address)
    # Mail to an address beyond ASCII travels with SMTPUTF8, its header in UTF-8 (RFC 6532).
    return formataddr((plain(name)[:_LONGEST_NAME], where)) if where.isascii() else f"<{where}>"


def _encoded(subject: str) -> str:
    charset = "us-ascii" if subject.isascii() else "utf-8"
    return Header(subject, charset, header_name="Subject").encode(linesep=_CRLF)


def _alternatives(mail: TriggerMail) -> bytes:
    """Return the text, then the HTML: what a reader shows best comes last (RFC 2046, 5.1.4)."""
    boundary = f"=_{ids.show(mail.id)}"
    head = f'Content-Type: multipart/alternative; boundary="{boundary}"{_CRLF}{_CRLF}'
    parts = (_part("plain", mail.text), _part("html", mail.html))
    body = b"".join(b"--%s\r\n%s\r\n" % (boundary.encode(), part) for part in parts)
    return head.encode() + body + b"--%s--\r\n" % boundary.encode()


def _part(subtype: str, text: str) -> bytes:
    head = (
        f"Content-Type: text/{subtype}; charset=utf-8{_CRLF}"
        f"Content-Transfer-Encoding: quoted-printable{_CRLF}{_CRLF}"
    )
    lines = "\n".join(text.splitlines()) + "\n"
    # "=_" never begins a line of quoted-printable, so the boundary can't occur (RFC 2045, 6.7).
    return head.encode() + quopri.encodestring(lines.encode()).replace(b"\n", b"\r\n")
