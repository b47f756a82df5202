"""The reply table: what the CRM hears for what the relay said."""

import re
from collections.abc import Sequence

from gateway.core.reply import Reply

TRY_LATER = Reply.of("451 4.4.1 The relay can't be reached just now; try again later")
LOST = Reply.of("451 4.4.2 The relay gave no answer; try again later")
OUR_FAULT = Reply.of("451 4.3.5 The gateway and its relay disagree; the operator has been told")
BUSY = Reply.of("451 4.3.2 The relay is busy; try again later")
TLS_FAILED = Reply.of("451 4.7.5 The relay's TLS failed; the operator has been told")
NO_LONGER_OFFERED = Reply.of("451 4.3.0 The relay no longer offers what this message asks for")

#: Codes that blame our commands or credentials, not the mail (RFC 5321, 4.2.2; RFC 4954, 6).
_OURS = frozenset({500, 501, 502, 503, 504, 530, 535})


def is_our_fault(reply: Reply, patterns: Sequence[re.Pattern[str]] = ()) -> bool:
    """Whether the operator must act: the relay refuses the gateway rather than the mail."""
    if reply.code in _OURS:
        return True
    return reply.code >= 400 and any(pattern.search(reply.text) for pattern in patterns)


def for_client(reply: Reply, patterns: Sequence[re.Pattern[str]] = ()) -> Reply:
    """Return what the CRM hears at a stage where 2xx is success.

    421 becomes 451 with the same text (only the relay's connection ends, not the CRM's); what is
    our fault becomes 451; a 1xx or 3xx makes no sense there and becomes 451, too.
    """
    if reply.code == 421:
        return Reply(451, reply.lines)
    if is_our_fault(reply, patterns):
        return Reply(451, (f"4.3.5 The relay refuses the gateway: {reply.lines[0]}"[:500],))
    if reply.positive or 400 <= reply.code < 600:
        return reply
    return OUR_FAULT
