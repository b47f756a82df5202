"""What a delivery report says, and which mail it is about (RFC 3464)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message

from gateway.core import ids
from gateway.core.mail.headers import Headers, decoded
from gateway.core.replies.inbox import DeliveryReport
from gateway.inbound.reading.header_fields import hop_ids
from gateway.inbound.reading.texts import children

_MOST_PARTS = 200
_MOST_RECIPIENTS = 100
_LONGEST = 1_000
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
    stack = [mail]
    for _ in range(_MOST_PARTS):
        if not stack:
            break
        part = stack.pop()
        if part.get_content_maintype() == "multipart":
            stack += reversed(children(part))
        elif part.get_content_type() in _STATUSES:
            for group in children(part):
                names = ("original-envelope-id", "x-gateway-message")
                numbers += _ids([_field(group, name) for name in names])
                recipients += delivery_of(group)
        elif part.get_content_type() in _ORIGINALS:
            original = header_of_original(part)
            message_id = message_id or original.text("message-id")
            # The gateway's own is among them if it passed here.
            numbers += _ids(hop_ids(original.raw("received")))
    return ReportSet(
        reports=tuple(recipients[:_MOST_RECIPIENTS]),
        numbers=tuple(dict.fromkeys(numbers))[:_MOST_RECIPIENTS],
        message_id=message_id[:_LONGEST],
    )


def header_of_original(part: Message) -> Headers:
    """Return the header of the mail a report gives back."""
    inner = next(iter(children(part)), None)
    if inner is not None:
        block = "".join(f"{name}: {value}\n" for name, value in inner.raw_items())
        return Headers.parse(block.encode("utf-8", "surrogateescape"))
    payload = part.get_payload(decode=True)
    return Headers.parse(payload if isinstance(payload, bytes) else b"")


def _ids(texts: Iterable[str]) -> Iterator[int]:
    for text in texts:
        try:
            yield ids.read(text)
        except ValueError:
            continue


def delivery_of(group: Message) -> Iterator[DeliveryReport]:
    """Yield what the fields of one recipient say (RFC 3464, 2.3); nothing where they name none."""
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
