"""The applications a mail may be about, with their people."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select, tuple_

from gateway.core.ids import moment_of
from gateway.core.people.applications import KnownApplication
from gateway.core.people.people import PersonKind, PersonRef
from gateway.core.replies.suggestions import (
    PossibleApplication,
    SuggestionClues,
    is_name_of,
    last_names,
)
from gateway.store.people import applications
from gateway.store.schema.feed import addresses, people, staff
from gateway.store.schema.inbound import history

_MOST_PEOPLE = 40
_MOST_NAMESAKES = 500  #: People who share a last name, among whom the first name decides.


def possible_applications(
    connection: Connection, clues: SuggestionClues
) -> list[PossibleApplication]:
    """Return the applications whose numbers a mail contains, and those of people it names.

    It takes at most eight queries, whatever the mail contains. Addresses of staff lead to nobody:
    they forwarded the mail.
    """
    numbered = applications.by_references(connection, clues.numbers)
    named_refs = _people_at(connection, (*clues.senders, *clues.addresses))
    named_refs += [ref for ref in _people_called(connection, clues.names) if ref not in named_refs]
    of_named = applications.of_people(connection, named_refs[:_MOST_PEOPLE])
    known_applications = list(
        {
            known_application.application.reference: known_application
            for known_application in (*numbered, *of_named)
        }.values()
    )
    refs = list(
        dict.fromkeys(
            known_application.application.person for known_application in known_applications
        )
    )
    names, addresses_of = _names_of(connection, refs), _addresses_of(connection, refs)
    replied = _last_replies(connection, known_applications)
    return [
        PossibleApplication(
            known_application=known_application,
            first_name=names.get(known_application.application.person, ("", ""))[0],
            last_name=names.get(known_application.application.person, ("", ""))[1],
            addresses=frozenset(addresses_of[known_application.application.person]),
            last_reply=replied.get(known_application.application.reference),
        )
        for known_application in known_applications
    ]


def _people_at(connection: Connection, named_addresses: Sequence[str]) -> list[PersonRef]:
    if not named_addresses:
        return []
    of_staff = set(
        connection.scalars(
            select(staff.c.address).where(staff.c.address.in_(named_addresses))
        ).all()
    )
    c = addresses.c
    left = [address for address in named_addresses if address not in of_staff]
    rows = connection.execute(
        select(c.address, c.kind, c.person)
        .where(c.address.in_(left), c.position >= 0)
        .order_by(c.address, c.kind, c.person)
        .limit(_MOST_PEOPLE)
    ).all()
    ranked = sorted(rows, key=lambda row: left.index(row.address))
    return list(dict.fromkeys(PersonRef(PersonKind(row.kind), row.person) for row in ranked))


def _people_called(connection: Connection, names: Sequence[str]) -> list[PersonRef]:
    if not names:
        return []
    c = people.c
    rows = connection.execute(
        select(c.kind, c.crm_id, c.first_name, c.last_name)
        .where(c.last_name.in_(last_names(names)), c.first_name != "")
        .limit(_MOST_NAMESAKES)
    )
    return [
        PersonRef(PersonKind(row.kind), row.crm_id)
        for row in rows
        if any(is_name_of(name, row.first_name, row.last_name) for name in names)
    ]


def _names_of(
    connection: Connection, refs: Iterable[PersonRef]
) -> dict[PersonRef, tuple[str, str]]:
    c, keys = people.c, [(ref.kind.value, ref.crm_id) for ref in refs]
    query = select(c.kind, c.crm_id, c.first_name, c.last_name)
    return {
        PersonRef(PersonKind(row.kind), row.crm_id): (row.first_name, row.last_name)
        for row in connection.execute(query.where(tuple_(c.kind, c.crm_id).in_(keys)))
    }


def _addresses_of(
    connection: Connection, refs: Iterable[PersonRef]
) -> defaultdict[PersonRef, list[str]]:
    c, keys = addresses.c, [(ref.kind.value, ref.crm_id) for ref in refs]
    addresses_of: defaultdict[PersonRef, list[str]] = defaultdict(list)
    query = select(c.kind, c.person, c.address).where(tuple_(c.kind, c.person).in_(keys))
    for row in connection.execute(query.where(c.position >= 0)):
        addresses_of[PersonRef(PersonKind(row.kind), row.person)].append(row.address)
    return addresses_of


def _last_replies(
    connection: Connection, known_applications: Iterable[KnownApplication]
) -> dict[str, datetime]:
    """Return when a reply was last filed to each application, by reference."""
    references = [
        known_application.application.reference for known_application in known_applications
    ]
    c = history.c
    query = select(c.reference, func.max(c.id).label("last")).where(c.reference.in_(references))
    rows = connection.execute(query.group_by(c.reference))
    return {row.reference: moment_of(row.last) for row in rows}
