"""The gateway's own mail to staff."""

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, formataddr

from gateway.core import ids
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
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,500}>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One mail to one member of staff."""

    id: int
    at: datetime  #: Aware, in the zone shown to people.
    sender: str
    hostname: str
    recipient: str
    language: str
    subject: str
    text: str
    html: str = ""  #: The HTML version; empty: text only.
    in_reply_to: str = ""  #: A Message-ID.
    answers: bool = False  #: Whether it is an automatic reply to a mail (RFC 3834, 5).


def build(notice: Notice) -> bytes:
    """Write the mail, with CRLF line ends, ready to send; it asks for no replies (RFC 3834)."""
    subject = " ".join(notice.subject.split())[:_LONGEST_SUBJECT]
    fields = [
        f"From: {formataddr(name_and_address(notice.sender))}",
        f"To: <{notice.recipient}>",
        subject_field(subject),
        f"Date: {format_datetime(notice.at)}",
        f"Message-ID: <{ids.show(notice.id)}.notice@{notice.hostname.strip('[]')}>",
    ]
    if _MESSAGE_ID.fullmatch(notice.in_reply_to):
        fields += [f"In-Reply-To: {notice.in_reply_to}", f"References: {notice.in_reply_to}"]
    fields += [
        f"Auto-Submitted: {'auto-replied' if notice.answers else 'auto-generated'}",
        "X-Auto-Response-Suppress: All",
        f"{OWN_MAIL_FIELD}: {ids.show(notice.id)}",
        "MIME-Version: 1.0",
        f"Content-Language: {notice.language}",
    ]
    text = text_part(f"{notice.text}\n")
    if not notice.html:
        return field_lines(fields) + text
    boundary = f"notice-{ids.show(notice.id)}"
    fields.append(f'Content-Type: multipart/alternative; boundary="{boundary}"')
    parts = [text, text_part(f"{notice.html}\n", "html")]
    return part(fields, multipart(parts, boundary))
