"""A triggered mail as octets, identical every time it is built."""

from dataclasses import dataclass
from datetime import datetime

from gateway.core.kinds import Kind
from gateway.core.mail import own_mail


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
    return own_mail.message_id(mail.id, "trigger", mail.hostname)


def build(mail: TriggerMail) -> bytes:
    """Write the mail, with CRLF line ends, ready to send; it asks for no replies (RFC 3834)."""
    header = own_mail.own_header(
        sender=own_mail.configured_mailbox(mail.sender),
        recipient=own_mail.mailbox(mail.name, mail.recipient),
        subject=own_mail.on_one_line(mail.subject, own_mail.LONGEST_SUBJECT),
        at=mail.at,
        message_id=message_id(mail),
        language=mail.language,
        automatic="auto-generated",
        after=(
            "X-Auto-Response-Suppress: OOF, AutoReply",
            *(("Precedence: bulk",) if mail.kind is Kind.BULK else ()),
            *mail.unsubscribe,
            own_mail.own_mark(mail.id),
        ),
    )
    return own_mail.with_text(header, mail.text, mail.html, number=mail.id)
