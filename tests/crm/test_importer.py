"""Files taken in, and their reports."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from gateway.core.people import (
    Group,
    Membership,
    Person,
    PersonKind,
    PersonRef,
    Staff,
    Status,
    StatusKind,
)
from gateway.crm.files import FeedFile, FileRefused
from gateway.crm.importer import Report, import_file
from gateway.crm.kinds import KINDS
from gateway.crm.values import Fields
from gateway.store import schema
from gateway.store.database import Database
from gateway.store.people import find
from tests.crm.conftest import Write

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
CANDIDATE, CONTACT = PersonKind.CANDIDATE, PersonKind.CONTACT


def records(path: Any, kind: str) -> list[object]:
    """Return what the rows of a file make."""
    chosen = KINDS[kind]
    return [chosen.record(Fields(row.texts)) for row in FeedFile(path, chosen).rows()]


def take(database: Database, path: Any, kind: str = "people", **terms: Any) -> Report:
    """Take a file in."""
    return import_file(database, kind, path, **{"source": "crm", "now": NOW, **terms})


def people(database: Database) -> list[str]:
    """Return the crm_ids of the people known."""
    with database.reading() as connection:
        return sorted(connection.scalars(select(schema.people.c.crm_id)))


def test_every_column_of_people_is_read(write: Write) -> None:
    path = write(
        "kind,crm_id,first_name,last_name,emails,status,finance_status,owner,language,birthday,"
        "consent_email,mail_on_set_date,mail_after_first_delivery,active",
        "contact,17,Ann,Bos,a@example.org;b@example.org,s,f,7,nl,1980-05-31,yes,1,true,no",
        ",18,,,,,,,,,,,,",
    )

    assert [
        Person(
            ref=PersonRef(CONTACT, "17"),
            first_name="Ann",
            last_name="Bos",
            emails=("a@example.org", "b@example.org"),
            status="s",
            finance_status="f",
            owner="7",
            language="nl",
            birthday=date(1980, 5, 31),
            consent_email=True,
            mail_on_set_date=True,
            mail_after_first_delivery=True,
            active=False,
        ),
        Person(ref=PersonRef(CANDIDATE, "18")),
    ] == records(path, "people")


@pytest.mark.parametrize(
    ("kind", "header", "row", "expected"),
    [
        (
            "staff",
            "crm_id,name,email,roles,language",
            "7,Bea,bea@example.org,manager;evaluator,de",
            Staff(
                crm_id="7",
                name="Bea",
                email="bea@example.org",
                roles=("manager", "evaluator"),
                language="de",
            ),
        ),
        (
            "groups",
            "kind,crm_id,name,tag,active",
            "contact,3,Stil,NoMailingsTag,",
            Group(kind=CONTACT, crm_id="3", name="Stil", tag="NoMailingsTag"),
        ),
        (
            "statuses",
            "kind,crm_id,name,tag,initial,closed",
            "application,9,Neu,,1,",
            Status(kind=StatusKind.APPLICATION, crm_id="9", name="Neu", initial=True),
        ),
        (
            "memberships",
            "group,person",
            "3,17",
            Membership(kind=CANDIDATE, group="3", person="17"),
        ),
    ],
)
def test_every_other_kind_is_read(
    database: Database, write: Write, kind: str, header: str, row: str, expected: object
) -> None:
    path = write(header, row)

    report = take(database, path, kind)

    assert [expected] == records(path, kind)
    assert (True, 1, 1) == (report.is_good, report.records, report.outcome.added)


def test_bad_rows_are_reported_with_their_line_and_the_rest_go_on(
    database: Database, write: Write
) -> None:
    path = write(
        "kind,crm_id,emails,birthday,first_name",
        "candidate,1,ann@example.org,,Ann",
        "robot,2,,,",
        "candidate,,,,",
        "candidate,4,,31-05-1980,",
        "candidate,5,,",
        "candidate,6,no address;bob@example.org,,",
        b"candidate,7,,,Zo\xeb",
        "candidate,8,,,Zoë",
    )

    report = take(database, path)

    assert ["1", "6", "8"] == people(database)
    assert [
        (3, "kind: not one of candidate, contact: 'robot'"),
        (4, "crm_id: is blank"),
        (5, "birthday: not a date such as 1980-05-31: '31-05-1980'"),
        (6, "has 4 fields where the header has 5"),
        (7, "emails: 'no address' is left out: it has no @: write it as ann@example.org"),
        (8, "first_name: is not UTF-8"),
    ] == [(problem.line, problem.text) for problem in report.problems]
    assert (False, 6, 3) == (report.is_good, report.problem_count, report.records)


def test_a_person_with_a_bad_address_only_is_kept_without(database: Database, write: Write) -> None:
    report = take(database, write("crm_id,emails", "17,nowhere"))

    with database.reading() as connection:
        (record,) = find(connection, PersonRef(CANDIDATE, "17"))
    assert ((), 1) == (record.addresses, report.problem_count)


def test_a_bad_row_is_not_taken_for_gone(database: Database, write: Write) -> None:
    take(database, write("crm_id,birthday", "1,", "2,", "3,"))

    report = take(database, write("crm_id,birthday", "1,", "2,soon"), replace=True)

    assert (["1", "2"], False) == (people(database), report.is_incomplete)


def test_nothing_is_removed_where_a_row_can_not_be_told(database: Database, write: Write) -> None:
    take(database, write("crm_id,birthday", "1,", "2,", "3,"))

    report = take(database, write("crm_id,birthday", "1,", "2"), replace=True)

    assert (["1", "2", "3"], True) == (people(database), report.is_incomplete)


def test_a_refused_file_changes_nothing(database: Database, write: Write) -> None:
    lines = ['{"crm_id": "1"}', '{"crm_id": "2", "shoe_size": 3}']

    with pytest.raises(FileRefused):
        take(database, write(*lines, name="people.jsonl"), replace=True)

    assert [] == people(database)


def test_columns_a_file_does_not_have_stay_as_they_are(database: Database, write: Write) -> None:
    take(database, write("crm_id,emails,status", "17,ann@example.org,deceased"))
    take(database, write("crm_id,language", "17,nl"))

    with database.reading() as connection:
        ((record,)) = find(connection, PersonRef(CANDIDATE, "17"))

    assert ("ann@example.org",) == record.person.emails
    assert ("deceased", "nl") == (record.person.status, record.person.language)


def test_progress_is_told_in_octets(database: Database, write: Write) -> None:
    path = write("crm_id", *map(str, range(12_000)))
    told: list[tuple[int, int]] = []

    report = take(database, path, progress=lambda done, total: told.append((done, total)))

    size = path.stat().st_size
    assert (12_000, (size, size), 3) == (report.records, told[-1], len(told))


def test_a_report_can_be_printed_as_json(database: Database, write: Write) -> None:
    report = take(database, write("crm_id,emails", "1,x@", "2,"), dry_run=True, replace=True)

    document = report.as_json()

    assert {"line": 2} | {"text": report.problems[0].text} == document["problems"][0]
    assert ("people", True, 2, 0, False) == (
        document["kind"],
        document["dry_run"],
        document["added"],
        document["removed"],
        document["is_held_back"],
    )


def test_thousands_of_problems_are_counted_and_the_first_thousand_told(
    database: Database, write: Write
) -> None:
    report = take(database, write("crm_id,active", *(f"{n},perhaps" for n in range(1_500))))

    assert (1_500, 1_000) == (report.problem_count, len(report.problems))
