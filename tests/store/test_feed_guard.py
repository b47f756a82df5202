"""The guard on an import that would lift many suppressions, and how they are counted."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.people.people import Group, PersonKind, Status, StatusKind
from gateway.store import schema
from gateway.store.engine.database import Database
from gateway.store.feed.feed import ImportOutcome
from gateway.store.people.suppression import Standings
from tests.store.feeding import (
    NOW,
    deceased,
    member,
    no_bulk,
    person,
    rows,
    suppressed_people,
    tell,
    tell_all,
    tell_unread,
)

LATER = NOW + timedelta(hours=1)
ANN, BOB = "ann@example.org", "bob@example.org"


def test_suppressions_are_counted_by_address_and_scope(database: Database) -> None:
    tell(database, "groups", no_bulk(), no_bulk("quiet too"))
    tell(database, "statuses", deceased())
    tell(database, "memberships", member("1"), member("1", "quiet too"))

    first = tell(database, "people", person("1", ANN, BOB))
    second = tell(database, "people", person("1", ANN, status="deceased"))

    assert (2, 0) == (first.suppressions_added, first.suppressions_lifted)
    assert (1, 1) == (second.suppressions_added, second.suppressions_lifted)


def test_suppressions_of_people_who_come_after_what_suppresses_them_are_counted(
    database: Database,
) -> None:
    tell(database, "groups", no_bulk())
    tell(database, "statuses", deceased())
    # Of 2.34E+05 can't be told who it is: whoever it may be is a member, too.
    tell(database, "memberships", member("1"), member("2.34E+05"))

    told = tell(
        database,
        "people",
        person("1", ANN),
        person("2", "dan@example.org", status="deceased"),
        person("3", "eve@example.org"),
        person("234001", BOB),
        person("234002", "clo@example.org"),
    )

    assert 4 == told.suppressions_added


Lifting = Callable[[Database], ImportOutcome]


def rows_gone(database: Database, **terms: Any) -> ImportOutcome:
    return tell_all(
        database, "memberships", (member(str(n)) for n in range(20, 50)), replace=True, **terms
    )


def people_gone(database: Database, **terms: Any) -> ImportOutcome:
    records = (person(str(n), f"p{n}@example.org") for n in range(20, 50))
    return tell_all(database, "people", records, replace=True, **terms)


def tag_emptied(database: Database, **terms: Any) -> ImportOutcome:
    return tell(database, "groups", replace(no_bulk(), tag=""), **terms)


def group_inactive(database: Database, **terms: Any) -> ImportOutcome:
    return tell(database, "groups", no_bulk(active=False), **terms)


def addresses_gone(database: Database, **terms: Any) -> ImportOutcome:
    return tell_all(database, "people", (person(str(n)) for n in range(20)), **terms)


@pytest.mark.parametrize(
    "lift", [rows_gone, people_gone, tag_emptied, group_inactive, addresses_gone]
)
def test_the_guard_holds_back_an_import_that_lifts_many_suppressions_whatever_the_cause(
    database: Database, standings: Standings, lift: Callable[..., ImportOutcome]
) -> None:
    suppressed_people(database, 50)
    tables = (
        schema.feed.memberships,
        schema.feed.people,
        schema.feed.groups,
        schema.feed.addresses,
        schema.feed.feeds,
    )
    before = [rows(database, table) for table in tables]

    held = lift(database)
    after = [rows(database, table) for table in tables]
    lifted = lift(database, lift=True)

    assert (True, 50) == (held.is_held_back, held.suppressions_held)
    assert before == after
    assert (False, held.suppressions_lifted) == (lifted.is_held_back, lifted.suppressions_lifted)
    assert (
        {} == standings.now(["p0@example.org"])
        or not standings.now(["p0@example.org"])["p0@example.org"].holders[0].suppressions
    )


def test_the_guard_lets_a_group_be_inactive_again_that_counted_as_active_unread(
    database: Database,
) -> None:
    suppressed_people(database, 50)
    tell(database, "groups", no_bulk(active=False), lift=True)

    unread = [tell_unread(database, "groups", no_bulk(), "active") for _ in range(2)]
    read = tell(database, "groups", no_bulk(active=False))

    assert [50, 0] == [outcome.suppressions_added for outcome in unread]
    assert (False, 0) == (read.is_held_back, read.suppressions_lifted)


def test_the_guard_asks_where_an_active_group_is_inactive_once_it_can_be_read(
    database: Database,
) -> None:
    suppressed_people(database, 50)

    tell_unread(database, "groups", no_bulk(), "active")
    read = tell(database, "groups", no_bulk(active=False))

    assert (True, 50) == (read.is_held_back, read.suppressions_lifted)


@pytest.mark.parametrize("cause", ["status of people", "tag of status", "status gone"])
def test_the_guard_counts_statuses(database: Database, cause: str) -> None:
    tell(database, "statuses", deceased())
    people = [person(str(n), f"p{n}@example.org", status="deceased") for n in range(20)]
    tell_all(database, "people", people)

    match cause:
        case "status of people":
            outcome = tell_all(database, "people", [replace(one, status="") for one in people])
        case "tag of status":
            outcome = tell(database, "statuses", replace(deceased(), tag="", name="Weg"))
        case _:
            outcome = tell(database, "statuses", replace=True)

    assert (True, 20, 20) == (
        outcome.is_held_back,
        outcome.suppressions_lifted,
        outcome.suppressions_held,
    )


@pytest.mark.parametrize(
    ("list_audiences", "lifted", "is_held_back"),
    [(19, 19, False), (20, 20, True), (100, 20, False), (100, 21, True)],
)
def test_the_guard_wants_twenty_and_more_than_a_fifth(
    database: Database, list_audiences: int, lifted: int, *, is_held_back: bool
) -> None:
    suppressed_people(database, list_audiences)

    outcome = tell_all(
        database,
        "memberships",
        (member(str(number)) for number in range(lifted, list_audiences)),
        replace=True,
    )

    assert (is_held_back, lifted) == (outcome.is_held_back, outcome.suppressions_lifted)


def test_the_guard_measures_against_what_this_source_holds(database: Database) -> None:
    suppressed_people(database, 200, source="mailchimp")
    tell_all(database, "people", (person(str(n), f"p{n}@example.org") for n in range(200, 230)))
    tell_all(database, "memberships", (member(str(n)) for n in range(200, 230)))

    outcome = tell(database, "memberships", replace=True)

    assert (True, 30, 30) == (
        outcome.is_held_back,
        outcome.suppressions_lifted,
        outcome.suppressions_held,
    )


@pytest.mark.parametrize(
    ("kept", "terms", "is_held_back", "left"),
    [
        (10, {"replace": True}, True, 20),
        (11, {"replace": True}, False, 11),
        (10, {"replace": True, "lift": True}, False, 10),
        (10, {}, False, 20),
    ],
)
def test_the_guard_holds_back_a_listing_that_lacks_half_of_the_last_one(
    database: Database, kept: int, terms: dict[str, Any], is_held_back: bool, left: int
) -> None:
    suppressed_people(database, 5)
    tell_all(database, "memberships", (member(str(n)) for n in range(20)))

    outcome = tell_all(
        database, "memberships", (member(str(n)) for n in range(20 - kept, 20)), **terms
    )

    assert (is_held_back, left) == (
        outcome.is_held_back,
        len(rows(database, schema.feed.memberships)),
    )


@pytest.mark.parametrize("what", ["statuses", "groups"])
@pytest.mark.parametrize(
    ("lift", "expected", "stays"),
    [(False, ["p1@example.org", "p2@example.org"], True), (True, [], False)],
)
def test_what_people_still_have_stays_and_is_told_where_a_listing_lacks_it(
    database: Database,
    standings: Standings,
    what: str,
    lift: bool,
    expected: list[str],
    stays: bool,
) -> None:
    status = "deceased" if what == "statuses" else ""
    tell(database, what, deceased() if what == "statuses" else no_bulk())
    addresses = ["p1@example.org", "p2@example.org"]
    tell_all(
        database,
        "people",
        (person(str(n), address, status=status) for n, address in enumerate(addresses)),
    )
    if what == "groups":
        tell_all(database, "memberships", (member(str(n)) for n in range(2)))

    outcome = tell(database, what, replace=True, lift=lift)

    found = standings.now(addresses)
    scopes = {address: found[address].holders[0].suppressions for address in addresses}
    told_as_before = [address for address in addresses if any(one.name for one in scopes[address])]
    assert expected == told_as_before
    assert [2] * stays == [one.people for one in outcome.still_referred]
    assert (0 if stays else 1, 0 if stays else 2) == (outcome.removed, outcome.suppressions_lifted)


def test_what_nobody_has_any_more_goes_with_the_next_listing(database: Database) -> None:
    tell(database, "statuses", deceased())
    tell(database, "people", person("1", "p1@example.org", status="deceased"))
    kept = tell(database, "statuses", replace=True)

    tell(database, "people", person("1", "p1@example.org"))
    gone = tell(database, "statuses", replace=True)

    assert (0, 1) == (kept.removed, gone.removed)
    assert () == gone.still_referred


@pytest.mark.parametrize(
    ("what", "record"),
    [
        ("groups", no_bulk(active=False)),
        ("groups", replace(no_bulk(), tag="Beurs")),
        ("groups", no_bulk(kind=PersonKind.CONTACT)),
        ("statuses", replace(deceased(), tag="")),
        ("statuses", deceased(StatusKind.CONTACT)),
    ],
    ids=["inactive", "another tag", "group of contacts", "no tag", "status of contacts"],
)
def test_what_keeps_no_mail_from_anybody_goes_with_the_listing_that_lacks_it(
    database: Database, what: str, record: Group | Status
) -> None:
    tell(database, what, record)
    tell(database, "people", person("1", ANN, status="deceased"))
    tell(database, "memberships", member("1"))

    outcome = tell(database, what, replace=True)

    assert (1, ()) == (outcome.removed, outcome.still_referred)
