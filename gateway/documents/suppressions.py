"""Suppressions: why an address may not get a kind of mail, who is suppressed, what was lifted."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

from typing_extensions import TypedDict

from gateway.core import ids
from gateway.core.kinds import Scope
from gateway.core.mail.typed.typed_address import TypedAddress
from gateway.core.moments import in_utc
from gateway.core.people.people import Standing, Suppression, SuppressionSource
from gateway.documents.fields import IdText, JsonSchema, PersonText, TimeText

if TYPE_CHECKING:
    from gateway.store.campaigns.opt_outs import Refusal
    from gateway.store.people.mending import Unmatched
    from gateway.store.people.people import PersonRecord
    from gateway.store.people.releases import Released
    from gateway.store.people.suppressed import SuppressedAddress
    from gateway.store.people.suppression import SuppressionEntry


class SuppressionDocument(TypedDict):
    """Why an address may not get a kind of mail."""

    scope: Scope
    source: SuppressionSource
    name: Annotated[str, JsonSchema(description="Of the group or status.")]
    origin: Annotated[str, JsonSchema(description="The feed that brought it, or who added it.")]
    person: PersonText | None
    since: TimeText | None
    until: TimeText | None
    note: str
    public: Annotated[bool, JsonSchema(description="Whether senders are told the note.")]


class SuppressionEntryDocument(TypedDict):
    """A suppression of an address or a person itself, in force or past."""

    id: IdText
    address: Annotated[str, JsonSchema(description="In lookup form; of a person, candidate:17.")]
    scope: Scope
    note: str
    public: bool
    by: str
    since: TimeText
    until: TimeText | None
    released_at: TimeText | None
    released_by: str


#: Of lists in CSV; columns that programs may identify by position come first.
SUPPRESSION_COLUMNS = (
    "address",
    "scope",
    "since",
    "until",
    "by",
    "note",
    "person",
    "source",
    "name",
)


class SuppressedAddressDocument(TypedDict):
    """One reason in force why an address is suppressed, and its source."""

    id: Annotated[
        IdText | None, JsonSchema(description="Null: a group or status of the CRM is the reason.")
    ]
    address: str
    person: PersonText | None
    scope: Scope
    source: SuppressionSource
    name: str
    origin: str
    note: str
    public: bool
    by: str
    since: TimeText | None
    until: TimeText | None
    released_at: TimeText | None
    released_by: str


class AddressStandingDocument(TypedDict):
    """Everything that suppresses an address, whoever has it, and its history."""

    address: str
    persons: list[PersonText]
    suppressions: list[SuppressionDocument]
    history: list[SuppressionEntryDocument]


class PersonStandingDocument(TypedDict):
    """Everything that suppresses a person, and the history of their own suppressions."""

    person: PersonText
    addresses: list[str]
    suppressions: list[SuppressionDocument]
    history: list[SuppressionEntryDocument]


StandingDocument = AddressStandingDocument | PersonStandingDocument


class MailchimpRefusalDocument(TypedDict):
    """An address Mailchimp itself sends no campaigns to."""

    address: str
    status: str
    since: TimeText | None
    reason: str | None


class ReleasedDocument(TypedDict):
    """What was lifted, and what Mailchimp still refuses."""

    address: str
    released: Annotated[int, JsonSchema(description="Suppressions of the address itself.")]
    left_opt_out_group: list[PersonText]
    refused: list[MailchimpRefusalDocument]


class UnmatchedAddressDocument(TypedDict):
    """A stored text that no recipient can have, and how it is read now."""

    id: IdText | None
    person: PersonText | None
    stored: str
    address: str | None
    reason: str | None


def suppression_document(suppression: Suppression) -> SuppressionDocument:
    """Return why an address may not get a kind of mail."""
    return {
        "scope": suppression.scope,
        "source": suppression.source,
        "name": suppression.name,
        "origin": suppression.origin,
        "person": None if suppression.person is None else str(suppression.person),
        "since": in_utc(suppression.since),
        "until": in_utc(suppression.until),
        "note": suppression.remark,
        "public": suppression.public,
    }


def suppression_entry_document(entry: "SuppressionEntry") -> SuppressionEntryDocument:
    """Return a suppression of a single address or person, in force or of the past."""
    return {
        "id": ids.show(entry.id),
        "address": entry.address,
        "scope": entry.scope,
        "note": entry.remark,
        "public": entry.public,
        "by": entry.by,
        "since": in_utc(entry.since),
        "until": in_utc(entry.until),
        "released_at": in_utc(entry.released_at),
        "released_by": entry.released_by,
    }


def suppressed_address_document(suppressed: "SuppressedAddress") -> SuppressedAddressDocument:
    """Return one reason why an address is suppressed, from a list."""
    reason = suppressed.suppression
    return {
        "id": None if suppressed.id is None else ids.show(suppressed.id),
        "address": suppressed.address,
        "person": None if reason.person is None else str(reason.person),
        "scope": reason.scope,
        "source": reason.source,
        "name": reason.name,
        "origin": reason.origin,
        "note": reason.remark,
        "public": reason.public,
        "by": reason.origin,
        "since": in_utc(reason.since),
        "until": in_utc(reason.until),
        "released_at": None,
        "released_by": "",
    }


def address_standing_document(
    address: str, standing: Standing, history: "Sequence[SuppressionEntry]"
) -> AddressStandingDocument:
    """Return everything that suppresses an address, whoever has it, and its history."""
    return {
        "address": address,
        "persons": [str(holder.ref) for holder in standing.holders],
        "suppressions": [suppression_document(reason) for reason in reasons_of(standing)],
        "history": [suppression_entry_document(entry) for entry in history],
    }


def person_standing_document(
    record: "PersonRecord", reasons: Sequence[Suppression], history: "Sequence[SuppressionEntry]"
) -> PersonStandingDocument:
    """Return what suppresses a person, and the person's own suppressions, past ones included."""
    return {
        "person": str(record.person.ref),
        "addresses": list(record.addresses),
        "suppressions": [suppression_document(reason) for reason in reasons],
        "history": [suppression_entry_document(entry) for entry in history],
    }


def reasons_of(standing: Standing) -> Iterator[Suppression]:
    """Yield what suppresses an address itself, then what its holders add."""
    yield from standing.own
    for holder in standing.holders:
        yield from holder.suppressions


def mailchimp_refusal_document(refusal: "Refusal") -> MailchimpRefusalDocument:
    """Return an address Mailchimp itself sends no campaigns to."""
    return {
        "address": refusal.address,
        "status": refusal.status or "refused",
        "since": in_utc(refusal.since),
        "reason": refusal.reason or None,
    }


def released_document(address: str, released: "Released") -> ReleasedDocument:
    """Return what was lifted for an address, and what Mailchimp still refuses."""
    return {
        "address": address,
        "released": released.count,
        "left_opt_out_group": [str(person) for person in released.lifted],
        "refused": [mailchimp_refusal_document(refusal) for refusal in released.refused],
    }


def unmatched_address_document(unmatched: "Unmatched") -> UnmatchedAddressDocument:
    """Return a stored text that no recipient can have, and how it is read now."""
    reading = unmatched.reading
    is_understood = isinstance(reading, TypedAddress)
    return {
        "id": None if unmatched.suppression is None else ids.show(unmatched.suppression),
        "person": None if unmatched.person is None else str(unmatched.person),
        "stored": unmatched.stored,
        "address": reading.address if isinstance(reading, TypedAddress) else None,
        "reason": None if is_understood else str(reading),
    }
