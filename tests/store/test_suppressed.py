"""Everybody who is suppressed is listed, from every source, as each address is answered."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from gateway.core.kinds import TAG_SCOPES, Scope
from gateway.core.people.people import Group, PersonRef, StatusKind
from gateway.documents.suppressions import reasons_of
from gateway.store.engine.database import Database
from gateway.store.people import suppression
from gateway.store.people.suppressed import (
    START,
    ListedSource,
    Position,
    SuppressedAddress,
    SuppressedAddresses,
    SuppressionFilter,
    position_after,
)
from gateway.store.people.suppression import Standings
from gateway.store.schema.feed import addresses, groups, memberships, people, statuses
from gateway.store.schema.suppressions import suppressions
from tests.store.feeding import CANDIDATE, CONTACT, NOW, deceased, member, no_bulk, person, tell

ALL = SuppressionFilter()
DAY = timedelta(days=1)


def listing(database: Database, **settings: Any) -> SuppressedAddresses:
    """Return what lists the store, under the settings as shipped but for some."""
    shipped = {"tag_scopes": TAG_SCOPES, "optout_scope": Scope.MAILCHIMP, "plus_addresses": False}
    return SuppressedAddresses(is_sqlite=database.is_sqlite, **(shipped | settings))  # type: ignore[arg-type]


def listed(
    database: Database, selection: SuppressionFilter = ALL, **settings: Any
) -> list[SuppressedAddress]:
    """Return the whole list."""
    with database.reading() as connection:
        return listing(database, **settings).page(connection, selection, at=NOW, limit=1000)


def told(found: Sequence[SuppressedAddress]) -> list[tuple[str, str, str]]:
    """Return address, scope and source of each reason."""
    return [(one.address, one.suppression.scope, one.suppression.source) for one in found]


def suppress(database: Database, address: str, number: int, **facts: Any) -> None:
    """Suppress a single address."""
    values: dict[str, Any] = {"scope": Scope.BULK, "remark": "by phone", "public": False}
    values |= {"by": "bea", "since": NOW, "until": None} | facts
    with database.writing() as connection:
        suppression.add(connection, id=number, ref_or_address=address, **values)


@pytest.fixture
def fed_store(database: Database) -> Database:
    """Somebody who is suppressed for each reason, and some who are not."""
    tell(database, "groups", no_bulk(), no_bulk("old", active=False), no_bulk(kind=CONTACT))
    opt_out = Group(kind=CANDIDATE, crm_id="out", name="Out", tag="NoMailChimpMailingsTag")
    tell(database, "groups", opt_out, Group(kind=CANDIDATE, crm_id="x", name="X", tag="Other"))
    tell(database, "statuses", deceased(), deceased(StatusKind.CONTACT))
    tell(
        database, "people",
        person("1", "quiet@x.org", "quiet.home@x.org"),
        person("2", "dead@x.org", status="deceased"),
        person("3", "out@x.org"),
        person("4", "old@x.org"),
        person("5", "free@x.org"),
        person("6", "other@x.org"),
        person("1", "namesake@x.org", kind=CONTACT),
    )  # fmt: skip
    tell(database, "memberships", member("1"), member("4", "old"), member("6", "x"))
    tell(database, "memberships", member("3", "out"), source="mailchimp")
    suppress(database, "single@x.org", 1)
    suppress(database, "ended@x.org", 2, until=NOW)
    suppress(database, "released@x.org", 3)
    with database.writing() as connection:
        suppression.release(connection, "released@x.org", by="eva", at=NOW)
    return database


def test_everybody_who_is_suppressed_is_listed_and_nobody_else(fed_store: Database) -> None:
    assert [
        ("dead@x.org", "all", "status"),
        ("out@x.org", "mailchimp", "group"),
        ("quiet.home@x.org", "bulk", "group"),
        ("quiet@x.org", "bulk", "group"),
        ("single@x.org", "bulk", "staff"),
    ] == told(listed(fed_store))


def test_a_reason_says_all_that_is_known_of_it(fed_store: Database) -> None:
    quiet, single = listed(fed_store)[-2:]

    assert (PersonRef(CANDIDATE, "1"), "Geen bulk-mail", "crm", NOW, None) == (
        quiet.suppression.person, quiet.suppression.name, quiet.suppression.origin,
        quiet.suppression.since, quiet.id,
    )  # fmt: skip
    assert (None, "", "bea", "by phone", 1) == (
        single.suppression.person, single.suppression.name, single.suppression.origin,
        single.suppression.remark, single.id,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("group", ["out@x.org", "quiet.home@x.org", "quiet@x.org"]),
        ("status", ["dead@x.org"]),
        ("staff", ["single@x.org"]),
        ("mailchimp", ["out@x.org"]),
    ],
)
def test_a_source_is_listed_by_itself(
    fed_store: Database, source: str, expected: list[str]
) -> None:
    found = listed(fed_store, SuppressionFilter(source=ListedSource(source)))

    assert expected == [one.address for one in found]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("all", ["dead@x.org"]),
        ("bulk", ["dead@x.org", "quiet.home@x.org", "quiet@x.org", "single@x.org"]),
        ("mailchimp", ["dead@x.org", "out@x.org", "quiet.home@x.org", "quiet@x.org",
                       "single@x.org"]),
    ],
)  # fmt: skip
def test_a_scope_lists_what_keeps_that_mail_away(
    fed_store: Database, scope: str, expected: list[str]
) -> None:
    assert expected == [
        one.address for one in listed(fed_store, SuppressionFilter(scope=Scope(scope)))
    ]


def test_the_settings_widen_tags_and_opt_outs(fed_store: Database) -> None:
    wider = {**TAG_SCOPES, "NoMailingsTag": Scope.ALL}
    found = listed(fed_store, tag_scopes=wider, optout_scope=Scope.BULK)
    of_all = listed(fed_store, SuppressionFilter(scope=Scope.ALL), tag_scopes=wider)
    of_bulk = listed(fed_store, SuppressionFilter(scope=Scope.BULK), optout_scope=Scope.BULK)

    assert ("out@x.org", "bulk", "group") in told(found)
    assert ("quiet@x.org", "all", "group") in told(found)
    assert ["dead@x.org", "quiet.home@x.org", "quiet@x.org"] == [one.address for one in of_all]
    # Whom the CRM itself put into the same group is out of campaigns only.
    tell(fed_store, "memberships", member("5", "out"))
    by_crm = listed(fed_store, SuppressionFilter(scope=Scope.BULK), optout_scope=Scope.BULK)
    assert "out@x.org" in [one.address for one in of_bulk]
    assert of_bulk == by_crm


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_of_any_size_have_every_reason_once(fed_store: Database, size: int) -> None:
    suppress(fed_store, "quiet@x.org", 8, scope=Scope.ALL)
    suppress(fed_store, "quiet@x.org", 9)
    whole, found = listed(fed_store), list[SuppressedAddress]()
    after: Position = START
    with fed_store.reading() as connection:
        while True:
            page = listing(fed_store).page(connection, ALL, at=NOW, after=after, limit=size)
            left = listing(fed_store).count(connection, ALL, at=NOW, after=after)
            assert len(whole) - len(found) == left
            found += page
            after = position_after(page, after)
            if len(page) < size:
                break
        over = listing(fed_store).behind_all_of(connection, ALL, "quiet@x.org", at=NOW)

    assert whole == found
    assert whole == list(listing(fed_store).every(fed_store.reading, ALL, at=NOW, at_once=size))
    assert ("quiet@x.org", 3) == over


MAILBOXES = [f"{name}@x.org" for name in "abc"]
KEYS = st.fixed_dictionaries(
    {"kind": st.sampled_from(["candidate", "contact"]), "crm_id": st.sampled_from("12")}
)


def some(of: st.SearchStrategy[Any], *key: str, **values: Any) -> st.SearchStrategy[list[Any]]:
    """Draw rows no two of which have the same key."""
    rows = st.builds(lambda one, more: one | more, of, st.fixed_dictionaries(values))
    return st.lists(rows, max_size=4, unique_by=lambda row: tuple(row[name] for name in key))


STORES = st.fixed_dictionaries(
    {
        "people": some(KEYS, "kind", "crm_id", status=st.sampled_from(["", "1", "2"])),
        "statuses": some(KEYS, "kind", "crm_id", tag=st.sampled_from(["", "Other", *TAG_SCOPES])),
        "groups": some(
            KEYS, "kind", "crm_id",
            tag=st.sampled_from(["", "Other", *TAG_SCOPES]), active=st.booleans(),
        ),
        "memberships": some(
            st.fixed_dictionaries({"group_id": st.sampled_from("12"), "since": st.just(NOW)}),
            "kind", "person", "group_id", "source",
            kind=st.sampled_from(["candidate", "contact"]),
            person=st.sampled_from("12"), source=st.sampled_from(["crm", "mailchimp"]),
        ),
        "addresses": some(
            st.fixed_dictionaries({"address": st.sampled_from(MAILBOXES)}),
            "address", "kind", "person",
            kind=st.sampled_from(["candidate", "contact"]), person=st.sampled_from("12"),
        ),
        "suppressions": some(
            st.fixed_dictionaries({"id": st.integers(0, 99), "since": st.just(NOW)}),
            "id",
            address=st.sampled_from(MAILBOXES), scope=st.sampled_from([*map(str, Scope)]),
            until=st.sampled_from([None, NOW, NOW + DAY]),
            released_at=st.sampled_from([None, NOW]),
        ),
    }
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=STORES,
    tags=st.sampled_from([TAG_SCOPES, {**TAG_SCOPES, "NoMailingsTag": Scope.ALL}]),
    optout_scope=st.sampled_from([Scope.MAILCHIMP, Scope.BULK]),
    asked=st.sampled_from([None, *Scope]),
)
def test_the_list_is_what_each_address_is_answered(
    one_store: Database,
    rows: dict[str, list[Any]],
    tags: dict[str, Scope],
    optout_scope: Scope,
    asked: Scope | None,
) -> None:
    fill(one_store, rows)
    standings = Standings(one_store, tag_scopes=tags, optout_scope=optout_scope, clock=lambda: NOW)

    with one_store.reading() as connection:
        answered = standings.within(connection, MAILBOXES)
    standings.close()
    found = listed(
        one_store, SuppressionFilter(scope=asked), tag_scopes=tags, optout_scope=optout_scope
    )

    assert sorted(
        (address, repr(reason))
        for address, standing in answered.items()
        for reason in reasons_of(standing)
        if asked is None or reason.scope.includes(asked)
    ) == sorted((one.address, repr(one.suppression)) for one in found)


def fill(database: Database, rows: dict[str, list[Any]]) -> None:
    """Put exactly these rows into the store; addresses are of people there are."""
    tables = (people, addresses, groups, statuses, memberships, suppressions)
    known = {(row["kind"], row["crm_id"]) for row in rows["people"]}
    of_known = [row for row in rows["addresses"] if (row["kind"], row["person"]) in known]
    with database.writing(durable=False) as connection:
        for table in tables:
            connection.execute(delete(table))
            if wanted := of_known if table is addresses else rows[table.name]:
                connection.execute(insert(table), wanted)


@pytest.fixture(scope="module")
def one_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One store on SQLite, emptied for each example."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('store')}/gateway.db")
    database.prepare()
    yield database
    database.close()
