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
    """Something that happened and is to be told."""

    id: int
    type: EventType
    person: str  #: `candidate:17`; empty where it is about nobody who is known.
    data: Mapping[str, object]  #: Of `message.send_failed`: nothing, the journal has it.


def put(connection: Connection, happened: Iterable[Event]) -> None:
    """Keep what happened, to be told to those who asked for it."""
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
    """Keep that messages have recipients left out; doing it twice changes nothing.

    The journal's rows are read when it is told: the proxy waits for no more than this.
    """
    rows = [(number, EventType.SEND_FAILED.value, "", "{}") for number in failed]
    insert_rows(connection, events, _COLUMNS, rows, conflict="DO NOTHING")


def oldest(connection: Connection, limit: int) -> list[KeptEvent]:
    """Return up to `limit` things that are to be told, the oldest first."""
    rows = connection.execute(select(events).order_by(events.c.id).limit(limit))
    return [
        KeptEvent(row.id, EventType(row.type), row.person, orjson.loads(row.data)) for row in rows
    ]


def has_any(connection: Connection) -> bool:
    """Whether anything has happened that was not told yet."""
    return connection.scalar(select(events.c.id).limit(1)) is not None


def forget(connection: Connection, numbers: Iterable[int]) -> None:
    """Forget what was told."""
    connection.execute(delete(events).where(events.c.id.in_(list(numbers))))
