"""Bounces: which message each one is about, and what it says about an address."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, insert, or_, select
from sqlalchemy import exists as exists_query

from gateway.core import ids
from gateway.core.bounces.bounce import BounceKind, KeptBounce, Proof
from gateway.core.bounces.suppressing import HardBounce
from gateway.core.kinds import State
from gateway.core.mail.address import lookup_form
from gateway.store.engine.id_ranges import between
from gateway.store.journal.received import was_theirs
from gateway.store.people.people import PersonRecord
from gateway.store.schema.bounces import bounces
from gateway.store.schema.inbound import inbox
from gateway.store.schema.journal import deliveries, messages
from gateway.store.schema.suppressions import suppressions

_RECENT = 50  #: How many messages to a recipient are searched for the one that bounced.
#: A mail gets at most so many ids along its way that look like ours; more may be guesses.
_MOST_HOPS = 8


@dataclass(frozen=True, slots=True)
class FoundMessage:
    """The journal's message that a bounce is about."""

    id: int
    proof: Proof


def message_of(
    connection: Connection, *, numbers: Sequence[int], message_id: str, recipients: Sequence[str]
) -> FoundMessage | None:
    """Return the journal's message a bounce is about, found by id or else by Message-ID.

    The Message-ID is looked up among recent messages to the named recipients. Ids contain the time
    they were made, so somebody could guess a list of them. An id therefore counts only together
    with the message's Message-ID, or with a recipient if few ids are named, or alone if the message
    has no Message-ID.
    """
    named_addresses = {lookup_form(recipient) for recipient in recipients}
    for number in numbers:
        query = select(messages.c.message_id).where(messages.c.id == number)
        its_message_id = connection.scalar(query)
        if its_message_id is None:
            continue
        is_certain = its_message_id == message_id != ""
        if not is_certain and len(numbers) <= _MOST_HOPS:
            is_to_them = named_addresses.intersection(addresses_of(connection, number).values())
            is_certain = its_message_id == "" or bool(is_to_them)
        if is_certain:
            return FoundMessage(number, Proof.TRACE)
    if not message_id:
        return None
    for recipient in recipients:
        recent = (
            select(deliveries.c.message)
            .where(deliveries.c.address == lookup_form(recipient))
            .order_by(deliveries.c.message.desc())
            .limit(_RECENT)
        )
        same = (messages.c.id.in_(recent), messages.c.message_id == message_id)
        newest = select(messages.c.id).where(*same).order_by(messages.c.id.desc()).limit(1)
        message: int | None = connection.scalar(newest)
        if message is not None:
            return FoundMessage(message, Proof.MESSAGE_ID)
    return None


def exists(connection: Connection, message: int) -> bool:
    """Whether a message is in the journal."""
    return connection.scalar(select(messages.c.id).where(messages.c.id == message)) is not None


def sender_of(connection: Connection, message: int) -> tuple[str, str]:
    """Return a message's envelope sender and relay; empty if it is unknown or has none."""
    query = select(messages.c.sender, messages.c.relay).where(messages.c.id == message)
    row = connection.execute(query).first()
    return ("", "") if row is None else (row.sender, row.relay)


def addresses_of(connection: Connection, message: int) -> dict[int, str]:
    """Return the addresses of a message that the relay accepted, in lookup form, by position.

    Deliveries with an unknown outcome count too: a bounce proves that the relay accepted the mail.
    """
    c = deliveries.c
    accepted_states = (State.RELAYED, State.SENDING, State.UNKNOWN)
    query = select(c.position, c.address).where(c.message == message, c.state.in_(accepted_states))
    return {row.position: row.address for row in connection.execute(query)}


def add(connection: Connection, kept_bounces: Sequence[KeptBounce]) -> None:
    """Store what a mail reports as bounced, replacing what was stored for that mail before."""
    if kept_bounces:
        connection.execute(delete(bounces).where(bounces.c.inbox == kept_bounces[0].inbox))
        rows = [{**asdict(bounce), "proof": bounce.proof or ""} for bounce in kept_bounces]
        connection.execute(insert(bounces).values(rows))


def of_message(connection: Connection, message: int) -> list[KeptBounce]:
    """Return the bounces of a message in the journal, in order of arrival."""
    order = (bounces.c.inbox, bounces.c.position)
    query = select(bounces).where(bounces.c.message == message).order_by(*order)
    return [_from_row(row) for row in connection.execute(query)]


def of_person(
    connection: Connection,
    record: PersonRecord,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> list[KeptBounce]:
    """Return the newest bounces of messages to a person within a period."""
    c, d = bounces.c, deliveries.c
    was_sent = exists_query().where(
        d.message == c.message, d.address == c.address, was_theirs(record.person.ref)
    )
    of_theirs = and_(c.address.in_(record.every_address), was_sent)
    return _newest(connection, of_theirs, since=since, until=until, limit=limit)


def of_address(
    connection: Connection,
    address: str,
    *,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> list[KeptBounce]:
    """Return the newest bounces of mail to an address (in lookup form) within a period."""
    c = bounces.c
    of_theirs = c.address == address
    return _newest(connection, of_theirs, since=since, until=until, limit=limit)


def _newest(
    connection: Connection,
    whose: ColumnElement[bool],
    *,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> list[KeptBounce]:
    c = bounces.c
    query = (
        select(bounces)
        .where(whose, c.kind != BounceKind.DELIVERED.value, *between(c.inbox, since, until))
        .order_by(c.inbox.desc(), c.position)
        .limit(limit)
    )
    return [_from_row(row) for row in connection.execute(query)]


def hard_since(connection: Connection, address: str, since: datetime) -> list[HardBounce]:
    """Return the proven hard bounces of an address (in lookup form) received since a time.

    Bounces of mail sent before that time are left out, too.
    """
    c, first = bounces.c, ids.first_id_at(since)
    query = (
        select(c.message, c.inbox, inbox.c.message_id)
        .join(inbox, inbox.c.id == c.inbox, isouter=True)
        .where(c.address == address, c.inbox >= first, c.message >= first, c.hard, c.proof != "")
    )
    return [
        HardBounce(
            ids.moment_of(row.message),
            ids.moment_of(row.inbox),
            report_of(row.message, row.message_id),
        )
        for row in connection.execute(query)
    ]


def report_of(message: int, message_id: str | None) -> str:
    """Return what identifies a bounce: the message it is about, and its own Message-ID."""
    return f"{message} {message_id}" if message_id else ""


def first_report_at(connection: Connection, entry: KeptBounce, report: str) -> datetime | None:
    """Return when the first mail with the same report came in; None if there was none.

    `report` is the Message-ID of the mail reporting it now; without one, nothing is known.
    """
    c = bounces.c
    same = (c.message == entry.message, c.address == entry.address, c.kind == entry.kind)
    query = (
        select(c.inbox)
        .join(inbox, inbox.c.id == c.inbox)
        .where(*same, inbox.c.message_id == report)
        .order_by(c.inbox)
        .limit(1)
    )
    first: int | None = connection.scalar(query) if report else None
    return None if first is None else ids.moment_of(first)


def last_arrival(
    connection: Connection, address: str, before: datetime, *, besides: int
) -> datetime | None:
    """Return when the latest message to an address was sent that did not bounce, if any.

    `besides` is a message that is bouncing right now. Recent messages may still bounce, so those
    sent from `before` on don't count.
    """
    d, b = deliveries.c, bounces.c
    came_back = select(b.message).where(
        b.address == address, b.message.is_not(None), b.kind == BounceKind.BOUNCE
    )
    query = (
        select(d.message)
        .where(
            d.address == address,
            d.state == State.RELAYED,
            d.message < ids.first_id_at(before),
            d.message != besides,
            d.message.not_in(came_back),
        )
        .order_by(d.message.desc())
        .limit(1)
    )
    number: int | None = connection.scalar(query)
    return None if number is None else ids.moment_of(number)


def is_undecided() -> ColumnElement[bool]:
    """Return the condition for bounces a person has to decide on, as they suppress nobody yet.

    Such a bounce is hard, or a complaint, but isn't certain to be about a message of ours, so it
    may be forged; and nobody has decided about the address yet.
    """
    c = bounces.c
    of_address = suppressions.c.address.in_((c.address, func.lower(c.recipient)))
    is_grave = or_(c.hard, c.kind == BounceKind.COMPLAINT)
    return and_(c.proof == "", is_grave, ~select(1).where(of_address).exists())


def at_position(connection: Connection, mail: int, position: int) -> KeptBounce | None:
    """Return what a mail says about the recipient at a position; None if it says nothing."""
    c = bounces.c
    query = select(bounces).where(c.inbox == mail, c.position == position)
    row = connection.execute(query).first()
    return None if row is None else _from_row(row)


def list_bounces(
    connection: Connection,
    *,
    address: str = "",
    kinds: Sequence[BounceKind] = (),
    undecided: bool = False,
    since: datetime | None = None,
    after: tuple[int, int] | None = None,
    limit: int | None = 50,
) -> list[KeptBounce]:
    """Return the bounces, newest first; `after` continues below a mail's position.

    `undecided`: only those a person has to decide on.
    """
    c = bounces.c
    query = select(bounces).order_by(c.inbox.desc(), c.position).limit(limit)
    if address:
        query = query.where(c.address == address)
    if kinds:
        query = query.where(c.kind.in_(kinds))
    if undecided:
        query = query.where(is_undecided())
    if since is not None:
        query = query.where(c.inbox >= ids.first_id_at(since))
    if after is not None:
        mail, position = after
        of_same = and_(c.inbox == mail, c.position > position)
        query = query.where(c.inbox <= mail, or_(c.inbox < mail, of_same))
    return [_from_row(row) for row in connection.execute(query)]


def _from_row(row: Row[Any]) -> KeptBounce:
    values = dict(row._mapping)
    values["proof"] = Proof(values["proof"]) if values["proof"] else None
    values["kind"] = BounceKind(values["kind"])
    return KeptBounce(**values)
