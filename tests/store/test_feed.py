"""Records of the feed against what is known: compared, guarded, applied at once or not at all."""

import re
import sqlite3
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, func, inspect, select

from gateway.core.kinds import Scope
from gateway.core.people.people import Group, Membership, PersonRef, Staff, Status, StatusKind
from gateway.store import schema
from gateway.store.engine import database as database_module
from gateway.store.engine.database import Database
from gateway.store.feed.contested import Duplicate
from gateway.store.feed.feed import ImportTerms, feed
from gateway.store.people import suppression
from gateway.store.people.people import find, suppressions_of
from gateway.store.people.suppression import Standings
from gateway.store.views.status import snapshot
from tests.store.feeding import (
    CANDIDATE,
    CONTACT,
    NOW,
    counts,
    deceased,
    member,
    no_bulk,
    person,
    rows,
    suppressed_people,
    tell,
)

LATER = NOW + timedelta(hours=1)
ANN, BOB = "ann@example.org", "bob@example.org"


def known(database: Database) -> list[str]:
    """Return the crm_ids of the people known."""
    with database.reading() as connection:
        return sorted(connection.scalars(select(schema.feed.people.c.crm_id)))


def test_what_is_new_changed_and_the_same_is_told_apart(database: Database) -> None:
    tell(database, "people", person("1", ANN), person("2", BOB))

    outcome = tell(
        database, "people", person("1", ANN), person("2", BOB, language="nl"), person("3")
    )

    assert (1, 1, 0, 1) == counts(outcome)


def test_what_comes_into_an_empty_store_is_found_by_all_of_its_indexes(
    database: Database,
) -> None:
    def indexes() -> dict[str, list[str]]:
        found = inspect(database.engine)
        kept = {
            table: [
                f"{index['name']} {index['column_names']}" for index in found.get_indexes(table)
            ]
            for table in ("people", "addresses", "memberships")
        }
        if database.is_sqlite:
            with database.reading() as connection:
                made_by = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master")
                kept["as made"] = sorted(map(str, made_by))
        return kept

    before = indexes()
    tell(database, "people", person("1", ANN), dry_run=True)
    assert before == indexes()

    tell(database, "people", person("1", ANN), person("2", BOB))
    tell(database, "memberships", member("1"), member("2"))

    assert before == indexes()
    with database.reading() as connection:
        if database.is_sqlite:
            assert "ok" == connection.exec_driver_sql("PRAGMA integrity_check").scalar()
        assert 2 == connection.scalar(select(func.count()).select_from(schema.feed.memberships))


def test_a_log_that_can_not_be_put_into_the_file_fails_no_import(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(connection: Connection, statement: str) -> None:
        if "checkpoint(" in statement:
            raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(database_module, "_run", run)

    told = tell(database, "people", person("1", ANN))

    assert (1, ["1"]) == (told.added, known(database))


def test_all_of_a_person_is_kept(database: Database) -> None:
    told = person(
        "17",
        ANN,
        "Ann@Example.COM",
        first_name="Ann",
        last_name="Bos",
        status="active",
        finance_status="paid",
        owner="7",
        language="nl",
        birthday=date(1980, 2, 29),
        consent_email=True,
        mail_on_set_date=True,
        mail_after_first_delivery=True,
        active=False,
    )
    tell(database, "people", told)

    with database.reading() as connection:
        (record,) = find(connection, PersonRef(CANDIDATE, "17"))

    assert told == record.person
    assert (ANN, "ann@example.com") == record.addresses


def test_a_person_is_shown_with_status_groups_and_suppressions(
    database: Database, standings: Standings
) -> None:
    tell(database, "statuses", deceased())
    tell(database, "groups", no_bulk())
    tell(database, "people", person("17", ANN, "ann@example.com", status="deceased"))
    tell(database, "memberships", member("17"), member("17", "unknown"))

    with database.reading() as connection:
        (record,) = find(connection, "ann@example.com")
    found = suppressions_of(record, standings.now(record.addresses))

    assert ("crm", deceased(), NOW) == (record.source, record.status, record.status_since)
    assert [no_bulk(), Group(kind=CANDIDATE, crm_id="unknown")] == [
        joined.group for joined in record.groups
    ]
    assert [Scope.ALL, Scope.BULK] == [entry.scope for entry in found]


def test_several_people_are_found_by_one_address(database: Database) -> None:
    tell(database, "people", person("1", ANN), person("1", ANN, kind=CONTACT), person("2", BOB))

    with database.reading() as connection:
        found = find(connection, ANN)
        nobody = find(connection, PersonRef(CONTACT, "2")), find(connection, "x@example.org")

    assert ["candidate:1", "contact:1"] == [str(record.person.ref) for record in found]
    assert ((), ()) == nobody


def test_staff_are_found_by_address_in_lookup_form(database: Database) -> None:
    bea = Staff(crm_id="7", name="Bea", email="Bea@Example.ORG", roles=("manager", "evaluator"))
    tell(database, "staff", bea)
    outcome = tell(database, "staff", replace(bea, email="b@example.org"))

    expected = ("7", "crm", "Bea", "b@example.org", "b@example.org", "manager;evaluator", "")
    assert [expected] == rows(database, schema.feed.staff)
    assert (0, 1, 0, 0) == counts(outcome)


def test_the_addresses_follow_the_person(database: Database) -> None:
    tell(database, "people", person("1", ANN, BOB), person("2", ANN))
    tell(database, "people", person("1", BOB, "carl+x@example.org"))
    tell(database, "people", person("1", BOB, "carl+x@example.org"), replace=True)

    assert [
        (BOB, "candidate", "1", 0),
        ("carl+x@example.org", "candidate", "1", 1),
        ("carl@example.org", "candidate", "1", -1),
    ] == rows(database, schema.feed.addresses)


def test_of_two_rows_with_one_key_the_addresses_of_both_count(database: Database) -> None:
    told = person("1", ANN), person("2"), person("1", BOB, language="nl")

    first = tell(database, "people", *told)
    again = tell(database, "people", *told)

    assert (2, 0, 0, 0) == counts(first)
    assert (0, 0, 0, 2) == counts(again)
    assert [(ANN, "candidate", "1", 0), (BOB, "candidate", "1", 1000)] == rows(
        database, schema.feed.addresses
    )
    assert [
        Duplicate(
            key=("candidate", "1"),
            lines=(2, 4),
            differs={
                "emails": f"line 2 says '{ANN}', line 4 says '{BOB}'",
                "language": "line 2 says nothing, line 4 says 'nl'",
            },
        )
    ] == list(first.duplicates)


def test_the_same_row_twice_is_told_and_changes_nothing(database: Database) -> None:
    outcome = tell(database, "people", person("1", ANN), person("1", ANN))

    assert (1, 0, 0, 0) == counts(outcome)
    assert [(ANN, "candidate", "1", 0)] == rows(database, schema.feed.addresses)
    assert [((2, 3), {})] == [(one.lines, one.differs) for one in outcome.duplicates]


def test_a_membership_keeps_the_time_of_its_first_arrival(database: Database) -> None:
    tell(database, "memberships", member("1"))
    outcome = tell(database, "memberships", member("1"), member("2"), now=LATER, replace=True)

    assert (1, 0, 0, 1) == counts(outcome)
    assert [NOW, LATER] == [row[-1] for row in rows(database, schema.feed.memberships)]


def test_without_replace_nothing_goes(database: Database) -> None:
    tell(database, "memberships", member("1"), member("2"))
    tell(database, "memberships", member("3"))

    assert ["1", "2", "3"] == [row[1] for row in rows(database, schema.feed.memberships)]


def test_replace_removes_only_what_this_source_brought(database: Database) -> None:
    tell(database, "people", person("1", ANN), person("2", BOB))
    tell(database, "people", person("3"), source="other")
    tell(database, "memberships", member("1"), member("2"))
    tell(database, "memberships", member("1"), member("3"), source="mailchimp")

    outcome = tell(database, "people", person("1", ANN), replace=True)
    tell(database, "memberships", member("2"), replace=True)

    assert (0, 0, 1, 1) == counts(outcome)
    assert ["1", "3"] == known(database)
    assert [("1", "mailchimp"), ("2", "crm"), ("3", "mailchimp")] == [
        (row[1], row[3]) for row in rows(database, schema.feed.memberships)
    ]


def test_replace_never_lifts_an_opt_out_that_came_from_mailchimp_or_staff(
    database: Database, standings: Standings
) -> None:
    tell(database, "groups", no_bulk(), no_bulk("unused"))
    tell(database, "people", person("1", ANN))
    tell(database, "memberships", member("1"), source="mailchimp")
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

    tell(database, "groups", no_bulk("new"), replace=True)
    tell(database, "memberships", replace=True, lift=True)

    standing = standings.now([ANN])[ANN]
    assert ["new", "quiet"] == [row[1] for row in rows(database, schema.feed.groups)]
    assert (1, 1) == (len(standing.own), len(standing.holders[0].suppressions))


def test_who_told_last_of_a_person_owns_it(database: Database) -> None:
    tell(database, "people", person("1", ANN))
    tell(database, "people", person("1", ANN), source="api")
    tell(database, "people", person("2"), replace=True)

    assert ["1", "2"] == known(database)


def test_columns_not_told_stay_as_they_are(database: Database, standings: Standings) -> None:
    tell(database, "statuses", deceased())
    tell(database, "people", person("1", ANN, status="deceased", consent_email=True))

    outcome = tell(
        database, "people", person("1", language="nl"), columns=frozenset({"crm_id", "language"})
    )

    with database.reading() as connection:
        (record,) = find(connection, PersonRef(CANDIDATE, "1"))
    assert person("1", ANN, status="deceased", consent_email=True, language="nl") == record.person
    assert (0, NOW) == (outcome.suppressions_lifted, record.status_since)


def test_a_row_that_tells_of_a_key_counts_where_it_is_to_be_kept_as_well(
    database: Database,
) -> None:
    tell(database, "people", person("1", ANN), person("2", BOB), person("3"))

    with feed(database, "people") as under_way:
        under_way.add([(2, person("1", BOB))])
        under_way.keep_all([(3, ("candidate", "1")), (4, ("candidate", "2"))])
        outcome = under_way.apply(ImportTerms(source="crm", now=NOW, replace=True))

    assert (0, 1, 1, 0) == counts(outcome)
    assert ["1", "2"] == known(database)


def test_a_dry_run_tells_what_would_change_and_changes_nothing(database: Database) -> None:
    suppressed_people(database, 3)
    before = rows(database, schema.feed.memberships), rows(database, schema.feed.feeds)

    outcome = tell(
        database, "memberships", member("0"), member("9"), replace=True, dry_run=True, now=LATER
    )

    assert (1, 0, 2, 1, 2) == (*counts(outcome), outcome.suppressions_lifted)
    assert before == (rows(database, schema.feed.memberships), rows(database, schema.feed.feeds))


def test_an_application_status_is_none_of_a_person(database: Database) -> None:
    tell(database, "people", person("1", ANN, status="deceased"))

    outcome = tell(database, "statuses", deceased(StatusKind.APPLICATION))

    assert 0 == outcome.suppressions_added


def test_kinds_with_the_same_crm_id_are_kept_apart(database: Database) -> None:
    tell(database, "people", person("1", ANN), person("1", BOB, kind=CONTACT))
    tell(database, "groups", Group(kind=CANDIDATE, crm_id="g"), Group(kind=CONTACT, crm_id="g"))
    tell(database, "memberships", Membership(kind=CONTACT, group="g", person="1"))

    with database.reading() as connection:
        (candidate,) = find(connection, PersonRef(CANDIDATE, "1"))
        (contact,) = find(connection, PersonRef(CONTACT, "1"))

    assert ((ANN,), ()) == (candidate.addresses, candidate.groups)
    assert ((BOB,), 1) == (contact.addresses, len(contact.groups))


def test_the_age_of_the_feed_is_that_of_the_last_import_applied(database: Database) -> None:
    suppressed_people(database, 20)
    tell(database, "people", person("1", ANN), source="api", now=LATER)
    tell(database, "memberships", replace=True, now=LATER)

    with database.reading() as connection:
        ages = snapshot(connection).feeds

    assert {"crm": NOW, "api": LATER} == ages


def test_statuses_and_groups_change_in_place(database: Database) -> None:
    tell(database, "statuses", Status(kind=StatusKind.APPLICATION, crm_id="s", initial=True))
    tell(database, "statuses", Status(kind=StatusKind.APPLICATION, crm_id="s", closed=True))

    no_names = ("",) * 4
    told = ("application", "s", "crm", "", "", False, True, *no_names)
    assert [told] == rows(database, schema.feed.statuses)


def test_an_import_of_many_leaves_other_writers_their_turn(database: Database) -> None:
    with feed(database, "people") as under_way:
        under_way.add([(n, person(str(n), f"p{n}@example.org")) for n in range(2_000)])
        with database.writing() as connection:
            suppression.release(connection, ANN, by="bea", at=NOW)
        under_way.apply(ImportTerms(source="crm", now=NOW))

    with database.reading() as connection:
        assert 2_000 == connection.scalar(select(func.count()).select_from(schema.feed.people))


def test_an_import_makes_no_temporary_table_that_it_puts_nothing_into(database: Database) -> None:
    made: list[str] = []
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: made.append(statement),
    )
    tell(database, "people", person("1", ANN))

    tables = re.findall(r"CREATE TEMPORARY TABLE (?:IF NOT EXISTS )?(\w+)", ";".join(made))
    expected = ["staged", "staged_addresses", "changes", "removed"]
    assert [*expected, "touched_references", "touched"] == tables


def test_an_import_of_one_goes_through_nobody_else_in_a_large_store(tmp_path: Path) -> None:
    """Each question finds what it asks for by an index: SQLite says how it would go about it."""
    database = Database(f"sqlite:///{tmp_path}/gateway.db")
    database.prepare()
    tell(database, "statuses", deceased(), Status(kind=StatusKind.CANDIDATE, crm_id="s1"))
    tell(database, "groups", no_bulk())
    tell(database, "people", *(person(str(n), f"p{n}@example.org") for n in range(1, 300)))
    tell(database, "memberships", member("1"), member("2"))
    ways: list[str] = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def note(
        _connection: Connection, cursor: sqlite3.Cursor, statement: str, parameters: Any, *_: Any
    ) -> None:
        if "LIMIT" in statement or statement.partition(" ")[0] not in {
            "SELECT",
            "INSERT",
            "UPDATE",
        }:
            return  # To see whether there is anything, the first row is enough.
        given = parameters if not isinstance(parameters, list) else parameters[0]
        plan = cursor.execute(f"EXPLAIN QUERY PLAN {statement}", given).fetchall()
        ways.extend(f"{way} for {statement}" for *_, way in plan)

    tell(database, "people", person("900", "new@example.org", status="s1"), is_listing=False)
    tell(database, "people", person("900", "newer@example.org", status="s1"), is_listing=False)
    tell(database, "memberships", member("900"), is_listing=False)
    tell(database, "memberships", member("901"), is_listing=False)
    database.close()

    through_all = re.compile(
        r"SCAN (people|p|memberships|m|addresses|a)\b"
        r"|SEARCH (people|p|memberships|m) USING PRIMARY KEY \(kind=\?\)"
    )
    assert ways
    assert [] == [way for way in ways if through_all.match(way)]
