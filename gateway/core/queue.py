"""The life of what waits in the store for its turn: states × events, in one form for every queue.

A queue is a table of the store. A process *claims* rows of it for the length of a lease, so that no
other one works on them, and *settles* each with what became of it. A process that ends, or is
silent for longer than its lease, has *abandoned* what it held. What each of these makes of a row is
said once, by the queue's `QueueLife`; the SQL of `store/engine/queue.py` is built from it.

A life reads like this: mail that was being sent when its worker was killed is `unknown`, and what
is `unknown` nobody may claim, so it never leaves a second time by itself:

    QueueEvent.CLAIMED: {QUEUED: SENDING}
    QueueEvent.ABANDONED: {SENDING: UNKNOWN}

What isn't in the table doesn't happen: a row in another state stays as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar


class QueueEvent(StrEnum):
    """What happens to a row of a queue."""

    # By whom holds it
    CLAIMED = "claimed"  #: A process has taken it, for the length of a lease.
    GIVEN_BACK = "given back"  #: Its holder did not begin with it.
    BEGUN = "begun"  #: Its holder lets it go now: from here on it may have arrived.
    ABANDONED = "abandoned"  #: Its holder ended, or was silent for longer than the lease.

    # What its holder found: an outcome
    SENT = "sent"  #: The other side has taken it.
    FAILED = "failed"  #: Surely not taken, and nothing will try it again.
    PUT_OFF = "put off"  #: Surely not taken, and tried again later.
    DOUBTED = "doubted"  #: Perhaps taken: nobody heard the answer.
    SKIPPED = "skipped"  #: It need not be sent any more.
    EXPIRED = "expired"  #: Too late to be of use.
    FILED = "filed"
    REPEATED = "repeated"  #: The same was filed before.
    IGNORED = "ignored"
    OBJECTED = "objected"  #: Something speaks against filing it: a person is to decide.

    # By others, whoever holds it
    WITHDRAWN = "withdrawn"  #: What it was about is done with or undone.
    GIVEN_UP = "given up"  #: Nobody is there any more whom it is for.
    HELD = "held"  #: Everything waits until a person says otherwise.
    RESUMED = "resumed"
    REVIVED = "revived"  #: It seemed too late by a clock that ran ahead.
    RETRIED = "retried"  #: A person wants another try.
    CANCELLED = "cancelled"  #: A person gave it up.
    DISCARDED = "discarded"  #: A person put it aside.


#: The events by which a holder settles a row.
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
    """What each event makes of a row: event -> state before -> state after.

    Each outcome leads to one state, and each of those states is the outcome of one event.
    """

    transitions: Mapping[QueueEvent, Mapping[S, S]]

    def after(self, state: S, event: QueueEvent) -> S | None:
        """Return the state of a row after an event; None: it can't happen in that state."""
        return self.transitions.get(event, {}).get(state)

    def before(self, event: QueueEvent) -> tuple[S, ...]:
        """Return the states in which an event can happen, none for what the queue doesn't know."""
        return tuple(self.transitions.get(event, ()))

    def result(self, event: QueueEvent) -> S:
        """Return the one state an event leads to; ValueError if there isn't exactly one."""
        (state,) = set(self.transitions.get(event, {}).values())
        return state

    def outcome(self, state: S) -> QueueEvent:
        """Return the event by which a row is settled so; ValueError: by none."""
        (event,) = (
            event for event in OUTCOMES if event in self.transitions and self.result(event) is state
        )
        return event
