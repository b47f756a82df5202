"""What is told of what happened; of a message, each recipient who was left out."""

from collections.abc import Mapping, Sequence

import orjson
from sqlalchemy import Connection, select

from gateway.core import ids
from gateway.core.decision.journal import Message
from gateway.core.kinds import State
from gateway.core.moments import in_utc
from gateway.core.sending.event import EventType, Telling
from gateway.store.journal import messages
from gateway.store.schema import events


def oldest(connection: Connection, limit: int) -> Mapping[int, Sequence[Telling]]:
    """Return up to `limit` things that happened, by their number, and what is told of each."""
    rows = connection.execute(select(events).order_by(events.c.id).limit(limit)).all()
    failed = [row.id for row in rows if row.type == EventType.SEND_FAILED]
    left_out = {one.id: send_failed(one) for one in messages.several(connection, failed)}
    told: dict[int, tuple[Telling, ...]] = {}
    for row in rows:
        if row.type == EventType.SEND_FAILED:
            told[row.id] = left_out.get(row.id, ())
            continue
        telling = Telling(
            id=ids.show(row.id),
            type=EventType(row.type),
            at=in_utc(ids.moment_of(row.id)) or "",
            person=row.person,
            lane=row.person,
            data=orjson.loads(row.data),
        )
        told[row.id] = (telling,)
    return told


def send_failed(message: Message) -> tuple[Telling, ...]:
    """Return what is told of a message: of each recipient who was left out."""
    of_message = {
        "message": ids.show(message.id),
        "sender": message.sender,
        "subject": message.subject,
        "message_id": message.message_id,
        "kind": message.kind.value,
        "rule": message.rule,
        "listener": message.listener,
        "attempt_of": None if message.attempt_of is None else ids.show(message.attempt_of),
    }
    return tuple(
        Telling(
            id=f"{ids.show(message.id)}-{position}",
            type=EventType.SEND_FAILED,
            at=in_utc(message.at) or "",
            person=str(next(iter(delivery.persons), "")),
            lane=str(next(iter(delivery.persons), delivery.address)),
            data={
                **of_message,
                "recipient": delivery.recipient,
                "persons": [str(person) for person in delivery.persons],
                "note": delivery.note,
            },
        )
        for position, delivery in enumerate(message.deliveries)
        if delivery.state is State.SEND_FAILED
    )
