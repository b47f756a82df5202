"""A mail from the inbox as shown to people: its sanitised content, and where it may be filed."""

from dataclasses import dataclass
from datetime import datetime

from gateway.core.replies.inbox import InboxRow
from gateway.core.replies.suggestions import Suggestion


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file attached to a mail: its name, never its content."""

    filename: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxReading:
    """A mail from the inbox, parsed."""

    row: InboxRow
    is_read: bool  #: Whether more than its header could be read.
    sender_name: str = ""  #: The sender of the mail inside it, or else its own.
    sender: str = ""
    recipients: str = ""
    copies: str = ""
    subject: str = ""
    date: datetime | None = None
    date_text: str = ""  #: As written in the forward.
    text: str = ""
    html: str = ""  #: Without images, links, scripts and styles: nothing in it leads elsewhere.
    staff_text: str = ""  #: What the forwarder wrote.
    files: tuple[AttachedFile, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
