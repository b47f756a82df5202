"""What was filed to a person: replies and the documents that came with them."""

from dataclasses import dataclass
from datetime import datetime

from gateway.core.ids import moment_of
from gateway.core.people.people import PersonRef

#: Remarks of an entry; what isn't one of these is text.
CLOSED = "application_closed"
NOT_THE_CANDIDATE = "sender_not_candidate"
NOTE = "no_original"
REPEATED = "repeated"
NAME_ONLY = "sender_without_address"
NO_TEXT = "no_text"
TEXT_UNREAD = "text_unread"  #: Its text is in a form that can't be read.
ENCRYPTED = "encrypted"  #: Only its reader's own mail program can open it.
INCOMPLETE = "incomplete"
SENT_BY = "sent_by"  #: Followed by who sent it on behalf of its author.
NOTE_BELOW = "note_may_follow"  #: What staff wrote below the original may be part of its text.
DATE_UNREAD = "date_unread"  #: Its date is kept as its program wrote it.
ZONE_GUESSED = "zone_guessed"  #: Its date names no zone: the hour may be another.
OTHER_READING = "other_reading"  #: Followed by the author of what could be meant as well.


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file of a person, which came with a reply."""

    id: int
    filename: str  #: Cleaned, for showing; never a path.
    type: str  #: cover_letter, cv … `other`
    content_type: str  #: What its sender said it is.
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
    """A reply, filed to a person at an application."""

    id: int
    person: PersonRef
    reference: str
    fingerprint: str  #: The original's: it occurs once per application.
    inbox: int  #: The mail it came in.
    raw: str  #: SHA-256 of that mail as it came.
    staff: str  #: Who forwarded it: crm_id, or the address of somebody not on file.
    sender_name: str
    sender: str
    recipients: str = ""
    copies: str = ""
    subject: str = ""
    date: datetime | None = None
    date_text: str = ""  #: The date as the forward wrote it.
    message_id: str = ""
    text: str = ""
    html: str = ""  #: Safe to show.
    staff_text: str = ""
    remarks: tuple[str, ...] = ()
    documents: tuple[Document, ...] = ()

    @property
    def at(self) -> datetime:
        """When it was filed."""
        return moment_of(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyHead:
    """A reply that was filed, without what it says."""

    id: int
    reference: str
    sender_name: str
    sender: str
    subject: str

    @property
    def at(self) -> datetime:
        """When it was filed."""
        return moment_of(self.id)
