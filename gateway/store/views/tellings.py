"""What is told of what happened; of a message, each recipient who was left out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Row, select

from gateway.core import ids
from gateway.core.kinds import State
from gateway.core.moments import in_utc
from gateway.core.sending.event import EventType, Telling
from gateway.store.journal import messages
from gateway.store.schema import events


def oldest(connection: Connection, limit: int) -> Mapping[int, Sequence[Telling]]:
    """Return up to `limit` things that happened, by their number, and what is told of each."""
    rows = connection.execute(select(events).order_by(events.c.id).limit(limit)).all()
    failed = [row.id for row in rows if row.type == EventType.SEND_FAILED]
    left_out = dict(_left_out(connection, failed))
    return {row.id: left_out.get(row.id) or _told(row) for row in rows}


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
