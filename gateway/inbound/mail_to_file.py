"""A mail that is to be decided on, and what the store knows about it."""

from dataclasses import dataclass
from datetime import datetime

from gateway.core.people.applications import KnownApplication
from gateway.core.people.people import Staff
from gateway.core.replies.inbox import InboxRow, Sighting
from gateway.inbound.reading.reading import ReadMail


@dataclass(frozen=True, slots=True, kw_only=True)
class MailToFile:
    """A mail to decide on."""

    row: InboxRow
    reading: ReadMail | None  #: None where not even its header could be read.
    fault: str = ""  #: Why the rest could not be read.
    sighting: Sighting | None = None
    reference: str | None = None  #: Where a person says it belongs.
    is_new: bool = False  #: Whether the inbox hasn't got it yet.
    is_bounce: bool = False  #: Whether it came to where bounces come to.
    arrived: datetime | None = None  #: When its server took it; aware.
    is_fresh: bool = False  #: Whether it may have arrived just now.
    raw: bytes = b""  #: Of what came to where bounces come to, if it is small enough to pass on.
    by_hand: bool = False  #: Whether a person is at it: its sender hears nothing then.


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingFacts:
    """What the store knows about a mail to decide on."""

    address: str  #: Of the sender, in lookup form.
    staff: tuple[Staff, ...]  #: Who has it.
    application: KnownApplication | None
