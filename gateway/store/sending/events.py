"""What happened, kept in the transaction in which it happened until the outbox has it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Row, delete, insert, select

from gateway.core import ids
from gateway.core.kinds import State
from gateway.core.moments import in_utc
from gateway.core.sending.event import Event, EventType, Telling
from gateway.store.engine.bulk_rows import insert_rows
from gateway.store.journal import messages
from gateway.store.schema import events

_COLUMNS = ("id", "type", "person", "data")


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


def put_send_failed(connection: Connection, failed: Iterable[int]) -> None:
    """Keep that messages have recipients left out; kept twice it is like once.

    The journal's rows are read when it is told: the proxy waits for no more than this.
    """
    rows = [(number, EventType.SEND_FAILED.value, "", "{}") for number in failed]
    insert_rows(connection, events, _COLUMNS, rows, conflict="DO NOTHING")


def has_any(connection: Connection) -> bool:
    """Whether anything has happened that was not told yet."""
    return connection.scalar(select(events.c.id).limit(1)) is not None


def oldest(connection: Connection, limit: int) -> Mapping[int, Sequence[Telling]]:
    """Return up to `limit` things that happened, by their number, and what is told of each."""
    rows = connection.execute(select(events).order_by(events.c.id).limit(limit)).all()
    failed = [row.id for row in rows if row.type == EventType.SEND_FAILED]
    left_out = dict(_left_out(connection, failed))
    return {row.id: left_out.get(row.id) or _told(row) for row in rows}


def forget(connection: Connection, numbers: Iterable[int]) -> None:
    """Forget what was told."""
    connection.execute(delete(events).where(events.c.id.in_(list(numbers))))


def _told(row: Row[Any]) -> tuple[Telling, ...]:
    if row.type == EventType.SEND_FAILED:
        return ()
    telling = Telling(
        id=ids.show(row.id),
        type=EventType(row.type),
        at=in_utc(ids.moment_of(row.id)) or "",
        person=row.person,
        lane=row.person,
        data=orjson.loads(row.data),
    )
    return (telling,)


def _left_out(
    connection: Connection, numbers: Sequence[int]
) -> Iterator[tuple[int, tuple[Telling, ...]]]:
    """Yield each message with a telling per recipient who was left out."""
    for one in messages.several(connection, numbers):
        told = {
            "message": ids.show(one.id),
            "sender": one.sender,
            "subject": one.subject,
            "message_id": one.message_id,
            "kind": one.kind.value,
            "rule": one.rule,
            "listener": one.listener,
            "attempt_of": None if one.attempt_of is None else ids.show(one.attempt_of),
        }
        yield (
            one.id,
            tuple(
                Telling(
                    id=f"{ids.show(one.id)}-{position}",
                    type=EventType.SEND_FAILED,
                    at=in_utc(one.at) or "",
                    person=str(next(iter(each.persons), "")),
                    lane=str(next(iter(each.persons), each.address)),
                    data={
                        **told,
                        "recipient": each.recipient,
                        "persons": [str(person) for person in each.persons],
                        "note": each.note,
                    },
                )
                for position, each in enumerate(one.deliveries)
                if each.state is State.SEND_FAILED
            ),
        )
