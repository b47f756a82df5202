"""The processes that write the journal, and what those that died left behind."""

from collections.abc import Sequence, Set
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from gateway.core.ids import NUMBERED
from gateway.core.journal.attempt import Attempt, fingerprint
from gateway.core.journal.message import Message, Outcome
from gateway.core.kinds import By, State
from gateway.store.engine.database import RowRefused
from gateway.store.engine.leases import IsGone
from gateway.store.engine.process_numbers import NoNumberFree
from gateway.store.journal import held_reports, journal, journal_rows, worker_log
from gateway.store.journal.messages import in_state
from gateway.store.schema.journal import NO_WORKER, attempts, deliveries, messages, workers

BEAT = timedelta(seconds=10)  #: How often a worker reports that it is alive.
GRACE = timedelta(seconds=60)  #: After this much silence it counts as dead.
_STORE_FILE = "SELECT file FROM pragma_database_list WHERE name = 'main'"
_LEFT = "the gateway was stopped before the relay's answer was recorded"


def register(connection: Connection, *, holder: str, now: datetime, is_gone: IsGone) -> int:
    """Register this process as `holder` and return its number; first settle what dead ones left."""
    _settle_gone(connection, now, is_gone, or_of=holder)
    taken_numbers = set(connection.scalars(select(workers.c.number)))
    free = next((number for number in NUMBERED if number not in taken_numbers), None)
    if free is None:
        raise NoNumberFree(
            f"all {len(NUMBERED)} numbers for workers of the proxy are taken: start fewer "
            "(smtp.workers), on fewer machines"
        )
    _add(connection, free, holder, now)
    return free


def beat(
    connection: Connection,
    number: int,
    *,
    holder: str,
    now: datetime,
    is_gone: IsGone,
    steady_since: datetime | None = None,
) -> bool:
    """Record that this process is alive; False if its number now belongs to another.

    What dead processes left is settled. This also registers a process that could not register, or
    was taken for dead, while the store was away. Since `steady_since` this process has missed no
    beat: if another was silent all that time, the store isn't to blame.
    """
    is_steady = steady_since is not None and now - steady_since >= GRACE
    _settle_gone(connection, now, is_gone, is_steady=is_steady)
    own = update(workers).where(workers.c.number == number, workers.c.holder == holder)
    if connection.execute(own.values(alive_until=now + GRACE)).rowcount:
        return True
    if connection.scalar(select(workers.c.holder).where(workers.c.number == number)) is not None:
        return False
    _add(connection, number, holder, now)
    return True


def _settle_gone(
    connection: Connection,
    now: datetime,
    is_gone: IsGone,
    *,
    or_of: str = "",
    is_steady: bool = False,
) -> None:
    """Settle and remove dead processes, and the holder `or_of`; settle what a silent one was doing.

    A process on this machine that runs but shows no sign of life hangs or is stopped. It keeps its
    number: if it continues, it writes to its log, which must not be reused.
    """
    for worker in connection.execute(select(workers)).all():
        is_silent = worker.alive_until < now
        is_over = worker.holder == or_of or is_gone(worker.holder, is_silent=is_silent)
        if is_over or (is_silent and is_steady):
            settle(connection, worker.number)
        if is_over:
            connection.execute(delete(workers).where(workers.c.number == worker.number))


def _add(connection: Connection, number: int, holder: str, now: datetime) -> None:
    connection.execute(
        insert(workers).values(number=number, holder=holder, alive_until=now + GRACE)
    )


def retire(connection: Connection, number: int, *, holder: str) -> None:
    """Deregister in order: whatever is open now has no outcome any more.

    A number that now belongs to another process is left alone.
    """
    is_anothers = select(workers.c.number).where(
        workers.c.number == number, workers.c.holder != holder
    )
    if connection.scalar(is_anothers) is not None:
        return
    settle(connection, number)
    connection.execute(delete(workers).where(workers.c.number == number))


def take_in(
    connection: Connection,
    number: int,
    recorded: Sequence[Message],
    outcomes: Sequence[Outcome],
    *,
    left: Set[int],
) -> None:
    """Write what was recorded elsewhere while the store was away; repeating it changes nothing.

    Nobody will report the outcome of the messages `left`. Without a store, workers on two machines
    may have drawn the same number: a message whose id is taken gets the next free one.
    """
    number_of = {message.id: _number_for(connection, message) for message in recorded}
    recorded = [replace(message, id=number_of[message.id]) for message in recorded]
    outcomes = [replace(o, message=number_of.get(o.message, o.message)) for o in outcomes]
    left = {number_of.get(message, message) for message in left}
    open_ones = [message for message in recorded if message.id not in left]
    journal.write_recorded(connection, number, open_ones, outcomes)
    journal.write_recorded(
        connection, NO_WORKER, [message for message in recorded if message.id in left], ()
    )
    settle(connection, NO_WORKER)


def _number_for(connection: Connection, message: Message) -> int:
    """Return the message's id, or the next that no other message has."""
    values = journal_rows.values_of(message)
    recipients = [delivery.recipient for delivery in message.deliveries]
    number = message.id
    while journal_rows.is_another(connection, number, values, recipients):
        number += 1
    return number


def settle(connection: Connection, number: int) -> int:
    """Turn what a process left `sending` into `unknown`; return the number of messages.

    First, what its log holds and the store doesn't have yet is taken in.
    """
    if connection.dialect.name == "sqlite" and number != NO_WORKER:
        store = connection.exec_driver_sql(_STORE_FILE).scalar_one()
        for batch in worker_log.left_in(worker_log.path_for(store, number)):
            _write_left(connection, journal_rows.JournalRows.read(batch))

    sending = select(deliveries.c.message).where(in_state(State.SENDING))
    left = connection.execute(
        select(messages.c.id, messages.c.sender, messages.c.message_id, messages.c.subject)
        .where(messages.c.worker == number)
        .where(messages.c.id.in_(sending))
    ).all()
    for message in left:
        # A message in flight long enough for its worker to have recorded its marks has attempts.
        known_by = select(attempts.c.message).where(attempts.c.message == message.id).limit(1)
        if connection.scalar(known_by) is None:
            journal.write_attempts(connection, _attempts(connection, *message))
        held_reports.cancel_armed(connection, message.id)
        connection.execute(
            update(deliveries)
            .where(deliveries.c.message == message.id, deliveries.c.state == State.SENDING)
            .values(state=State.UNKNOWN, by=By.GATEWAY, reply=_LEFT)
        )

    # Nobody waits for a relay's late verdict any more: retries are new attempts.
    awaited = (
        select(attempts.c.message)
        .join(messages, messages.c.id == attempts.c.message)
        .where(attempts.c.state.in_(("sending", "pending")), messages.c.worker == number)
    )
    for late in connection.scalars(awaited).all():
        held_reports.cancel_armed(connection, late)
        connection.execute(update(attempts).where(attempts.c.message == late).values(state="open"))
    return len(left)


def _write_left(connection: Connection, rows: journal_rows.JournalRows) -> None:
    """Write what a log still holds, skipping a message that is refused."""
    try:
        with connection.begin_nested():
            rows.write(connection)
    except RowRefused:
        for rows_of_message in rows.by_message():
            with suppress(RowRefused), connection.begin_nested():
                rows_of_message.write(connection)


def _attempts(
    connection: Connection, message: int, sender: str, message_id: str, subject: str
) -> list[Attempt]:
    """Return the marks of possible retries: suppressed recipients count if RCPT accepted them."""
    rows = connection.execute(
        select(deliveries.c.recipient, deliveries.c.state).where(deliveries.c.message == message)
    ).all()
    states: tuple[set[str], ...] = ({State.SENDING}, {State.SENDING, State.SEND_FAILED})
    marks = {
        fingerprint(
            sender,
            [row.recipient for row in rows if row.state in counted_states],
            message_id,
            subject,
        )
        for counted_states in states
    }
    return [Attempt(fingerprint=mark, message=message, state="open") for mark in marks]
