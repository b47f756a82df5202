"""The short form of a note: the part that fits into the reply to RCPT or DATA.

    550-5.7.1 Send failed: recipient is in the group "No bulk mail" (no bulk mail). No. 4f1c
    550-5.7.1 Lift it: take the person out of the group
    550 5.7.1 Send failed: "No bulk mail". No. 4f1c

Some programs show only the first line, some (mutt, emailjs …) the last: each is enough alone.
"""

import re
from collections.abc import Mapping, Sequence

from gateway.core import ids
from gateway.core.ascii_text import ascii_text
from gateway.core.decision.note_facts import NoteFacts
from gateway.core.decision.note_template import (
    MAX_SHORT_REASONS,
    MAX_SHORT_VALUE,
    SHARED,
    SHORT_LAST,
    NoteTemplate,
)
from gateway.core.decision.suppression_wording import (
    NAMELESS,
    is_shared,
    reason_values,
    strictest_first,
    suppression_name,
    suppression_section,
)
from gateway.core.people.people import Suppression

MAX_SHORT_LINES = 5
MAX_SHORT_OCTETS = 512  #: A whole reply with codes, text and line ends.
STATUS = "5.7.1"  #: Delivery not authorized (RFC 3463, 3.8).

_FRAME = len(f"550-{STATUS} \r\n")
_REASONS = frozenset(("names", "reason"))
_DOMAIN = re.compile(r"(?<=\S)@\S+")


def short_form(template: NoteTemplate, facts: NoteFacts) -> tuple[str, ...]:
    """Return the lines about one recipient: the strictest suppression, or those of all people."""
    suppressions = strictest_first(facts.suppressions)
    values = {
        **_reply_values(template, facts.message),
        "feed": template.moment_in(facts.now.tzinfo, facts.feed_as_of),
    }
    if is_shared(template, facts):
        values["count"] = str(facts.sharing)
        names = dict.fromkeys(
            suppression_name(template, suppression) for suppression in suppressions
        )
        values["names"] = ", ".join(names)
        section, personal = f"short {SHARED}", f"short personal {SHARED}"
    else:
        suppressions = suppressions[:1]
        values |= reason_values(template, facts, suppressions[0])
        section, personal = (
            f"short {suppression_section(template, suppressions[0])}",
            "short personal",
        )
    lines = template.fill(section, fit_for_reply(values))
    if facts.personal_mail:
        lines += template.fill(personal, {})
    return fit_lines(lines, last_line(template, facts.message, suppressions))


def short_form_of_several(template: NoteTemplate, failed: Sequence[NoteFacts]) -> tuple[str, ...]:
    """Return the lines about several recipients of one message; none is named."""
    suppressions = [suppression for facts in failed for suppression in facts.suppressions]
    values = {
        **_reply_values(template, failed[0].message),
        "count": str(len(failed)),
        "names": ", ".join(
            dict.fromkeys(suppression_name(template, suppression) for suppression in suppressions)
        ),
    }
    lines = template.fill("short several", fit_for_reply(values))
    return fit_lines(lines, last_line(template, failed[0].message, suppressions))


def _reply_values(template: NoteTemplate, message: int) -> dict[str, str]:
    """Return the values for every reply; the message page's address contains no mail address."""
    number = ids.show(message)
    page = template.page("messages", number) if message else ""
    return {"id": number, "state": template.send_failed, **template.reply_values(page)}


def last_line(template: NoteTemplate, message: int, suppressions: Sequence[Suppression]) -> str:
    """Write the line for programs that show only a reply's last one (mutt, emailjs …)."""
    names = dict.fromkeys(
        suppression_name(template, suppression)
        if suppression.source in NAMELESS
        else f'"{_shorten(suppression_name(template, suppression), MAX_SHORT_VALUE - 2)}"'
        for suppression in suppressions
    )
    values = {
        "id": ids.show(message),
        "state": template.send_failed,
        "reason": ", ".join(names),
    }
    return template.fill(SHORT_LAST, fit_for_reply(values))[0]


def fit_for_reply(values: Mapping[str, str]) -> dict[str, str]:
    """Shorten values for an SMTP reply, which people they aren't about may read: no addresses."""
    plain = {name: ascii_text(_DOMAIN.sub("", value)) for name, value in values.items()}
    return {
        name: value
        if name == "page"  # A truncated link is useless.
        else _shorten(value, MAX_SHORT_REASONS if name in _REASONS else MAX_SHORT_VALUE)
        for name, value in plain.items()
    }


def _shorten(value: str, most: int) -> str:
    return value if len(value) <= most else value[: most - 3] + "..."


def fit_lines(lines: Sequence[str], last: str) -> tuple[str, ...]:
    """Return the lines that fit into a reply: the first, the last, and what fits between.

    Later lines matter more: how to lift a suppression more than since when it holds. Lines beyond
    the limit are joined, so nothing that fits is lost.
    """
    first, *others = map(ascii_text, lines)
    if not others:
        return (first,)
    last = ascii_text(last)
    room = MAX_SHORT_OCTETS - 2 * _FRAME - len(first) - len(last)
    between: list[str] = []
    for line in reversed(others):
        if _FRAME + len(line) <= room:
            room -= _FRAME + len(line)
            between.insert(0, line)
    while len(between) > MAX_SHORT_LINES - 2:
        between[:2] = [f"{between[0].rstrip('.')}. {between[1]}"]
    return (first, *between, last)
