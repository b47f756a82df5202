"""The gateway's own mail to staff."""

import re
from dataclasses import dataclass
from datetime import datetime

from gateway.core.mail import own_mail

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
    answered_ids = [notice.in_reply_to] if _MESSAGE_ID.fullmatch(notice.in_reply_to) else []
    header = own_mail.own_header(
        sender=own_mail.configured_mailbox(notice.sender),
        recipient=own_mail.angled(notice.recipient),
        subject=own_mail.on_one_line(notice.subject, own_mail.LONGEST_SUBJECT),
        at=notice.at,
        message_id=own_mail.message_id(notice.id, "notice", notice.hostname),
        language=notice.language,
        before=own_mail.thread_fields(answered_ids, answered_ids),
        automatic="auto-replied" if notice.answers else "auto-generated",
        after=("X-Auto-Response-Suppress: All", own_mail.own_mark(notice.id)),
    )
    return own_mail.with_text(header, notice.text, notice.html, number=notice.id)
