"""The addresses that Mailman's bounce detectors (`flufl.bounce`) find."""

import logging
from email.message import Message

from gateway.core.bounces.notice_text import notice_of
from gateway.inbound.reading.bounces.bounce_parts import BounceParts
from gateway.inbound.reading.texts import children

_LONGEST_SCANNED = 100_000  #: Characters of a mail examined by Mailman's detectors.


def addresses_by_mailman(parts: BounceParts) -> set[str]:
    """Return the addresses that Mailman's detectors find."""
    from flufl.bounce import scan_message  # few bounces need it, and every reader would import it

    # It logs what it raises, with a traceback that would end up on a terminal.
    logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)
    try:
        return {
            address.decode("ascii", "replace") if isinstance(address, bytes) else str(address)
            for address in scan_message(_of_bounded_size(parts))
        }
    except Exception:  # flufl.bounce 6.0: some detectors fail on mail without From, for example
        return set()


def _of_bounded_size(parts: BounceParts) -> Message:
    """Return the mail, or if it is long, only its text for people: every line takes time."""
    size, stack = 0, [parts.mail]
    while stack and size <= _LONGEST_SCANNED:
        part = stack.pop()
        payload = part.get_payload()
        size += len(payload) if isinstance(payload, str) else 100
        stack += children(part)
    if size <= _LONGEST_SCANNED:
        return parts.mail
    short = Message()
    for name in ("from", "to", "subject", "x-mailer"):
        if parts.mail.get(name):
            short[name] = str(parts.mail[name])[:1_000]
    short.set_payload("\n".join(notice_of(parts.notice)))
    return short
