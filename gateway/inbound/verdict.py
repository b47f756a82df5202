"""The importer's verdict on a mail, and what it must know about the mail's origin."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from gateway.core.kinds import Trust
from gateway.core.replies.inbox import AttentionReason, Sighting


@dataclass(frozen=True, slots=True)
class Filed:
    """It is now in the history."""

    entry: int
    inbox: int


@dataclass(frozen=True, slots=True)
class Repeated:
    """The reply in it was already filed under that application."""

    entry: int
    inbox: int


@dataclass(frozen=True, slots=True)
class NeedsAttention:
    """It was stored and waits for a person."""

    reason: AttentionReason
    inbox: int


@dataclass(frozen=True, slots=True)
class Ignored:
    """It was recorded; there is nothing else to do."""

    kind: str  #: The kind of automatic mail, or `discarded`.
    inbox: int


ImportVerdict = Filed | Repeated | NeedsAttention | Ignored


@dataclass(frozen=True, slots=True, kw_only=True)
class MailOrigin:
    """Where a mail came from, and what proves its sender."""

    name: str  #: The name of the mailbox or listener.
    trust: Trust | None = None  #: What proves the sender; None: nothing does.
    authserv_id: str = ""
    is_for_bounces: bool = False  #: Whether it takes bounces; none of its mail is filed.
    sighting: Sighting | None = None  #: Its place in a mailbox, by which it is recognised again.
    envelope_sender: str | None = None  #: From a listener; empty for `<>`.
    arrived: datetime | None = None  #: When its server received it; aware.


@dataclass(frozen=True, slots=True, kw_only=True)
class RawMail:
    """A mail as received, in a file that the caller removes afterwards."""

    file: Path
    size: int  #: Octets of the whole mail.
    #: False: the file has only the header, because the mail is over `max_size` …
    whole: bool = True
    fault: str = ""  #: … or because the rest couldn't be fetched, for this reason.


class Importer(Protocol):
    """Imports mails; each is recorded durably before there is a verdict.

    Raises `StoreUnavailable` or `BlobsUnavailable` if the mail must be passed again later.
    """

    async def earlier_verdict(
        self, sighting: Sighting, size: int | None = None
    ) -> ImportVerdict | None:
        """Return the verdict on a mail imported before, so that it needn't be fetched again.

        `size` is its length in octets: with another size it is a different mail, under a UID that
        the server has reused.
        """

    async def take(self, mail: RawMail, origin: MailOrigin) -> ImportVerdict:
        """Import a mail; it may be passed at any time and more than once."""
