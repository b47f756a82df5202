"""A mail to decide on, and what the store knows about it."""

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
    reading: ReadMail | None  #: None if not even its header could be parsed.
    fault: str = ""  #: Why the rest could not be parsed.
    sighting: Sighting | None = None
    reference: str | None = None  #: The application chosen for it by a person.
    is_new: bool = False  #: Whether it isn't in the inbox yet.
    is_bounce: bool = False  #: Whether it came to the address for bounces.
    arrived: datetime | None = None  #: When its server received it; aware.
    is_fresh: bool = False  #: Whether it may have arrived just now.
    raw: bytes = b""  #: The mail, if it came to the address for bounces and should be forwarded.
    by_hand: bool = False  #: Whether a person is working on it; then its sender gets no reply.


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingFacts:
    """What the store knows about a mail to decide on."""

    address: str  #: The sender's, in lookup form.
    staff: tuple[Staff, ...]  #: Members of staff with this address.
    application: KnownApplication | None
