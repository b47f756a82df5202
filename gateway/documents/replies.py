"""Mail for the importer, replies that were filed to people, and the files that came with them."""

from collections.abc import Sequence
from typing import Annotated

from typing_extensions import TypedDict

from gateway.core import ids
from gateway.core.moments import in_utc
from gateway.core.people.history import Document, HistoryEntry
from gateway.core.replies.inbox import AttentionReason, InboxRow, InboxState
from gateway.documents.fields import IdText, JsonSchema, PersonText, TimeText


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
    """A reply that was filed without what it says: that is asked for by its id."""

    documents: list[PersonFileDocument]
    inbox: Annotated[IdText, JsonSchema(description="The mail it came in.")]
    raw_sha256: Annotated[str, JsonSchema(description="Of that mail as it came.")]


class HistoryEntryDocument(_ReplyFields):
    """A reply that was filed, with what it says."""

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
    """Return a mail that came in for the importer."""
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


def mail_to_attend_document(mail: InboxRow) -> MailToAttendDocument:
    """Return a mail that could not be filed, as webhooks are told of it."""
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
    """Return a reply that was filed, with what it says and its documents."""
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
    """Return a reply that was filed, as webhooks are told of it."""
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


def import_addresses_document(known: Sequence[tuple[str, str]]) -> ImportAddressesDocument:
    """Return where staff forward replies to: pairs of an address and what told it."""
    return {
        "address": known[0][0] if known else "",
        "addresses": [{"address": address, "told_by": by} for address, by in known],
    }
