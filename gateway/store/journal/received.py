"""Mail a person received: mail to the addresses that were theirs when it came in."""

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

_AT_ONCE = 100  #: Addresses per statement: SQLite allows at most 500 compound selects.


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMessage:
    """The part of a message that was for one person."""

    id: int
    subject: str
    state: State  #: Of the delivery to the person.

    @property
    def at(self) -> datetime:
        """When it came in."""
        return moment_of(self.id)


def by_person(
    connection: Connection,
    ref: PersonRef,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> list[ReceivedMessage]:
    """Return the newest messages to a person's addresses in a period, without triggered mail.

    Mail to an address that was somebody else's at the time is left out, too.
    """
    is_of_person = (addresses.c.kind == ref.kind.value, addresses.c.person == ref.crm_id)
    own = connection.scalars(select(addresses.c.address).where(*is_of_person)).all()
    return at_addresses(connection, own, ref, since=since, until=until, limit=limit)


def at_addresses(
    connection: Connection,
    own: Iterable[str],
    ref: PersonRef | None,
    *,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> list[ReceivedMessage]:
    """Return the newest messages to a person at these addresses; None: all mail to them.

    Each address is looked up in the index separately, so the amount of other people's mail, or of
    older mail, makes no difference.
    """
    d = deliveries.c
    rows: list[Row[tuple[int, int, str, str]]] = []
    for several in batched(sorted(set(own)), _AT_ONCE):
        newest = [
            select(d.message, d.position, d.state, messages.c.subject)
            .join(messages, messages.c.id == d.message)
            .where(d.address == address, *between(d.message, since, until))
            .where(*_told_of(ref))
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


def _told_of(ref: PersonRef | None) -> list[ColumnElement[bool]]:
    """Return the conditions for a message and delivery to a person; the ledger covers triggers."""
    if ref is None:
        return []
    return [messages.c.listener != TRIGGERS_LISTENER, was_theirs(ref)]


def was_theirs(ref: PersonRef) -> ColumnElement[bool]:
    """Return the condition that an address was the person's at the time of the decision."""
    padded = " " + deliveries.c.persons + " "
    is_named = padded.contains(f" {ref} ", autoescape=True)
    return or_(deliveries.c.persons == "", is_named)
