"""Rows of an erased person are taken out of files that were handled, and all others stay."""

import json
from pathlib import Path

import pytest

from gateway.core.people.mentions import Mentions
from gateway.core.people.people import PersonRef
from gateway.crm.files import FieldReading
from gateway.crm.row_removal import (
    RowsNotRemovable,
    remove_from_report,
    remove_rows,
    report_of,
)
from tests.crm.test_workbook import sheet, text, workbook

ANN = PersonRef.parse("candidate:17")
WORDS = Mentions(["ann@example.org", "Zandvoörter", "candidate:17"], "erased")


def taken_out(file: Path, *, dry_run: bool = False) -> list[int]:
    return remove_rows(
        file, names_person=WORDS.are_in, ref=ANN, reading=FieldReading(), dry_run=dry_run
    )


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        (
            "people.csv",
            "crm_id,first_name,emails\n17,Ann,a@x.org\n18,Bob,bob@x.org\n",
            "crm_id,first_name,emails\n18,Bob,bob@x.org\n",
        ),
        # A row of two lines, and quotes.
        (
            "people-2.csv",
            'crm_id;emails;last_name\n17;a@x.org;"Ann\nB"\n18;bob@x.org;"B; C"\n',
            'crm_id;emails;last_name\n18;bob@x.org;"B; C"\n',
        ),
        # A group that is called as the person is not the person; nor is a contact of that key.
        (
            "memberships.full.csv",
            "kind,group,person\ncandidate,17,18\ncandidate,g,17\ncontact,g,17\n,g,17\n",
            "kind,group,person\ncandidate,17,18\ncontact,g,17\n",
        ),
        (
            "people.jsonl",
            '{"crm_id": "17", "emails": "a@x.org"}\n{"crm_id": "18", "emails": ["b@x.org"]}\n',
            '{"crm_id": "18", "emails": ["b@x.org"]}\n',
        ),
        # What the row's columns don't tell, its words do.
        (
            "people.csv.refused.csv",
            "crm_id,emails,line,reason\n,ann@example.org,2,no crm_id\n,b@x.org,3,no crm_id\n",
            "crm_id,emails,line,reason\n,b@x.org,3,no crm_id\n",
        ),
        ("groups.csv", "crm_id,name\n17,All\n", "crm_id,name\n17,All\n"),
    ],
)
def test_the_persons_rows_go_and_the_others_stay(
    tmp_path: Path, name: str, before: str, after: str
) -> None:
    file = tmp_path / name
    file.write_text(before)
    is_in = before != after

    assert is_in == bool(taken_out(file, dry_run=True))
    assert before == file.read_text()
    assert is_in == bool(taken_out(file))
    assert after == file.read_text()
    assert [file] == list(tmp_path.iterdir())
    assert [] == taken_out(file)


@pytest.mark.parametrize("codec", ["cp1252", "utf-16", "utf-8-sig"])
def test_words_are_seen_in_every_encoding(tmp_path: Path, codec: str) -> None:
    file = tmp_path / "people.csv"
    file.write_text("crm_id,last_name\n20,Zandvoörter\n18,Bösch\n", encoding=codec)

    assert [2] == taken_out(file)
    assert "crm_id,last_name\n18,Bösch\n" == file.read_text(encoding="utf-8-sig")


@pytest.mark.parametrize("name", ["export.csv", "people.xls", "people.csv"])
def test_what_cannot_be_read_is_left_and_told(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text("nothing, known\nann@example.org, here\n")

    with pytest.raises(RowsNotRemovable):
        taken_out(file)
    assert "ann@example.org" in file.read_text()


def test_a_workbook_is_told_where_it_names_the_person(tmp_path: Path) -> None:
    file = workbook(tmp_path / "people.xlsx", {"people": sheet([text("crm_id")], [text("17")])})
    other = workbook(tmp_path / "people-2.xlsx", {"people": sheet([text("crm_id")], [text("18")])})

    with pytest.raises(RowsNotRemovable):
        taken_out(file)
    assert [] == taken_out(other)


def test_a_report_loses_what_it_says_of_the_persons_lines(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    report = report_of(file)
    remove_from_report(report, [2], WORDS.replaced_in, ANN)  # There is none.
    problems = [{"line": 2, "text": "Ann is no date"}, {"line": 3, "text": "Bob is no date"}]
    used = [{"line": 9, "given": "17"}, {"line": 9, "given": "18", "text": "ann@example.org"}]
    report.write_text(json.dumps({"problems": problems, "references": used}))

    remove_from_report(report, [2], WORDS.replaced_in, ANN)

    assert {
        "problems": problems[1:],
        "references": [
            {"line": 9, "given": "erased"},
            {"line": 9, "given": "18", "text": "erased"},
        ],
    } == json.loads(report.read_text())
