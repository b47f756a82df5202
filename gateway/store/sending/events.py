"""Events, stored in the transaction in which they happen until the outbox has them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, delete, insert, select

from gateway.core.sending.event import Event, EventType
from gateway.store.engine.bulk_rows import insert_rows
from gateway.store.schema.outbox import events

_COLUMNS = ("id", "type", "person", "data")


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """An event that must be reported."""

    id: int
    type: EventType
    person: str  #: `candidate:17`; empty if it is about nobody who is known.
    data: Mapping[str, object]  #: Empty for `message.send_failed`: the journal has its data.


def put(connection: Connection, happened: Iterable[Event]) -> None:
    """Store an event, for the endpoints that want it."""
    rows = [
        {
            "id": event.id,
            "type": event.type.value,
            "person": str(event.person or ""),
            "data": orjson.dumps(event.data).decode(),
        }
        for event in happened
    ]
    if rows:
        connection.execute(insert(events), rows)


def put_send_failed(connection: Connection, failed: Iterable[int]) -> None:
    """Record that messages have recipients left out; repeating it changes nothing.

    The journal's rows are read later, for the report: the proxy waits for no more than this.
    """
    rows = [(number, EventType.SEND_FAILED.value, "", "{}") for number in failed]
    insert_rows(connection, events, _COLUMNS, rows, conflict="DO NOTHING")


def oldest(connection: Connection, limit: int) -> list[KeptEvent]:
    """Return up to `limit` events to be reported, oldest first."""
    rows = connection.execute(select(events).order_by(events.c.id).limit(limit))
    return [
        KeptEvent(row.id, EventType(row.type), row.person, orjson.loads(row.data)) for row in rows
    ]


def has_any(connection: Connection) -> bool:
    """Whether any event is still to be reported."""
    return connection.scalar(select(events.c.id).limit(1)) is not None


def forget(connection: Connection, numbers: Iterable[int]) -> None:
    """Delete reported events."""
    connection.execute(delete(events).where(events.c.id.in_(list(numbers))))
