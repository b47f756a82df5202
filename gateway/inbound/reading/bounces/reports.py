"""What a bounce says, and what identifies the mail of ours it is about."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message

from gateway.core import ids
from gateway.core.bounces.bounce import Bounce
from gateway.core.mail.headers import Headers, decode_value, mailboxes_in
from gateway.core.mail.transfer_encoding import decoded_payload
from gateway.inbound.reading.bounces.bounce_parts import (
    STATUSES,
    address_in,
    mail_in,
    read_fields,
    status_groups,
)
from gateway.inbound.reading.header_fields import hop_ids
from gateway.inbound.reading.texts import children, decoded_text

_MOST_PARTS = 200
_MOST_RECIPIENTS = 100
_LONGEST = 1_000
_ORIGINALS = ("text/rfc822-headers", "message/rfc822", "message/global-headers", "message/global")
#: The Message-ID of the returned mail, in the text or among the report's fields.
_MESSAGE_ID = re.compile(
    r"^[> \t]{0,10}(?:x-original-)?message-id:\s{0,10}(<[^<>\s]{1,900}>)",
    re.IGNORECASE | re.MULTILINE,
)
#: The same in a notification from Amazon SES, where quotes are escaped if SNS wrapped it.
_NOTIFIED_ID = re.compile(
    r"""\\?"(?:messageId|Message-ID)\\?"\s{0,9}[:,]\s{0,9}(?:\\?"value\\?"\s{0,9}:\s{0,9})?"""
    r"""\\?"(<[^<>\s"\\]{1,900}>)""",
    re.IGNORECASE,
)
_LONGEST_TEXT = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSet:
    """What a bounce says, and what identifies the mail of ours it is about."""

    bounces: tuple[Bounce, ...] = ()
    numbers: tuple[int, ...] = ()  #: Ids of journal messages named in it.
    message_id: str = ""
    addressed_to: tuple[str, ...] = ()  #: Addresses it was sent to, according to its own header.
    returned_from: str = ""  #: The envelope sender of the mail complained about (RFC 5965, 3.2).
    #: Whether it may be a person's request: it has a sender, and is no reply or report.
    may_ask: bool = False


def has_report_form(mail: Message) -> bool:
    """Whether a mail is a delivery report, though its header may call it an automatic reply.

    Some servers leave out the `report-type`, and mark it with `Auto-Submitted: auto-replied`.
    """
    is_report = mail.get_content_type() == "multipart/report"
    return is_report and any(part.get_content_type() in STATUSES for part in children(mail))


def read_reports(mail: Message, *, is_bounce: bool) -> ReportSet:
    """Parse what an automatic mail reports about deliveries; most report nothing."""
    numbers: list[int] = []
    message_id = ""
    told_ids: list[str] = []
    returned_from = ""
    stack = [mail]
    for _ in range(_MOST_PARTS):
        if not stack:
            break
        part = stack.pop()
        if part.get_content_maintype() == "multipart":
            stack += reversed(children(part))
        elif part.get_content_type() in STATUSES:
            for group in status_groups(part):
                names = ("original-envelope-id", "x-gateway-message")
                numbers += _ids([_field(group, name) for name in names])
                # Google doesn't return the mail and names its id only here.
                message_id = message_id or _field(group, "x-original-message-id")
        elif part.get_content_type() == "message/feedback-report":
            report = mail_in(part) or read_fields(decoded_text(part))
            returned_from = address_in(_field(report, "original-mail-from"))
        elif part.get_content_type() == "text/plain":
            text = decoded_text(part)[:_LONGEST_TEXT]
            told_ids += _MESSAGE_ID.findall(text) or _NOTIFIED_ID.findall(text)
        elif part.get_content_type() in _ORIGINALS:
            original = header_of_original(part)
            message_id = message_id or original.text("message-id")
            # If the mail passed through here, the gateway's own id is among them.
            numbers += _ids(hop_ids(original.raw("received")))
    bounces: tuple[Bounce, ...] = ()
    if is_bounce:
        # Imported when the first one comes: few mails are reports.
        from gateway.inbound.reading.bounces.bounces import read_bounces

        bounces = read_bounces(mail)
    return ReportSet(
        bounces=bounces,
        numbers=tuple(dict.fromkeys(numbers))[:_MOST_RECIPIENTS],
        message_id=(message_id or (told_ids[0] if told_ids else ""))[:_LONGEST],
        addressed_to=_addressed_to(mail),
        returned_from=returned_from,
    )


def header_of_original(part: Message) -> Headers:
    """Return the header of the mail returned in a report."""
    inner = mail_in(part)
    if inner is not None:
        block = "".join(f"{name}: {value}\n" for name, value in inner.raw_items())
        return Headers.parse(block.encode("utf-8", "surrogateescape"))
    return Headers.parse(b"" if part.is_multipart() else decoded_payload(part))


def _ids(texts: Iterable[str]) -> Iterator[int]:
    for text in texts:
        try:
            yield ids.read(text)
        except ValueError:
            continue


def _field(group: Message, name: str) -> str:
    octets = str(group.get(name, "")).encode("utf-8", "surrogateescape")
    return " ".join(decode_value(octets).split())[:_LONGEST]


def _addressed_to(mail: Message) -> tuple[str, ...]:
    names = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to")
    values = [_field_of(value) for name in names for value in mail.get_all(name, [])]
    addresses = [address for _, address in mailboxes_in(values) if "@" in address]
    return tuple(dict.fromkeys(addresses))[:_MOST_RECIPIENTS]


def _field_of(value: object) -> str:
    return " ".join(str(value).split())[:_LONGEST]
