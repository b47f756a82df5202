"""A mail of the inbox as people are shown it: what it says, made harmless, and where it may go."""

from dataclasses import dataclass
from datetime import datetime

from gateway.core.replies.inbox import InboxRow
from gateway.core.replies.suggestions import Suggestion


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file that came with a mail: its name, never its content."""

    filename: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxReading:
    """A mail of the inbox, read."""

    row: InboxRow
    is_read: bool  #: Whether more than its header could be read.
    sender_name: str = ""  #: The sender of the mail in it, or else its own.
    sender: str = ""
    recipients: str = ""
    copies: str = ""
    subject: str = ""
    date: datetime | None = None
    date_text: str = ""  #: As the forward wrote it.
    text: str = ""
    html: str = ""  #: Without pictures, links, scripts and styles: none of it leads elsewhere.
    staff_text: str = ""  #: What was written when it was forwarded.
    files: tuple[AttachedFile, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
