"""References of the feed: understood, at fault, waiting, and followed once they lead somewhere."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, text

from gateway.core.feed.references import ReferenceLead, UnderstoodBy
from gateway.core.kinds import Scope
from gateway.core.people.applications import Application, Programme
from gateway.core.people.people import Group, PersonRef, Staff, Status, StatusKind
from gateway.core.people.training import Closing, Qualification
from gateway.store import schema
from gateway.store.engine.database import Database
from gateway.store.feed import feed
from gateway.store.feed.feed import ImportOutcome
from gateway.store.feed.references import open_references
from gateway.store.people import people
from gateway.store.people.applications import find
from gateway.store.people.suppression import Standings
from tests.store.feeding import (
    CANDIDATE,
    CONTACT,
    NOW,
    deceased,
    member,
    no_bulk,
    person,
    rows,
    tell,
)


def uses(outcome: ImportOutcome) -> list[tuple[str, str, ReferenceLead, str, int, int]]:
    return [
        (use.reference, use.given, use.lead, use.crm_id, use.rows, use.line)
        for use in outcome.references
    ]


def left_open(database: Database) -> dict[str, int]:
    with database.reading() as connection:
        return open_references.counts(connection)


def at_fault(database: Database) -> dict[str, int]:
    with database.reading() as connection:
        return open_references.faults(connection)


def scopes(standings: Standings, address: str) -> set[Scope]:
    found = standings.now([address]).get(address)
    holders = found.holders if found else ()
    return {entry.scope for holder in holders for entry in holder.suppressions}


def record(database: Database, crm_id: str) -> people.PersonRecord:
    with database.reading() as connection:
        return people.find(connection, PersonRef(CANDIDATE, crm_id))[0]


def application(
    status: str = "", *, owner: str = "", responsible: Sequence[str] = ()
) -> Application:
    return Application(
        reference="2026/1",
        person=PersonRef(CANDIDATE, "17"),
        programme=owner,
        status=status,
        responsible=tuple(responsible),
    )


def test_a_status_given_by_name_is_stored_as_its_id_and_said_once(
    database: Database, standings: Standings
) -> None:
    tell(database, "statuses", deceased())
    told = [person(str(one), f"p{one}@example.org", status="OVERLEDEN ") for one in range(3)]

    first = tell(database, "people", *told)
    again = tell(database, "people", *told)

    expected = [("people.status", "OVERLEDEN ", ReferenceLead.UNDERSTOOD, "deceased", 3, 2)]
    assert expected == uses(first)
    assert 3 == first.suppressions_added
    assert {Scope.ALL} == scopes(standings, "p1@example.org")
    assert (3, 0) == (again.unchanged, again.changed)
    assert {} == left_open(database)


def test_a_membership_given_by_the_name_of_its_group_protects(
    database: Database, standings: Standings
) -> None:
    tell(database, "groups", no_bulk())
    tell(database, "people", person("17", "ann@example.org"))

    told = tell(database, "memberships", member("17", "geen  bulk-mail"))
    gone = tell(database, "memberships", member("17", "GEEN BULK-MAIL"), replace=True)

    assert [UnderstoodBy.NAME] == [use.how for use in told.references]
    assert {Scope.BULK} == scopes(standings, "ann@example.org")
    assert 0 == gone.removed


def test_of_two_groups_of_one_name_the_one_that_keeps_mail_away_counts_and_it_is_told(
    database: Database, standings: Standings
) -> None:
    tell(database, "groups", no_bulk("b"), Group(kind=CANDIDATE, crm_id="a", name="Geen bulk-mail"))
    tell(database, "people", person("17", "ann@example.org"))

    told = tell(database, "memberships", member("17", "Geen bulk-mail"))

    assert [("memberships.group", "Geen bulk-mail", ReferenceLead.UNCERTAIN, "b", 1, 2)] == uses(
        told
    )
    assert {"memberships.group": 1} == told.reference_faults
    assert {Scope.BULK} == scopes(standings, "ann@example.org")


def test_what_leads_nowhere_is_a_fault_kept_as_it_is_given(database: Database) -> None:
    tell(database, "groups", no_bulk())
    tell(database, "statuses", deceased(), deceased(StatusKind.APPLICATION))
    tell(database, "staff", Staff(crm_id="u1", name="Jan Smit", email="jan@example.org"))
    tell(database, "programmes", Programme(crm_id="p1", name="Opleiding"))
    told = tell(database, "people", person("17", "a@example.org", status="Overladen", owner="u2"))
    tell(database, "memberships", member("17", "g999"))
    tell(database, "applications", application("weg", owner="p2", responsible=("u1", "u3")))
    ref = PersonRef(CANDIDATE, "18")
    tell(database, "qualifications", Qualification(crm_id="q1", person=ref, created_by="u4"))
    tell(database, "deliveries", Closing(crm_id="d1", person=ref))

    assert {"people.owner": 1, "people.status": 1} == told.reference_faults
    assert ("deceased 'Overleden'",) == next(
        use.nearest for use in told.references if use.reference == "people.status"
    )
    expected = {
        "applications.programme": 1,
        "applications.responsible": 1,
        "applications.status": 1,
        "deliveries.person": 1,
        "memberships.group": 1,
        "people.owner": 1,
        "people.status": 1,
        "qualifications.created_by": 1,
        "qualifications.person": 1,
    }
    assert expected == left_open(database)
    assert expected == at_fault(database)
    with database.reading() as connection:
        (one,) = open_references.list_open_texts(connection, reference="applications.responsible")
    assert ("u3", 1, ("2026/1",)) == (one.given, one.uses, one.examples)


def test_what_was_never_told_of_is_waited_for_without_a_fault(database: Database) -> None:
    told = tell(database, "memberships", member("17", "g1"), member("18", "g1"))

    assert [
        ("memberships.group", "g1", ReferenceLead.WAITING, "", 2, 2),
        ("memberships.person", "17", ReferenceLead.WAITING, "", 2, 2),
    ] == uses(told)
    assert {} == told.reference_faults
    assert {"memberships.group": 2, "memberships.person": 2} == left_open(database)
    assert {} == at_fault(database)


def test_a_member_who_is_no_person_is_at_fault_once_people_are_told_of_without_them(
    database: Database,
) -> None:
    tell(database, "groups", no_bulk())
    tell(database, "people", person("17"))

    told = tell(database, "memberships", member("17"), member("99"))
    before = at_fault(database)
    tell(database, "people", person("18"), now=NOW + timedelta(hours=1))

    assert {} == told.reference_faults
    assert {} == before
    assert {"memberships.person": 1} == at_fault(database)


@pytest.mark.parametrize(
    ("what", "target", "address"),
    [
        ("statuses", deceased(), "status@example.org"),
        ("groups", no_bulk("g1"), "group@example.org"),
    ],
)
def test_references_by_name_are_followed_once_what_they_name_is_told_of(
    database: Database, standings: Standings, what: str, target: object, address: str
) -> None:
    tell(database, "people", person("1", "status@example.org", status="overleden"))
    tell(database, "people", person("2", "group@example.org"))
    tell(database, "memberships", member("2", "Geen Bulk-Mail"))

    told = tell(database, what, target)

    assert 1 == told.suppressions_added
    assert scopes(standings, address)
    assert 1 == sum(left_open(database).values())


def test_the_other_references_are_followed_too(database: Database) -> None:
    responsible = ("jan@example.org", "Eva Vos")
    tell(database, "people", person("17", owner="JAN SMIT"))
    tell(database, "applications", application("Nieuw", owner="opleiding", responsible=responsible))

    tell(database, "statuses", Status(kind=StatusKind.APPLICATION, crm_id="s1", name="Nieuw"))
    tell(database, "programmes", Programme(crm_id="p1", name="Opleiding"))
    tell(
        database,
        "staff",
        Staff(crm_id="u1", name="Jan Smit", email="jan@example.org"),
        Staff(crm_id="u2", name="Eva Vos"),
    )

    with database.reading() as connection:
        known = find(connection, "2026/1")
    assert known is not None
    assert "u1" == record(database, "17").person.owner
    assert ("s1", "p1", ("u1", "u2")) == (
        known.application.status,
        known.application.programme,
        known.application.responsible,
    )
    assert {} == left_open(database)


@pytest.mark.parametrize(
    ("known", "given"),
    [("00017", "17"), ("17", "00017"), ("17", "17.0"), ("00017", "17,0"), ("17", '="17"')],
)
@pytest.mark.parametrize("is_first", [False, True])
def test_an_id_that_a_spreadsheet_has_changed_is_known_again(
    database: Database, standings: Standings, known: str, given: str, is_first: bool
) -> None:
    tell(database, "groups", no_bulk(known))
    tell(database, "people", person("0"))
    steps = [("people", person(known, "ann@example.org")), ("memberships", member(given, given))]
    if is_first and given in ("17", "00017", "17.0"):
        steps.reverse()

    told = [tell(database, what, one) for what, one in steps]

    assert UnderstoodBy.BENT in [use.how for outcome in told for use in outcome.references]
    assert {Scope.BULK} == scopes(standings, "ann@example.org")
    assert {} == left_open(database)


def test_a_rounded_id_counts_for_the_one_it_can_be_and_is_told(
    database: Database, standings: Standings
) -> None:
    tell(database, "groups", no_bulk("123456"))
    tell(database, "people", person("900123", "ann@example.org"), person("100"))

    told = tell(database, "memberships", member("9.00E+05", "1.23E+05"))

    assert [ReferenceLead.UNCERTAIN, ReferenceLead.UNCERTAIN] == [
        use.lead for use in told.references
    ]
    assert {Scope.BULK} == scopes(standings, "ann@example.org")


#: Ids of people on file, what stands in a member's row, and whom it may mean.
POSSIBLE_MEMBERS: tuple[tuple[tuple[str, ...], str, set[str]], ...] = (
    (("017", "0017", "18"), "17", {"017", "0017"}),
    (("123001", "123456", "124000"), "1.23E+05", {"123001", "123456"}),
    (("00123001", "123456"), "1,23E+05", {"00123001", "123456"}),
    (("123456", "123"), "123.456", {"123456"}),
    (("123456", "123"), "123 456", {"123456"}),
    (("0123456", "123456"), "123,456", {"0123456", "123456"}),
    (("12", "12000"), "12.000", {"12", "12000"}),
    (("12", "18"), "12.000", {"12"}),
    (("40003", "4000"), "00040003", {"40003"}),
    (("123456", "123"), "123.457", set()),
)


@pytest.mark.parametrize(("on_file", "given", "expected"), POSSIBLE_MEMBERS)
@pytest.mark.parametrize("members_first", [False, True])
def test_all_whom_a_changed_id_may_mean_are_protected(
    database: Database,
    standings: Standings,
    on_file: tuple[str, ...],
    given: str,
    expected: set[str],
    members_first: bool,
) -> None:
    tell(database, "groups", no_bulk())
    people = [person(crm_id, f"p{crm_id}@example.org") for crm_id in on_file]
    if members_first:
        tell(database, "memberships", member(given))
        tell(database, "people", *people)
    else:
        tell(database, "people", *people)
        tell(database, "memberships", member(given))

    away = {crm_id for crm_id in on_file if scopes(standings, f"p{crm_id}@example.org")}
    assert expected == away


def test_a_changed_id_that_several_may_have_is_told_and_whom_it_meant_goes_once_it_is_put_right(
    database: Database, standings: Standings
) -> None:
    tell(database, "groups", no_bulk())
    tell(database, "people", person("017", "a@example.org"), person("0017", "b@example.org"))

    told = tell(database, "memberships", member("17"))
    tell(database, "memberships", member("017"), replace=True)

    assert [("memberships.person", "17", ReferenceLead.UNKNOWN, "", 1, 2)] == uses(told)
    assert [("0017", "017")] == [use.others for use in told.references]
    assert ({Scope.BULK}, set()) == (
        scopes(standings, "a@example.org"),
        scopes(standings, "b@example.org"),
    )


def test_a_changed_id_that_several_may_have_makes_nobody_a_member_of_other_groups(
    database: Database,
) -> None:
    tell(database, "groups", replace(no_bulk(), tag=""))
    tell(database, "people", person("017"), person("0017"))

    tell(database, "memberships", member("17"))

    assert ["17"] == [row[1] for row in rows(database, schema.feed.memberships)]


def test_whoever_a_rounded_key_may_mean_stays(database: Database) -> None:
    tell(database, "people", person("123001"), person("123002"), person("9"))

    tell(database, "people", person("1.23E+05"), person("9"), replace=True)

    assert {"123001", "123002", "1.23E+05", "9"} == {
        row[1] for row in rows(database, schema.feed.people)
    }


def test_ids_that_are_written_with_points_are_no_fault(database: Database) -> None:
    tell(database, "people", person("123.456"), person("123.457"))

    told = tell(database, "people", person("123.456"), person("123.458"))

    assert () == told.references


def test_a_row_whose_own_id_has_a_decimal_is_that_of_the_known_one(database: Database) -> None:
    tell(database, "people", person("17", "old@example.org"))

    told = tell(database, "people", person("17.0", "new@example.org"), replace=True)

    assert [("people.crm_id", "17.0", ReferenceLead.BENT_KEY, "17", 1, 2)] == uses(told)
    assert ("new@example.org",) == record(database, "17").addresses


def test_a_row_whose_own_id_lacks_zeros_is_another_one_and_the_known_one_stays(
    database: Database,
) -> None:
    """It may be somebody new: facts that protect the known one are not overwritten by guess."""
    tell(database, "statuses", deceased())
    tell(database, "people", person("00017", "ann@example.org", status="deceased"))

    told = tell(database, "people", person("17", "ann@example.org"), replace=True)

    assert [("people.crm_id", "17", ReferenceLead.BENT_KEY, "", 1, 2)] == uses(told)
    assert "deceased" == record(database, "00017").person.status
    assert {"people.crm_id": 1} == told.reference_faults


def test_ids_that_differ_in_zeros_are_no_fault_where_the_file_has_both(database: Database) -> None:
    tell(database, "people", person("00017"))

    told = tell(database, "people", person("00017"), person("17"))

    assert [] == uses(told)


def test_a_group_of_the_other_kind_of_people_is_suggested(database: Database) -> None:
    tell(database, "groups", no_bulk(), no_bulk("g7", kind=CONTACT))

    told = tell(database, "memberships", member("17", "g7"))

    assert [("g7 of kind contact",)] == [use.nearest for use in told.references if use.is_fault]


def test_open_references_end_with_their_rows_and_begin_when_what_they_name_goes(
    database: Database,
) -> None:
    tell(database, "statuses", deceased(), Status(kind=StatusKind.CANDIDATE, crm_id="a"))
    tell(
        database,
        "people",
        person("1", status="x"),
        person("2", status="x"),
        person("3", status="a"),
    )

    tell(database, "people", person("1", status="a"))
    fewer = left_open(database)
    tell(database, "statuses", deceased(), replace=True)
    more = left_open(database)
    tell(database, "people", replace=True)

    assert {"people.status": 1} == fewer
    assert {"people.status": 3} == more
    assert {} == left_open(database)


def test_what_a_file_does_not_tell_is_looked_up_in_the_rows_it_changes(database: Database) -> None:
    """Even where nobody noticed meanwhile that it leads nowhere."""
    statuses = schema.feed.statuses
    tell(database, "statuses", deceased(), Status(kind=StatusKind.CANDIDATE, crm_id="a"))
    tell(database, "people", person("1", status="a"))
    with database.writing() as connection:
        connection.execute(delete(statuses).where(statuses.c.crm_id == "a"))

    tell(database, "people", person("1", language="nl"), columns=frozenset({"language"}))

    assert {"people.status": 1} == left_open(database)


def test_a_dry_run_tells_and_leaves_nothing(database: Database) -> None:
    tell(database, "groups", no_bulk())

    told = tell(database, "memberships", member("17", "g999"), dry_run=True)

    assert {"memberships.group": 1} == told.reference_faults
    assert {} == left_open(database)


def test_many_that_lead_nowhere_are_counted_and_the_first_told(database: Database) -> None:
    tell(database, "groups", no_bulk())

    told = tell(database, "memberships", *(member("1", f"x{one}") for one in range(60)))

    assert {"memberships.group": 60} == told.reference_faults
    assert 50 == sum(use.is_fault for use in told.references)
    assert range(2, 52) == range(told.references[0].line, told.references[49].line + 1)


@pytest.mark.parametrize(("place", "step"), [(feed, "close_entry"), (Database, "writing_on")])
def test_a_status_that_another_import_takes_away_meanwhile_protects(
    database: Database,
    standings: Standings,
    monkeypatch: pytest.MonkeyPatch,
    place: Any,
    step: str,
) -> None:
    """It was there when the rows were read, or compared, and is gone when they are written."""
    active = Status(kind=StatusKind.CANDIDATE, crm_id="s2", name="Active")
    tell(database, "statuses", deceased(), active)
    tell(database, "people", person("1", "ann@example.org", status="s2"))
    take_step = getattr(place, step)

    def after_another_import(*given: Any, **terms: Any) -> Any:
        monkeypatch.setattr(place, step, take_step)
        tell(database, "statuses", active, replace=True)
        return take_step(*given, **terms)

    monkeypatch.setattr(place, step, after_another_import)
    tell(database, "people", person("1", "ann@example.org", status="deceased"))

    assert {"people.status": 1} == left_open(database)
    assert Scope.BULK in scopes(standings, "ann@example.org")


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_at_a_server_one_import_writes_after_the_other(database: Database) -> None:
    """As SQLite's writers do: what one takes away, the next one misses."""
    active = Status(kind=StatusKind.CANDIDATE, crm_id="s2", name="Active")
    tell(database, "statuses", deceased(), active)
    statuses = schema.feed.statuses
    with ThreadPoolExecutor(1) as others, database.writing() as connection:
        connection.execute(feed._IMPORT_TURN)
        told = others.submit(tell, database, "people", person("1", status="deceased"))
        waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        while not connection.scalar(waiting):
            assert not told.done()
        connection.execute(delete(statuses).where(statuses.c.crm_id == "deceased"))
    told.result()

    assert {"people.status": 1} == left_open(database)
