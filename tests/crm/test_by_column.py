"""Rows read column by column are read as each of them is by itself."""

import string
from datetime import UTC, date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from gateway.core.feed.feed_mapping import AS_OURS, ColumnMapping, KindMapping
from gateway.crm import delimited
from gateway.crm.by_column import ColumnReader
from gateway.crm.cells.values import KeyUnreadable, RowFields
from gateway.crm.columns import ERRORS
from gateway.crm.delimited import CellBlock, CellRow, DelimitedRows
from gateway.crm.files import FeedFile, FieldReading, RawRow, RowBlock
from gateway.crm.importer import import_file
from gateway.crm.kinds import KINDS, FileKind
from gateway.store import schema
from gateway.store.engine.database import Database
from gateway.store.feed.feed import LAYOUTS
from gateway.store.feed.layouts import mailboxes
from tests.crm.conftest import Write
from tests.store.feeding import NOW, deceased, person, tell

#: What stands in cells of each sort, and what programs and people make of it.
_TEXTS = (
    *(
        "",
        " ",
        "17",
        "00017",
        " 17",
        "17 ",
        "17\u00a0",
        "a\u0301",
        "á",
        "Ünal",
        "Ωmega",
        "x\u200by",
    ),
    *(
        "d'Hondt",
        "'=17",
        "'+31",
        '="00017"',
        "=1+1",
        "#N/A",
        " #REF!",
        "#1",
        "a\nb",
        "a\tb",
        "\x7f",
    ),
    *("candidate", "Kontakt", "kandidate", "robot", "company", "nl", "nl-BE", "Dutch", "NL"),
    *("yes", "Nee", "1", "0.0", "perhaps", "✓", "1980-05-31", "1980-02-30", "31.05.1980"),
    *("05/04/1980", "0000-00-00", "1900-01-01", "1980-05-31T08:30:00", "2026-05-31T08:30Z", "30"),
    *("ann@x.org", "Ann@X.org", "ann+1@x.org", "a@xn--bcher-kva.example", "Ann <ann@x.org>"),
    *("O&#039;Brien@x.org", "p&amp;q@x.org;&lt;a@x.org&gt;", "p&amp@x.org", "a@x.org、b@x.org"),
    *("a@x.org; b@x.org", "a@x.org;A@X.ORG", "a@x.org, b@x.org", "niet a@x.org", "ann(at)x.org"),
    *(
        "ann@x.org.",
        "`ann@x.org`",
        "a@bücher.example",
        "'ann@x.org'",
        "=ann@x.org",
        "ann@x.org\u200b",
        "ann",
        ";",
        "ann@x.org ",
    ),
    *(
        "NoMailingsTag",
        "no-mail tag",
        "VIP",
        "s1;s2",
        "personnel_manager; x",
        "\ud800",
        "\0",
        "x\0",
    ),
)
_ALPHABET = (
    string.ascii_letters + string.digits + " '=#;,@.-+<>\"\n\t\u00a0\u00adäéß\u0301\u200bΩ\0"
)
_CELLS = st.one_of(st.sampled_from(_TEXTS), st.text(_ALPHABET, max_size=12))

_MAPPINGS: dict[str, KindMapping] = {
    "as ours": AS_OURS,
    "words": KindMapping(
        columns={
            "status": ColumnMapping(words={"s1": "s2", "": "s9"}),
            "active": ColumnMapping(words={"perhaps": "no"}),
        }
    ),
}


def by_itself(kind: FileKind, row: RawRow) -> tuple[Any, ...] | None:
    """Return what the store keeps of a row; None where anything of it is to be reported."""
    fields = RowFields(row.texts, UTC, row.unread)
    try:
        record: Any = kind.record(fields)
    except KeyUnreadable:
        return None
    if row.problem or fields.unread or fields.remarks or fields.partly or fields.is_unsure:
        return None
    boxes = mailboxes(record.emails, record.lookalikes) if kind.name == "people" else ()
    return (*LAYOUTS[kind.name].row(record), *((row.line, *box) for box in boxes))


def by_column(file: FeedFile, kind: FileKind) -> tuple[dict[int, tuple[Any, ...]], list[RawRow]]:
    """Return what the store keeps of each row by its line, and the rows that are left over."""
    layout, reader = LAYOUTS[kind.name], None
    kept: dict[int, tuple[Any, ...]] = {}
    others: list[RawRow] = []
    for block in file.blocks():
        if not isinstance(block, RowBlock):
            others += block
            continue
        reader = reader or ColumnReader(kind, layout, block.reading, UTC)
        read = reader.read(block)
        assert set(layout.columns) == set(read.columns)
        values = zip(*(read.columns[name] for name in layout.columns), strict=True)
        for line, row in zip(read.lines, values, strict=True):
            kept[line] = (*row, *(box for box in read.mailed if box[0] == line))
        others += read.others
    return kept, others


def written(path: Path, names: tuple[str, ...], rows: list[list[str]]) -> Path:
    quoted = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in [list(names), *rows]]
    text = "".join(",".join(row) + "\n" for row in quoted)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return path


@pytest.mark.parametrize("mapping", _MAPPINGS)
@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_row_is_read_as_it_is_by_itself_or_left_over(
    tmp_path: Path, kind: str, mapping: str, data: st.DataObject
) -> None:
    chosen = KINDS[kind]
    names = data.draw(
        st.lists(st.sampled_from(chosen.columns), unique=True).map(
            lambda names: tuple(sorted({*names, *chosen.needed}))
        )
    )
    rows = data.draw(
        st.lists(st.lists(_CELLS, min_size=len(names), max_size=len(names)), max_size=8)
    )
    path = written(tmp_path / "rows.csv", names, rows)
    reading = FieldReading(mapping=_MAPPINGS[mapping], today=date(2026, 11, 20))

    kept, others = by_column(FeedFile(path, chosen, reading), chosen)

    each = {row.line: row for row in FeedFile(path, chosen, reading).rows()}
    assert {line: by_itself(chosen, each[line]) for line in kept} == kept
    left_over = [shown(row) for line, row in each.items() if line not in kept]
    assert left_over == [shown(row) for row in others]


def shown(row: RawRow) -> tuple[Any, ...]:
    faults = {name: str(fault) for name, fault in row.unread.items()}
    return row.line, row.texts, row.problem, faults


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        (
            "people",
            "contact,17,Zoë,d'Hondt,Zoe@x.org; Zoë <z@x.org>,s1,,7,nl-BE,31.05.1980,ja,,0,yes",
        ),
        ("memberships", "contact,g1,17"),
        ("applications", "R17,candidate,17,p1,Nurse,s1,7; 8,2026-05-31 08:30"),
        ("qualifications", "q1,,17,First aid,L1,,Ann,7,2026-05-31,31.05.2027,30"),
        ("deliveries", "d1,candidate,17,20260531"),
        ("groups", "contact,g1,No bulk mail,no-mailings tag,ja,,Keine Mailings,,"),
        ("statuses", "application,s1,Deceased,,no,yes,,,,"),
        ("staff", "7,Ann Bos,Ann@x.org,x; y,nl"),
        ("staff", '7,Ann Bos,Ann@x.org,"x, y",nl'),
        ("programmes", "p1,Nursing"),
    ],
)
def test_usual_rows_are_not_left_over(tmp_path: Path, kind: str, row: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"{','.join(KINDS[kind].columns)}\n" + f"{row}\n" * 3, encoding="utf-8")

    kept, others = by_column(FeedFile(path, KINDS[kind]), KINDS[kind])

    assert ([2, 3, 4], []) == ([*kept], others)


def test_mapped_columns_are_read_as_they_are_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("Nr,Voornaam,Tussen,Achternaam\n17,Ann,de,Bos\n18,,'=x,Bos\n19,Bob,,Kok\n")
    mapping = KindMapping(
        columns={
            "crm_id": ColumnMapping(columns=("Nr",)),
            "kind": ColumnMapping(constant="contact"),
            "first_name": ColumnMapping(columns=("Voornaam",), words={"bob": "Robert"}),
            "last_name": ColumnMapping(columns=("Tussen", "Achternaam")),
        },
        ignored=("*",),
    )

    kept, others = by_column(
        FeedFile(path, KINDS["people"], FieldReading(mapping=mapping)), KINDS["people"]
    )

    assert {
        2: ("contact", "17", "Ann", "de Bos"),
        4: ("contact", "19", "Robert", "Kok"),
    } == {line: row[:4] for line, row in kept.items()}
    assert [(3, "=x Bos")] == [(row.line, row.texts["last_name"]) for row in others]


def test_no_cell_that_stands_for_an_error_is_taken_for_a_text() -> None:
    assert {"#"} == {error[0] for error in ERRORS}


@settings(max_examples=300)
@given(st.text('a,"\n\r;', max_size=60), st.integers(1, 4))
def test_rows_are_the_same_many_at_once(text: str, at_once: int) -> None:
    lines = text.splitlines(keepends=True)
    one_by_one, at_a_time = DelimitedRows(iter(lines), ","), DelimitedRows(iter(lines), ",")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "TOGETHER", at_once)
        rows = [
            row
            for block in at_a_time.blocks()
            for row in (map(CellRow, *block) if isinstance(block, CellBlock) else block)
        ]

    assert [*one_by_one] == rows
    assert one_by_one.open_quote == at_a_time.open_quote
    assert one_by_one.has_open_end == at_a_time.has_open_end


@pytest.mark.parametrize("at_once", [1, 2, 3, 500])
def test_rows_beside_a_broken_one_only_add_wherever_a_block_ends(
    database: Database, write: Write, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(delimited, "TOGETHER", at_once)
    tell(database, "statuses", deceased())
    numbers = range(1, 9)
    tell(database, "people", *(person(str(n), status="deceased") for n in numbers))
    rows = [f"{n},,too,many" if n in (4, 5) else f"{n}," for n in numbers]

    import_file(database, "people", write("crm_id,status", *rows), source="crm", now=NOW)

    with database.reading() as connection:
        people = schema.feed.people.c
        quiet = connection.scalars(select(people.crm_id).where(people.status == "deceased"))
        assert ["3", "4", "5", "6"] == sorted(quiet)
