"""Reading the journal: messages with their deliveries; and deleting old ones.

Ids grow with time, so searches by time use them. Addresses are in lookup form.
"""

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
)

from gateway.core.batches import batched
from gateway.core.ids import LARGEST, first_id_at, moment_of
from gateway.core.journal.message import DELIVERY_VALUES, MESSAGE_VALUES, Delivery, Message
from gateway.core.journal.search_words import (
    AddressParts,
    MessageSearch,
    group_facet,
    rule_facet,
    spellings,
    state_facet,
    words_of,
)
from gateway.core.kinds import By, Kind, State
from gateway.core.people.people import PersonRef
from gateway.store.engine.any_case import begins_with, ends_with, stands_in
from gateway.store.engine.database import VALUES_AT_ONCE
from gateway.store.journal import group_names, searching
from gateway.store.schema.journal import attempts, deliveries, messages

_PERSON = re.compile(r"(?:^|\s)(?=(?:candidate|contact):)")
_COUNTED = 50_000  #: Up to this many are counted to see which of two conditions matches fewer.
_AT_ONCE = VALUES_AT_ONCE  #: Messages examined together, at first.
_MOST_AT_ONCE = 4_000  #: If only their ids are examined.
_MOST_LOOKED_AT = 7_000  #: Messages with the words of part of an address, per query.

_is_of_message = deliveries.c.message == messages.c.id
_is_sending = exists().where(_is_of_message, deliveries.c.state == State.SENDING)
#: Written as in the index: SQLite uses a partial index only if the query contains its condition.
_is_indexed = deliveries.c.state != literal_column(f"'{State.RELAYED}'")


def in_state(state: State) -> ColumnElement[bool]:
    """Return the condition for a delivery's state in indexable form, except for `relayed`."""
    return and_(deliveries.c.state == state, true() if state is State.RELAYED else _is_indexed)


def list_messages(connection: Connection, **criteria: Any) -> list[Message]:
    """Return messages that match all criteria (`list_message_ids`), newest first."""
    return by_ids(connection, list_message_ids(connection, **criteria))


@dataclass(frozen=True, slots=True)
class FoundMessages:
    """Ids of messages, newest first, and how far back the search went."""

    ids: list[int]
    looked_from: int | None = None  #: Messages older than this were not searched; None if all were.


def list_message_ids(connection: Connection, **criteria: Any) -> list[int]:
    """Return the ids of messages that match all criteria (`find`), newest first."""
    return find(connection, **criteria).ids


def find(
    connection: Connection,
    *,
    state: State | None = None,
    to: str | AddressParts | None = None,
    sender: str | AddressParts | None = None,
    since: datetime | None = None,
    before: int | None = None,
    search: MessageSearch | None = None,
    rule: str | None = None,
    group: str | None = None,
    limit: int = 50,
) -> FoundMessages:
    """Find up to `limit` messages that match all criteria.

    `to` is in lookup form; with it, `state` is that of the delivery to this address. `before` is an
    id: only older messages are returned. `group` is the name, or part of the name, of a group that
    kept somebody from mail (`group_names`). For parts of addresses, a few thousand messages with
    their words anywhere are searched; if many have them elsewhere, the caller must continue with
    older ones.
    """
    parts = [address for address in (to, sender) if isinstance(address, AddressParts)]
    facets = [rule_facet(rule)] if rule is not None else []
    if search is not None or facets or group is not None or parts:
        search = (search or MessageSearch()).with_facets(*facets)
    number: ColumnElement[int] = messages.c.id
    query = select(number)
    has_state = state not in (None, State.RELAYED)
    if to is not None or (has_state and not _is_rare_sender(connection, sender, state)):
        number = deliveries.c.message
        query = select(number).distinct()
        if sender is not None:
            query = query.join(messages, _is_of_message)
    if to is not None:
        query = query.where(_is_to(connection, to))
        query = query if state is None else query.where(deliveries.c.state == state)
    elif state is not None and number is messages.c.id:
        # Most are relayed, so enough of them turn up quickly among the newest.
        query = query.where(exists().where(_is_of_message, in_state(state)))
    elif state is not None:
        query = query.where(in_state(state))
    if isinstance(sender, AddressParts):
        query = query.where(*_has_parts(connection, messages.c.sender, sender))
    elif sender is not None:
        query = query.where(func.lower(messages.c.sender) == sender.lower())
    if search is not None:
        # An address is searched by its words, too, before it is compared.
        whole = [a for a in (to, sender) if a and not isinstance(a, AddressParts)]
        search = search.with_facets(
            *_telling_words(whole), *(word for part in parts for word in part.words)
        )
        if state is State.SEND_FAILED:
            search = search.with_facets(state_facet(state))
        searches = [search]
        if group is not None:
            names = group_names.names_meant(connection, group)
            searches = [search.with_facets(group_facet(name)) for name in names]
        first = 0 if since is None else first_id_at(since)
        last = LARGEST if before is None else before
        arguments = (connection, query, number)
        answers = [
            _looked_through(*arguments, narrowed_search, first=first, before=last, limit=limit)
            if parts
            else FoundMessages(
                _searched(*arguments, narrowed_search, first=first, before=last, limit=limit)
            )
            for narrowed_search in searches
        ]
        return _together(answers, limit)
    if before is not None:
        query = query.where(number < before)
    return FoundMessages(_newest(connection, query, number, since, limit))


def _together(answers: Sequence[FoundMessages], limit: int) -> FoundMessages:
    """Return the combined results of several searches, as far back as all of them went."""
    looked_from = max(
        (answer.looked_from for answer in answers if answer.looked_from is not None), default=None
    )
    ids = {number for answer in answers for number in answer.ids if number >= (looked_from or 0)}
    newest = sorted(ids, reverse=True)
    if len(newest) >= limit:
        return FoundMessages(newest[:limit])
    return FoundMessages(newest, looked_from)


def _telling_words(addresses: Sequence[str]) -> frozenset[str]:
    """Return the words of addresses that few messages have; addresses are compared anyway.

    Nearly all mail has the words of the office's own domain: among ten million messages it took 120
    ms to find those with `office3`, `crm`, `example` and another word, and 14 without the domain's.
    """
    words = (words_of([address.rpartition("@")[0]]) or words_of([address]) for address in addresses)
    return frozenset().union(*words)


def _is_to(connection: Connection, to: str | AddressParts) -> ColumnElement[bool]:
    """Return the condition that a delivery is to an address, or to one with the parts."""
    if isinstance(to, str):
        return deliveries.c.address == to
    columns = (deliveries.c.address, deliveries.c.recipient)
    return or_(*(and_(*_has_parts(connection, column, to)) for column in columns))


def _has_parts(
    connection: Connection, column: ColumnElement[str], parts: AddressParts
) -> list[ColumnElement[bool]]:
    """Return the conditions that an address has the parts."""

    def has(text: str) -> ColumnElement[bool]:
        if text.startswith("@"):
            return ends_with(connection, column, text)
        matches = begins_with if text.endswith("@") else stands_in
        return matches(connection, column, text)

    return [or_(*map(has, spellings(text))) for text in parts.texts]


def _looked_through(
    connection: Connection,
    query: Select[Any],
    number: ColumnElement[int],
    search: MessageSearch,
    *,
    first: int,
    before: int,
    limit: int,
) -> FoundMessages:
    """Run a query on the newest messages that have the words, up to a limit.

    No index helps this query: if most messages have the words elsewhere, it might never end.
    """
    unindexed = searching.unindexed_with(connection, search, first=first, before=before)
    newest_first = query.order_by(number.desc())
    ids: list[int] = []
    looked_at, most = 0, _AT_ONCE
    while looked_at < _MOST_LOOKED_AT:
        candidates = searching.newest_with(
            connection, search, unindexed, first=first, before=before, limit=most
        )
        ids += connection.scalars(newest_first.where(number.in_(candidates)).limit(limit))
        if len(candidates) < most or len(ids) >= limit:
            return FoundMessages(ids[:limit])
        looked_at += len(candidates)
        before = candidates[-1]
        most = min(2 * most, _MOST_AT_ONCE)
    return FoundMessages(ids, before)


def _searched(
    connection: Connection,
    query: Select[Any],
    number: ColumnElement[int],
    search: MessageSearch,
    *,
    first: int,
    before: int,
    limit: int,
) -> list[int]:
    """Return the highest ids a query finds among messages with the words, a few at a time.

    Messages with the words and messages that match the query are scanned alternately: if many have
    the words and few match, or the other way round, the few are soon exhausted.
    """
    newest_first = query.where(number >= first).order_by(number.desc())
    unindexed = searching.unindexed_with(connection, search, first=first, before=before)
    numbers: list[int] = []
    most, few = _AT_ONCE, min(2 * limit, _AT_ONCE)  # Words are read message by message.
    while True:
        candidates = searching.newest_with(
            connection, search, unindexed, first=first, before=before, limit=most
        )
        numbers += connection.scalars(newest_first.where(number.in_(candidates)).limit(limit))
        if len(candidates) < most or len(numbers) >= limit:
            break
        before = candidates[-1]
        answers = connection.scalars(newest_first.where(number < before).limit(few)).all()
        numbers += searching.matching(connection, search, answers)
        if len(answers) < few or len(numbers) >= limit:
            break
        before = answers[-1]
        most, few = min(2 * most, _MOST_AT_ONCE), min(2 * few, _AT_ONCE)
    return numbers[:limit]


def by_id(connection: Connection, number: int) -> Message | None:
    """Return the message with an id; None if it isn't in the journal."""
    messages_of_id = by_ids(connection, [number])
    return messages_of_id[0] if messages_of_id else None


def would_fail(
    connection: Connection,
    since: datetime | None,
    *,
    before: int | None = None,
    limit: int = 1000,
) -> list[Message]:
    """Return messages relayed in observe mode though a recipient is suppressed, newest first.

    `before` returns those older than this id.
    """
    number = deliveries.c.message
    is_indexed = deliveries.c.would != literal_column("''")
    fails = select(number).where(deliveries.c.would == State.SEND_FAILED, is_indexed).distinct()
    fails = fails if before is None else fails.where(number < before)
    return by_ids(connection, _newest(connection, fails, number, since, limit))


def settled_after(connection: Connection, after: int, waiting_since: int) -> list[int]:
    """Return ids above `after`, rising, of messages for which nothing more is expected.

    A message still being sent is left out until its id is below `waiting_since`.
    """
    is_due = or_(messages.c.id < waiting_since, ~_is_sending)
    query = select(messages.c.id).where(messages.c.id > after, is_due)
    return list(connection.scalars(query.order_by(messages.c.id)))


@dataclass(frozen=True, slots=True)
class SomeDeliveries:
    """The selected deliveries of a message, each with its position."""

    total: int
    deliveries: tuple[tuple[int, Delivery], ...]


def some_deliveries(
    connection: Connection,
    ids: Sequence[int],
    *,
    state: State | None = None,
    to: str | AddressParts | None = None,
    group: str | None = None,
    first: int = 0,
    most: int,
) -> dict[int, SomeDeliveries]:
    """Return the selected deliveries of each message, at most `most` from `first` on.

    A mailing may have thousands. `to` is in lookup form; `group` kept somebody from mail, given by
    name in any case, or by part of it (`group_names`).
    """
    d = deliveries.c
    query = select(
        deliveries,
        func.row_number().over(partition_by=d.message, order_by=d.position).label("place"),
        func.count().over(partition_by=d.message).label("total"),
    ).where(d.message.in_(ids))
    if state is not None:
        query = query.where(in_state(state))
    if to is not None:
        query = query.where(_is_to(connection, to))
    if group is not None:
        names = group_names.names_meant(connection, group)
        query = query.where(or_(*(_names_group(connection, name) for name in names)))
    ranked = query.subquery()
    place = ranked.c.place
    page_query = select(ranked).where(place > first, place <= first + most)
    by_message: defaultdict[int, list[tuple[int, Delivery]]] = defaultdict(list)
    totals: dict[int, int] = {}
    for row in connection.execute(page_query.order_by(ranked.c.message, place)):
        by_message[row.message].append((row.position, _delivery(row)))
        totals[row.message] = row.total
    return {
        number: SomeDeliveries(totals[number], tuple(entries))
        for number, entries in by_message.items()
    }


def _names_group(connection: Connection, group: str) -> ColumnElement[bool]:
    """Return the condition that a group with this name, in any language, is among a note's reasons.

    The name is stored as JSON (`facts_as_json`), inside its quotes: `"source": "group", "name":
    "A \\"B\\""`, or `"names": [["de", "Ärzte"]]`.
    """
    name = json.dumps(group, ensure_ascii=False)
    facts = deliveries.c.note_facts
    return or_(
        stands_in(connection, facts, f'"source": "group", "name": {name}'),
        stands_in(connection, facts, f'", {name}]'),
    )


def tallies(connection: Connection, ids: Sequence[int]) -> dict[int, dict[State, int]]:
    """Return how many deliveries of each message are in each state."""
    d = deliveries.c
    query = select(d.message, d.state, func.count().label("deliveries")).where(d.message.in_(ids))
    counts: defaultdict[int, dict[State, int]] = defaultdict(dict)
    for row in connection.execute(query.group_by(d.message, d.state).order_by(d.message, d.state)):
        counts[row.message][State(row.state)] = row.deliveries
    return dict(counts)


def heads(connection: Connection, ids: Sequence[int]) -> list[Message]:
    """Return the messages with these ids, in this order, without their deliveries."""
    heads_by_id: dict[int, Message] = {}
    for batch in batched(ids, _AT_ONCE):
        for row in connection.execute(select(messages).where(messages.c.id.in_(batch))):
            heads_by_id[row.id] = _message(row, ())
    return [heads_by_id[number] for number in ids if number in heads_by_id]


def by_ids(connection: Connection, ids: Sequence[int]) -> list[Message]:
    """Return the messages with these ids, in this order, leaving out those that don't exist."""
    by_id: dict[int, Message] = {}
    for batch in batched(ids, _AT_ONCE):
        parts: defaultdict[int, list[Delivery]] = defaultdict(list)
        query = select(deliveries).where(deliveries.c.message.in_(batch))
        for row in connection.execute(query.order_by(deliveries.c.message, deliveries.c.position)):
            parts[row.message].append(_delivery(row))
        for row in connection.execute(select(messages).where(messages.c.id.in_(batch))):
            by_id[row.id] = _message(row, parts[row.id])
    return [by_id[number] for number in ids if number in by_id]


def _delivery(row: Row[Any]) -> Delivery:
    values = {name: getattr(row, name) for name in DELIVERY_VALUES}
    values["state"] = State(row.state)
    values["by"] = By(row.by)
    values["persons"] = persons_of(row.persons)
    return Delivery(**values)


def _message(row: Row[Any], parts: Sequence[Delivery]) -> Message:
    values = {name: getattr(row, name) for name in MESSAGE_VALUES}
    values["kind"] = Kind(row.kind)
    return Message(id=row.id, at=moment_of(row.id), deliveries=tuple(parts), **values)


def prune(connection: Connection, before: datetime, limit: int) -> int:
    """Delete up to `limit` messages older than a time, oldest first; return how many."""
    query = select(messages.c.id).where(messages.c.id < first_id_at(before))
    old = list(connection.scalars(query.order_by(messages.c.id).limit(limit)))
    for ids in batched(old, _AT_ONCE):
        connection.execute(delete(deliveries).where(deliveries.c.message.in_(ids)))
        connection.execute(delete(attempts).where(attempts.c.message.in_(ids)))
        searching.forget(connection, ids)
        connection.execute(delete(messages).where(messages.c.id.in_(ids)))
    return len(old)


def _is_rare_sender(
    connection: Connection, sender: str | AddressParts | None, state: State | None
) -> bool:
    """Whether fewer messages are from a sender than in a state, so they are better scanned.

    Among a million refused messages there may be none from a sender who wrote twice, and vice
    versa.
    """
    if not isinstance(sender, str) or state is None:
        return False
    of_sender = select(messages.c.id).where(func.lower(messages.c.sender) == sender.lower())
    of_state = select(deliveries.c.message).where(in_state(state))
    sizes = [
        connection.scalar(select(func.count()).select_from(query.limit(_COUNTED).subquery())) or 0
        for query in (of_sender, of_state)
    ]
    return sizes[0] < sizes[1]


def _newest(
    connection: Connection,
    query: Select[Any],
    number: ColumnElement[int],
    since: datetime | None,
    limit: int,
) -> list[int]:
    """Return the highest ids a query finds; `number` is its id column."""
    if since is not None:
        query = query.where(number >= first_id_at(since))
    return list(connection.scalars(query.order_by(number.desc()).limit(limit)))


def persons_of(text: str) -> tuple[PersonRef, ...]:
    """Return who had the address of a delivery, according to its row."""
    return tuple(PersonRef.parse(reference) for reference in _PERSON.split(text) if reference)
