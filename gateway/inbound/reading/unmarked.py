"""Forwards with neither a mark nor an address: of those quotequail knows some wordings."""

from datetime import tzinfo

import quotequail

from gateway.core.replies.forwarded.dates import parse_date
from gateway.core.replies.forwarded.forms.intros import read_unquoted_intro
from gateway.core.replies.forwarded.lines import join_lines, read_lines
from gateway.core.replies.forwarded.mailboxes import parse_mailbox, parse_mailboxes
from gateway.core.replies.forwarded.original import Heading
from gateway.inbound.reading.recovered import RecoveredMail

#: quotequail compares every line with all that follow, so it only gets the beginning.
_LINES = 300
_WIDTH = 500


def recover_unmarked(
    text: str, subject: str, zone: tzinfo, *, shown: str | None = None
) -> RecoveredMail | None:
    """Recover what an introduction or quotequail finds in a text; None without an author.

    `subject` is the outer mail's; `zone` is assumed for a date without one. `shown` has the same
    lines as they are to be filed, if these differ. If both find one, it is the one further up;
    quotequail leaves out what is between two introductions.
    """
    text = text.replace("\r\n", "\n")
    found = [
        recover_introduced(text, subject, zone, shown),
        recover_known(text, subject, zone, shown),
    ]
    mails = [mail for mail in found if mail is not None]
    return min(mails, key=lambda mail: len(mail.staff_text.split()), default=None)


def recover_introduced(
    text: str, subject: str, zone: tzinfo, shown: str | None = None
) -> RecoveredMail | None:
    """Recover what is below `Le 23/11/2026 09:15:00, Ann Roe a écrit :`, in any language."""
    raw_lines = text.split("\n")
    shown_lines = shown.split("\n") if shown is not None else raw_lines
    lines = read_lines(raw_lines[:_LINES])
    written = (number for number, line in enumerate(lines) if not line.is_blank)
    intros = ((number, read_unquoted_intro(lines, number)) for number in written)
    start, intro = next(((number, intro) for number, intro in intros if intro), (0, None))
    if intro is None:
        return None
    return RecoveredMail(
        heading=Heading(
            sender=intro.sender,
            date=parse_date(intro.date, zone=zone),
            date_text=intro.date,
            subject=subject,
            to=(),
            cc=(),
        ),
        text=join_lines(shown_lines[intro.end :]),
        bare_text=join_lines(raw_lines[intro.end :]),
        html="",
        staff_text=join_lines(shown_lines[:start]),
        attached=None,
    )


def recover_known(
    text: str, subject: str, zone: tzinfo, shown: str | None = None
) -> RecoveredMail | None:
    """Recover what quotequail finds."""
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
    bare_text = filed_text = (unwrapped["text"] + text[len(head) :]).strip()
    # quotequail returns no positions, but what it found is usually all up to the end.
    start = len(text.split("\n")) - len(bare_text.split("\n"))
    if shown is not None and join_lines(text.split("\n")[start:]) == join_lines([bare_text]):
        filed_text = join_lines(shown.split("\n")[start:])
    return RecoveredMail(
        heading=Heading(
            sender=parse_mailbox(unwrapped["from"]),
            date=parse_date(date_text, zone=zone),
            date_text=date_text,
            subject=unwrapped.get("subject", subject),
            to=parse_mailboxes(unwrapped.get("to", "")),
            cc=parse_mailboxes(unwrapped.get("cc", "")),
        ),
        text=filed_text,
        bare_text=bare_text,
        html="",
        staff_text="\n\n".join(part for part in own if part),
        attached=None,
    )
