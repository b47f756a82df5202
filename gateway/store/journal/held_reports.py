"""Reports held back, so that their reader gets two an hour instead of one for each message.

Each message that owes such a report has a row here, with the whole report on that message. The rows
of one reader share an outbox entry: the first of an hour, due at once, or one that is due at the
end of the hour. The entry has no body until it is claimed; then, in the same transaction, it
becomes the report of the single row, or one report of all rows. Later rows go with the next entry.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, select, update

from gateway.core import ids
from gateway.core.decision.dsn import (
    MAX_LISTED,
    MAX_NOTES,
    ReportedMessage,
    hourly_slots,
    read_digest,
)
from gateway.core.journal.message import Message
from gateway.core.mail.address import lookup_form
from gateway.core.sending.outbox import OutboxDraft, OutboxRow, OutboxState
from gateway.store.engine.upsert import insert_into
from gateway.store.journal import messages as journal
from gateway.store.schema.journal import deliveries
from gateway.store.schema.outbox import held_reports
from gateway.store.schema.outbox import outbox as entries
from gateway.store.sending import outbox

TYPE = "dsn"
NOT_WRITTEN = "the gateway failed to write it"
NOTHING_HELD = "what it was to tell no longer exists"

_COLUMNS = held_reports.c
_IS_WAITING = and_(_COLUMNS.report.is_(None), ~_COLUMNS.armed)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldFailures:
    """The combined content of several rows of an entry."""

    messages: int
    recipients: int  #: Of all the messages; more than are listed.
    since: datetime  #: When the first of the messages came in.
    listed: tuple[ReportedMessage, ...]
    notes: Mapping[tuple[int, str], str]  #: By message and mailbox.
    #: The listed messages written in another language than the last, as in the journal.
    in_others: tuple[Message, ...] = ()


Compose = Callable[[OutboxRow, HeldFailures], bytes]


def put(connection: Connection, draft: OutboxDraft) -> None:
    """Hold a report back until `assign`; a second one with the same key is ignored.

    Without a time it is armed: it also waits for the verdict on its message.
    """
    reported = read_digest(draft.digest)
    values = {
        "id": draft.id,
        "key": draft.key,
        "message": draft.message,
        "sender": lookup_form(draft.recipient),
        "recipient": draft.recipient,
        "relay": draft.relay,
        "body": draft.body,
        "digest": draft.digest,
        "recipients": len(reported.left_out),
        "armed": draft.due is None,
    }
    insert = insert_into(connection, held_reports).values(values)
    connection.execute(insert.on_conflict_do_nothing(index_elements=[_COLUMNS.key]))


def release(connection: Connection, message: int, now: datetime) -> None:
    """Release what waits for the verdict on a message; held reports then wait for `assign`."""
    outbox.release(connection, message, now)
    connection.execute(update(held_reports).where(_is_armed(message)).values(armed=False))


def cancel_armed(connection: Connection, message: int) -> None:
    """Delete what waits for the verdict on a message, whether held back or not."""
    outbox.cancel_armed(connection, message)
    connection.execute(delete(held_reports).where(_is_armed(message)))


def assign(connection: Connection, now: datetime) -> None:
    """Assign waiting rows to an outbox entry; call once, at the end of a transaction.

    Readers are taken in order, so that transactions never deadlock.
    """
    waiting: dict[str, Row[Any]] = {}
    # The columns as a list keep the type of a row simple.
    columns = [_COLUMNS.id, _COLUMNS.sender, _COLUMNS.message, _COLUMNS.recipient, _COLUMNS.relay]
    for row in connection.execute(select(*columns).where(_IS_WAITING).order_by(_COLUMNS.id)):
        waiting.setdefault(row.sender, row)
    for sender, first in sorted(waiting.items()):
        number = _open_entry(connection, first, now)
        change = update(held_reports).where(_IS_WAITING, _COLUMNS.sender == sender)
        connection.execute(change.values(report=number))


def complete(connection: Connection, entry: OutboxRow, compose: Compose) -> OutboxRow | None:
    """Return a claimed entry with its body, composed from its rows; None if it has none.

    Also None if `compose` returned nothing: the entry then failed, and may be retried.
    """
    if entry.body or entry.type != TYPE:
        return entry
    rows = connection.execute(
        select(_COLUMNS.id, _COLUMNS.message, _COLUMNS.body, _COLUMNS.recipients)
        .where(_COLUMNS.report == entry.id)
        .order_by(_COLUMNS.id)
        .limit(2)
    ).all()
    ending, body = (OutboxState.CANCELLED, NOTHING_HELD), b""
    if rows:
        ending = (OutboxState.FAILED, NOT_WRITTEN)
        body = (
            rows[0].body if len(rows) == 1 else compose(entry, held_failures(connection, entry.id))
        )
    if not body:
        state, error = ending
        outbox.MAIL.settle(connection, entry.id, state, holder=None, values={"error": error})
        return None
    own = update(entries).where(entries.c.id == entry.id)
    connection.execute(own.values(body=body))
    done = update(held_reports).where(_COLUMNS.report == entry.id)
    connection.execute(done.values(body=b"", digest=""))
    return replace(entry, body=body)


def prune(connection: Connection, before: datetime, limit: int) -> int:
    """Delete up to `limit` rows of messages older than a time; return how many."""
    old = select(_COLUMNS.id).where(_COLUMNS.id < ids.first_id_at(before))
    numbers = list(connection.scalars(old.order_by(_COLUMNS.id).limit(limit)))
    connection.execute(delete(held_reports).where(_COLUMNS.id.in_(numbers)))
    return len(numbers)


def _is_armed(message: int) -> Any:
    return and_(_COLUMNS.message == message, _COLUMNS.armed)


def _open_entry(connection: Connection, first: Row[Any], now: datetime) -> int | None:
    """Return the entry currently open for a reader's rows; it stays open until we commit."""
    for number, (key, due) in enumerate(hourly_slots(first.sender, now)):
        draft = OutboxDraft(
            id=first.id,
            type=TYPE,
            key=key,
            recipient=first.recipient,
            body=b"",
            message=None if number else first.message,
            relay=first.relay,
            due=due,
        )
        if outbox.put(connection, draft):
            return draft.id
        is_open = and_(entries.c.state == OutboxState.QUEUED, entries.c.body == b"")
        query = select(entries.c.id).where(entries.c.key == key, is_open)
        # A claim skips locked rows, and so binds none that would be left behind.
        entry: int | None = connection.scalar(query.with_for_update(read=True))
        if entry is not None:
            return entry
    return None


def held_failures(connection: Connection, number: int) -> HeldFailures:
    """Return the combined content of the rows of an outbox entry."""
    is_in_report = _COLUMNS.report == number
    count, recipients, first = connection.execute(
        select(func.count(), func.sum(_COLUMNS.recipients), func.min(_COLUMNS.message)).where(
            is_in_report
        )
    ).one()
    listed: list[ReportedMessage] = []
    room = MAX_LISTED
    query = select(_COLUMNS.digest).where(is_in_report).order_by(_COLUMNS.id).limit(MAX_LISTED)
    for digest in connection.scalars(query).all():
        reported = read_digest(digest)
        listed.append(replace(reported, left_out=reported.left_out[:room]))
        room -= len(listed[-1].left_out)
        if room == 0:
            break

    noted = [
        (reported.message, recipient.mailbox)
        for reported in listed
        for recipient in reported.left_out
    ][:MAX_NOTES]
    query = select(deliveries.c.message, deliveries.c.recipient, deliveries.c.note)
    query = query.where(deliveries.c.message.in_({message for message, _ in noted}))
    notes = {(row.message, row.recipient): row.note for row in connection.execute(query)}
    language = listed[-1].language
    others = [reported.message for reported in listed if reported.language != language]
    return HeldFailures(
        messages=count,
        recipients=recipients,
        since=ids.moment_of(first),
        listed=tuple(listed),
        notes={key: notes[key] for key in noted if key in notes},
        in_others=tuple(journal.by_ids(connection, others)),
    )
