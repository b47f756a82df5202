"""Finding messages by the words of their subject, Message-ID and addresses.

A chore (`index`) extracts the words a moment after messages are written, so that no mail waits for
it. Until then a search scans the messages themselves, and so finds what came in just now. Messages
written late, such as the record of an outage, make the chore go back.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, select, text, update

from gateway.core.batches import batched
from gateway.core.ids import first_id_at, moment_of
from gateway.core.journal.search_words import (
    MessageSearch,
    group_facet,
    rule_facet,
    spellings,
    state_facet,
    words_of,
)
from gateway.core.kinds import State
from gateway.core.people.people import SuppressionSource
from gateway.store.engine.bulk_rows import insert_rows
from gateway.store.engine.database import VALUES_AT_ONCE
from gateway.store.engine.upsert import insert_into
from gateway.store.schema.journal import deliveries, messages
from gateway.store.schema.searching import message_words, search_progress

INDEXED_AFTER = timedelta(seconds=30)  #: Older ids may still be written after younger messages.
#: Messages with an id this much older than now may be behind what was already indexed: half of the
#: time above, so that the clocks of two machines may differ by the other half.
WRITTEN_LATE = INDEXED_AFTER / 2
_MOST_UNINDEXED = 1000  #: How many of the newest messages are searched without an index.
_WHAT = "messages"

_FOUND = {
    "sqlite": text(
        "SELECT rowid FROM message_search WHERE message_search MATCH :words "
        "AND rowid >= :first AND rowid < :before ORDER BY rowid DESC LIMIT :limit"
    ),
    "postgresql": text(
        "SELECT message FROM message_words "
        "WHERE string_to_array(words, ' ') @> string_to_array(:words, ' ') "
        "AND message >= :first AND message < :before ORDER BY message DESC LIMIT :limit"
    ),
}


def newest_with(
    connection: Connection,
    search: MessageSearch,
    unindexed: Iterable[int],
    *,
    first: int,
    before: int,
    limit: int,
) -> list[int]:
    """Return the ids of messages that have all the words, the newest first.

    Ids are from `first` on and below `before`; `unindexed` are those of `unindexed_with`.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    all_words = sorted(search.all_words)
    words = " ".join(f'"{word}"' for word in all_words) if is_sqlite else " ".join(all_words)
    values = {"words": words, "first": first, "before": before, "limit": limit}
    numbers = set(connection.scalars(_FOUND[connection.dialect.name], values))
    numbers.update(number for number in unindexed if first <= number < before)
    return sorted(numbers, reverse=True)[:limit]


def unindexed_with(
    connection: Connection, search: MessageSearch, *, first: int, before: int
) -> list[int]:
    """Return the ids of messages found by scanning them, as their words aren't indexed yet.

    This includes the one whose own id was searched for.
    """
    looked_at = _newest_unindexed(connection)
    if search.number is not None:
        looked_at.append(search.number)
    within = [number for number in looked_at if first <= number < before]
    return matching(connection, search, within)


def matching(connection: Connection, search: MessageSearch, numbers: Sequence[int]) -> list[int]:
    """Return which of some messages match the search, in their order."""
    fitting = {
        number for number, words in _words(connection, numbers) if search.fits(number, words)
    }
    return [number for number in numbers if number in fitting]


def unsearched_before(connection: Connection) -> datetime | None:
    """Return the time before which a search may miss messages; None if it finds them all.

    This happens after an upgrade, until the chore has indexed the journal.
    """
    unindexed = _newest_unindexed(connection)
    return moment_of(unindexed[-1]) if len(unindexed) == _MOST_UNINDEXED else None


def has_work(connection: Connection, now: datetime) -> bool:
    """Whether `index` would find anything."""
    query = _unindexed_query(_indexed_until(connection), now).limit(1)
    return connection.scalar(query) is not None


def index(connection: Connection, now: datetime, limit: int) -> int:
    """Index the words of up to `limit` messages, oldest first; return how many."""
    insert = insert_into(connection, search_progress).values(what=_WHAT, until=0)
    connection.execute(insert.on_conflict_do_nothing())
    # Locked: late messages have to wait, and then move the mark back.
    until = connection.scalar(_progress().with_for_update()) or 0
    numbers = list(connection.scalars(_unindexed_query(until, now).limit(limit)))
    if numbers:
        _keep(connection, numbers)
        progress = update(search_progress).where(search_progress.c.what == _WHAT)
        connection.execute(progress.values(until=numbers[-1] + 1))
    return len(numbers)


def look_again(connection: Connection, numbers: Sequence[int], now: datetime) -> None:
    """Have messages written late indexed, though younger ones may already have been."""
    oldest = min(numbers, default=None)
    if oldest is not None and oldest < first_id_at(now - WRITTEN_LATE):
        behind = and_(search_progress.c.what == _WHAT, search_progress.c.until > oldest)
        connection.execute(update(search_progress).where(behind).values(until=oldest))


def renew(connection: Connection, numbers: Sequence[int]) -> None:
    """Reindex the words of changed messages; those not yet indexed are left alone."""
    # Wait for anybody indexing right now: those words may predate the change.
    connection.execute(_progress().with_for_update())
    for chunk in batched(sorted(numbers), VALUES_AT_ONCE):
        query = select(message_words.c.message).where(message_words.c.message.in_(chunk))
        indexed_ids = list(connection.scalars(query))
        forget(connection, indexed_ids)
        _keep(connection, indexed_ids)


def forget(connection: Connection, numbers: Sequence[int]) -> None:
    """Delete the words of messages; at most as many as fit into one IN."""
    connection.execute(delete(message_words).where(message_words.c.message.in_(numbers)))


def _progress() -> Any:
    return select(search_progress.c.until).where(search_progress.c.what == _WHAT)


def _indexed_until(connection: Connection) -> int:
    return connection.scalar(_progress()) or 0


def _unindexed_query(until: int, now: datetime) -> Any:
    """Return the query for messages that aren't indexed yet, oldest first."""
    m = messages.c
    of_message = message_words.c.message == m.id
    query = (
        select(m.id).outerjoin(message_words, of_message).where(message_words.c.message.is_(None))
    )
    is_due = and_(m.id >= until, m.id < first_id_at(now - INDEXED_AFTER))
    return query.where(is_due).order_by(m.id)


def _newest_unindexed(connection: Connection) -> list[int]:
    """Return the newest messages that aren't indexed yet, newest first."""
    m = messages.c
    of_message = message_words.c.message == m.id
    query = (
        select(m.id).outerjoin(message_words, of_message).where(message_words.c.message.is_(None))
    )
    query = (
        query.where(m.id >= _indexed_until(connection)).order_by(m.id.desc()).limit(_MOST_UNINDEXED)
    )
    return list(connection.scalars(query))


def _keep(connection: Connection, numbers: Sequence[int]) -> None:
    rows = [(number, " ".join(sorted(words))) for number, words in _words(connection, numbers)]
    insert_rows(
        connection, message_words, ("message", "words"), rows, conflict="(message) DO NOTHING"
    )


def _words(connection: Connection, numbers: Sequence[int]) -> Iterator[tuple[int, frozenset[str]]]:
    """Yield messages with their words."""
    m, d = messages.c, deliveries.c
    for chunk in batched(numbers, VALUES_AT_ONCE):
        columns = select(d.message, d.recipient, d.address, d.state, d.note_facts)
        parts: defaultdict[int, list[Any]] = defaultdict(list)
        for row in connection.execute(columns.where(d.message.in_(chunk))):
            parts[row.message].append(row)
        values = select(m.id, m.subject, m.sender, m.message_id, m.rule).where(m.id.in_(chunk))
        for row in connection.execute(values):
            recipients = parts[row.id]
            addresses = {row.sender}
            for delivery in recipients:
                addresses |= {delivery.recipient, delivery.address}
            texts = [row.subject, row.message_id]
            texts += [spelling for address in addresses for spelling in spellings(address)]
            yield row.id, words_of(texts) | _facets(row.rule, recipients)


def _facets(rule: str, recipients: Sequence[Any]) -> frozenset[str]:
    facets = {rule_facet(rule)}
    for row in recipients:
        if row.state == State.SEND_FAILED:
            facets.add(state_facet(State.SEND_FAILED))
        if row.note_facts and row.state == State.SEND_FAILED:
            for entry in json.loads(row.note_facts)["suppressions"]:
                if entry["source"] == SuppressionSource.GROUP:
                    names = [entry.get("name", ""), *(name for _, name in entry.get("names", ()))]
                    facets.update(group_facet(name) for name in names if name)
    return frozenset(facets)
