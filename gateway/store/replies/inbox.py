"""Incoming mail for the importer: each mail once, with what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    bindparam,
    delete,
    func,
    select,
    update,
)

from gateway.core import ids
from gateway.core.errors import GatewayError
from gateway.core.people.erased_names import PREFIX
from gateway.core.queue import QueueEvent
from gateway.core.replies.inbox import INBOX_LIFE, InboxRow, InboxState, Sighting
from gateway.store.engine.id_ranges import of_page
from gateway.store.engine.leases import IsGone
from gateway.store.engine.queue import DurableQueue
from gateway.store.engine.upsert import insert_into, insert_new
from gateway.store.schema.inbound import inbox, sightings

_COLUMNS = tuple(InboxRow.__dataclass_fields__)
QUEUE = DurableQueue(inbox, INBOX_LIFE)
_OF_CONTENT = select(inbox).where(inbox.c.content == bindparam("wanted"))
_OF_ID = select(inbox).where(inbox.c.id == bindparam("wanted"))


class NoSuchMail(GatewayError):
    """There is no such mail in the inbox."""

    cure = "gateway inbox list"


class WrongInboxState(GatewayError):
    """A mail can't be assigned, discarded or retried in its current state."""


def put(connection: Connection, row: InboxRow) -> bool:
    """Store a mail; False if one with the same content was already there and nothing was stored."""
    return insert_new(connection, inbox, asdict(row), key=("content",))


def settle(connection: Connection, row: InboxRow) -> None:
    """Record the outcome of a mail, whoever is working on it; may raise `WrongInboxState`."""
    values = asdict(row)
    del values["id"], values["state"]
    freed = {**values, "holder": ""}
    if not QUEUE.settle(connection, row.id, row.state, holder=None, values=freed):
        raise WrongInboxState(f"{ids.show(row.id)} can't become {row.state}")


def erase(connection: Connection, number: int) -> None:
    """Erase a mail except for its arrival, its id and its outcome."""
    empty = dict.fromkeys(("sender", "address", "subject", "detail"), "")
    values: dict[str, object] = {**empty, "envelope_recipients": "", "envelope_sender": None}
    values |= {"content": f"{PREFIX}{number}", "whole": False}
    connection.execute(update(inbox).where(inbox.c.id == number).values(values))


def add_sighting(connection: Connection, where: Sighting, number: int) -> None:
    """Record where a mail was seen."""
    query = insert_into(connection, sightings).values(**asdict(where), inbox=number)
    connection.execute(query.on_conflict_do_nothing())


def delete_sightings(connection: Connection, places: Sequence[Sighting]) -> None:
    """Forget where mails were seen."""
    for where in places:
        same = (sightings.c[name] == value for name, value in asdict(where).items())
        connection.execute(delete(sightings).where(*same))


def decided_in(
    connection: Connection, mailbox: str, folder: str
) -> list[tuple[Sighting, InboxRow]]:
    """Return the mails seen in a folder that need no more attention."""
    open_states = (InboxState.NEEDS_ATTENTION.value, InboxState.WAITING.value)
    query = (
        select(inbox, sightings.c.uidvalidity, sightings.c.uid)
        .join(sightings, sightings.c.inbox == inbox.c.id)
        .where(sightings.c.mailbox == mailbox, sightings.c.folder == folder)
        .where(inbox.c.state.not_in(open_states))
    )
    return [
        (
            Sighting(
                mailbox=mailbox, folder=folder, uidvalidity=row["uidvalidity"], uid=row["uid"]
            ),
            _row(row),
        )
        for row in connection.execute(query).mappings()
    ]


def by_sighting(connection: Connection, where: Sighting) -> InboxRow | None:
    """Return the mail previously seen there."""
    keys = asdict(where).items()
    same = (sightings.c[name] == value for name, value in keys)
    number = connection.scalar(select(sightings.c.inbox).where(*same))
    return None if number is None else by_id(connection, number)


def of_content(connection: Connection, content: str, *, lock: bool = False) -> InboxRow | None:
    """Return the mail with this content (SHA-256)."""
    return _matching_row(connection, _OF_CONTENT, {"wanted": content}, lock=lock)


def by_id(connection: Connection, number: int, *, lock: bool = False) -> InboxRow | None:
    """Return a mail; with `lock` nobody else changes it until the transaction ends."""
    return _matching_row(connection, _OF_ID, {"wanted": number}, lock=lock)


def has_waiting(
    connection: Connection, now: datetime, is_gone: IsGone, *, but: Sequence[int]
) -> bool:
    """Whether `claim` would find anything."""
    return QUEUE.has_work(connection, now, is_gone, *_without(but))


def claim(
    connection: Connection,
    holder: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    *,
    is_gone: IsGone,
    but: Sequence[int] = (),
) -> list[InboxRow]:
    """Claim up to `limit` mails of listeners, oldest first; nobody else gets them meanwhile.

    Mails with the ids in `but` are left out.
    """
    claimed = QUEUE.claim(connection, holder, now, lease, limit, *_without(but))
    if not claimed:
        # Recovered only at the end: with a long queue, every small batch would scan all of it.
        QUEUE.recover(connection, now, is_gone)
        claimed = QUEUE.claim(connection, holder, now, lease, limit, *_without(but))
    return [_row(row) for row in QUEUE.rows(connection, claimed)]


def _without(numbers: Sequence[int]) -> Sequence[ColumnElement[bool]]:
    return [inbox.c.id.not_in(numbers)] if numbers else []


def give_back(connection: Connection, holder: str, numbers: Sequence[int]) -> None:
    """Release mails that were claimed but not examined."""
    QUEUE.give_back(connection, holder, numbers)


def discard(connection: Connection, number: int) -> InboxRow:
    """Discard a mail on a person's behalf; return it as it was."""
    row = waiting_for_person(connection, number)
    QUEUE.change(connection, QueueEvent.DISCARDED, inbox.c.id == number)
    return row


def waiting_for_person(connection: Connection, number: int) -> InboxRow:
    """Return a mail that needs attention; raise `NoSuchMail` or `WrongInboxState` otherwise."""
    row = by_id(connection, number, lock=True)
    if row is None:
        raise NoSuchMail(f"the inbox has no mail {ids.show(number)}")
    if row.state not in INBOX_LIFE.before(QueueEvent.DISCARDED):
        raise WrongInboxState(f"{ids.show(number)} is {row.state}: there is nothing to decide")
    return row


def list_inbox(
    connection: Connection,
    *,
    states: Sequence[InboxState] = (),
    since: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[InboxRow]:
    """Return mails, newest first; with `before`, those older than this id."""
    query = select(inbox).order_by(inbox.c.id.desc()).limit(limit)
    query = query.where(*of_page(inbox.c.id, since, before))
    if states:
        query = query.where(inbox.c.state.in_(states))
    return [_row(row) for row in connection.execute(query).mappings()]


def answers_since(connection: Connection, address: str, since: datetime) -> int:
    """Return how many mails from a sender (in lookup form) were answered since a time."""
    recent = select(func.count()).where(
        inbox.c.id >= ids.first_id_at(since), inbox.c.address == address, inbox.c.answered
    )
    return connection.scalar(recent) or 0


def _matching_row(
    connection: Connection,
    query: Select[tuple[object]],
    values: Mapping[str, object],
    *,
    lock: bool,
) -> InboxRow | None:
    query = query.with_for_update() if lock else query
    row = connection.execute(query, values).mappings().first()
    return None if row is None else _row(row)


def _row(row: RowMapping) -> InboxRow:
    values = {name: row[name] for name in _COLUMNS}
    return InboxRow(**{**values, "state": InboxState(row["state"])})
