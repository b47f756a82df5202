"""Mail that came in for the importer, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.core.ids import moment_of
from gateway.core.queue import QueueEvent, QueueLife

SPOOL = "gateway-mail-"  #: How temporary files begin that hold mail.


class InboxState(StrEnum):
    """Where a mail stands."""

    WAITING = "waiting"  #: Taken by a listener, not looked at yet.
    FILED = "filed"
    REPEATED = "repeated"  #: Filed to that application before.
    NEEDS_ATTENTION = "needs_attention"
    IGNORED = "ignored"  #: Automatic mail.
    DISCARDED = "discarded"  #: By a person.


_S = InboxState


def _decided(state: InboxState) -> dict[InboxState, InboxState]:
    """Decided on for the first time, or again: a person asks, or the same mail comes again."""
    return dict.fromkeys((_S.WAITING, _S.NEEDS_ATTENTION, _S.DISCARDED), state)


#: A mail stays `waiting` while a process reads it: whoever decides later than another changes
#: nothing.
INBOX_LIFE = QueueLife(
    {
        QueueEvent.CLAIMED: {_S.WAITING: _S.WAITING},
        QueueEvent.GIVEN_BACK: {_S.WAITING: _S.WAITING},
        QueueEvent.ABANDONED: {_S.WAITING: _S.WAITING},
        QueueEvent.FILED: _decided(_S.FILED),
        QueueEvent.REPEATED: _decided(_S.REPEATED),
        QueueEvent.IGNORED: _decided(_S.IGNORED),
        QueueEvent.OBJECTED: _decided(_S.NEEDS_ATTENTION),
        QueueEvent.DISCARDED: {
            _S.NEEDS_ATTENTION: _S.DISCARDED,
            _S.DISCARDED: _S.DISCARDED,
        },
    }
)


class AttentionReason(StrEnum):
    """Why a mail needs attention."""

    NO_REFERENCE = "no_reference"
    UNKNOWN_REFERENCE = "unknown_reference"
    NOT_ALLOWED = "not_allowed"
    UNTRUSTED_ORIGIN = "untrusted_origin"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    #: It came to where bounces come in, but isn't one, or isn't about mail of ours.
    NO_BOUNCE = "no_bounce"
    UNPROVEN_BOUNCE = "unproven_bounce"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A mail as an IMAP server names it."""

    mailbox: str
    folder: str
    uidvalidity: int
    uid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxRow:
    """One mail that came in."""

    id: int
    content: str  #: SHA-256 of what is kept of it.
    whole: bool = True  #: Or only its header was kept.
    size: int = 0  #: Octets of the whole mail.
    state: InboxState
    reason: str = ""  #: A `AttentionReason`, or what sort of automatic mail it is.
    detail: str = ""  #: More of it, for people.
    origin: str = ""  #: The mailbox or listener it came in by.
    envelope_sender: str | None = None  #: None where it isn't known; empty for `<>`.
    envelope_recipients: str = ""  #: Only of a mail that came back; a space between two.
    sender: str = ""
    address: str = ""  #: The sender in lookup form.
    subject: str = ""
    message_id: str = ""
    entry: int | None = None  #: The history entry it was filed as.
    answered: bool = False  #: Whether its sender was told why it was not filed.

    @property
    def at(self) -> datetime:
        """When it came in."""
        return moment_of(self.id)
