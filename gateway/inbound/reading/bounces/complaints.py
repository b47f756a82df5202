"""Complaints in the abuse reporting format (RFC 5965), and Outlook.com's without it."""

import re
from collections.abc import Iterator

from gateway.core.bounces.bounce import Bounce, BounceKind
from gateway.inbound.reading.bounces.bounce_parts import (
    BounceParts,
    address_in,
    field,
    recipients_of,
)

#: Types of report (IANA, "Feedback Report Type Values", 2024) that are not complaints. A report on
#: failed authentication (`auth-failure`, RFC 6591; `dmarc`) is about mail that nobody complained
#: about. A missing or unknown type counts as a complaint, to be on the safe side.
_NO_COMPLAINT = {
    "auth-failure": BounceKind.FEEDBACK,
    "dmarc": BounceKind.FEEDBACK,
    "not-spam": BounceKind.NOT_SPAM,
    "opt-out": BounceKind.OPT_OUT,
    "opt-out-list": BounceKind.OPT_OUT,
}

_TYPE = re.compile(r"(?:\([^()]*\)\s*)?\"?([a-z0-9-]+)")


def kind_of_feedback(feedback_type: str) -> BounceKind:
    """Return what a type of report means: `abuse`, `not-spam`."""
    # `"abuse" (spam button)`: comments and quotes don't count (RFC 5965, 3.1).
    name = _TYPE.match(feedback_type.casefold())
    return _NO_COMPLAINT.get(name[1] if name else "", BounceKind.COMPLAINT)


def complaints_of(parts: BounceParts) -> Iterator[Bounce]:
    """Yield what a complaint says and whom it is from (RFC 5965, 3.2).

    `recipient` is empty unless it names just one address: some list every recipient of the mail
    (`Original-Rcpt-To` seven times), though only one of them complained.
    """
    report = parts.feedback
    kind = BounceKind.COMPLAINT
    recipients: list[str] = []
    if report is not None:
        kind = kind_of_feedback(field(report, "feedback-type"))
        values = (*report.get_all("original-rcpt-to", ()), *report.get_all("removal-recipient", ()))
        recipients = [address for value in values if (address := address_in(str(value)))]
    if not recipients and parts.original is not None:
        # Outlook.com adds it to the header of the mail it returns, whose `To` it redacts.
        recipients = [
            address
            for value in parts.original.get_all("x-hmxmroriginalrecipient", ())
            if "@" in (address := address_in(str(value)))
        ]
    is_presumed = not recipients
    if is_presumed and parts.original is not None:
        # Receivers redact the address, or leave the field out; the original may be addressed to it.
        recipients = recipients_of(parts.original)
    diagnostic = field(report, "user-agent") if report is not None else ""
    is_one = len({address.casefold() for address in recipients}) == 1
    yield Bounce(
        kind=kind,
        recipient=recipients[0] if is_one else "",
        diagnostic=diagnostic,
        is_presumed=is_presumed,
    )
