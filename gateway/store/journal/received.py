"""What came to a person: mail to the addresses that were theirs when it came."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from sqlalchemy import ColumnElement, Connection, Row, or_, select, union_all

from gateway.core.batches import batched
from gateway.core.ids import moment_of
from gateway.core.kinds import State
from gateway.core.people.people import PersonRef
from gateway.core.triggers.occurrence import TRIGGERS_LISTENER
from gateway.store.engine.id_ranges import between
from gateway.store.schema.feed import addresses
from gateway.store.schema.journal import deliveries, messages

_AT_ONCE = 100  #: Addresses in one statement: SQLite joins no more than 500 questions.


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMessage:
    """A message as far as it was for one person."""

    id: int
    subject: str
    state: State  #: That of the delivery to the person.

    @property
    def at(self) -> datetime:
        """When it came."""
        return moment_of(self.id)


def by_person(
    connection: Connection,
    person: PersonRef,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> list[ReceivedMessage]:
    """Return the newest messages to a person's addresses of a time, mail of triggers left out.

    Mail to an address that was somebody else's then is left out, too.
    """
    is_of_person = (addresses.c.kind == person.kind.value, addresses.c.person == person.crm_id)
    own = connection.scalars(select(addresses.c.address).where(*is_of_person)).all()
    return at_addresses(connection, own, person, since=since, until=until, limit=limit)


def at_addresses(
    connection: Connection,
    own: Iterable[str],
    person: PersonRef | None,
    *,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> list[ReceivedMessage]:
    """Return the newest messages to a person at these addresses; None: all mail to them.

    Each address is looked up in the index by itself, so that it makes no difference how much there
    is of other people, or older.
    """
    d = deliveries.c
    rows: list[Row[tuple[int, int, str, str]]] = []
    for several in batched(sorted(set(own)), _AT_ONCE):
        newest = [
            select(d.message, d.position, d.state, messages.c.subject)
            .join(messages, messages.c.id == d.message)
            .where(d.address == address, *between(d.message, since, until))
            .where(*_told_of(person))
            .order_by(d.message.desc(), d.position.desc())
            .limit(limit)
            .subquery()
            for address in several
        ]
        rows += connection.execute(union_all(*(select(of_address) for of_address in newest))).all()
    rows.sort(key=lambda row: (-row.message, row.position))
    received = [
        ReceivedMessage(id=row.message, subject=row.subject, state=State(row.state))
        for row in (next(group) for _, group in groupby(rows, attrgetter("message")))
    ]
    return received[:limit]


def _told_of(person: PersonRef | None) -> list[ColumnElement[bool]]:
    """Return the conditions on a message and delivery to a person; the ledger tells of triggers."""
    if person is None:
        return []
    return [messages.c.listener != TRIGGERS_LISTENER, was_theirs(person)]


def was_theirs(person: PersonRef) -> ColumnElement[bool]:
    """Return the condition that the address of a delivery was a person's when it was decided."""
    padded = " " + deliveries.c.persons + " "
    is_named = padded.contains(f" {person} ", autoescape=True)
    return or_(deliveries.c.persons == "", is_named)
