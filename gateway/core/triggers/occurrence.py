"""Occurrences: one event for one person on one day, as stored in the ledger."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from gateway.core.ids import moment_of
from gateway.core.people.people import PersonRef
from gateway.core.queue import QueueEvent, QueueLife
from gateway.core.sending.backoff import next_try
from gateway.core.sending.outbox import AttemptResult, Deferred, Refused, Sent, Unknown
from gateway.core.triggers.reasons import GIVEN_UP, TOO_LATE_AGAIN

#: The journal's listener name for mail on events.
TRIGGERS_LISTENER = "triggers"
#: Prefix of an occurrence's recipient who is a member of staff: `staff:7`.
STAFF_RECIPIENT = "staff:"
#: The `occurrence` of an event that happens only once.
ONCE = "once"


class OccurrenceState(StrEnum):
    """The state of an occurrence."""

    DUE = "due"
    HELD = "held"  #: Until `gateway triggers resume`.
    SENDING = "sending"
    SENT = "sent"
    SKIPPED = "skipped"
    EXPIRED = "expired"  #: Too late to be useful.
    FAILED = "failed"
    UNKNOWN = "unknown"  #: Possibly sent: never resent automatically.


#: Final states of a ledger row.
SETTLED = (
    OccurrenceState.SENT,
    OccurrenceState.SKIPPED,
    OccurrenceState.EXPIRED,
    OccurrenceState.FAILED,
    OccurrenceState.UNKNOWN,
)
#: Of mail that has left, or may have.
MAY_HAVE_LEFT = (OccurrenceState.SENDING, OccurrenceState.SENT, OccurrenceState.UNKNOWN)

#: How long before it becomes useless a mail is tried for the last time.
_LAST_WAIT = timedelta(minutes=15)
_S = OccurrenceState
#: An occurrence stays `due` while the process that claimed it writes its mail; `begun` is committed
#: before the first octet goes to the relay.
LEDGER_LIFE = QueueLife(
    {
        QueueEvent.CLAIMED: {_S.DUE: _S.DUE},
        QueueEvent.GIVEN_BACK: {_S.DUE: _S.DUE},
        QueueEvent.BEGUN: {_S.DUE: _S.SENDING},
        QueueEvent.ABANDONED: {_S.DUE: _S.DUE, _S.SENDING: _S.UNKNOWN},
        # A late result, after the lease, is still better than `unknown`.
        QueueEvent.SENT: {_S.SENDING: _S.SENT, _S.UNKNOWN: _S.SENT},
        QueueEvent.DOUBTED: {_S.SENDING: _S.UNKNOWN, _S.UNKNOWN: _S.UNKNOWN},
        QueueEvent.PUT_OFF: {_S.DUE: _S.DUE, _S.SENDING: _S.DUE, _S.UNKNOWN: _S.DUE},
        QueueEvent.FAILED: {_S.DUE: _S.FAILED, _S.SENDING: _S.FAILED, _S.UNKNOWN: _S.FAILED},
        QueueEvent.EXPIRED: {_S.DUE: _S.EXPIRED, _S.SENDING: _S.EXPIRED, _S.UNKNOWN: _S.EXPIRED},
        QueueEvent.SKIPPED: {_S.DUE: _S.SKIPPED},
        QueueEvent.WITHDRAWN: {_S.DUE: _S.SKIPPED, _S.HELD: _S.SKIPPED},
        QueueEvent.HELD: {_S.DUE: _S.HELD},
        QueueEvent.RESUMED: {_S.HELD: _S.DUE},
        QueueEvent.REVIVED: {_S.EXPIRED: _S.DUE},
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueOccurrence:
    """One time a trigger is due, not in the ledger yet."""

    id: int
    trigger: str
    event: str  #: The name of the trigger's event.
    person: PersonRef
    occurrence: str  #: Distinguishes it from the person's others: a date, a transition.
    about: str = ""  #: crm_id of a qualification, reference of an application.
    recipient: str = ""  #: Empty: the person; `staff:3`, or an address.
    due_at: datetime
    latest_at: datetime | None = None  #: Not sent after this time.
    facts: str = ""  #: The event's own data, as JSON.
    skipped: str = ""  #: Why it isn't sent, and never will be; empty: it is due.


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """A row of the ledger."""

    id: int
    trigger: str
    event: str  #: The name of the trigger's event.
    person: PersonRef
    occurrence: str
    about: str
    recipient: str
    run: int | None
    state: OccurrenceState
    reason: str
    due_at: datetime
    latest_at: datetime | None
    next_at: datetime | None
    facts: str
    address: str
    subject: str
    message_id: str
    body: bytes | None
    message: int | None
    attempts: int  #: Begun so far.
    settled_at: datetime | None

    @property
    def at(self) -> datetime:
        """When it was added to the ledger."""
        return moment_of(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class OccurrenceEnding:
    """What an attempt's result does to an occurrence."""

    state: OccurrenceState
    reason: str = ""
    next_at: datetime | None = None


def ending(
    result: AttemptResult, attempts: int, now: datetime, jitter: float, latest_at: datetime | None
) -> OccurrenceEnding:
    """Decide the new state of an occurrence after this many attempts; `jitter` is from 0 to 1.

    An unknown outcome is never resent automatically (RELIABILITY E5).
    """
    match result:
        case Sent():
            return OccurrenceEnding(state=OccurrenceState.SENT)
        case Refused(reply):
            return OccurrenceEnding(state=OccurrenceState.FAILED, reason=reply)
        case Unknown(reason):
            return OccurrenceEnding(state=OccurrenceState.UNKNOWN, reason=reason)
        case Deferred(reason):
            next_at = next_try(attempts, now, jitter)
            if next_at is None:
                given_up = GIVEN_UP.format(reason)
                return OccurrenceEnding(state=OccurrenceState.FAILED, reason=given_up)
            if latest_at is not None and next_at >= latest_at:
                # At 18:21 a birthday would be over by the next try: it is at 21:10 instead.
                next_at = now + (latest_at - now) / 2
                if latest_at - next_at < _LAST_WAIT:
                    too_late = TOO_LATE_AGAIN.format(reason)
                    return OccurrenceEnding(state=OccurrenceState.EXPIRED, reason=too_late)
            return OccurrenceEnding(state=OccurrenceState.DUE, reason=reason, next_at=next_at)
        case _:
            assert_never(result)
