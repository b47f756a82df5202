"""The outbox: what the gateway itself must send, kept until it is sent.

A row is `queued` without a time while it is armed, `queued` with one until it is due, `sending`
while a worker holds it, and then settled. A worker that vanishes leaves its rows `sending`: once it
is known to have ended, or its lease is over, they become `unknown`, and only a person can have them
sent again. Webhooks are requeued instead, and those of one lane are sent one after another. The
life cycle is a table, `core.sending.outbox.OUTBOX_LIFE`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    delete,
    exists,
    or_,
    select,
    true,
    update,
)

from gateway.core import ids
from gateway.core.errors import GatewayError
from gateway.core.queue import QueueEvent
from gateway.core.sending.outbox import (
    OUTBOX_LIFE,
    SETTLED,
    WEBHOOK,
    WEBHOOK_LIFE,
    OutboxDraft,
    OutboxRow,
    OutboxState,
    Settlement,
)
from gateway.store.engine.id_ranges import of_page
from gateway.store.engine.leases import IsGone
from gateway.store.engine.queue import ColumnValues, DurableQueue
from gateway.store.engine.upsert import insert_into, insert_new
from gateway.store.schema.outbox import outbox

INTERRUPTED = "the worker that sent it ended; it may have been sent or not"

#: Two kinds of rows, which differ only in what happens to abandoned ones.
MAIL = DurableQueue(outbox, OUTBOX_LIFE)
WEBHOOKS = DurableQueue(outbox, WEBHOOK_LIFE)

_COLUMNS = tuple(name for name in OutboxRow.__dataclass_fields__ if name != "about")
_IS_QUEUED = outbox.c.state == OutboxState.QUEUED
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
    """There is no such row in the outbox."""

    cure = "gateway outbox list"


class WrongOutboxState(GatewayError):
    """A row of the outbox can't be retried or cancelled in its current state."""


def put(connection: Connection, draft: OutboxDraft) -> bool:
    """Queue something to send; False if its key already exists and nothing was queued."""
    return insert_new(connection, outbox, _values(draft), key=("key",))


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
    """Queue many things to send, skipping those whose key already exists."""
    rows = [_values(draft) for draft in drafts]
    if rows:
        insert = insert_into(connection, outbox)
        connection.execute(insert.on_conflict_do_nothing(index_elements=[outbox.c.key]), rows)


def release(connection: Connection, message: int, now: datetime) -> int:
    """Make what waits for the verdict on a message due; return the number of rows."""
    query = update(outbox).where(_is_armed(message)).values(next_at=now)
    return connection.execute(query).rowcount


def cancel_armed(connection: Connection, message: int) -> int:
    """Delete what waits for the verdict on a message, as nothing is owed; return how many rows.

    Their keys become free for a retry of the message.
    """
    return connection.execute(delete(outbox).where(_is_armed(message))).rowcount


def has_work(connection: Connection, now: datetime, is_gone: IsGone, endpoint: str = "") -> bool:
    """Whether `claim` or `recover` would find anything."""
    queue = _queue(endpoint)
    return queue.has_work(connection, now, is_gone, _share(endpoint), due=_IS_NEXT)


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
    """Claim up to `limit` due rows, the longest due first; nobody else gets them meanwhile.

    With an `endpoint`, the webhooks to that address; otherwise everything that goes by mail, or
    `only` one type of it. The attempt is counted before it is made. Rows not settled when the lease
    ends become `unknown`; webhooks are queued again.
    """
    is_wanted = outbox.c.type == only if only else true()
    counted = {"attempts": outbox.c.attempts + 1, "next_at": None}
    claimed = _queue(endpoint).claim(
        connection, holder, now, lease, limit, _share(endpoint), _IS_NEXT, is_wanted, values=counted
    )
    return by_ids(connection, claimed)


def settle(connection: Connection, number: int, holder: str, result: Settlement) -> bool:
    """Record the result of an attempt; False if the row no longer belongs to the holder.

    A result that arrives after the lease is still better than `unknown`. Rows behind this one in
    its lane wait as long as it does.
    """
    values = {"error": result.error, "next_at": result.next_at}
    if not MAIL.settle(connection, number, result.state, holder=holder, values=values):
        return False
    if result.next_at is not None:
        lane = connection.scalar(select(outbox.c.lane).where(outbox.c.id == number))
        behind = update(outbox).where(
            outbox.c.lane == lane, outbox.c.lane != "", outbox.c.id > number, _IS_QUEUED
        )
        behind = behind.where(outbox.c.next_at < result.next_at)
        connection.execute(behind.values(next_at=result.next_at))
    return True


def recover(
    connection: Connection, now: datetime, is_gone: IsGone, endpoint: str = ""
) -> list[OutboxRow]:
    """Turn what vanished workers left into `unknown`, webhooks into `queued`; return the rows."""
    lost = {"error": INTERRUPTED, "next_at": now if endpoint else None}
    left = _queue(endpoint).recover(connection, now, is_gone, _share(endpoint), values=lost)
    return by_ids(connection, left)


def give_up_others(
    connection: Connection, endpoints: Sequence[str], now: datetime, is_gone: IsGone
) -> list[OutboxRow]:
    """Give up the webhooks to all other addresses than these; return the rows.

    Those a worker has claimed are left to it, unless it vanished.
    """
    is_other = and_(outbox.c.type == WEBHOOK, outbox.c.recipient.not_in(endpoints))
    left = {"error": INTERRUPTED, "next_at": now}
    WEBHOOKS.recover(connection, now, is_gone, is_other, values=left)
    values = {"error": GONE, "next_at": None}
    given_up = WEBHOOKS.change_free(connection, QueueEvent.GIVEN_UP, is_other, values=values)
    return by_ids(connection, given_up)


def list_outbox(
    connection: Connection,
    *,
    state: OutboxState | None = None,
    since: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[OutboxRow]:
    """Return rows, newest first; with `before`, those older than this id."""
    query = select(outbox.c.id).order_by(outbox.c.id.desc()).limit(limit)
    query = query.where(*of_page(outbox.c.id, since, before))
    if state is not None:
        query = query.where(outbox.c.state == state)
    return by_ids(connection, list(connection.scalars(query)))


def by_ids(connection: Connection, numbers: Sequence[int]) -> list[OutboxRow]:
    """Return the rows with these ids, in that order."""
    return [_row(row) for row in MAIL.rows(connection, numbers)]


def by_id(connection: Connection, number: int) -> OutboxRow:
    """Return a row, or raise `NoSuchRow`."""
    row = next(iter(by_ids(connection, [number])), None)
    if row is None:
        raise NoSuchRow(f"the outbox has no {ids.show(number)}")
    return row


def retry(connection: Connection, number: int, now: datetime) -> OutboxRow:
    """Queue a row again on a person's request; return it as it was.

    One that was `unknown` may arrive twice. Raises `NoSuchRow` or `WrongOutboxState`.
    """
    values = {"attempts": 0, "next_at": now, "error": ""}
    return _by_hand(connection, number, QueueEvent.RETRIED, values)


def cancel(connection: Connection, number: int) -> OutboxRow:
    """Give up a row on a person's request; return it as it was.

    Raises `NoSuchRow` or `WrongOutboxState`.
    """
    values = {"next_at": None, "holder": ""}
    return _by_hand(connection, number, QueueEvent.CANCELLED, values)


def prune(connection: Connection, before: datetime, limit: int) -> int:
    """Delete up to `limit` settled rows queued before a time; return how many."""
    old = select(outbox.c.id).where(
        outbox.c.id < ids.first_id_at(before), outbox.c.state.in_(SETTLED)
    )
    numbers = list(connection.scalars(old.order_by(outbox.c.id).limit(limit)))
    connection.execute(delete(outbox).where(outbox.c.id.in_(numbers)))
    return len(numbers)


def _queue(endpoint: str) -> DurableQueue[OutboxState]:
    return WEBHOOKS if endpoint else MAIL


def _share(endpoint: str) -> ColumnElement[bool]:
    if not endpoint:
        return outbox.c.type != WEBHOOK
    return and_(outbox.c.type == WEBHOOK, outbox.c.recipient == endpoint)


def _is_armed(message: int) -> ColumnElement[bool]:
    return and_(outbox.c.message == message, _IS_QUEUED, outbox.c.next_at.is_(None))


def _by_hand(
    connection: Connection, number: int, event: QueueEvent, values: ColumnValues
) -> OutboxRow:
    """Apply an event requested by a person to a row; return the row as it was."""
    connection.execute(select(outbox.c.id).where(outbox.c.id == number).with_for_update())
    row = by_id(connection, number)
    if not MAIL.change(connection, event, outbox.c.id == number, values=values):
        *others, last = OUTBOX_LIFE.before(event)
        raise WrongOutboxState(
            f"{ids.show(number)} is {row.state}; only {', '.join(others)} or {last} can be {event}"
        )
    return row


def _row(row: RowMapping) -> OutboxRow:
    values = {name: row[name] for name in _COLUMNS}
    return OutboxRow(**{**values, "state": OutboxState(row["state"])})
