"""What the gateway itself sends, and the outcome of each attempt."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from gateway.core.ids import moment_of
from gateway.core.queue import QueueEvent, QueueLife
from gateway.core.sending.backoff import FOR_MAIL, FOR_WEBHOOKS, next_try

WEBHOOK = "webhook"  #: The type of what goes to a URL rather than by mail.


class OutboxState(StrEnum):
    """The state of a row in the outbox."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"  #: Possibly sent: the answer was lost.
    CANCELLED = "cancelled"


#: Final states unless a person decides otherwise.
SETTLED = (OutboxState.SENT, OutboxState.FAILED, OutboxState.UNKNOWN, OutboxState.CANCELLED)

_S = OutboxState
_BOTH_KINDS = {
    QueueEvent.CLAIMED: {_S.QUEUED: _S.SENDING},
    # A late result, after the lease, is still better than `unknown`.
    QueueEvent.SENT: {_S.SENDING: _S.SENT, _S.UNKNOWN: _S.SENT},
    QueueEvent.FAILED: {_S.SENDING: _S.FAILED, _S.UNKNOWN: _S.FAILED},
    QueueEvent.PUT_OFF: {_S.SENDING: _S.QUEUED, _S.UNKNOWN: _S.QUEUED},
    QueueEvent.DOUBTED: {_S.SENDING: _S.UNKNOWN, _S.UNKNOWN: _S.UNKNOWN},
    QueueEvent.SKIPPED: {_S.SENDING: _S.CANCELLED, _S.UNKNOWN: _S.CANCELLED},
    QueueEvent.RETRIED: {
        _S.UNKNOWN: _S.QUEUED,
        _S.FAILED: _S.QUEUED,
        _S.CANCELLED: _S.QUEUED,
    },
    QueueEvent.CANCELLED: {
        _S.QUEUED: _S.CANCELLED,
        _S.FAILED: _S.CANCELLED,
        _S.UNKNOWN: _S.CANCELLED,
    },
}
#: For mail: what may have been sent is never resent automatically.
OUTBOX_LIFE = QueueLife({**_BOTH_KINDS, QueueEvent.ABANDONED: {_S.SENDING: _S.UNKNOWN}})
#: For webhooks: they are resent, because receivers recognise them by id.
WEBHOOK_LIFE = QueueLife(
    {
        **_BOTH_KINDS,
        QueueEvent.ABANDONED: {_S.SENDING: _S.QUEUED},
        QueueEvent.GIVEN_UP: {_S.QUEUED: _S.FAILED},
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxDraft:
    """Something to send that isn't in the outbox yet."""

    id: int
    type: str  #: `dsn`, `notice`, `webhook` …
    key: str  #: Identifies it: added twice, it is sent once.
    recipient: str
    body: bytes
    sender: str = ""  #: The envelope sender; empty for the null sender.
    message: int | None = None  #: The journal message it is about.
    relay: str = ""  #: Empty: whichever fits.
    due: datetime | None = None  #: None: armed, waiting for `release`.
    lane: str = ""  #: Rows in one lane are sent one after another.
    digest: str = ""  #: What a report on several messages says about this one; if set, it may wait.


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """Something to send, as stored in the outbox."""

    id: int
    type: str
    key: str
    sender: str
    recipient: str
    body: bytes
    message: int | None
    relay: str
    state: OutboxState
    attempts: int  #: Begun so far, including the current one.
    next_at: datetime | None
    error: str
    lane: str = ""
    about: str = ""  #: For a trigger's mail: the trigger and the application's reference.

    @property
    def at(self) -> datetime:
        """When it was added."""
        return moment_of(self.id)


@dataclass(frozen=True, slots=True)
class Sent:
    """The other side has accepted it."""

    reply: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The other side will never accept it."""

    reply: str


@dataclass(frozen=True, slots=True)
class Deferred:
    """Certainly not accepted; it may be later."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may or may not have been accepted: no answer came, or the attempt failed halfway."""

    reason: str


AttemptResult = Sent | Refused | Deferred | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What an attempt's result does to a row."""

    state: OutboxState
    error: str = ""
    next_at: datetime | None = None


def settlement(
    result: AttemptResult, attempts: int, now: datetime, jitter: float, kind: str = ""
) -> Settlement:
    """Decide the new state of a row after this many attempts; `jitter` is random, from 0 to 1.

    A webhook that may have arrived is resent: its receiver recognises it by id.
    """
    is_webhook = kind == WEBHOOK
    patience = FOR_WEBHOOKS if is_webhook else FOR_MAIL
    match result:
        case Sent():
            return Settlement(state=OutboxState.SENT)
        case Refused(reply):
            return Settlement(state=OutboxState.FAILED, error=reply)
        case Unknown(reason) if is_webhook:
            return _deferred(reason, next_try(attempts, now, jitter, patience))
        case Unknown(reason):
            return Settlement(state=OutboxState.UNKNOWN, error=reason)
        case Deferred(reason):
            return _deferred(reason, next_try(attempts, now, jitter, patience))
        case _:
            assert_never(result)


def _deferred(reason: str, next_at: datetime | None) -> Settlement:
    if next_at is None:
        return Settlement(state=OutboxState.FAILED, error=f"given up: {reason}")
    return Settlement(state=OutboxState.QUEUED, error=reason, next_at=next_at)
