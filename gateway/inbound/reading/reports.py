"""What a delivery report says, and which mail it is about (RFC 3464)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

from gateway.core import ids
from gateway.core.mail.headers import Headers, decoded
from gateway.core.replies.inbox import DeliveryReport
from gateway.inbound.reading.texts import children

_MOST_PARTS = 200
_MOST_RECIPIENTS = 100
_LONGEST = 1_000
_OUR_TRACE = re.compile(r"\bid ([0-9a-z]{13})\b")
_ORIGINALS = ("text/rfc822-headers", "message/rfc822", "message/global-headers", "message/global")
_STATUSES = ("message/delivery-status", "message/global-delivery-status")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSet:
    """A delivery report: what it says, and by what the mail it is about is known."""

    reports: tuple[DeliveryReport, ...] = ()
    numbers: tuple[int, ...] = ()  #: Ids of the journal that it names.
    message_id: str = ""


def read_reports(mail: Message) -> ReportSet:
    """Read what an automatic mail reports of deliveries; most report nothing."""
    recipients: list[DeliveryReport] = []
    numbers: list[int] = []
    message_id = ""
    for part in _parts(mail):
        if part.get_content_type() in _STATUSES:
            for group in children(part):
                numbers += _named(group)
                recipients += _recipient(group)
        elif part.get_content_type() in _ORIGINALS:
            original = _original(part)
            message_id = message_id or original.text("message-id")
            numbers += _traced(original)
    return ReportSet(
        reports=tuple(recipients[:_MOST_RECIPIENTS]),
        numbers=tuple(dict.fromkeys(numbers))[:_MOST_RECIPIENTS],
        message_id=message_id[:_LONGEST],
    )


def _parts(mail: Message) -> Iterator[Message]:
    stack = [mail]
    for _ in range(_MOST_PARTS):
        if not stack:
            return
        part = stack.pop()
        yield part
        if part.get_content_maintype() == "multipart":
            stack += reversed(children(part))


def _original(part: Message) -> Headers:
    """Return the header of the mail a report gives back."""
    inner = next(iter(children(part)), None)
    if inner is not None:
        block = "".join(f"{name}: {value}\n" for name, value in inner.raw_items())
        return Headers.parse(block.encode("utf-8", "surrogateescape"))
    payload = part.get_payload(decode=True)
    return Headers.parse(payload if isinstance(payload, bytes) else b"")


def _traced(original: Headers) -> Iterator[int]:
    """Yield the ids of the Received lines: ours is among them if the mail passed here."""
    for line in original.texts("received"):
        yield from _ids(_OUR_TRACE.findall(line))


def _named(group: Message) -> Iterator[int]:
    for name in ("original-envelope-id", "x-gateway-message"):
        yield from _ids([_field(group, name)])


def _ids(texts: list[str]) -> Iterator[int]:
    for text in texts:
        try:
            yield ids.read(text)
        except ValueError:
            continue


def _recipient(group: Message) -> Iterator[DeliveryReport]:
    named = _field(group, "final-recipient") or _field(group, "original-recipient")
    address = named.partition(";")[2].strip() or named
    if address:
        yield DeliveryReport(
            recipient=address,
            action=_field(group, "action").lower(),
            status=_field(group, "status"),
            diagnostic=_field(group, "diagnostic-code"),
        )


def _field(group: Message, name: str) -> str:
    octets = str(group.get(name, "")).encode("utf-8", "surrogateescape")
    return " ".join(decoded(octets).split())[:_LONGEST]
