"""What becomes of a mail for the importer, and what it has to know of where the mail came from."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from gateway.core.replies.inbox import AttentionReason, Sighting

Trust = Literal["authentication-results", "exchange-internal", "internal-only"]


@dataclass(frozen=True, slots=True)
class Filed:
    """It is in the history."""

    entry: int
    inbox: int


@dataclass(frozen=True, slots=True)
class Repeated:
    """What it forwards was filed to that application before."""

    entry: int
    inbox: int


@dataclass(frozen=True, slots=True)
class NeedsAttention:
    """It was kept and waits for a person."""

    reason: AttentionReason
    inbox: int


@dataclass(frozen=True, slots=True)
class Ignored:
    """It was noted; nothing else is to be done."""

    kind: str  #: What sort of automatic mail it is, or `discarded`.
    inbox: int


ImportVerdict = Filed | Repeated | NeedsAttention | Ignored


@dataclass(frozen=True, slots=True, kw_only=True)
class MailOrigin:
    """Where a mail came from, and what proves that it comes from whom it names."""

    name: str  #: Of the mailbox or listener.
    trust: Trust | None = None  #: None: nothing does.
    authserv_id: str = ""
    is_for_bounces: bool = False  #: What comes in here came back; nothing is filed.
    sighting: Sighting | None = None  #: In a mailbox: by this it is known again.
    envelope_sender: str | None = None  #: From a listener; empty for `<>`.
    arrived: datetime | None = None  #: When its server took it; aware.


@dataclass(frozen=True, slots=True, kw_only=True)
class RawMail:
    """A mail as it came, in a file that its giver removes afterwards."""

    file: Path
    size: int  #: Octets of the whole mail.
    whole: bool = True  #: Or the file holds only its header, because it is over `max_size` …
    fault: str = ""  #: … or because the rest can't be had, for this reason.


class Importer(Protocol):
    """Takes mails; each is recorded durably before there is a verdict.

    Raises `StoreUnavailable` or `BlobsUnavailable` where the mail must wait and be given again.
    """

    async def known(self, sighting: Sighting, size: int | None = None) -> ImportVerdict | None:
        """Return the verdict on a mail that was taken before: it need not be fetched again.

        With `size`, its length in octets, another mail that a server puts there is none of those.
        """

    async def take(self, mail: RawMail, origin: MailOrigin) -> ImportVerdict:
        """Take a mail, at whatever time and however often it is given."""
