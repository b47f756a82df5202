"""What was filed for a person: replies and the documents that came with them."""

from dataclasses import dataclass
from datetime import datetime

from gateway.core.ids import moment_of
from gateway.core.people.people import PersonRef

#: Remarks on an entry; anything else is text.
CLOSED = "application_closed"
NOT_THE_CANDIDATE = "sender_not_candidate"
NOTE = "no_original"
REPEATED = "repeated"
NAME_ONLY = "sender_without_address"
NO_TEXT = "no_text"
TEXT_UNREAD = "text_unread"  #: Its text is in an unreadable format.
ENCRYPTED = "encrypted"  #: Only its reader's own mail program can open it.
INCOMPLETE = "incomplete"
SENT_BY = "sent_by"  #: Followed by who sent it on behalf of its author.
NOTE_BELOW = "note_may_follow"  #: Text that staff wrote below the original may be part of its text.
DATE_UNREAD = "date_unread"  #: Its date is kept as written.
ZONE_GUESSED = "zone_guessed"  #: Its date has no zone: the hour may be wrong.
OTHER_READING = "other_reading"  #: Followed by the author of the alternative reading.


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file that came with a person's reply."""

    id: int
    filename: str  #: Cleaned for display; never a path.
    type: str  #: cover_letter, cv … `other`
    content_type: str  #: As declared by its sender.
    size: int
    sha256: str
    reference: str
    entry: int

    @property
    def at(self) -> datetime:
        """When it was filed."""
        return moment_of(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """A reply, filed for a person under an application."""

    id: int
    person: PersonRef
    reference: str
    fingerprint: str  #: The original's: unique per application.
    inbox: int  #: The mail it arrived in.
    raw: str  #: SHA-256 of that mail as received.
    staff: str  #: Who forwarded it: crm_id, or the address of somebody not on file.
    sender_name: str
    sender: str
    recipients: str = ""
    copies: str = ""
    subject: str = ""
    date: datetime | None = None
    date_text: str = ""  #: The date as written in the forward.
    message_id: str = ""
    text: str = ""
    html: str = ""  #: Sanitised HTML, safe to show.
    staff_text: str = ""
    remarks: tuple[str, ...] = ()
    documents: tuple[Document, ...] = ()

    @property
    def at(self) -> datetime:
        """When it was filed."""
        return moment_of(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyHead:
    """A filed reply without its text."""

    id: int
    reference: str
    sender_name: str
    sender: str
    subject: str

    @property
    def at(self) -> datetime:
        """When it was filed."""
        return moment_of(self.id)
