"""Which number a process gets that makes ids."""

import contextlib
from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from gateway.store.engine import process_numbers
from gateway.store.engine.database import Database
from gateway.store.engine.process_numbers import NoNumberFree
from gateway.store.schema.host import leases
from tests.store.feeding import NOW
from tests.store.holders import nobody_is_gone, seen_ended

TERM = timedelta(hours=1)
ALIVE, ENDED = "alive", "ended"

OVER, RUNS = -1, 60
AHEAD = int(TERM.total_seconds()) + 1


@pytest.fixture(autouse=True)
def three_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are only three."""
    monkeypatch.setattr(process_numbers, "OTHERS", range(512, 515))


def known(database: Database, rows: Mapping[int, tuple[str, int]]) -> None:
    """Let numbers have holders, with leases of so many seconds from now."""
    with database.writing() as connection:
        for number, (holder, seconds) in rows.items():
            until = NOW + timedelta(seconds=seconds)
            values = {"name": f"ids {number}", "holder": holder, "until": until}
            connection.execute(insert(leases).values(values))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param({}, 512, id="the first"),
        pytest.param({512: (ALIVE, RUNS)}, 513, id="the next that nobody has"),
        pytest.param(
            {512: (ALIVE, RUNS), 513: (ALIVE, OVER)}, 513, id="one whose lease is over, by anybody"
        ),
        pytest.param(
            {512: (ENDED, RUNS), 513: (ALIVE, RUNS)}, 514, id="rather one that nobody has just had"
        ),
        pytest.param(
            {512: (ALIVE, RUNS), 513: (ENDED, RUNS), 514: (ALIVE, RUNS)},
            513,
            id="one of a process that has ended, where there is no other",
        ),
        pytest.param(
            {512: (ENDED, RUNS), 513: (ENDED, RUNS - 1), 514: (ENDED, RUNS)},
            513,
            id="of those the one that was renewed longest ago",
        ),
        pytest.param(
            {512: (ENDED, AHEAD), 513: (ALIVE, RUNS), 514: (ENDED, RUNS)},
            514,
            id="none that was renewed later than it is now: the clock was put back",
        ),
    ],
)
def test_a_process_gets_a_number_that_no_other_has(
    database: Database, rows: Mapping[int, tuple[str, int]], expected: int
) -> None:
    known(database, rows)
    with database.writing() as connection:
        number = process_numbers.take(connection, "new", NOW, TERM, is_gone=seen_ended(ENDED))

    assert expected == number
    with database.reading() as connection:
        query = select(leases.c.holder, leases.c.until).where(leases.c.name == f"ids {number}")
        assert ("new", NOW + TERM) == connection.execute(query).one()


def test_where_all_numbers_are_taken_it_is_said_what_to_do(database: Database) -> None:
    known(database, dict.fromkeys((512, 513, 514), (ALIVE, RUNS)))
    said = "all 3 numbers for processes that make ids are taken: end gateway processes"
    with database.writing() as connection, pytest.raises(NoNumberFree, match=said):
        process_numbers.take(connection, "new", NOW, TERM, is_gone=seen_ended(ENDED))


def test_a_clock_that_was_put_back_gives_nobody_a_number_whose_ids_are_made_already(
    database: Database,
) -> None:
    """Its process has ended, but may have made ids of moments that are to come by this clock."""
    known(database, {512: (ENDED, AHEAD), 513: (ALIVE, RUNS), 514: (ALIVE, RUNS)})
    with database.writing() as connection, pytest.raises(NoNumberFree):
        process_numbers.take(connection, "new", NOW, TERM, is_gone=seen_ended(ENDED))


def test_a_number_given_back_is_free_in_a_moment(database: Database) -> None:
    """And not before, though its process has ended: the clock may be put back meanwhile."""

    def take(seconds: int) -> int | None:
        now = NOW + timedelta(seconds=seconds)
        with contextlib.suppress(NoNumberFree), database.writing() as connection:
            return process_numbers.take(connection, "b", now, TERM, is_gone=seen_ended("a"))
        return None

    with database.writing() as connection:
        process_numbers.take(connection, "a", NOW, TERM, is_gone=nobody_is_gone)
        process_numbers.give_back(connection, 512, "a", NOW)

    assert [513, 514, None, 512] == [take(4), take(4), take(4), take(6)]
    with database.writing() as connection:
        assert not process_numbers.renew(connection, 512, "a", NOW, TERM)
