"""A column of people that says who wants no mail makes members of a group."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.core.decision.decide import blocking
from gateway.core.feed.feed_mapping import KindMapping, read_mapping, read_mappings
from gateway.core.kinds import TAG_SCOPES, Kind
from gateway.crm.importer import ImportReport, import_file
from gateway.crm.kinds import KINDS
from gateway.crm.propose import propose
from gateway.store.engine.database import Database
from gateway.store.people.suppression import Standings
from tests.crm.conftest import Write
from tests.store.feeding import NOW, deceased, no_bulk, person, tell

BY_YES_AND_NO = '{column = "Mass Mail Opt Out", values = {"No" = "", "Yes" = "quiet"}}'
BY_ANYTHING = '{column = "Uitgeschreven op", values = {"" = "", "*" = "quiet"}}'


@pytest.mark.parametrize(
    ("group", "rows", "members", "problems"),
    [
        pytest.param(
            BY_YES_AND_NO,
            ["ID,Mass Mail Opt Out", "17,Yes", "18,No", "19, no "],
            ["17"],
            [],
            id="a word for no group: there is no member",
        ),
        pytest.param(
            BY_YES_AND_NO,
            ["ID,Mass Mail Opt Out", "17,Yes", "18,"],
            ["17", "18"],
            ["group: is blank"],
            id="a blank that the mapping says nothing of may be anything",
        ),
        pytest.param(
            BY_YES_AND_NO,
            ["ID,Mass Mail Opt Out", "17,Yes", "18,#N/A"],
            ["17", "18"],
            ["group: has no value: '#N/A'"],
            id="nor is the error of a spreadsheet a no",
        ),
        pytest.param(
            '{column = "Mass Mail Opt Out", values = {"Yes" = "quiet", "*" = ""}}',
            ["ID,Mass Mail Opt Out", "17,Yes", "18,#N/A", "19,perhaps"],
            ["17", "18"],
            ["group: has no value: '#N/A'"],
            id="even where any other word is one",
        ),
        pytest.param(
            BY_ANYTHING,
            ["ID,Uitgeschreven op", "17,31-12-2025", "18,", "19, ", "20,per mail"],
            ["17", "20"],
            [],
            id="any other word",
        ),
        pytest.param(
            '{column = "Uitgeschreven op", values = {"nee" = "", "*" = "quiet"}}',
            ["ID,Uitgeschreven op", "17,ja", "18,nee", "19,"],
            ["17", "19"],
            ["group: is blank"],
            id="a blank is no word",
        ),
    ],
)
def test_members_are_those_of_whom_the_column_says_so(
    write: Write,
    database: Database,
    group: str,
    rows: Sequence[str],
    members: Sequence[str],
    problems: Sequence[str],
) -> None:
    report = take_members(write, database, group, rows)

    assert members == kept_away(database)
    assert problems == [problem.text.partition(";")[0] for problem in report.problems]


def test_who_is_opted_in_again_is_no_member_any_more(write: Write, database: Database) -> None:
    take_members(write, database, BY_YES_AND_NO, ["ID,Mass Mail Opt Out", "17,Yes", "18,Yes"])

    report = take_members(
        write, database, BY_YES_AND_NO, ["ID,Mass Mail Opt Out", "17,Yes", "18,No"], lift=True
    )

    assert ["17"] == kept_away(database)
    assert "1 row left out, as the mapping gives no group for the word there" in report.remarks


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        (b"Unbekannt \xfc\x81", "is not UTF-8"),
        (b"N\0o", "contains a NUL"),
        (b"#N/A", "has no value"),
    ],
)
def test_what_cant_be_read_is_no_other_word(
    write: Write, database: Database, cell: bytes, fault: str
) -> None:
    """`"*"` stands for words; a status, too, is none where its cell can't be read."""
    by_others = '{column = "Opt out", values = {"ja é" = "quiet", "*" = ""}}'
    rows: list[str | bytes] = ["ID,Opt out", "17,ja é", b"18," + cell, "19,nein"]

    report = take_members(write, database, by_others, rows)

    assert ["17", "18"] == kept_away(database)
    assert [fault] == [
        problem.text.removeprefix("group: ").partition(":")[0] for problem in report.problems
    ]


def test_a_status_that_cant_be_read_is_no_other_word(write: Write, database: Database) -> None:
    mapping = read_mapping("people", {"status": {"values": {"dood é": "dead", "*": ""}}}, {})
    tell(database, "statuses", deceased())
    path = write("crm_id,emails,status", "17,p17@x.org,dood é", b"18,p18@x.org,dood \xfc\x81")

    import_file(database, "people", path, source="crm", now=NOW, mapping=mapping)

    assert ["17", "18"] == kept_away(database)


@pytest.mark.parametrize(
    ("end", "members"),
    [
        pytest.param("18,", ["17", "18"], id="a blank where the file may be cut off"),
        pytest.param("18,No", ["17", "18"], id="what may be the beginning of another word"),
        pytest.param("18,No\n", ["17"], id="a whole line"),
        pytest.param("18,Nee", ["17"], id="a word that no other begins with"),
    ],
)
def test_a_file_that_may_be_cut_off_lifts_nothing(
    write: Write, database: Database, end: str, members: Sequence[str]
) -> None:
    group = '{column = "Opt", values = {"" = "", "No" = "", "Nee" = "", "No mail" = "quiet"}}'
    take_members(write, database, group, ["ID,Opt", "17,No mail", "18,No mail"])
    path = write(f"ID,Opt\n17,No mail\n19,No mail\n{end}", end=b"")

    take_members(write, database, group, [], path=path)

    assert members == [crm_id for crm_id in kept_away(database) if crm_id != "19"]


def test_json_is_left_out_as_well(write: Write, database: Database) -> None:
    rows = ('{"ID": 17, "Mass Mail Opt Out": "Yes"}', '{"ID": 18, "Mass Mail Opt Out": "No"}')

    report = take_members(write, database, BY_YES_AND_NO, rows, name="people.jsonl")

    assert ["17"] == kept_away(database)
    assert 0 == report.problem_count


@pytest.mark.parametrize(
    ("header", "cells", "members"),
    [
        ("HASOPTEDOUTOFEMAIL", ("true", "false", "false", "false"), ["17"]),
        ("Unsubscribed from all email", ("", "true", "", ""), ["18"]),
        ("Uitgeschreven op", ("", "", "31-12-2025", ""), ["19"]),
        ("Newsletter", ("yes", "no", "yes", "yes"), ["18"]),
        ("Newsletter", ("yes", "no", "", "yes"), ["18", "19"]),
    ],
)
def test_what_is_proposed_for_such_a_column_can_be_pasted(
    write: Write, database: Database, header: str, cells: Sequence[str], members: Sequence[str]
) -> None:
    rows = [f"ID,Email,{header}", *(f"{17 + n},p{n}@x.org,{cell}" for n, cell in enumerate(cells))]
    proposed = propose(write(*rows), KINDS["people"])
    _, _, table = proposed.partition("# [crm.map.memberships]\n")
    lines = [line.removeprefix("# ") for line in table.splitlines() if line.startswith("# ")]
    mapping = tomllib.loads("\n".join(lines).replace("opt-out", "quiet"))

    report = take_members(
        write, database, "", rows, mapping=read_mapping("memberships", mapping, {})
    )

    assert members == kept_away(database)
    assert 0 == report.problem_count


def test_words_of_which_nobody_knows_whom_they_keep_mail_from_are_named(write: Write) -> None:
    """As Dynamics 365 exports it."""
    header = "ID,Email,Do not allow Bulk Emails"
    cells = ("Allow", "Do Not Allow", "Allow")
    rows = (f"{17 + n},p{n}@x.org,{cell}" for n, cell in enumerate(cells))

    proposed = propose(write(header, *rows), KINDS["people"])

    assert "words that let mail through set to \"\" (of 'Allow', 'Do Not Allow')" in proposed
    assert '"Allow" = "opt-out", "Do Not Allow" = "opt-out", "*" = "opt-out"' in proposed


def take_members(
    write: Write,
    database: Database,
    group: str,
    rows: Sequence[str | bytes],
    *,
    name: str = "people.csv",
    path: Path | None = None,
    mapping: KindMapping | None = None,
    **terms: Any,
) -> ImportReport:
    """Take the members of a quiet group in, all of them, from a file of four people."""
    everybody = [person(str(number), f"p{number}@x.org") for number in range(17, 21)]
    tell(database, "people", *everybody)
    tell(database, "groups", no_bulk())
    if mapping is None:
        table = f'person = "ID"\ngroup = {group}\nignore = ["*"]'
        mapping = read_mappings(tomllib.loads(f"[memberships]\n{table}"), {})["memberships"]
    path = path or write(*rows, name=name)
    return import_file(
        database, "memberships", path, source="crm", now=NOW, replace=True, mapping=mapping, **terms
    )


def kept_away(database: Database) -> list[str]:
    """Return who gets no bulk mail."""
    standings = Standings(database, tag_scopes=TAG_SCOPES, clock=lambda: NOW)
    with database.reading() as connection:
        known = standings.within(connection, [f"p{number}@x.org" for number in range(17, 21)])
    return [address[1:3] for address in sorted(known) if blocking(Kind.BULK, known[address])]
