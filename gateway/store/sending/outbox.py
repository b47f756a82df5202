"""The outbox: what the gateway itself must send, kept until it is sent.

A row is `queued` without a time while it is armed, `queued` with one until it is due, `sending`
while a worker holds it, and then settled. A worker that vanishes leaves its rows `sending`: when
its hold is over they are `unknown`, and only a person has them sent again. Webhooks are queued anew
instead, and those of one lane are sent one after the other.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, exists, or_, select, update

from gateway.core import ids
from gateway.core.errors import GatewayError
from gateway.core.sending.outbox import (
    SETTLED,
    WEBHOOK,
    OutboxDraft,
    OutboxRow,
    OutboxState,
    Settlement,
)
from gateway.store.engine.upsert import insert_into
from gateway.store.schema import outbox

INTERRUPTED = "the worker that sent it ended; it may have been sent or not"

_AT_ONCE = 500  #: Values in one IN: databases take no more than some thousand.
_RETRIED = (OutboxState.UNKNOWN, OutboxState.FAILED, OutboxState.CANCELLED)
_CANCELLED = (OutboxState.QUEUED, OutboxState.FAILED, OutboxState.UNKNOWN)
_IS_QUEUED = outbox.c.state == OutboxState.QUEUED
_IS_SENDING = outbox.c.state == OutboxState.SENDING
_EARLIER = outbox.alias("earlier")
_IS_NEXT = or_(
    outbox.c.lane == "",
    ~exists().where(
        _EARLIER.c.lane == outbox.c.lane,
        _EARLIER.c.id < outbox.c.id,
        _EARLIER.c.lane != "",
        _EARLIER.c.state.in_((OutboxState.QUEUED, OutboxState.SENDING)),
    ),
)
GONE = "no webhook with this address is in the settings any more"


class NoSuchRow(GatewayError):
    """The outbox has no such row."""


class WrongOutboxState(GatewayError):
    """A row of the outbox can't be retried or cancelled in the state it is in."""


def put(connection: Connection, draft: OutboxDraft) -> bool:
    """Queue something to send; False if its key is there already and nothing was put in."""
    insert = insert_into(connection, outbox).values(_values(draft))
    query = insert.on_conflict_do_nothing(index_elements=[outbox.c.key])
    return connection.scalar(query.returning(outbox.c.id)) is not None


def _values(draft: OutboxDraft) -> dict[str, object]:
    return {
        "id": draft.id,
        "type": draft.type,
        "key": draft.key,
        "sender": draft.sender,
        "recipient": draft.recipient,
        "body": draft.body,
        "message": draft.message,
        "relay": draft.relay,
        "state": OutboxState.QUEUED,
        "next_at": draft.due,
        "lane": draft.lane,
    }


def put_all(connection: Connection, drafts: Iterable[OutboxDraft]) -> None:
    """Queue many things to send; those whose key is there already are left out."""
    rows = [_values(draft) for draft in drafts]
    if rows:
        insert = insert_into(connection, outbox)
        connection.execute(insert.on_conflict_do_nothing(index_elements=[outbox.c.key]), rows)


def release(connection: Connection, message: int, now: datetime) -> int:
    """Make what waits for the verdict on a message due; return how many rows."""
    query = update(outbox).where(_is_armed(message)).values(next_at=now)
    return connection.execute(query).rowcount


def cancel_armed(connection: Connection, message: int) -> int:
    """Forget what waits for the verdict on a message, as nothing is owed; return how many rows.

    Their keys are free again for a retry of the message.
    """
    return connection.execute(delete(outbox).where(_is_armed(message))).rowcount


def has_work(connection: Connection, now: datetime, endpoint: str = "") -> bool:
    """Whether `claim` or `recover` would find anything."""
    is_due = and_(_IS_QUEUED, outbox.c.next_at <= now, _IS_NEXT)
    is_left = and_(_IS_SENDING, outbox.c.held_until <= now)
    query = select(outbox.c.id).where(_share(endpoint), or_(is_due, is_left))
    return connection.scalar(query.limit(1)) is not None


def claim(
    connection: Connection,
    holder: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    *,
    endpoint: str = "",
    only: str = "",
) -> list[OutboxRow]:
    """Take up to `limit` due rows, the longest due first; nobody else gets them meanwhile.

    With an `endpoint`, the webhooks to that address; else all that goes by mail, or `only` one
    type of it.
    The attempt is counted before it is made. What isn't settled when the lease is over becomes
    `unknown`.
    """
    due = select(outbox.c.id).where(_share(endpoint), _IS_QUEUED, outbox.c.next_at <= now, _IS_NEXT)
    if only:
        due = due.where(outbox.c.type == only)
    due = due.order_by(outbox.c.next_at, outbox.c.id).limit(limit)
    taken = list(connection.scalars(due.with_for_update(skip_locked=True)))
    if not taken:
        return []
    held = update(outbox).where(outbox.c.id.in_(taken))
    held = held.values(
        state=OutboxState.SENDING,
        attempts=outbox.c.attempts + 1,
        holder=holder,
        held_until=now + lease,
        next_at=None,
    )
    connection.execute(held)
    return _rows(connection, taken)


def settle(connection: Connection, number: int, holder: str, result: Settlement) -> bool:
    """Keep how an attempt ended; False if the row isn't the holder's any more.

    A result that comes after the lease is still better than `unknown`. What is behind the row in
    its lane waits as long as it does.
    """
    is_open = outbox.c.state.in_((OutboxState.SENDING, OutboxState.UNKNOWN))
    query = update(outbox).where(outbox.c.id == number, outbox.c.holder == holder, is_open)
    query = query.values(
        state=result.state, error=result.error, next_at=result.next_at, held_until=None
    )
    lane = connection.scalar(query.returning(outbox.c.lane))
    if lane and result.next_at is not None:
        behind = update(outbox).where(
            outbox.c.lane == lane, outbox.c.lane != "", outbox.c.id > number, _IS_QUEUED
        )
        behind = behind.where(outbox.c.next_at < result.next_at)
        connection.execute(behind.values(next_at=result.next_at))
    return lane is not None


def recover(connection: Connection, now: datetime, endpoint: str = "") -> list[OutboxRow]:
    """Turn what vanished workers left into `unknown`, webhooks into `queued`; return the rows."""
    left = select(outbox.c.id).where(_share(endpoint), _IS_SENDING, outbox.c.held_until <= now)
    found = list(connection.scalars(left.with_for_update(skip_locked=True)))
    if found:
        state = OutboxState.QUEUED if endpoint else OutboxState.UNKNOWN
        lost = update(outbox).where(outbox.c.id.in_(found))
        lost = lost.values(
            state=state,
            error=INTERRUPTED,
            held_until=None,
            next_at=now if endpoint else None,
        )
        connection.execute(lost)
    return _rows(connection, found)


def give_up_others(connection: Connection, endpoints: Sequence[str]) -> list[OutboxRow]:
    """Give up the webhooks to any other address than these; return the rows."""
    others = select(outbox.c.id).where(
        outbox.c.type == WEBHOOK, _IS_QUEUED, outbox.c.recipient.not_in(endpoints)
    )
    found = list(connection.scalars(others.with_for_update(skip_locked=True)))
    for start in range(0, len(found), _AT_ONCE):
        some = found[start : start + _AT_ONCE]
        given_up = update(outbox).where(outbox.c.id.in_(some))
        connection.execute(given_up.values(state=OutboxState.FAILED, error=GONE, next_at=None))
    return [
        row
        for start in range(0, len(found), _AT_ONCE)
        for row in _rows(connection, found[start : start + _AT_ONCE])
    ]


def listed(
    connection: Connection,
    *,
    state: OutboxState | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[OutboxRow]:
    """Return rows, the newest first; with `before`, those older than this id."""
    query = select(outbox.c.id).order_by(outbox.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(outbox.c.state == state)
    if before is not None:
        query = query.where(outbox.c.id < before)
    return _rows(connection, list(connection.scalars(query)))


def one(connection: Connection, number: int) -> OutboxRow:
    """Return a row, or raise `NoSuchRow`."""
    found = _rows(connection, [number])
    if not found:
        raise NoSuchRow(f"the outbox has no {ids.show(number)}")
    return found[0]


def retry(connection: Connection, number: int, now: datetime) -> OutboxRow:
    """Queue a row anew because a person says so; return it as it was.

    One that was `unknown` may arrive twice (`MAY_ARRIVE_TWICE`). Raise `NoSuchRow` or
    `WrongOutboxState`.
    """
    row = _in_state(connection, number, _RETRIED, "retried")
    query = update(outbox).where(outbox.c.id == number)
    connection.execute(
        query.values(state=OutboxState.QUEUED, attempts=0, next_at=now, holder="", error="")
    )
    return row


def cancel(connection: Connection, number: int) -> OutboxRow:
    """Give a row up because a person says so; return it as it was.

    Raise `NoSuchRow` or `WrongOutboxState`.
    """
    row = _in_state(connection, number, _CANCELLED, "cancelled")
    query = update(outbox).where(outbox.c.id == number)
    connection.execute(query.values(state=OutboxState.CANCELLED, next_at=None, holder=""))
    return row


def prune(connection: Connection, before: datetime, limit: int) -> int:
    """Forget up to `limit` settled rows put in before a time; return how many."""
    old = select(outbox.c.id).where(
        outbox.c.id < ids.first_id_at(before), outbox.c.state.in_(SETTLED)
    )
    numbers = list(connection.scalars(old.order_by(outbox.c.id).limit(limit)))
    connection.execute(delete(outbox).where(outbox.c.id.in_(numbers)))
    return len(numbers)


def _share(endpoint: str) -> ColumnElement[bool]:
    if not endpoint:
        return outbox.c.type != WEBHOOK
    return and_(outbox.c.type == WEBHOOK, outbox.c.recipient == endpoint)


def _is_armed(message: int) -> ColumnElement[bool]:
    return and_(outbox.c.message == message, _IS_QUEUED, outbox.c.next_at.is_(None))


def _in_state(
    connection: Connection, number: int, states: Sequence[OutboxState], verb: str
) -> OutboxRow:
    query = select(outbox).where(outbox.c.id == number).with_for_update()
    found = connection.execute(query).one_or_none()
    if found is None:
        raise NoSuchRow(f"the outbox has no {ids.show(number)}")
    row = _row(found)
    if row.state not in states:
        wanted = f"{', '.join(states[:-1])} or {states[-1]}"
        raise WrongOutboxState(f"{ids.show(number)} is {row.state}; only {wanted} can be {verb}")
    return row


def _rows(connection: Connection, numbers: Sequence[int]) -> list[OutboxRow]:
    found = connection.execute(select(outbox).where(outbox.c.id.in_(numbers)))
    rows = {row.id: _row(row) for row in found}
    return [rows[number] for number in numbers if number in rows]


def _row(row: Row[Any]) -> OutboxRow:
    return OutboxRow(
        id=row.id,
        type=row.type,
        key=row.key,
        sender=row.sender,
        recipient=row.recipient,
        body=row.body,
        message=row.message,
        relay=row.relay,
        state=OutboxState(row.state),
        attempts=row.attempts,
        next_at=row.next_at,
        error=row.error,
        lane=row.lane,
    )
