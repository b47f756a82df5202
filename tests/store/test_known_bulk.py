"""Messages that were found bulk stay it, for a week, in every process."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from gateway.core import ids
from gateway.core.journal.message import KnownBulk
from gateway.store.engine.database import Database
from gateway.store.journal import known_bulk
from gateway.store.journal.journal import write_recorded
from gateway.store.journal.journal_rows import JournalRows
from gateway.store.journal.known_bulk import REMEMBERED
from gateway.store.journal.message_lookup import MessageLookup
from gateway.store.schema.journal import bulk_messages
from tests.store.feeding import NOW
from tests.store.journaling import at, known_by, message

MINUTE = timedelta(minutes=1)
IDENTITY, OTHER = 2**62 + 1, 2**62 + 2


def remember(database: Database, *rows: known_bulk.KnownBulkRow) -> None:
    with database.writing() as connection:
        known_bulk.write(connection, rows)


def number(minute: float) -> int:
    return ids.first_id_at(at(minute))


async def test_what_was_bulk_is_shown_with_where_and_why(
    database: Database, asked: MessageLookup
) -> None:
    before = await asked.look_up(known_by(1), IDENTITY, NOW)
    remember(database, (IDENTITY, number(0), "many-recipients"))
    after, other = [await asked.look_up(known_by(1), one, NOW) for one in (IDENTITY, OTHER)]

    known = KnownBulk(number(0), "many-recipients")
    assert [None, known, None] == [view.bulk for view in (before, after, other)]
    assert (frozenset(), ()) == (after.paused, after.earlier)


async def test_it_comes_in_with_the_message(database: Database, asked: MessageLookup) -> None:
    one = replace(message(), bulk_identities=(IDENTITY, OTHER))
    with database.writing() as connection:
        write_recorded(connection, 1, [one], [])
    found = [(await asked.look_up(known_by(1), each, NOW)).bulk for each in (IDENTITY, OTHER)]

    assert [KnownBulk(one.id, one.rule)] * 2 == found


def test_a_log_that_is_read_twice_tells_the_same() -> None:
    rows = JournalRows()
    rows.begin(1, replace(message(), bulk_identities=(IDENTITY,)), (), ())

    assert rows.bulk == JournalRows.read(rows.plain()).bulk == next(rows.by_message()).bulk


async def test_the_first_rule_stays(database: Database, asked: MessageLookup) -> None:
    remember(database, (IDENTITY, number(0), "first"), (IDENTITY, number(1), "second"))
    remember(database, (IDENTITY, number(2), "third"))

    assert KnownBulk(number(0), "first") == (await asked.look_up(known_by(1), IDENTITY, at(3))).bulk


@pytest.mark.parametrize(("age", "is_known"), [(REMEMBERED, True), (REMEMBERED + MINUTE, False)])
async def test_it_is_forgotten_after_a_week(
    database: Database, asked: MessageLookup, age: timedelta, is_known: bool
) -> None:
    remember(database, (IDENTITY, number(0), "first"))

    assert is_known is ((await asked.look_up(known_by(1), IDENTITY, NOW + age)).bulk is not None)


async def test_what_is_bulk_anew_after_a_week_counts_from_then(
    database: Database, asked: MessageLookup
) -> None:
    later = ids.first_id_at(NOW + REMEMBERED + MINUTE)
    remember(database, (IDENTITY, number(0), "first"))
    remember(database, (IDENTITY, later, "second"))

    view = await asked.look_up(known_by(1), IDENTITY, NOW + REMEMBERED + 2 * MINUTE)
    assert KnownBulk(later, "second") == view.bulk


def test_what_is_too_old_is_removed(database: Database) -> None:
    remember(database, (IDENTITY, number(0), "old"), (OTHER, number(10), "young"))
    with database.writing() as connection:
        count = known_bulk.forget(connection, NOW + REMEMBERED + 5 * MINUTE)
    with database.reading() as connection:
        left = list(connection.scalars(select(bulk_messages.c.identity)))

    assert (1, [OTHER]) == (count, left)
