"""The verdict on a mail for the importer, and what the importer must know of its origin."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from gateway.core.replies.inbox import AttentionReason, Sighting

Trust = Literal["authentication-results", "exchange-internal", "internal-only"]


@dataclass(frozen=True, slots=True)
class Filed:
    """It is in the history now."""

    entry: int
    inbox: int


@dataclass(frozen=True, slots=True)
class Repeated:
    """The reply in it was filed under that application before."""

    entry: int
    inbox: int


@dataclass(frozen=True, slots=True)
class NeedsAttention:
    """It was kept and waits for a person."""

    reason: AttentionReason
    inbox: int


@dataclass(frozen=True, slots=True)
class Ignored:
    """It was recorded; nothing else is to be done."""

    kind: str  #: What sort of automatic mail it is, or `discarded`.
    inbox: int


ImportVerdict = Filed | Repeated | NeedsAttention | Ignored


@dataclass(frozen=True, slots=True, kw_only=True)
class MailOrigin:
    """Where a mail came from, and what proves that its sender is the one it names."""

    name: str  #: The name of the mailbox or listener.
    trust: Trust | None = None  #: What proves the sender; None: nothing does.
    authserv_id: str = ""
    is_for_bounces: bool = False  #: Whether it takes bounces; none of its mail is filed.
    sighting: Sighting | None = None  #: Its place in a mailbox, by which it is known again.
    envelope_sender: str | None = None  #: From a listener; empty for `<>`.
    arrived: datetime | None = None  #: When its server took it; aware.


@dataclass(frozen=True, slots=True, kw_only=True)
class RawMail:
    """A mail as it came, in a file that the caller removes afterwards."""

    file: Path
    size: int  #: Octets of the whole mail.
    whole: bool = True  #: False: the file has only the header, because it is over `max_size` …
    fault: str = ""  #: … or because the rest couldn't be fetched, for this reason.


class Importer(Protocol):
    """Takes mails; each is recorded durably before there is a verdict.

    Raises `StoreUnavailable` or `BlobsUnavailable` where the mail must be given again later.
    """

    async def known(self, sighting: Sighting, size: int | None = None) -> ImportVerdict | None:
        """Return the verdict on a mail that was taken before, so that it needn't be fetched again.

        `size` is its length in octets: with another size it is another mail, under a UID that the
        server used again.
        """

    async def take(self, mail: RawMail, origin: MailOrigin) -> ImportVerdict:
        """Take a mail; giving it at any time and more than once is fine."""
