"""What is done once, whichever process comes to it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from gateway.store.engine import done_once
from gateway.store.engine.database import Database
from gateway.store.schema.host import done_once as table
from tests.store.feeding import NOW

DAY = timedelta(days=1)


def test_what_was_done_is_not_done_again_until_it_may_be_forgotten(database: Database) -> None:
    def is_first(what: str, key: str, at: timedelta) -> bool:
        with database.writing() as connection:
            return done_once.is_first(connection, what, key, now=NOW + at, until=NOW + at + DAY)

    assert is_first("report", "monday", 0 * DAY)
    assert not is_first("report", "monday", 0.9 * DAY)
    assert is_first("report", "tuesday", 0.9 * DAY)
    assert is_first("hint", "monday", 0.9 * DAY)
    assert is_first("report", "monday", 1 * DAY)
    assert not is_first("report", "monday", 1.9 * DAY)


def test_what_is_undone_was_not_done(database: Database) -> None:
    def done_and_undone() -> None:
        with database.writing() as connection:
            assert done_once.is_first(connection, "report", "monday", now=NOW, until=NOW + DAY)
            raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            done_and_undone()


def test_what_may_be_forgotten_goes_in_steps(database: Database) -> None:
    with database.writing() as connection:
        for number in range(5):
            until = NOW + number * DAY
            done_once.is_first(connection, "hint", str(number), now=NOW, until=until)

        pruned = [done_once.prune(connection, NOW + 2 * DAY, 2) for _ in range(3)]

        assert [2, 1, 0] == pruned
        assert ["3", "4"] == list(connection.scalars(select(table.c.key).order_by(table.c.key)))
