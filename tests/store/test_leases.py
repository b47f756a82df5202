"""Leases in the store."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from gateway.store.engine import leases
from gateway.store.engine.database import Database
from tests.store.holders import nobody_is_gone, seen_ended

NOW = datetime(2026, 3, 12, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def take(database: Database, holder: str, now: datetime = NOW, name: str = "feed") -> bool:
    with database.writing() as connection:
        return leases.take(connection, name, holder, now, MINUTE, is_gone=nobody_is_gone)


def renew(database: Database, holder: str, now: datetime) -> bool:
    with database.writing() as connection:
        return leases.renew(connection, "feed", holder, now, MINUTE)


def test_a_lease_has_one_holder_until_it_is_over(database: Database) -> None:
    first = take(database, "one")
    early = take(database, "two", NOW + MINUTE - timedelta(microseconds=1))
    later = take(database, "two", NOW + MINUTE)
    back = take(database, "one", NOW + MINUTE)

    assert [True, False, True, False] == [first, early, later, back]


def test_taking_ones_own_lease_again_prolongs_it(database: Database) -> None:
    take(database, "one")

    assert take(database, "one", NOW + MINUTE / 2)
    assert not take(database, "two", NOW + MINUTE)


def test_the_lease_of_a_process_that_is_gone_is_over_at_once(database: Database) -> None:
    take(database, "one")

    with database.writing() as connection:
        taken = [
            leases.take(connection, "feed", "two", NOW, MINUTE, is_gone=seen_ended(gone))
            for gone in ("three", "one")
        ]

    assert [False, True] == taken


def test_leases_do_not_mind_each_other(database: Database) -> None:
    take(database, "one")

    assert take(database, "two", name="mailbox")


def test_a_renewed_lease_lasts_longer(database: Database) -> None:
    take(database, "one")

    assert renew(database, "one", NOW + MINUTE / 2)
    assert not take(database, "two", NOW + MINUTE)
    assert take(database, "two", NOW + MINUTE * 1.5)


def test_a_lease_that_is_over_or_anothers_is_not_renewed(database: Database) -> None:
    take(database, "one")

    assert not renew(database, "two", NOW)
    assert not renew(database, "one", NOW + MINUTE)


def test_a_dropped_lease_is_free_and_only_its_holder_drops_it(database: Database) -> None:
    take(database, "one")

    with database.writing() as connection:
        leases.drop(connection, "feed", "two")
    kept = take(database, "two")
    with database.writing() as connection:
        leases.drop(connection, "feed", "one")

    assert not kept
    assert take(database, "two")


def test_K10_of_many_who_ask_at_once_one_gets_it(database: Database, store_url: str) -> None:
    other = Database(store_url)
    try:
        with ThreadPoolExecutor(8) as pool:
            stores = [database, other] * 4
            taken = list(pool.map(take, stores, map(str, range(len(stores)))))
    finally:
        other.close()

    assert sum(taken) == 1
