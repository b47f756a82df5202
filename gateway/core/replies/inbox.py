"""Mail received for the importer, and its outcome."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.core.ids import moment_of
from gateway.core.queue import QueueEvent, QueueLife

SPOOL = "gateway-mail-"  #: Prefix of temporary files that hold mail.


class InboxState(StrEnum):
    """The state of a mail."""

    WAITING = "waiting"  #: Accepted by a listener, not read yet.
    FILED = "filed"
    REPEATED = "repeated"  #: Already filed under that application.
    NEEDS_ATTENTION = "needs_attention"
    IGNORED = "ignored"  #: Automatic mail.
    DISCARDED = "discarded"  #: By a person.


_S = InboxState


def _deciding(state: InboxState) -> dict[InboxState, InboxState]:
    """Decided on for the first time, or again: on request, or because the same mail came again."""
    return dict.fromkeys((_S.WAITING, _S.NEEDS_ATTENTION, _S.DISCARDED), state)


#: A mail stays `waiting` while a process reads it: whoever decides second changes nothing.
INBOX_LIFE = QueueLife(
    {
        QueueEvent.CLAIMED: {_S.WAITING: _S.WAITING},
        QueueEvent.GIVEN_BACK: {_S.WAITING: _S.WAITING},
        QueueEvent.ABANDONED: {_S.WAITING: _S.WAITING},
        QueueEvent.FILED: _deciding(_S.FILED),
        QueueEvent.REPEATED: _deciding(_S.REPEATED),
        QueueEvent.IGNORED: _deciding(_S.IGNORED),
        QueueEvent.OBJECTED: _deciding(_S.NEEDS_ATTENTION),
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
    #: It arrived where bounces do, but isn't one, or isn't about mail of ours.
    NO_BOUNCE = "no_bounce"
    UNPROVEN_BOUNCE = "unproven_bounce"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A mail as identified by an IMAP server."""

    mailbox: str
    folder: str
    uidvalidity: int
    uid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxRow:
    """One incoming mail."""

    id: int
    content: str  #: SHA-256 of the part that is kept.
    whole: bool = True  #: False if only its header was kept.
    size: int = 0  #: Octets of the whole mail.
    state: InboxState
    reason: str = ""  #: An `AttentionReason`, or the kind of automatic mail.
    detail: str = ""  #: Details, for people.
    origin: str = ""  #: The mailbox or listener it arrived through.
    envelope_sender: str | None = None  #: None if unknown; empty for `<>`.
    envelope_recipients: str = ""  #: For a bounce only; separated by spaces.
    sender: str = ""
    address: str = ""  #: The sender in lookup form.
    subject: str = ""
    message_id: str = ""
    entry: int | None = None  #: The history entry it was filed as.
    answered: bool = False  #: Whether its sender was told why it was not filed.

    @property
    def at(self) -> datetime:
        """When it arrived."""
        return moment_of(self.id)
