"""Mail for the importer, replies filed to people, and their files."""

from collections.abc import Sequence
from typing import Annotated

from typing_extensions import TypedDict

from gateway.core import ids
from gateway.core.moments import in_utc
from gateway.core.people.history import Document, HistoryEntry
from gateway.core.replies.inbox import AttentionReason, InboxRow, InboxState
from gateway.core.replies.inbox_reading import InboxReading
from gateway.core.replies.suggestions import Suggestion, SuggestionReason
from gateway.documents.fields import (
    IdText,
    JsonSchema,
    PersonOrNobody,
    PersonText,
    TimeText,
    person_or_nobody,
)
from gateway.documents.triggers.applications import ApplicationDocument, application_document


class _InboxMailFields(TypedDict):
    id: Annotated[IdText, JsonSchema(description="Of the mail: gateway inbox show ID.")]
    at: TimeText
    sender: str
    subject: str
    message_id: str
    state: InboxState
    detail: Annotated[str, JsonSchema(description="More of the reason, for people.")]
    origin: Annotated[str, JsonSchema(description="The mailbox or listener it came in by.")]
    size: int
    entry: Annotated[IdText | None, JsonSchema(description="The history entry it was filed as.")]


class InboxMailDocument(_InboxMailFields):
    """A mail that came in for the importer."""

    reason: Annotated[
        str, JsonSchema(description="Why it needs attention, or what automatic mail it is.")
    ]


class MailToAttendDocument(_InboxMailFields):
    """A mail that could not be filed."""

    reason: AttentionReason


class AttachedFileDocument(TypedDict):
    """A file that came with a mail."""

    filename: str
    size: int


class SuggestionReasonDocument(TypedDict):
    """Evidence for a suggested application, or against it."""

    reason: SuggestionReason
    text: Annotated[str, JsonSchema(description="What it rests on: an address, number, name, day.")]


class SuggestionDocument(TypedDict):
    """An application that a mail is probably about."""

    application: ApplicationDocument
    person: PersonOrNobody
    name: str
    weight: Annotated[int, JsonSchema(description="The higher, the likelier.")]
    reasons: list[SuggestionReasonDocument]


class InboxReadingDocument(InboxMailDocument):
    """A mail of the inbox with its content, and the applications it is probably about."""

    readable: Annotated[bool, JsonSchema(description="Whether more than its header can be read.")]
    text: Annotated[str, JsonSchema(description="What staff wrote, then the mail it holds.")]
    html: Annotated[str, JsonSchema(description="Of that mail; without pictures and links.")]
    author: Annotated[str, JsonSchema(description="Name of whoever wrote the mail it holds.")]
    author_address: str
    files: list[AttachedFileDocument]
    suggestions: Annotated[list[SuggestionDocument], JsonSchema(description="The likeliest first.")]


class PersonFileDocument(TypedDict):
    """A file that came with a reply."""

    id: IdText
    at: TimeText
    filename: str
    type: Annotated[str, JsonSchema(description="cover_letter, cv … or other")]
    content_type: Annotated[str, JsonSchema(description="What its sender said it is.")]
    size: int
    sha256: str
    reference: str
    entry: IdText


class _ReplyFields(TypedDict):
    id: Annotated[IdText, JsonSchema(description="Of the history entry.")]
    at: TimeText
    person: PersonText
    reference: str
    staff: Annotated[str, JsonSchema(description="Who forwarded it: crm_id, else the address.")]
    sender_name: str
    sender: str
    to: str
    cc: str
    subject: str
    date: TimeText | None
    date_text: Annotated[str, JsonSchema(description="The date as the forward wrote it.")]
    message_id: str


class FiledReplyDocument(_ReplyFields):
    """A filed reply without its text, which can be requested by its id."""

    documents: list[PersonFileDocument]
    inbox: Annotated[IdText, JsonSchema(description="The mail it came in.")]
    raw_sha256: Annotated[str, JsonSchema(description="Of that mail as it came.")]


class HistoryEntryDocument(_ReplyFields):
    """A filed reply with its text."""

    text: str
    html: Annotated[str, JsonSchema(description="Safe to show.")]
    staff_text: Annotated[str, JsonSchema(description="What staff wrote when they forwarded it.")]
    remarks: list[str]
    documents: list[PersonFileDocument]
    inbox: Annotated[IdText, JsonSchema(description="The mail it came in.")]
    raw_sha256: Annotated[str, JsonSchema(description="Of that mail as it came.")]


class ImportAddressDocument(TypedDict):
    """An address that staff forward replies to."""

    address: str
    told_by: str


class ImportAddressesDocument(TypedDict):
    """Where staff forward replies to."""

    address: Annotated[str, JsonSchema(description="The first of them; empty: there is none.")]
    addresses: list[ImportAddressDocument]


def inbox_mail_document(mail: InboxRow) -> InboxMailDocument:
    """Return a mail of the importer."""
    return {
        "id": ids.show(mail.id),
        "at": in_utc(mail.at),
        "sender": mail.sender,
        "subject": mail.subject,
        "reason": mail.reason,
        "message_id": mail.message_id,
        "state": mail.state,
        "detail": mail.detail,
        "origin": mail.origin,
        "size": mail.size,
        "entry": None if mail.entry is None else ids.show(mail.entry),
    }


def inbox_reading_document(reading: InboxReading) -> InboxReadingDocument:
    """Return a mail of the inbox with its content, and the applications it is probably about."""
    return {
        **inbox_mail_document(reading.row),
        "readable": reading.is_read,
        "text": "\n\n".join(filter(None, (reading.staff_text, reading.text))),
        "html": reading.html,
        "author": reading.sender_name,
        "author_address": reading.sender,
        "files": [{"filename": file.filename, "size": file.size} for file in reading.files],
        "suggestions": [suggestion_document(suggestion) for suggestion in reading.suggestions],
    }


def suggestion_document(suggestion: Suggestion) -> SuggestionDocument:
    """Return an application that a mail is probably about."""
    possible = suggestion.application
    return {
        "application": application_document(possible.known_application),
        "person": person_or_nobody(possible.known_application.application.person),
        "name": possible.name,
        "weight": suggestion.weight,
        "reasons": [{"reason": reason, "text": text} for reason, text in suggestion.reasons],
    }


def mail_to_attend_document(mail: InboxRow) -> MailToAttendDocument:
    """Return a webhook's data on a mail that could not be filed."""
    return {**inbox_mail_document(mail), "reason": AttentionReason(mail.reason)}


def person_file_document(file: Document) -> PersonFileDocument:
    """Return a file that came with a reply."""
    return {
        "id": ids.show(file.id),
        "at": in_utc(file.at),
        "filename": file.filename,
        "type": file.type,
        "content_type": file.content_type,
        "size": file.size,
        "sha256": file.sha256,
        "reference": file.reference,
        "entry": ids.show(file.entry),
    }


def history_entry_document(entry: HistoryEntry) -> HistoryEntryDocument:
    """Return a filed reply, with its text and its documents."""
    return {
        **_reply_fields(entry),
        "text": entry.text,
        "html": entry.html,
        "staff_text": entry.staff_text,
        "remarks": list(entry.remarks),
        "documents": [person_file_document(file) for file in entry.documents],
        "inbox": ids.show(entry.inbox),
        "raw_sha256": entry.raw,
    }


def filed_reply_document(entry: HistoryEntry) -> FiledReplyDocument:
    """Return a webhook's data on a filed reply."""
    return {
        **_reply_fields(entry),
        "documents": [person_file_document(file) for file in entry.documents],
        "inbox": ids.show(entry.inbox),
        "raw_sha256": entry.raw,
    }


def _reply_fields(entry: HistoryEntry) -> _ReplyFields:
    return {
        "id": ids.show(entry.id),
        "at": in_utc(entry.at),
        "person": str(entry.person),
        "reference": entry.reference,
        "staff": entry.staff,
        "sender_name": entry.sender_name,
        "sender": entry.sender,
        "to": entry.recipients,
        "cc": entry.copies,
        "subject": entry.subject,
        "date": in_utc(entry.date),
        "date_text": entry.date_text,
        "message_id": entry.message_id,
    }


def import_addresses_document(addresses: Sequence[tuple[str, str]]) -> ImportAddressesDocument:
    """Return the addresses staff forward replies to, from pairs of an address and its setting."""
    return {
        "address": addresses[0][0] if addresses else "",
        "addresses": [{"address": address, "told_by": by} for address, by in addresses],
    }
