"""Files taken in, and their reports."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from gateway.core.people.people import (
    Group,
    Membership,
    Person,
    PersonKind,
    PersonRef,
    Staff,
    Status,
    StatusKind,
)
from gateway.crm.cells.values import RowFields
from gateway.crm.files import FeedFile, FileRefused
from gateway.crm.importer import ImportReport, import_file
from gateway.crm.kinds import KINDS
from gateway.store import schema
from gateway.store.engine.database import Database
from gateway.store.feed.feed import LAYOUTS
from gateway.store.people.people import find
from tests.crm.conftest import Write
from tests.store.feeding import tell

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
CANDIDATE, CONTACT = PersonKind.CANDIDATE, PersonKind.CONTACT


def records(path: Any, kind: str) -> list[object]:
    """Return what the rows of a file make."""
    chosen = KINDS[kind]
    return [chosen.record(RowFields(row.texts)) for row in FeedFile(path, chosen).rows()]


def take(database: Database, path: Any, kind: str = "people", **terms: Any) -> ImportReport:
    """Take a file in."""
    return import_file(database, kind, path, **{"source": "crm", "now": NOW, **terms})


def people(database: Database) -> list[str]:
    """Return the crm_ids of the people known."""
    with database.reading() as connection:
        return sorted(connection.scalars(select(schema.feed.people.c.crm_id)))


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
    ("cell", "roles"),
    [
        ("manager;evaluator", ("manager", "evaluator")),
        ('"manager, evaluator"', ("manager", "evaluator")),
        ('"manager,evaluator,"', ("manager", "evaluator")),
        ('"Manager, Sales;"', ("Manager, Sales",)),
        ('"Manager, Sales; evaluator"', ("Manager, Sales", "evaluator")),
    ],
)
def test_commas_divide_roles_where_no_semicolon_does(
    write: Write, cell: str, roles: tuple[str, ...]
) -> None:
    path = write("crm_id,roles", f"7,{cell}", name="staff.csv")

    assert [Staff(crm_id="7", name="", email="", roles=roles)] == records(path, "staff")


@pytest.mark.parametrize(
    ("cell", "email", "left_out"),
    [
        ("a@x.example; b@x.example", "a@x.example", ["b@x.example"]),
        ('"Ann <a@x.example>, b@x.example / c@x.example"', "a@x.example",
         ["b@x.example", "c@x.example"]),
        ("a@x.example; A@X.example", "a@x.example", []),
        ("a@x.example", "a@x.example", []),
    ],
    ids=["two", "three", "one twice", "one"],
)  # fmt: skip
def test_addresses_of_staff_that_are_left_out_are_told(
    database: Database, write: Write, cell: str, email: str, left_out: list[str]
) -> None:
    path = write(
        "crm_id,name,email,roles", "6,Bob,bob@x.example,r", f"7,Ann,{cell},r", name="staff.csv"
    )

    report = take(database, path, "staff")

    with database.reading() as connection:
        kept = list(connection.scalars(select(schema.feed.staff.c.email).order_by("crm_id")))
    assert ["bob@x.example", email] == kept
    assert [(3, "email", other) for other in left_out] == [
        (problem.line, problem.column, problem.value) for problem in report.problems
    ]
    assert all("a row of its own" in problem.cure for problem in report.problems)
    assert report.is_good is not bool(left_out)


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
        "candidate,4,,31-31-1980,",
        "candidate,5,,",
        "candidate,6,no address;bob@example.org,,",
        b"candidate,7,,,Zo\xeb",
        "candidate,8,,,Zoë",
    )

    report = take(database, path)

    assert ["1", "4", "5", "6", "7", "8"] == people(database)
    assert [
        (3, "kind: not one of candidate, contact: 'robot'"),
        (4, "crm_id: is blank"),
        (5, "birthday: not a date such as 1980-05-31: '31-31-1980'"),
        (6, "has 4 fields where the header has 5"),
        (7, "emails: 'no address' is left out: it has no @"),
        (8, "first_name: is not UTF-8"),
    ] == [(problem.line, problem.text) for problem in report.problems]
    assert (False, 6, 6) == (report.is_good, report.problem_count, report.records)
    assert [
        ("kind", "robot", "write one of candidate, contact"),
        ("crm_id", "", "give each row its key"),
        ("birthday", "31-31-1980", "write it as 1980-05-31"),
        ("", "", ""),
        ("first_name", "Zo\\udceb", "save the file as UTF-8"),
    ] == [
        (problem.column, problem.value, problem.cure)
        for problem in report.problems
        if problem.column != "emails"
    ]


UNREADABLE: dict[str, list[tuple[str, str, str, dict[str, object], dict[str, object]]]] = {
    # column, its old text, an unreadable one, what is known before, what a new row gets
    "people": [
        ("first_name", "Ann", "\0", {"first_name": "Ann"}, {"first_name": ""}),
        ("status", "s9", "\0", {"status": "s9"}, {"status": ""}),
        ("finance_status", "f", "\0", {"finance_status": "f"}, {"finance_status": ""}),
        ("owner", "7", "\0", {"owner": "7"}, {"owner": ""}),
        ("language", "nl", "Klingon", {"language": "nl"}, {"language": ""}),
        ("birthday", "1980-05-31", "soon", {"anniversary": 531}, {"anniversary": None}),
        ("consent_email", "yes", "perhaps", {"consent_email": True}, {"consent_email": False}),
        ("mail_on_set_date", "yes", "?", {"mail_on_set_date": True}, {"mail_on_set_date": False}),
        ("active", "no", "perhaps", {"active": False}, {"active": True}),
        ("emails", "a@x.org", "a@", {"emails": "a@x.org", "unusable": "a@"}, {"emails": ""}),
    ],
    "staff": [
        ("email", "a@x.org", "a@", {"email": "a@x.org", "address": "a@x.org"}, {"address": ""}),
        ("roles", "manager", "\0", {"roles": "manager"}, {"roles": ""}),
    ],
    "groups": [
        ("name", "Stil", "\0", {"name": "Stil"}, {"name": ""}),
        ("tag", "T", "\0", {"tag": "T"}, {"tag": "NoMailingsTag"}),
        ("active", "yes", "perhaps", {"active": True}, {"active": True}),
    ],
    "statuses": [
        ("name", "Weg", "\0", {"name": "Weg"}, {"name": ""}),
        ("tag", "T", "\0", {"tag": "T"}, {"tag": "NoMailTag"}),
        ("initial", "yes", "perhaps", {"initial": True}, {"initial": False}),
        ("closed", "no", "perhaps", {"closed": False}, {"closed": True}),
    ],
    "programmes": [("name", "Care", "\0", {"name": "Care"}, {"name": ""})],
    "applications": [
        ("person", "17", "", {"kind": "candidate", "person": "17"}, {"person": ""}),
        ("kind", "contact", "robot", {"kind": "contact", "person": "1"}, {"person": ""}),
        ("status", "s1", "\0", {"status": "s1"}, {"status": ""}),
        ("responsible", "7", "\0", {"responsible": "7"}, {"responsible": ""}),
        ("submitted_at", "2026-11-20", "soon", {}, {"submitted_at": None}),
    ],
    "qualifications": [
        ("person", "17", "", {"person": "17"}, {"person": ""}),
        ("acquired_on", "2026-01-31", "soon", {}, {"acquired_on": None}),
        ("expires_on", "2026-01-31", "soon", {}, {"expires_on": None}),
        ("notice_days", "30", "a month", {"notice_days": 30}, {"notice_days": None}),
    ],
    "deliveries": [("closed_on", "2026-01-31", "soon", {}, {"closed_on": None})],
}


def one_row(kind: str, column: str, text: str) -> tuple[str, str]:
    """Return a header and a row of a kind with its key and one more field."""
    fields = dict.fromkeys(sorted(KINDS[kind].needed), "1") | {column: text}
    return ",".join(fields), ",".join(fields.values())


def the_row(database: Database, kind: str) -> dict[str, Any]:
    """Return the only row of a kind as the store has it."""
    table = LAYOUTS[kind].table
    with database.reading() as connection:
        return dict(connection.execute(select(table)).mappings().one())


@pytest.mark.parametrize(
    ("kind", "column", "old", "unreadable", "before", "new"),
    [(kind, *case) for kind, cases in UNREADABLE.items() for case in cases],
)
def test_a_field_that_can_not_be_read_keeps_its_old_value_and_protects_where_there_is_none(
    database: Database,
    write: Write,
    kind: str,
    column: str,
    old: str,
    unreadable: str,
    before: dict[str, object],
    new: dict[str, object],
) -> None:
    bad = write(*one_row(kind, column, unreadable), name="bad.csv")

    fresh = take(database, bad, kind)
    assert new.items() <= the_row(database, kind).items()

    take(database, write(*one_row(kind, column, old), name="good.csv"), kind)
    known = the_row(database, kind)
    report = take(database, bad, kind)

    assert before.items() <= the_row(database, kind).items()
    aside = {"unusable": "", "doubtful": None, "status_unread_since": None}
    assert {**known, **aside} == {**the_row(database, kind), **aside}
    assert [1, 1] == [fresh.records, report.records]
    assert [column] == list({problem.column for problem in report.problems})
    assert all(problem.line == 2 and problem.cure for problem in report.problems)


def test_the_other_fields_of_a_row_count(database: Database, write: Write) -> None:
    header = "crm_id,first_name,birthday,status"
    take(database, write(header, "17,Ann,1980-05-31,s1"))

    report = take(database, write(header, b"17,Zo\x81,31.13.1980,deceased"))

    row = the_row(database, "people")
    assert ("Ann", date(1980, 5, 31), "deceased") == (
        row["first_name"], row["birthday"], row["status"],
    )  # fmt: skip
    assert (1, 2) == (report.outcome.changed, report.problem_count)


def test_an_address_known_before_keeps_mail_away_while_a_cell_can_be_read_in_part(
    database: Database, write: Write
) -> None:
    header = "crm_id,emails"

    def known() -> list[str]:
        with database.reading() as connection:
            return sorted(connection.scalars(select(schema.feed.addresses.c.address)))

    take(database, write(header, "17,ann@example.org"))
    take(database, write(header, "17,bob@example.org;ann @example.org"))
    in_part = (the_row(database, "people")["emails"], known())
    again = take(database, write(header, "17,bob@example.org;ann @example.org"))
    take(database, write(header, "17,niet cas@example.org maar dan@example.org"))
    unread = (the_row(database, "people")["emails"], known())
    take(database, write(header, "17,eva@example.org"))

    ann, bob = "ann@example.org", "bob@example.org"
    assert (bob, [ann, bob]) == in_part
    assert 0 == again.outcome.changed
    assert (bob, [ann, bob, "cas@example.org", "dan@example.org"]) == unread
    assert ["eva@example.org"] == known()


def test_a_line_of_json_without_a_column_of_others_leaves_it_as_it_is(
    database: Database, write: Write
) -> None:
    take(database, write("crm_id,status,emails", "17,deceased,ann@example.org"))

    lines = ['{"crm_id": "18", "status": "s1", "emails": ["b@x.org"]}', '{"crm_id": "17"}']
    take(database, write(*lines, name="people.jsonl"))
    take(database, write(*reversed(lines), name="people.jsonl"))

    with database.reading() as connection:
        ((record,)) = find(connection, PersonRef(CANDIDATE, "17"))
    assert ("deceased", ("ann@example.org",)) == (record.person.status, record.addresses)


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


CUT_OFF = {
    # kind, what is known, how the file ends, what stays or comes
    "an open quote": ("people", "1,Ann,deceased\n2,Bob,\n", '1,Ann,\n2,"Bob,deceased\n'),
    "half a row": ("people", "1,Ann,deceased\n2,Bob,\n", "1,Ann,\n2,Bo"),
}


@pytest.mark.parametrize("case", CUT_OFF)
def test_a_file_that_ends_in_mid_row_lifts_nothing_and_removes_nothing(
    database: Database, tmp_path: Any, case: str
) -> None:
    kind, known, text = CUT_OFF[case]
    header = "crm_id,first_name,status\n"
    whole, cut = tmp_path / "whole.csv", tmp_path / "cut.csv"
    whole.write_text(header + known)
    cut.write_text(header + text)
    take(database, tmp_path / "whole.csv", kind)
    dead = Status(kind=StatusKind.CANDIDATE, crm_id="deceased", tag="NoMailTag")
    tell(database, "statuses", dead)

    report = take(database, cut, kind, replace=True)
    before = statuses_of(database)
    lifted = take(database, cut, kind, lift=True)

    assert {"1": "deceased", "2": ""} == before
    assert "line 3" in report.is_truncated
    assert (False, True, 0) == (report.is_good, report.is_incomplete, report.outcome.removed)
    assert report.is_truncated == report.document()["truncated"]
    assert {"1": "", "2": ""} == statuses_of(database)
    assert not lifted.is_good


@pytest.mark.parametrize(
    ("known", "end", "status"),
    [
        ("deceased", "dece", "deceased"),
        ("deceased", "", "deceased"),
        ("deceased", "s1", "s1"),
        ("s1", "deceased", "deceased"),
        ("deceased", "\n", ""),
    ],
)
def test_a_last_field_that_may_be_cut_off_keeps_its_old_value(
    database: Database, write: Write, known: str, end: str, status: str
) -> None:
    take(database, write("crm_id,status", f"1,{known}"))

    path = write("crm_id,status")
    path.write_text(f"crm_id,status\n1,{end}")
    take(database, path)

    assert {"1": status} == statuses_of(database)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("1,deceased", {"1": "deceased"}),
        ("1,s2", {"1": "s1"}),
        ("1", {"1": "s1"}),
        ("9,deceased", {"1": "s1", "9": "deceased"}),
        ("9,s2", {"1": "s1", "9": "s2"}),
        ("1,deceased,Bos, Ann", {"1": "s1"}),
    ],
)
def test_of_a_row_with_fields_missing_only_what_protects_counts(
    database: Database, write: Write, row: str, expected: dict[str, str]
) -> None:
    dead = Status(kind=StatusKind.CANDIDATE, crm_id="deceased", tag="NoMailTag")
    plain = Status(kind=StatusKind.CANDIDATE, crm_id="s2")
    tell(database, "statuses", dead, plain)
    header = "crm_id,status,first_name"
    take(database, write(header, "1,s1,Ann"))

    report = take(database, write(header, row), replace=True)

    assert expected == statuses_of(database)
    assert (2, True) == (report.problems[0].line, report.is_incomplete)


def statuses_of(database: Database) -> dict[str, str]:
    c = schema.feed.people.c
    with database.reading() as connection:
        return dict(map(tuple, connection.execute(select(c.crm_id, c.status))))


def test_rows_that_contradict_each_other_are_reported_with_all_lines(
    database: Database, write: Write
) -> None:
    report = take(database, write("crm_id,tag", "g1,NoMailingsTag", "g2,", "g1,", "g2,"), "groups")

    [problem] = report.problems
    assert (4, "tag", "leave one row for each") == (problem.line, problem.column, problem.cure)
    assert (
        "candidate:g1 stands in lines 2, 4, which differ: "
        "tag: line 2 says 'NoMailingsTag', line 4 says nothing"
    ) == problem.text
    document = report.document()
    assert 2 == document["duplicate_count"]
    assert [[2, 4], [3, 5]] == [one["lines"] for one in document["duplicates"]]
    assert [["tag"], []] == [list(one["differs"]) for one in document["duplicates"]]


@pytest.mark.parametrize(
    ("before", "now", "is_said"), [(40, 20, True), (40, 21, False), (19, 1, False), (20, 0, True)]
)
def test_a_file_with_half_of_the_rows_of_the_last_one_says_so(
    database: Database, write: Write, before: int, now: int, is_said: bool
) -> None:
    take(database, write("crm_id", *map(str, range(before))))
    take(database, write("crm_id", "x"), is_listing=False)
    take(database, write("crm_id", "x"), source="another")

    report = take(database, write("crm_id", *map(str, range(now))))

    said = f"has {now} people where the last file had {before}: "
    assert ([said] if is_said else []) == [one[: len(said)] for one in report.remarks]
    assert before + 1 == len(people(database))


@pytest.mark.parametrize("header", ["group,person", "group,person\n,\n,"])
def test_a_full_file_without_a_row_lifts_nothing_by_itself(
    database: Database, write: Write, header: str
) -> None:
    take(database, write("crm_id,tag", "g1,NoMailingsTag"), "groups")
    take(database, write("crm_id,emails", "17,ann@example.org"))
    take(database, write("group,person", "g1,17", ""), "memberships", replace=True)

    held = take(database, write(header), "memberships", replace=True)
    lifted = take(database, write(header), "memberships", replace=True, lift=True)

    assert (True, "1 suppression, with 0 rows where the last file had 1") == (
        held.outcome.is_held_back,
        held.lifted_of_held,
    )
    assert (False, 1) == (lifted.outcome.is_held_back, lifted.outcome.suppressions_lifted)


def test_a_full_file_without_a_row_is_applied_where_it_lifts_nothing(
    database: Database, write: Write
) -> None:
    take(database, write("crm_id,emails", "17,ann@example.org"))

    report = take(database, write("crm_id,emails"), replace=True)

    assert (False, 1, []) == (report.outcome.is_held_back, report.outcome.removed, people(database))


def test_a_tag_that_a_json_object_has_twice_keeps_mail_away(
    database: Database, write: Write
) -> None:
    twice = '{"crm_id": "%s", "tag": "NoMailingsTag", "Tag": ""}'
    take(database, write("crm_id,tag", "g1,NoMailingsTag"), "groups")

    report = take(database, write(twice % "g1", twice % "g2"), "groups")

    with database.reading() as connection:
        found = connection.execute(select(schema.feed.groups.c.crm_id, schema.feed.groups.c.tag))
        tags = dict(map(tuple, found))
    assert {"g1": "NoMailingsTag", "g2": "NoMailingsTag"} == tags
    assert [(1, "tag"), (2, "tag")] == [
        (problem.line, problem.column) for problem in report.problems
    ]


def test_progress_is_told_in_octets(database: Database, write: Write) -> None:
    path = write("crm_id", *map(str, range(12_000)))
    told: list[tuple[int, int]] = []

    report = take(database, path, progress=lambda done, total: told.append((done, total)))

    size = path.stat().st_size
    assert (12_000, (size, size), 3) == (report.records, told[-1], len(told))


def test_a_report_can_be_printed_as_json(database: Database, write: Write) -> None:
    report = take(database, write("crm_id,emails", "1,x@", "2,"), dry_run=True, replace=True)

    document = report.document()

    assert {
        "line": 2,
        "text": report.problems[0].text,
        "column": "emails",
        "value": "x@",
        "cure": "write it as ann@example.org",
    } == document["problems"][0]
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


@pytest.mark.parametrize(
    ("kind", "expected", "is_told"),
    [
        ("Kandidaat", CANDIDATE, False),
        ("KANDIDAT", CANDIDATE, False),
        ("Bewerber", CANDIDATE, False),
        ("contact-persoon", CONTACT, False),
        ("Ansprechpartner", CONTACT, False),
        ("kandidate", CANDIDATE, True),
        ("Kontakte", CONTACT, True),
        (b"kandid\xe4t", CANDIDATE, True),
        ("#N/A", CANDIDATE, True),
    ],
)
def test_whose_kind_can_not_be_read_still_gets_the_status_that_keeps_mail_away(
    database: Database, write: Write, kind: str | bytes, expected: PersonKind, is_told: bool
) -> None:
    for each in PersonKind:
        tell(database, "people", Person(ref=PersonRef(each, "17"), status="here"))
        tell(database, "statuses", Status(kind=StatusKind(each), crm_id="gone", tag="NoMailTag"))
    first = kind if isinstance(kind, bytes) else kind.encode()
    path = write(b"kind,crm_id,status", first + b",17,gone", "candidate,18,Zoë")

    report = take(database, path, replace=True, lift=True)

    with database.reading() as connection:
        told = select(schema.feed.people.c.kind).where(schema.feed.people.c.status == "gone")
        gone = connection.scalars(told).all()
    assert [expected] == gone
    assert is_told == report.is_incomplete == ("kind" in [one.column for one in report.problems])


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ('{"crm_id": "17", "status": "gone"', "gone"),
        ('{"crm_id": "17", "status": "gone", "emails": ["a@x', "gone"),
        ('{"crm_id": "17", "status": "gone", "first_name": Ann}', "gone"),
        ('{"crm_id": "17", "status": "gone", "owner": {"id": 1}, "active": true}', "gone"),
        ('{"crm_id": "17", "status": "left", "first_name": Ann}', "here"),
        ('{"status": "gone", "crm_id": 17', "here"),  # It may be 1700.
        ('{"crm_id": "17", "status": "gon', "here"),
        ("[", "here"),
    ],
)
def test_what_is_whole_in_a_broken_object_only_adds_what_keeps_mail_away(
    database: Database, write: Write, line: str, status: str
) -> None:
    for crm_id, tag in (("gone", "NoMailTag"), ("here", ""), ("left", "")):
        tell(database, "statuses", Status(kind=StatusKind.CANDIDATE, crm_id=crm_id, tag=tag))
    for crm_id in ("17", "18"):
        tell(database, "people", Person(ref=PersonRef(CANDIDATE, crm_id), status="here"))
    path = write('{"crm_id": "18", "status": "left"}', line, name="people.jsonl")

    report = take(database, path, replace=True)

    with database.reading() as connection:
        told = select(schema.feed.people.c.status).where(schema.feed.people.c.crm_id == "17")
        assert status == connection.scalar(told)
    assert report.problem_count
    assert ["17", "18"] == people(database)
