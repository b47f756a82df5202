"""Mail the gateway writes to staff by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TypeVar

from gateway.core import ids

MARK = "X-Gateway-Notice"  #: By this the gateway knows its own mail.
_LONGEST_SUBJECT = 250
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One mail to one member of staff."""

    id: int
    at: datetime  #: Aware, in the zone people see.
    sender: str
    hostname: str
    recipient: str
    language: str
    subject: str
    text: str
    in_reply_to: str = ""  #: A Message-ID.
    answers: bool = False  #: Whether it answers a mail (RFC 3834, 5).


def build(notice: Notice) -> bytes:
    """Write the mail, with CRLF line ends, ready to be sent; nothing answers it."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = notice.sender
    mail["To"] = notice.recipient
    mail["Subject"] = " ".join(notice.subject.split())[:_LONGEST_SUBJECT]
    mail["Date"] = format_datetime(notice.at)
    mail["Message-ID"] = f"<{ids.show(notice.id)}.notice@{notice.hostname.strip('[]')}>"
    if notice.in_reply_to.isascii() and notice.in_reply_to.isprintable() and notice.in_reply_to:
        mail["In-Reply-To"] = mail["References"] = notice.in_reply_to
    mail["Auto-Submitted"] = "auto-replied" if notice.answers else "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail[MARK] = ids.show(notice.id)
    mail["Content-Language"] = notice.language
    mail.set_content(notice.text + "\n", charset="utf-8", cte="quoted-printable")
    return mail.as_bytes()


def in_language(texts: Mapping[str, T], *languages: str) -> T:
    """Return what there is in the first of some languages, `de` standing in for `de-AT`.

    Without any of them it is the first of `texts`, which must not be empty.
    """
    for language in languages:
        found = texts.get(language[:2].lower())
        if found is not None:
            return found
    return next(iter(texts.values()))
