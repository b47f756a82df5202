"""Mails attached to a mail, and the header of a mail as people read it."""

import binascii
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from email import message_from_bytes
from email.message import Message
from email.utils import parsedate_to_datetime

from gateway.core.mail.headers import decode_value, decoded_mailboxes
from gateway.core.mail.transfer_encoding import decoded_payload
from gateway.core.replies.forwarded.dates import parse_date
from gateway.core.replies.forwarded.mailboxes import parse_agent
from gateway.core.replies.forwarded.original import Heading
from gateway.inbound.reading.header_fields import mailboxes_in, sender_in
from gateway.inbound.reading.skeleton import raw_payload
from gateway.inbound.reading.texts import children, file_name, without_divider

_MOST_PARTS = 1_000
_MOST_MAILS = 5  #: Attached mails that are opened; any others stay files.


def attached_mails(mail: Message) -> list[Message]:
    """Return the first mails attached to a mail; those in a delivery report don't count."""
    mails: list[Message] = []
    stack = [mail]
    for _ in range(_MOST_PARTS):
        if not stack or len(mails) == _MOST_MAILS:
            break
        part = stack.pop()
        if part.get_content_type() == "multipart/report":
            continue
        if part.get_content_maintype() == "multipart":
            stack += reversed(children(part))
            continue
        attached = mail_in(part)
        if attached is not None and (attached.get("from") or attached.get("subject")):
            mails.append(attached)
    return mails


def mail_in(part: Message) -> Message | None:
    """Return the mail in a part: attached as such, or under a name ending in `.eml`.

    Some programs wrongly send an attached mail in base64 (RFC 2046, 5.2.1).
    """
    if part.get_content_type() in ("message/rfc822", "message/global"):
        inner = next(iter(children(part)), None)
        if inner is None or inner.keys():
            return inner
        payload = raw_payload(inner) or ""
        octets = payload.encode("ascii", "surrogateescape")
        try:
            octets = octets if ":" in payload else b64decode(octets, validate=False)
        except (binascii.Error, ValueError):
            return None
    elif file_name(part).casefold().endswith(".eml"):
        if part.is_multipart():
            return None
        octets = decoded_payload(part)
    else:
        return None
    try:
        return message_from_bytes(without_divider(octets))
    except RecursionError:
        return None


def heading_of(mail: Message, zone: tzinfo) -> Heading:
    """Return the contents of a mail's header; `zone` is assumed for a date without one."""
    senders = shown_field(mail, "from", decode=decoded_mailboxes)
    author, agent = sender_in(senders), parse_agent(senders, is_field=True)
    if agent is None and author is not None:
        sender = sender_in(shown_field(mail, "sender", decode=decoded_mailboxes))
        is_another = sender is not None and sender.address.casefold() != author.address.casefold()
        agent = sender if is_another else None  # RFC 5322, 3.6.2
    date_text = shown_field(mail, "date")
    return Heading(
        sender=author,
        date=date_of(date_text, zone),
        date_text=date_text,
        subject=shown_field(mail, "subject"),
        to=mailboxes_in(shown_field(mail, "to", decode=decoded_mailboxes)),
        cc=mailboxes_in(shown_field(mail, "cc", decode=decoded_mailboxes)),
        agent=agent,
        has_subject="subject" in mail,
    )


def shown_field(mail: Message, name: str, *, decode: Callable[[bytes], str] = decode_value) -> str:
    """Return the first field of a name (in lower case) decoded for people; empty without one."""
    for key, value in mail.raw_items():
        if key.casefold() == name:
            octets = str(value).encode("utf-8", "surrogateescape")
            return " ".join(decode(b" ".join(octets.split())).split())
    return ""


def date_of(text: str, zone: tzinfo) -> datetime | None:
    """Return the time in a Date field, aware; None if it can't be read."""
    try:
        parsed = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return parse_date(text, zone=zone)
    if parsed.tzinfo is None:
        return parsed.replace(tzinfo=UTC if text.endswith("-0000") else zone)
    return parsed
