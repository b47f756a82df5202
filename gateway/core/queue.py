"""The life cycle of rows in a queue: states × events, in one form for every queue.

A queue is a table of the store. A process *claims* rows for the length of a lease, so that no other
process works on them, and *settles* each with its outcome. A process that ends, or is silent for
longer than its lease, has *abandoned* the rows it held. What each event does to a row is defined
once, by the queue's `QueueLife`; the SQL in `store/engine/queue.py` is built from it.

For example: mail that was being sent when its worker was killed is `unknown`, and nobody may claim
what is `unknown`, so it is never sent twice on its own:

    QueueEvent.CLAIMED: {QUEUED: SENDING}
    QueueEvent.ABANDONED: {SENDING: UNKNOWN}

What isn't in the table doesn't happen: a row in any other state stays as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar


class QueueEvent(StrEnum):
    """What happens to a row of a queue."""

    # By its holder
    CLAIMED = "claimed"  #: A process has taken it for the length of a lease.
    GIVEN_BACK = "given back"  #: Its holder did not start on it.
    BEGUN = "begun"  #: Its holder is sending it now: from here on it may have arrived.
    ABANDONED = "abandoned"  #: Its holder ended, or was silent for longer than the lease.

    # The outcome its holder found
    SENT = "sent"  #: The other side has accepted it.
    FAILED = "failed"  #: Not accepted, as far as is known, and not retried.
    PUT_OFF = "put off"  #: Retried later: not accepted, or a webhook whose answer was lost.
    DOUBTED = "doubted"  #: Possibly accepted: the answer was lost.
    SKIPPED = "skipped"  #: No longer needs to be sent.
    EXPIRED = "expired"  #: Too late to be useful.
    FILED = "filed"
    REPEATED = "repeated"  #: Already filed.
    IGNORED = "ignored"
    OBJECTED = "objected"  #: There is an objection to filing it: a person must decide.

    # By others, whoever holds it
    WITHDRAWN = "withdrawn"  #: Its cause was dealt with or undone.
    GIVEN_UP = "given up"  #: There is no longer anybody to send it to.
    HELD = "held"  #: Everything waits until a person releases it.
    RESUMED = "resumed"
    REVIVED = "revived"  #: It had expired only by a clock that ran ahead.
    RETRIED = "retried"  #: A person requested a retry.
    CANCELLED = "cancelled"  #: A person cancelled it.
    DISCARDED = "discarded"  #: A person set it aside.


#: The events with which a holder settles a row.
OUTCOMES = (
    QueueEvent.SENT,
    QueueEvent.FAILED,
    QueueEvent.PUT_OFF,
    QueueEvent.DOUBTED,
    QueueEvent.SKIPPED,
    QueueEvent.EXPIRED,
    QueueEvent.FILED,
    QueueEvent.REPEATED,
    QueueEvent.IGNORED,
    QueueEvent.OBJECTED,
)

S = TypeVar("S", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class QueueLife(Generic[S]):
    """What each event does to a row: event -> state before -> state after.

    Each outcome leads to one state, and each of those states results from one outcome.
    """

    transitions: Mapping[QueueEvent, Mapping[S, S]]

    def after(self, state: S, event: QueueEvent) -> S | None:
        """Return the state of a row after an event; None if it can't happen in that state."""
        return self.transitions.get(event, {}).get(state)

    def before(self, event: QueueEvent) -> tuple[S, ...]:
        """Return the states in which an event can happen; none if the queue doesn't have it."""
        return tuple(self.transitions.get(event, ()))

    def result(self, event: QueueEvent) -> S:
        """Return the one state an event leads to; raise ValueError if there isn't exactly one."""
        (state,) = set(self.transitions.get(event, {}).values())
        return state

    def outcome(self, state: S) -> QueueEvent:
        """Return the event that settles a row into this state; raise ValueError if none does."""
        (event,) = (
            event for event in OUTCOMES if event in self.transitions and self.result(event) is state
        )
        return event
