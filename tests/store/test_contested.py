"""Rows that contradict each other, or may not be whole: what protects counts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from gateway.core.kinds import TAG_SCOPES, Scope
from gateway.core.people.people import Group, Person, PersonKind, PersonRef, Status, StatusKind
from gateway.core.people.training import Qualification
from gateway.store import schema
from gateway.store.engine.database import Database
from gateway.store.feed import unread
from gateway.store.feed.contested import SuppressionWidths
from gateway.store.feed.feed import LAYOUTS, ImportTerms, feed
from gateway.store.feed.layouts import RowGaps
from gateway.store.people.suppression import Standings
from tests.store.feeding import NOW, deceased, member, no_bulk, person, tell, tell_unread

ANN, BOB = "ann@example.org", "bob@example.org"
REF = PersonRef(PersonKind.CANDIDATE, "1")
PLAIN, NO_BULK = "plain", "quiet"
CALLED_OFF = "Gekündigt (Verstorben)"
BORN, OTHER = date(1980, 5, 31), date(1980, 6, 1)


def somebody(**facts: Any) -> Person:
    return Person(ref=REF, **facts)


def group(**facts: Any) -> Group:
    return Group(kind=PersonKind.CANDIDATE, crm_id="g", **facts)


def status(**facts: Any) -> Status:
    return Status(kind=StatusKind.CANDIDATE, crm_id="s", **facts)


def ends(day: date | None) -> Qualification:
    return Qualification(crm_id="q", person=REF, expires_on=day)


MAKERS: dict[str, Callable[..., Any]] = {"people": somebody, "groups": group, "statuses": status}


def the_row(database: Database, what: str) -> dict[str, Any]:
    with database.reading() as connection:
        return dict(connection.execute(select(LAYOUTS[what].table)).mappings().one())


def unread_fields(database: Database) -> list[str]:
    with database.reading() as connection:
        return [one.field for one in unread.list_unread_fields(connection)]


def statuses(database: Database) -> None:
    tell(
        database,
        "statuses",
        deceased(),
        Status(kind=StatusKind.CANDIDATE, crm_id=NO_BULK, tag="NoMailingsTag"),
        Status(kind=StatusKind.CANDIDATE, crm_id=PLAIN),
    )


@pytest.mark.parametrize(
    ("what", "column", "known", "first", "second", "expected", "is_unread"),
    [
        ("people", "status", None, "deceased", PLAIN, "deceased", True),
        ("people", "status", None, "deceased", "", "deceased", True),
        ("people", "status", None, "", "deceased", "deceased", True),
        ("people", "status", None, "deceased", NO_BULK, "deceased", True),
        ("people", "status", "deceased", NO_BULK, PLAIN, "deceased", True),
        ("people", "status", "deceased", PLAIN, PLAIN, PLAIN, False),
        ("people", "status", PLAIN, PLAIN, "", PLAIN, True),
        ("people", "status", PLAIN, PLAIN, "new", "new", True),
        ("people", "finance_status", None, CALLED_OFF, "paid", CALLED_OFF, True),
        ("people", "finance_status", "paid", "paid", CALLED_OFF, CALLED_OFF, True),
        ("people", "consent_email", True, True, False, False, True),
        ("people", "consent_email", None, False, True, False, True),
        ("people", "mail_on_set_date", None, True, False, False, True),
        ("people", "mail_after_first_delivery", None, True, False, False, True),
        ("people", "active", True, True, False, True, True),
        ("people", "active", False, True, False, False, True),
        ("people", "active", None, True, False, False, True),
        ("people", "birthday", BORN, BORN, OTHER, BORN, True),
        ("people", "birthday", None, BORN, OTHER, BORN, True),
        ("people", "first_name", "Ann", "Ann", "Anna", "Anna", False),
        ("groups", "tag", None, "NoMailingsTag", "", "NoMailingsTag", True),
        ("groups", "tag", None, "NoMailTag", "NoMailingsTag", "NoMailTag", True),
        ("groups", "tag", "NoMailTag", "NoMailingsTag", "", "NoMailTag", True),
        ("groups", "active", False, True, False, True, True),
        ("statuses", "tag", None, "", "NoMailTag", "NoMailTag", True),
        ("statuses", "initial", True, True, False, False, True),
        ("statuses", "closed", False, True, False, True, True),
    ],
)
def test_of_rows_with_one_key_what_protects_counts(
    database: Database,
    what: str,
    column: str,
    known: object,
    first: object,
    second: object,
    expected: object,
    is_unread: bool,
) -> None:
    if what == "people":
        statuses(database)
    make = MAKERS[what]
    if known is not None:
        tell(database, what, make(**{column: known}))

    outcome = tell(database, what, *(make(**{column: value}) for value in (first, second)))

    assert expected == the_row(database, what)[column]
    assert ([column] if is_unread else []) == unread_fields(database)
    [duplicate] = outcome.duplicates
    assert ([column] if first != second else []) == list(duplicate.differs)
    tell(database, what, make(**{column: second}))
    assert (second, []) == (the_row(database, what)[column], unread_fields(database))


def test_somebody_suppressed_counts_as_active_where_rows_differ(database: Database) -> None:
    tell(database, "groups", no_bulk())
    tell(database, "memberships", member("1"))

    tell(database, "people", somebody(active=False), somebody(active=True))

    assert the_row(database, "people")["active"]


def test_a_field_one_of_the_rows_can_not_be_read_in_is_unread(database: Database) -> None:
    tell(database, "qualifications", ends(BORN))
    with feed(database, "qualifications") as under_way:
        gaps = {2: RowGaps(unread={"expires_on": "is odd"})}
        under_way.add([(2, ends(None)), (3, ends(OTHER))], gaps)
        outcome = under_way.apply(ImportTerms(source="crm", now=NOW))

    assert (BORN, ["expires_on"]) == (
        the_row(database, "qualifications")["expires_on"], unread_fields(database),
    )  # fmt: skip
    assert {"expires_on": "line 3 says '1980-06-01', line 2 can't be read"} == (
        outcome.duplicates[0].differs
    )


def test_addresses_of_all_rows_are_suppressed(database: Database, standings: Standings) -> None:
    statuses(database)
    tell(database, "people", person("1", ANN, status="deceased"), person("1", BOB))

    found = standings.now([ANN, BOB])

    assert [[Scope.ALL], [Scope.ALL]] == [
        [entry.scope for holder in found[one].holders for entry in holder.suppressions]
        for one in (ANN, BOB)
    ]


def take_cut_off(database: Database, what: str, *records: object) -> None:
    """Take in a file that was cut off."""
    with feed(database, what) as under_way:
        under_way.add(list(enumerate(records, 2)))
        under_way.apply(ImportTerms(source="crm", now=NOW, is_doubtful=True))


@pytest.mark.parametrize(
    ("what", "column", "known", "told", "expected", "is_unread"),
    [
        ("people", "status", PLAIN, "deceased", "deceased", False),
        ("people", "status", "deceased", NO_BULK, "deceased", False),
        ("people", "status", NO_BULK, "deceased", "deceased", False),
        ("people", "status", "deceased", "", "deceased", False),
        ("people", "status", PLAIN, "", PLAIN, True),
        ("people", "consent_email", True, False, False, False),
        ("people", "consent_email", False, True, False, False),
        ("people", "finance_status", "paid", CALLED_OFF, CALLED_OFF, False),
        ("people", "finance_status", CALLED_OFF, "paid", CALLED_OFF, False),
        ("people", "active", True, False, True, False),
        ("people", "birthday", BORN, OTHER, BORN, True),
        ("people", "birthday", BORN, BORN, BORN, False),
        ("people", "first_name", "Ann", "Anna", "Ann", False),
        ("groups", "tag", "NoMailTag", "", "NoMailTag", False),
        ("groups", "tag", "", "NoMailTag", "NoMailTag", False),
        ("groups", "active", True, False, True, False),
        ("groups", "name", "Stil", "St", "Stil", False),
        ("statuses", "tag", "", "NoMailTag", "NoMailTag", False),
        ("statuses", "initial", True, False, False, False),
    ],
)
def test_of_a_file_that_was_cut_off_only_what_protects_counts(
    database: Database,
    what: str,
    column: str,
    known: object,
    told: object,
    expected: object,
    is_unread: bool,
) -> None:
    if what == "people":
        statuses(database)
    make = MAKERS[what]
    tell(database, what, make(**{column: known}))

    take_cut_off(database, what, make(**{column: told}))

    assert expected == the_row(database, what)[column]
    assert ([column] if is_unread else []) == unread_fields(database)


def test_new_people_of_a_file_that_was_cut_off_are_suppressed_and_mailed_nothing(
    database: Database, standings: Standings
) -> None:
    statuses(database)
    tell(database, "groups", no_bulk())

    take_cut_off(
        database, "people", person("1", ANN, status="deceased"), person("2", BOB, status=PLAIN)
    )
    take_cut_off(database, "memberships", member("2"))

    found = standings.now([ANN, BOB])
    assert [[Scope.ALL], [Scope.BULK]] == [
        [entry.scope for holder in found[one].holders for entry in holder.suppressions]
        for one in (ANN, BOB)
    ]
    assert [True, True] == [found[one].holders[0].doubtful for one in (ANN, BOB)]
    with database.reading() as connection:
        by_id = select(schema.feed.people.c.active).order_by(schema.feed.people.c.crm_id)
        # Only what suppresses is believed of such a file: nobody is mailed who is not active.
        assert [True, False] == list(connection.scalars(by_id))
    assert ["active", "active"] == unread_fields(database)


def test_an_address_of_a_file_that_was_cut_off_is_added(database: Database) -> None:
    tell(database, "people", person("1", ANN))

    take_cut_off(database, "people", person("1", BOB))

    assert ANN == the_row(database, "people")["emails"]
    assert [(ANN, 0), (BOB, 1000)] == addresses(database)


def addresses(database: Database) -> list[tuple[str, int]]:
    c = schema.feed.addresses.c
    with database.reading() as connection:
        return sorted(map(tuple, connection.execute(select(c.address, c.position))))


def test_what_protects_nobody_does_not_come_from_a_file_that_was_cut_off(
    database: Database,
) -> None:
    take_cut_off(database, "qualifications", ends(BORN))

    with database.reading() as connection:
        assert [] == list(connection.execute(select(LAYOUTS["qualifications"].table)))


def test_nothing_is_removed_by_a_list_that_was_cut_off(database: Database) -> None:
    tell(database, "people", somebody())
    with feed(database, "people") as under_way:
        under_way.keep_all([(2, ("candidate", "1"))])
        outcome = under_way.apply(ImportTerms(source="crm", now=NOW, remove=True, is_doubtful=True))

    assert (0, "1") == (outcome.removed, the_row(database, "people")["crm_id"])


@pytest.mark.parametrize(
    ("told", "has_end", "removed"),
    [(1, False, 0), (1, True, 1), (2, False, 0)],
)
def test_a_list_shorter_than_the_last_whose_last_line_has_no_end_removes_nothing(
    database: Database, told: int, has_end: bool, removed: int
) -> None:
    people = [person("1", ANN), person("2", BOB)]
    tell(database, "people", *people)
    ends = frozenset() if has_end else frozenset({"emails"})

    outcome = tell(database, "people", *people[:told], replace=True, open_columns=ends)
    again = tell(database, "people", *people[:told], replace=True, open_columns=ends)

    assert (removed, bool(told < 2 and not has_end)) == (outcome.removed, bool(outcome.cut_off))
    assert 2 - told - removed == again.removed  # As many rows twice: they are gone.


@pytest.mark.parametrize(
    ("known", "given", "expected", "is_unread"),
    [
        ("deceased", "s999", "deceased", True),
        ("deceased", PLAIN, PLAIN, False),
        ("deceased", "", "", False),
        (PLAIN, "s999", "s999", False),
    ],
)
def test_a_status_that_leads_nowhere_takes_none_away_that_keeps_mail_away(
    database: Database, known: str, given: str, expected: str, is_unread: bool
) -> None:
    statuses(database)
    tell(database, "people", somebody(status=known))

    tell(database, "people", somebody(status=given))

    assert expected == the_row(database, "people")["status"]
    assert (["status"] if is_unread else []) == unread_fields(database)


def test_what_is_not_known_yet_may_suppress(database: Database) -> None:
    with database.reading() as connection:
        widths = SuppressionWidths(connection, TAG_SCOPES)

        assert [0, 0.5, 2, 3] == [
            widths.tag(tag) for tag in ("", "SomeTag", "NoMailingsTag", "NoMailTag")
        ]
        assert [0, 0.5] == [widths.status("candidate", one) for one in ("", "unheard of")]


@pytest.mark.parametrize(
    ("known", "given", "expected", "is_told"),
    [
        ("", "NoMailingTag", "NoMailingsTag", True),
        ("", "Geen-MailingsTag", "NoMailingsTag", True),
        ("NoMailTag", "NoMailingTag", "NoMailTag", True),
        ("NoMailingsTag", "NoMailTags", "NoMailTag", True),
        ("NoMailingsTag", "VIP", "NoMailingsTag", True),
        ("", "VIP", "VIP", False),
        ("VIP", "Press", "Press", False),
        ("NoMailingsTag", "", "", False),
        ("NoMailTag", "NoMailingsTag", "NoMailingsTag", False),
    ],
)
def test_a_tag_nobody_knows_takes_none_away_that_keeps_mail_away(
    database: Database, known: str, given: str, expected: str, is_told: bool
) -> None:
    tell(database, "groups", replace(no_bulk(), tag=known))

    first, again = (tell(database, "groups", replace(no_bulk(), tag=given)) for _ in range(2))

    assert expected == the_row(database, "groups")["tag"]
    assert [is_told] * 2 == [bool(outcome.idle_tags) for outcome in (first, again)]


def test_a_tag_that_was_assumed_gives_way_to_one_that_can_be_read(database: Database) -> None:
    tell_unread(database, "groups", no_bulk(), "tag")

    tell(database, "groups", replace(no_bulk(), tag="VIP"))

    assert "VIP" == the_row(database, "groups")["tag"]


@pytest.mark.parametrize("unread_first", [True, False])
@pytest.mark.parametrize(
    ("what", "column", "taken_alone", "told", "expected"),
    [
        ("groups", "active", True, False, True),
        ("groups", "tag", "NoMailingsTag", "", "NoMailingsTag"),
        ("statuses", "tag", "NoMailTag", "", "NoMailTag"),
        ("statuses", "closed", True, False, True),
        ("people", "consent_email", False, True, False),
    ],
)
def test_of_rows_that_differ_one_that_can_not_be_read_protects_as_it_would_alone(
    database: Database,
    what: str,
    column: str,
    taken_alone: object,
    told: object,
    expected: object,
    unread_first: bool,
) -> None:
    make = MAKERS[what]
    unread_line, told_line = (2, 3) if unread_first else (3, 2)
    rows = [
        (unread_line, make(**{column: taken_alone})),
        (told_line, make(**{column: told})),
    ]
    with feed(database, what) as under_way:
        under_way.add(sorted(rows, key=lambda row: row[0]),
                      {unread_line: RowGaps(unread={column: "is odd"})})  # fmt: skip
        under_way.apply(ImportTerms(source="crm", now=NOW))

    assert (expected, [column]) == (the_row(database, what)[column], unread_fields(database))


def test_slips_in_tags_of_several_kinds_count_each_as_what_it_looks_like(
    database: Database,
) -> None:
    told = {"a": "NoMailingTag", "b": "NoMailTa", "d": "NoMailTag", "e": ""}

    tell(
        database,
        "groups",
        *(Group(kind=PersonKind.CANDIDATE, crm_id=key, tag=tag) for key, tag in told.items()),
    )

    columns = (schema.feed.groups.c.crm_id, schema.feed.groups.c.tag)
    with database.reading() as connection:
        tags = sorted(map(tuple, connection.execute(select(*columns))))
    assert [("a", "NoMailingsTag"), ("b", "NoMailTag"), ("d", "NoMailTag"), ("e", "")] == tags
