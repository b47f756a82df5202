"""Stored addresses that no recipient can have, as they came before this version could read them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, delete, or_, select, update

from gateway.core.mail.address import fits_envelope, lookup_form
from gateway.core.mail.typed.typed_address import (
    NotAnAddress,
    TypedAddress,
    can_be_recipient,
    read_address,
)
from gateway.core.people.erased_names import PREFIX
from gateway.core.people.people import PersonKind, PersonRef
from gateway.store.engine.upsert import insert_into
from gateway.store.feed.layouts import UNSURE, mailboxes
from gateway.store.people.people import from_row
from gateway.store.schema.feed import addresses, people
from gateway.store.schema.suppressions import suppressions

_AT_ONCE = 1_000  #: Rows fetched at a time.


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmatched:
    """A stored text that can't be a recipient's address, from a suppression or a person."""

    stored: str
    reading: TypedAddress | NotAnAddress  #: How it is read now.
    suppression: int | None = None  #: Its id.
    person: PersonRef | None = None


def unmatched_suppressions(connection: Connection, at: datetime) -> Iterator[Unmatched]:
    """Yield suppressions of single addresses in force that stop no mail."""
    c = suppressions.c
    in_force = (c.released_at.is_(None), or_(c.until.is_(None), c.until > at))
    query = select(c.id, c.address).where(*in_force).execution_options(yield_per=_AT_ONCE)
    with connection.execute(query) as rows:  # closed even if only the first are read
        for number, stored in rows:
            if not (stored.startswith(PREFIX) or can_be_recipient(stored)):
                yield Unmatched(stored=stored, reading=read_address(stored), suppression=number)


def unmatched_people(connection: Connection) -> Iterator[Unmatched]:
    """Yield texts the CRM gave as people's addresses under which nobody is found.

    A text without @, such as the `none` that some type, isn't meant as an address.
    """
    c = addresses.c
    query = select(c.address, c.kind, c.person).where(c.position >= 0)
    with connection.execute(query.execution_options(yield_per=_AT_ONCE)) as rows:
        for stored, kind, crm_id in rows:
            if not (can_be_recipient(stored) or fits_envelope(stored)):
                ref = PersonRef(PersonKind(kind), crm_id)
                yield Unmatched(stored=stored, reading=read_address(stored), person=ref)
    with_unusable = select(people).where(people.c.unusable.contains("@"))
    with connection.execute(with_unusable.execution_options(yield_per=_AT_ONCE)) as rows:
        for row in rows:
            person = from_row(PersonRef(PersonKind(row.kind), row.crm_id), row)
            for stored in person.unusable:
                if "@" in stored:
                    yield Unmatched(stored=stored, reading=read_address(stored), person=person.ref)


def mend(connection: Connection, entries: Iterable[Unmatched], *, plus_addresses: bool) -> None:
    """Replace an understood text with the address it meant; its history moves with it."""
    meant_of: dict[PersonRef, dict[str, str]] = defaultdict(dict)
    for unmatched in entries:
        if not isinstance(unmatched.reading, TypedAddress):
            continue
        if unmatched.person is not None:
            meant_of[unmatched.person][unmatched.stored] = unmatched.reading.address
            continue
        address = lookup_form(unmatched.reading.address, plus_addresses=plus_addresses)
        same = suppressions.c.address == unmatched.stored
        connection.execute(update(suppressions).where(same).values(address=address))
    for ref, corrections in meant_of.items():
        _mend_person(connection, ref, corrections)


def _mend_person(connection: Connection, ref: PersonRef, corrections: Mapping[str, str]) -> None:
    """Add addresses to find a person by, each by its stored text; the primary one stays primary."""
    key = (people.c.kind == ref.kind.value, people.c.crm_id == ref.crm_id)
    row = connection.execute(select(people).where(*key)).one()
    person = from_row(ref, row)
    corrected = (corrections.get(lookup_form(email), email) for email in person.emails)
    mended = replace(
        person,
        emails=tuple(dict.fromkeys((*corrected, *corrections.values()))),
        unusable=tuple(text for text in person.unusable if text not in corrections),
    )
    values = {"emails": ";".join(mended.emails), "unusable": ";".join(mended.unusable)}
    connection.execute(update(people).where(*key).values(values))
    of_person = (addresses.c.kind == ref.kind.value, addresses.c.person == ref.crm_id)
    # What only keeps mail away continues to do so.
    connection.execute(delete(addresses).where(*of_person, addresses.c.position < UNSURE))
    who = {"kind": ref.kind.value, "person": ref.crm_id}
    rows = [
        {"address": address, **who, "position": position}
        for address, position in mailboxes(mended.emails, mended.lookalikes)
    ]
    statement = insert_into(connection, addresses)
    position = {"position": statement.excluded.position}
    keys = ["address", "kind", "person"]
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=position), rows)
