"""Shortcuts to a small CRM in the store."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from gateway.core.people.people import (
    Group,
    Membership,
    Person,
    PersonKind,
    PersonRef,
    Status,
    StatusKind,
)
from gateway.store.engine.database import Database
from gateway.store.feed.feed import ImportOutcome, ImportTerms, feed
from gateway.store.feed.layouts import RowGaps

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
CANDIDATE, CONTACT = PersonKind.CANDIDATE, PersonKind.CONTACT


def person(crm_id: str, *emails: str, kind: PersonKind = CANDIDATE, **facts: Any) -> Person:
    """Make a person."""
    return Person(ref=PersonRef(kind, crm_id), emails=emails, **facts)


def no_bulk(crm_id: str = "quiet", *, kind: PersonKind = CANDIDATE, active: bool = True) -> Group:
    """Make a group whose members get no bulk mail."""
    return Group(
        kind=kind, crm_id=crm_id, name="Geen bulk-mail", tag="NoMailingsTag", active=active
    )


def deceased(kind: StatusKind = StatusKind.CANDIDATE) -> Status:
    """Make a status whose people get no mail at all."""
    return Status(kind=kind, crm_id="deceased", name="Overleden", tag="NoMailTag")


def member(person: str, group: str = "quiet", *, kind: PersonKind = CANDIDATE) -> Membership:
    """Make a membership."""
    return Membership(kind=kind, group=group, person=person)


def tell(
    database: Database, what: str, *records: object, source: str = "crm", **terms: Any
) -> ImportOutcome:
    """Take records in."""
    return tell_all(database, what, records, source=source, **terms)


def tell_all(
    database: Database, what: str, records: Iterable[object], *, source: str = "crm", **terms: Any
) -> ImportOutcome:
    """Take many records in."""
    with feed(database, what) as under_way:
        under_way.add(list(enumerate(records, 2)))
        return under_way.apply(ImportTerms(**{"source": source, "now": NOW, **terms}))


def tell_unread(
    database: Database, what: str, record: object, *columns: str, **terms: Any
) -> ImportOutcome:
    """Take in a record of which some columns can't be read."""
    with feed(database, what) as under_way:
        under_way.add([(2, record)], {2: RowGaps(unread=dict.fromkeys(columns, "is odd"))})
        return under_way.apply(
            ImportTerms(**{"source": "crm", "now": NOW, "called": f"{what}.csv", **terms})
        )


def counts(outcome: ImportOutcome) -> tuple[int, int, int, int]:
    """Return added, changed, removed, unchanged."""
    return outcome.added, outcome.changed, outcome.removed, outcome.unchanged


def rows(database: Database, table: Any) -> list[tuple[Any, ...]]:
    """Return a table's rows in order."""
    with database.reading() as connection:
        return sorted(tuple(row) for row in connection.execute(select(table)))


def suppressed_people(database: Database, count: int, **terms: Any) -> None:
    """Make people who get no bulk mail."""
    tell(database, "groups", no_bulk())
    tell_all(database, "people", (person(str(n), f"p{n}@example.org") for n in range(count)))
    tell_all(database, "memberships", (member(str(n)) for n in range(count)), **terms)
