"""Who is suppressed, as told by groups, statuses and staff."""

import itertools
import sqlite3
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event

from gateway.core.decision.decide import blocking, never_mailed
from gateway.core.kinds import TAG_SCOPES, Kind, Scope
from gateway.core.mail.address import lookup_form, parse_path
from gateway.core.people.people import (
    NOBODY,
    Group,
    PersonKind,
    PersonRef,
    StatusKind,
    Suppression,
    SuppressionSource,
)
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.engine.quick_reader import QuickReader
from gateway.store.feed.feed import ImportTerms, feed
from gateway.store.feed.layouts import RowGaps
from gateway.store.people import suppression
from gateway.store.people.suppression import Standings
from tests.store.feeding import CANDIDATE, CONTACT, NOW, deceased, member, no_bulk, person, tell

HOUR = timedelta(hours=1)
ANN = "ann@example.org"


def suppress(database: Database, address: str = ANN, *, number: int = 1, **facts: object) -> None:
    """Suppress a single address."""
    values = {"scope": Scope.BULK, "remark": "asked by phone", "public": False, "by": "bea"}
    values |= {"since": NOW, "until": None} | facts
    with database.writing() as connection:
        suppression.add(connection, id=number, ref_or_address=address, **values)  # type: ignore[arg-type]


def scopes(standings: Standings, address: str = ANN) -> list[tuple[SuppressionSource, Scope]]:
    """Tell what suppresses an address."""
    standing = standings.now([address]).get(address, NOBODY)
    brought = [entry for holder in standing.holders for entry in holder.suppressions]
    return [(entry.source, entry.scope) for entry in (*standing.own, *brought)]


def test_who_is_unknown_is_nobody(standings: Standings) -> None:
    assert {} == standings.now([ANN])


def test_a_person_without_suppressions_is_known_as_the_holder(
    database: Database, standings: Standings
) -> None:
    tell(database, "people", person("17", ANN, first_name="Ann", last_name="Bos"))

    (holder,) = standings.now([ANN])[ANN].holders

    assert (PersonRef(CANDIDATE, "17"), "Ann Bos", True, ()) == (
        holder.ref,
        holder.name,
        holder.active,
        holder.suppressions,
    )


def test_a_group_tells_all_of_its_suppression(database: Database, standings: Standings) -> None:
    tell(database, "people", person("17", ANN))
    tell(database, "groups", no_bulk())
    tell(database, "memberships", member("17"), source="mailchimp")

    (holder,) = standings.now([ANN])[ANN].holders

    expected = Suppression(
        scope=Scope.BULK,
        source=SuppressionSource.GROUP,
        name="Geen bulk-mail",
        origin="mailchimp",
        since=NOW,
        person=PersonRef(CANDIDATE, "17"),
    )
    assert (expected,) == holder.suppressions


def test_a_status_suppresses_since_the_person_has_it(
    database: Database, standings: Standings
) -> None:
    tell(database, "statuses", deceased())
    tell(database, "people", person("17", ANN), now=NOW - HOUR)
    tell(database, "people", person("17", ANN, status="deceased", first_name="Ann"))
    tell(database, "people", person("17", ANN, status="deceased", first_name="A."), now=NOW + HOUR)

    (holder,) = standings.now([ANN])[ANN].holders

    expected = Suppression(
        scope=Scope.ALL,
        source=SuppressionSource.STATUS,
        name="Overleden",
        origin="crm",
        since=NOW,
        person=PersonRef(CANDIDATE, "17"),
    )
    assert (expected,) == holder.suppressions


def test_staff_suppress_an_address_whoever_has_it(database: Database, standings: Standings) -> None:
    suppress(database, until=NOW + HOUR, public=True)

    expected = Suppression(
        scope=Scope.BULK,
        source=SuppressionSource.STAFF,
        origin="bea",
        since=NOW,
        until=NOW + HOUR,
        remark="asked by phone",
        public=True,
    )
    assert (expected,) == standings.now([ANN])[ANN].own


def test_an_expired_suppression_does_not_count(database: Database, standings: Standings) -> None:
    suppress(database, until=NOW, number=1)
    suppress(database, until=NOW + timedelta(microseconds=1), number=2, scope=Scope.ALL)

    assert [(SuppressionSource.STAFF, Scope.ALL)] == scopes(standings)


def test_a_suppression_that_was_known_ends_when_its_time_is_over(database: Database) -> None:
    suppress(database, until=NOW + HOUR)
    moment = [NOW]
    standings = Standings(database, tag_scopes=TAG_SCOPES, clock=lambda: moment[0])
    before = scopes(standings)
    moment[0] = NOW + HOUR

    assert ([(SuppressionSource.STAFF, Scope.BULK)], []) == (before, scopes(standings))
    standings.close()


def test_what_another_process_commits_binds_at_the_next_question(store_url: str) -> None:
    """Asked again and again between many commits, of which SQLite checkpoints some."""
    database, other = Database(store_url), Database(store_url)
    database.prepare()
    standings = Standings(database, tag_scopes=TAG_SCOPES)
    told = []
    for number in range(1, 60):
        address = f"{number}@example.org"
        before = scopes(standings, address)
        suppress(other, address, number=number, remark="x" * 100_000)
        told.append((before, scopes(standings, address), scopes(standings, address)))
    standings.close()
    other.close()
    database.close()

    suppressed = [(SuppressionSource.STAFF, Scope.BULK)]
    assert [([], suppressed, suppressed)] * 59 == told


def test_nothing_is_asked_twice_while_the_store_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(f"sqlite:///{tmp_path}/store.db")
    database.prepare()
    standings = Standings(database, tag_scopes=TAG_SCOPES)
    asked: list[object] = []
    usual = QuickReader.rows_now

    def noted(reader: QuickReader, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        asked.append(values)
        return usual(reader, sql, values)

    monkeypatch.setattr(QuickReader, "rows_now", noted)
    for _ in range(3):
        standings.now([ANN])
    once = len(asked)
    suppress(database)
    standings.now([ANN])

    assert (1, 2) == (once, len(asked))
    standings.close()
    database.close()


def test_a_released_suppression_does_not_count_and_stays_in_the_history(
    database: Database, standings: Standings
) -> None:
    suppress(database, number=1, until=NOW - HOUR)
    suppress(database, number=2)
    with database.writing() as connection:
        count = suppression.release(connection, ANN, by="carl", at=NOW)
    with database.reading() as connection:
        history = suppression.history(connection, ANN)

    assert (1, []) == (count, scopes(standings))
    assert [(2, "carl", NOW), (1, "", None)] == [
        (entry.id, entry.released_by, entry.released_at) for entry in history
    ]


def test_an_inactive_group_has_no_effect(database: Database, standings: Standings) -> None:
    tell(database, "people", person("17", ANN))
    tell(database, "memberships", member("17"))
    tell(database, "groups", no_bulk(active=False))

    assert [] == scopes(standings)


def test_a_tag_without_a_meaning_has_no_effect(database: Database, standings: Standings) -> None:
    tell(database, "people", person("17", ANN))
    tell(database, "memberships", member("17"))
    tell(database, "groups", Group(kind=CANDIDATE, crm_id="quiet", name="x", tag="VipTag"))

    assert [] == scopes(standings)


def test_a_widened_tag_covers_more(database: Database) -> None:
    tell(database, "people", person("17", ANN))
    tell(database, "memberships", member("17"))
    tell(database, "groups", no_bulk())
    standings = Standings(database, tag_scopes={**TAG_SCOPES, "NoMailingsTag": Scope.ALL})

    assert [(SuppressionSource.GROUP, Scope.ALL)] == scopes(standings)
    standings.close()


@pytest.mark.parametrize(("of_person", "of_group"), [(CANDIDATE, CONTACT), (CONTACT, CANDIDATE)])
def test_a_group_of_the_other_kind_has_no_effect(
    database: Database, standings: Standings, of_person: PersonKind, of_group: PersonKind
) -> None:
    tell(database, "people", person("17", ANN, kind=of_person, status="deceased"))
    tell(database, "groups", no_bulk(kind=of_group))
    tell(database, "statuses", deceased(StatusKind(of_group)))
    tell(database, "memberships", member("17", kind=of_group), member("17", kind=of_person))

    assert [] == scopes(standings)


def test_out_of_the_group_mail_flows_again(database: Database, standings: Standings) -> None:
    tell(database, "people", person("17", ANN), person("18", "bob@example.org"))
    tell(database, "groups", no_bulk())
    tell(database, "memberships", member("17"), member("18"))
    before = scopes(standings)

    tell(database, "memberships", member("18"), replace=True)

    assert ([(SuppressionSource.GROUP, Scope.BULK)], []) == (before, scopes(standings))


def test_a_membership_waits_for_its_person(database: Database, standings: Standings) -> None:
    tell(database, "memberships", member("17"))
    tell(database, "groups", no_bulk())
    before = scopes(standings)

    tell(database, "people", person("17", ANN), now=NOW + HOUR)

    assert [] == before
    assert NOW == standings.now([ANN])[ANN].holders[0].suppressions[0].since


def test_two_people_with_one_address_are_both_named(
    database: Database, standings: Standings
) -> None:
    tell(database, "statuses", deceased(), deceased(StatusKind.CONTACT))
    tell(database, "people", person("18", ANN, kind=CONTACT, status="deceased"))
    tell(database, "people", person("17", "ANN@Example.org"))

    standing = standings.now([ANN])[ANN]

    assert ["candidate:17", "contact:18"] == [str(holder.ref) for holder in standing.holders]
    assert (True, False) == (bool(blocking(Kind.BULK, standing)), never_mailed(standing))


@pytest.mark.parametrize("was_active", [True, False])
def test_whoever_is_perhaps_active_keeps_bulk_mail_from_all_who_have_the_address(
    database: Database, standings: Standings, was_active: bool
) -> None:
    tell(database, "statuses", deceased())
    dead = person("17", ANN, status="deceased", active=was_active)
    tell(database, "people", dead, person("18", ANN))

    with feed(database, "people") as under_way:
        under_way.add([(2, dead)], {2: RowGaps(unread={"active": "is odd"})})
        under_way.apply(ImportTerms(source="crm", now=NOW))

    assert blocking(Kind.BULK, standings.now([ANN])[ANN])
    assert not blocking(Kind.INDIVIDUAL, standings.now([ANN])[ANN])


def test_many_addresses_are_answered_at_once(database: Database, standings: Standings) -> None:
    tell(database, "people", *(person(str(n), f"p{n}@example.org") for n in range(250)))
    asked = [f"p{number}@example.org" for number in range(0, 500, 2)]

    found = standings.now([*asked, *asked])

    assert sorted(asked[:125]) == sorted(found)


async def test_the_event_loop_is_told_the_same(database: Database, standings: Standings) -> None:
    tell(database, "people", *(person(str(n), f"p{n}@example.org") for n in range(250)))
    asked = [f"p{number}@example.org" for number in range(250)]

    assert standings.now(asked) == await standings.of(asked)
    assert standings.now(asked[:3]) == await standings.of(asked[:3])


def test_a_transaction_is_told_what_it_wrote_itself(
    database: Database, standings: Standings
) -> None:
    with database.writing() as connection:
        suppression.add(
            connection,
            id=1,
            ref_or_address=ANN,
            scope=Scope.ALL,
            remark="",
            public=False,
            by="bea",
            since=NOW,
            until=None,
        )
        within = standings.within(connection, [ANN])

    assert never_mailed(within[ANN])


def test_everyone_no_mail_may_go_to_is_listed(database: Database, standings: Standings) -> None:
    tell(database, "statuses", deceased())
    tell(database, "groups", no_bulk())
    tell(database, "people", person("1", "gone@example.org", status="deceased"))
    tell(database, "people", person("2", "quiet@example.org"), person("3", "ann@example.org"))
    tell(database, "people", person("4", "shared@example.org", status="deceased"))
    tell(database, "people", person("5", "shared@example.org"))
    tell(database, "memberships", member("2"))
    suppress(database, "own@example.org", scope=Scope.ALL)
    suppress(database, "bulk@example.org", number=2)
    suppress(database, "past@example.org", number=3, scope=Scope.ALL, until=NOW)

    assert ["gone@example.org", "own@example.org"] == [
        address for chunk in standings.never_mailed_addresses() for address in chunk
    ]


def test_where_nobody_is_kept_from_all_mail_nobody_is_gone_through(tmp_path: Path) -> None:
    """Each worker asks every half minute, for when the store is away."""
    steps = []
    for number in (1, 1_000):
        database = Database(f"sqlite:///{tmp_path}/{number}.db")
        database.prepare()
        tell(database, "groups", no_bulk())
        tell(database, "people", *(person(f"{n}", f"p{n}@example.org") for n in range(number)))
        tell(database, "memberships", *(member(f"{n}") for n in range(number)))
        count = itertools.count()

        @event.listens_for(database.engine, "before_cursor_execute")
        def count_steps(
            _connection: Connection, cursor: sqlite3.Cursor, *_: Any, count: Any = count
        ) -> None:
            cursor.connection.set_progress_handler(lambda: next(count) and None, 10)

        with Standings(database, tag_scopes={"NoMailTag": Scope.ALL}) as standings:
            assert [[]] == list(standings.never_mailed_addresses())
        database.close()
        steps.append(next(count))

    assert steps[0] + 10 > steps[1], "hundreds of them, in tens"


@pytest.fixture
def plus_standings(database: Database) -> Iterator[Standings]:
    standings = Standings(database, tag_scopes=TAG_SCOPES, plus_addresses=True, clock=lambda: NOW)
    yield standings
    standings.close()


@pytest.mark.parametrize("stored", ["ann@example.org", "ann+crm@example.org"])
@pytest.mark.parametrize("asked", ["ann@example.org", "ann+crm@example.org", "ann+x@example.org"])
def test_S31_a_plus_address_is_the_mailbox_where_set(
    database: Database, plus_standings: Standings, stored: str, asked: str
) -> None:
    tell(database, "statuses", deceased())
    tell(database, "people", person("17", stored, status="deceased"))

    assert [(SuppressionSource.STATUS, Scope.ALL)] == scopes(plus_standings, asked)


def test_S31_a_plus_address_is_its_own_unless_set(database: Database, standings: Standings) -> None:
    tell(database, "people", person("17", "ann+crm@example.org"))
    asked = ["ann@example.org", "ann+crm@example.org", "ann+x@example.org"]

    assert {"ann+crm@example.org"} == set(standings.now(asked))


def test_a_suppressed_plus_address_is_found_as_it_is_and_by_its_mailbox(
    database: Database, plus_standings: Standings
) -> None:
    suppress(database, "ann+x@example.org", number=1)
    suppress(database, "bob@example.org", number=2)
    asked = ["ann+x@example.org", "bob+y@example.org", "carl+z@example.org"]

    assert set(asked[:2]) == set(plus_standings.now(asked))


# A server that goes away is tested with the database.
@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_K5_it_fails_while_the_store_is_away_and_heals_by_itself(
    database: Database, standings: Standings, tmp_path: Path
) -> None:
    path, elsewhere = Path(str(database.url.database)), tmp_path / "elsewhere"
    tell(database, "people", person("17", ANN))
    database.engine.dispose()
    standings.close()
    path.rename(elsewhere)
    with pytest.raises(StoreUnavailable):
        standings.now([ANN])

    elsewhere.rename(path)

    assert {ANN} == set(standings.now([ANN]))


LOCAL = st.text("abcxyzäßé0123456789.-_", min_size=1, max_size=12)
DOMAINS = st.sampled_from(["example.org", "bücher.example", "straße.example", "例え.example"])


@st.composite
def written_otherwise(draw: st.DrawFn) -> tuple[str, bytes]:
    """Make an address and another way to write the same one in an envelope."""
    local, domain = draw(LOCAL), draw(DOMAINS)
    other_local, other_domain = local, domain
    if draw(st.booleans()):
        other_local = other_local.upper() if "ß" not in other_local else other_local
    if draw(st.booleans()):
        other_local = unicodedata.normalize("NFD", other_local)
    if draw(st.booleans()):
        escaped = draw(st.booleans())
        inner = "".join(f"\\{c}" if escaped and c.isascii() else c for c in other_local)
        other_local = f'"{inner}"'
    if draw(st.booleans()):
        labels = unicodedata.normalize("NFKC", domain).split(".")
        other_domain = ".".join(
            each if each.isascii() else f"xn--{each.encode('punycode').decode()}" for each in labels
        )
    if draw(st.booleans()):
        other_domain = "".join(c.upper() if c.isascii() else c for c in other_domain)
    dot = draw(st.sampled_from(["", "."]))
    route = draw(st.sampled_from(["", "@relay.example:", "@a.example,@b.example:"]))
    return f"{local}@{domain}", f"<{route}{other_local}@{other_domain}{dot}>".encode()


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return iter(range(1, 10**9))


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(written=written_otherwise())
def test_S26_S27_S31_no_way_of_writing_an_address_evades_its_suppression(
    database: Database, standings: Standings, numbers: Iterator[int], written: tuple[str, bytes]
) -> None:
    stored, envelope = written
    suppress(database, lookup_form(stored), number=next(numbers))
    found = parse_path(envelope)
    assert found is not None

    recipient = lookup_form(found[0].address)

    assert recipient in standings.now([recipient])
