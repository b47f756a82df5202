"""Forwards with neither a mark nor an address, found by quotequail, which knows some wordings."""

from datetime import tzinfo

import quotequail

from gateway.core.replies.forwarded.dates import parse_date
from gateway.core.replies.forwarded.mailboxes import parse_mailbox, parse_mailboxes
from gateway.core.replies.forwarded.original import Heading
from gateway.inbound.reading.recovered import RecoveredMail

#: quotequail compares every line with all that follow, so it only gets the beginning.
_LINES = 300
_WIDTH = 500


def recover_unmarked(text: str, subject: str, zone: tzinfo) -> RecoveredMail | None:
    """Recover what quotequail finds in a text; None if it finds nothing with an author.

    `subject` is the outer mail's; `zone` is assumed for a date without one.
    """
    text = text.replace("\r\n", "\n")
    lines = text.split("\n", _LINES)[:_LINES]
    is_long = (number for number, line in enumerate(lines) if len(line) > _WIDTH)
    head = "\n".join(lines[: next(is_long, _LINES)])
    if ":" not in head and "@" not in head:
        return None  # quotequail finds an author only in text with one of these
    unwrapped = quotequail.unwrap(head)
    if unwrapped is None or not unwrapped.get("from") or not unwrapped.get("text"):
        return None
    date_text = unwrapped.get("date", "")
    own = (unwrapped.get("text_top", ""), unwrapped.get("text_bottom", ""))
    return RecoveredMail(
        heading=Heading(
            sender=parse_mailbox(unwrapped["from"]),
            date=parse_date(date_text, zone=zone),
            date_text=date_text,
            subject=unwrapped.get("subject", subject),
            to=parse_mailboxes(unwrapped.get("to", "")),
            cc=parse_mailboxes(unwrapped.get("cc", "")),
        ),
        text=(unwrapped["text"] + text[len(head) :]).strip(),
        html="",
        staff_text="\n\n".join(part for part in own if part),
        attached=None,
    )
