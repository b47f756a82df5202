"""The processes that write the journal, and what dead ones left behind."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, delete, insert, select, update

from gateway.core.journal import Attempt, fingerprint
from gateway.core.kinds import By, State
from gateway.store import outbox
from gateway.store.journal import write_attempts
from gateway.store.schema import deliveries, messages, workers

BEAT = timedelta(seconds=10)  #: How often a worker says that it lives.
GRACE = timedelta(seconds=60)  #: After so much silence it counts as dead.
_NUMBERS = 1024
_LEFT = "the gateway was stopped before the relay's answer was recorded"


class NoNumberFree(Exception):
    """More than 1,024 processes write to one store."""


def enlist(
    connection: Connection, *, node: str, pid: int, now: datetime, alive: Callable[[int], bool]
) -> int:
    """Return a number for this process; settle first what dead processes left.

    `alive` tells whether a process of this node still runs.
    """
    for worker in connection.execute(select(workers)).all():
        silent = worker.alive_until < now
        if silent or (worker.node == node and (worker.pid == pid or not alive(worker.pid))):
            settle(connection, worker.number)
            connection.execute(delete(workers).where(workers.c.number == worker.number))
    taken = set(connection.scalars(select(workers.c.number)))
    free = next((number for number in range(_NUMBERS) if number not in taken), None)
    if free is None:
        raise NoNumberFree
    connection.execute(
        insert(workers).values(number=free, node=node, pid=pid, alive_until=now + GRACE)
    )
    return free


def beat(connection: Connection, number: int, now: datetime) -> None:
    """Say that this process lives."""
    connection.execute(
        update(workers).where(workers.c.number == number).values(alive_until=now + GRACE)
    )


def retire(connection: Connection, number: int) -> None:
    """Leave in order: whatever is open now has no outcome any more."""
    settle(connection, number)
    connection.execute(delete(workers).where(workers.c.number == number))


def settle(connection: Connection, number: int) -> int:
    """Turn what a process left `sending` into `unknown`; return how many messages that were."""
    open_ones = (
        select(messages.c.id, messages.c.sender, messages.c.message_id)
        .where(messages.c.worker == number)
        .where(messages.c.id.in_(_sending()))
    )
    left = connection.execute(open_ones).all()
    for message in left:
        write_attempts(connection, [_attempt(connection, *message)])
        outbox.cancel_armed(connection, message.id)
        connection.execute(
            update(deliveries)
            .where(deliveries.c.message == message.id, deliveries.c.state == State.SENDING)
            .values(state=State.UNKNOWN, by=By.GATEWAY, reply=_LEFT)
        )
    return len(left)


def _sending() -> Select[tuple[int]]:
    return select(deliveries.c.message).where(deliveries.c.state == State.SENDING)


def _attempt(connection: Connection, message: int, sender: str, message_id: str) -> Attempt:
    recipients = connection.scalars(
        select(deliveries.c.recipient).where(deliveries.c.message == message)
    )
    mark = fingerprint(sender, list(recipients), message_id)
    return Attempt(fingerprint=mark, message=message, state="open")
