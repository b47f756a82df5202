"""What an answer to a message makes of its recipients, and of a retry."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.core.journal import Attempt
from gateway.core.kinds import By, State
from gateway.core.reply import Reply
from gateway.smtp_proxy.record import Record

Hashed = Callable[[], str]  #: Tells the hash of the content when somebody asks.


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing of the message goes on; whoever said so."""

    reply: Reply
    by: By


def state_after(reply: Reply) -> State:
    """Return what a reply makes of those it is for."""
    if reply.positive:
        return State.RELAYED
    return State.REJECTED if reply.permanent else State.DEFERRED


def earlier_answer(record: Record, hashed: Hashed) -> Attempt | None:
    """Return the earlier attempt whose verdict, come or awaited, is this retry's answer, too."""
    earlier = record.judgement.earlier if record.judgement else ()
    return next(
        (
            attempt
            for attempt in reversed(earlier)
            if attempt.state in ("pending", "verdict") and attempt.content_hash == hashed()
        ),
        None,
    )
