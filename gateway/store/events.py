"""What happened, kept in the transaction in which it happened until the outbox has it."""

from collections.abc import Iterable

import orjson
from sqlalchemy import Connection, insert

from gateway.core.event import Event
from gateway.store.schema import events


def put(connection: Connection, happened: Iterable[Event]) -> None:
    """Keep what happened, to be told to those who asked for it."""
    rows = [
        {
            "id": one.id,
            "type": one.type.value,
            "person": str(one.person or ""),
            "data": orjson.dumps(one.data).decode(),
        }
        for one in happened
    ]
    if rows:
        connection.execute(insert(events), rows)
