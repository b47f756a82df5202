"""Complaints in the abuse reporting format (RFC 5965), and those of Outlook.com without it."""

from collections.abc import Iterator

from gateway.core.bounces.bounce import Bounce, BounceKind
from gateway.inbound.reading.bounces.bounce_parts import (
    BounceParts,
    address_in,
    field,
    recipients_of,
)

_FEEDBACK = {"not-spam": BounceKind.NOT_SPAM, "opt-out": BounceKind.OPT_OUT}


def complaints_of(parts: BounceParts) -> Iterator[Bounce]:
    """Yield whom a complaint is from (RFC 5965, 3.2); one with no address where it doesn't say."""
    report = parts.feedback
    kind = BounceKind.COMPLAINT
    recipients: list[str] = []
    if report is not None:
        feedback_type = field(report, "feedback-type").casefold()
        kind = _FEEDBACK.get(feedback_type, BounceKind.COMPLAINT)
        recipients = [address_in(str(value)) for value in report.get_all("original-rcpt-to", [])]
        recipients += [address_in(str(value)) for value in report.get_all("removal-recipient", [])]
    if not any(recipients) and parts.original is not None:
        # Receivers black out the address, or leave the field out; what was signed for tells.
        recipients = recipients_of(parts.original)
    diagnostic = field(report, "user-agent") if report is not None else ""
    for recipient in dict.fromkeys(recipients or [""]):
        yield Bounce(kind=kind, recipient=recipient, diagnostic=diagnostic)
