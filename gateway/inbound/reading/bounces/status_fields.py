"""The fields of a delivery report about one recipient (RFC 3464, RFC 6533)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from email.message import Message

from gateway.core.bounces.bounce import Bounce, BounceKind
from gateway.core.bounces.notice_text import ToldFailure, essence, notice_of
from gateway.core.bounces.reason import Reason
from gateway.core.bounces.why import why_of
from gateway.inbound.reading.bounces.bounce_parts import (
    address_in,
    field,
    on_one_line,
    read_fields,
)

_ACTIONS = {
    "delayed": BounceKind.DELAY,
    "delivered": BounceKind.DELIVERED,
    "deliverable": BounceKind.DELIVERED,  # from Postfix's `sendmail -bv`
    "relayed": BounceKind.DELIVERED,
    "expanded": BounceKind.DELIVERED,
}
_COMMENT = re.compile(r"\([^()]*\)")
_FIELD_OF_REPORT = re.compile(r"^(?:final|original)-recipient:", re.IGNORECASE | re.MULTILINE)


def of_group(
    group: Message, notice: str, failures: Sequence[ToldFailure], *, is_only: bool
) -> Iterator[Bounce]:
    """Yield what one recipient's fields say (RFC 3464, 2.3); nothing if they name nobody.

    `is_only`: the report has only one recipient. Otherwise, what the notice says without naming
    anybody may be about another one.
    """
    final = address_in(field(group, "final-recipient"))
    original = address_in(field(group, "original-recipient"))
    recipient = final or original
    if not recipient:
        return
    # `relayed (to non-DSN-aware mailer)` (Sendmail): comments don't count (RFC 3464, 2.1.1).
    action = _COMMENT.sub(" ", field(group, "action")).strip().casefold()
    bounce = Bounce(
        kind=_ACTIONS.get(action, BounceKind.BOUNCE),
        recipient=recipient,
        original_recipient=original,
        action=action,
        status=field(group, "status"),
        diagnostic=field(group, "diagnostic-code"),
    )
    if bounce.kind is BounceKind.DELIVERED:
        yield bounce
        return
    addresses = (final.casefold(), original.casefold())
    about = [failure.lines for failure in failures if failure.recipient.casefold() in addresses]
    texts = essence(about[0] if about else notice_of(notice))
    # `5.4.4 (Illegal host/domain name found)`
    comment = bounce.status.partition("(")[2].rstrip(")")
    all_texts = (bounce.diagnostic, comment, *texts)
    reason = why_of(all_texts, bounce.status, recipient=recipient)
    if reason in (Reason.USER_UNKNOWN, Reason.HOST_UNKNOWN):
        # The text for people may say which command was refused.
        by_command = why_of([f"{bounce.diagnostic} {texts[0]}"], bounce.status, recipient=recipient)
        if by_command in (Reason.FILTERED, Reason.REJECTED):
            reason = by_command
        # Two reasons for one recipient: believing the temporary one does less harm.
        by_text = why_of(texts, recipient=recipient)
        if (about or is_only) and by_text in (Reason.MAILBOX_FULL, Reason.SYSTEM_FULL):
            reason = by_text
    if (
        action == "failed"
        and bounce.status.startswith("4.")
        and reason in (Reason.FILTERED, Reason.UNDEFINED)
    ):
        reason = Reason.EXPIRED  # failed with a temporary code (`450 4.2.0`): it gave up trying
    if reason is Reason.HOST_UNKNOWN and re.match(r"4\.(?!1\.)", bounce.status):
        reason = Reason.NETWORK_ERROR  # temporary: name servers may be wrong for hours
    diagnostic = bounce.diagnostic or on_one_line(texts[0] or texts[1])
    yield replace(bounce, diagnostic=diagnostic, reason=reason)


def groups_in(notice: str) -> Iterator[Message]:
    """Yield the fields of a delivery report found in a text."""
    for block in re.split(r"\n[ \t\r]*\n", notice):
        if _FIELD_OF_REPORT.search(block):
            yield read_fields(block)
