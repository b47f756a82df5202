"""Excel's workbooks."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from gateway.crm.files import FeedFile, FileRefused
from gateway.crm.kinds import KINDS

_DAY, _TIME = ' s="1"', ' s="2"'
_NAMES = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override '
    'PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    'spreadsheetml.sheet.main+xml"/></Types>'
)
_STYLES = (
    f"<styleSheet {_NAMES}><cellXfs>"
    '<xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/></cellXfs></styleSheet>'
)


def text(value: str) -> str:
    return f' t="inlineStr"><is><t>{value}</t></is>'


def number(value: float, style: str = "") -> str:
    return f"{style}><v>{value}</v>"


def sheet(*rows: Sequence[str], first: int = 1) -> str:
    """Return a sheet of cells as `text` and `number` make them; an empty string is no cell."""
    body = "".join(
        f'<row r="{at}">'
        + "".join(f'<c r="{chr(65 + to)}{at}"{cell}</c>' for to, cell in enumerate(row) if cell)
        + "</row>"
        for at, row in enumerate(rows, first)
    )
    return f"<worksheet {_NAMES}><sheetData>{body}</sheetData></worksheet>"


def workbook(
    path: Path,
    sheets: Mapping[str, str],
    *,
    hidden: Sequence[str] = (),
    more: bytes = b"",
    properties: str = "",
) -> Path:
    """Write a workbook with the parts that matter."""
    names = list(sheets)
    entries = "".join(
        f'<sheet name="{name}" sheetId="{at}" r:id="r{at}"'
        + (' state="hidden"/>' if name in hidden else "/>")
        for at, name in enumerate(names, 1)
    )
    relations = "".join(
        f'<Relationship Id="r{at}" Type="{_RELS}/worksheet" Target="worksheets/sheet{at}.xml"/>'
        for at in range(1, len(names) + 1)
    )
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("[Content_Types].xml", _TYPES)
        parts.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}"><Relationship Id="w" '
            f'Type="{_RELS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        parts.writestr(
            "xl/workbook.xml",
            f'<workbook {_NAMES} xmlns:r="{_RELS}">{properties}'
            f"<sheets>{entries}</sheets></workbook>",
        )
        parts.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}">{relations}'
            f'<Relationship Id="s" Type="{_RELS}/styles" Target="styles.xml"/></Relationships>',
        )
        parts.writestr("xl/styles.xml", _STYLES)
        for at, name in enumerate(names, 1):
            parts.writestr(f"xl/worksheets/sheet{at}.xml", sheets[name])
        if more:
            parts.writestr("xl/sharedStrings.xml", more)
    return path


def read(path: Path, kind: str = "people") -> list[tuple[int, Mapping[str, str]]]:
    return [(row.line, row.texts) for row in FeedFile(path, KINDS[kind]).rows()]


HEADER = list(map(text, ("Crm_ID", "birthday", "active", "first_name", "status")))


def test_cells_are_read_by_their_types(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "people.xlsx",
        {
            "Blad1": sheet(
                HEADER,
                [number(17.0), number(29586, _DAY), ' t="b"><v>1</v>', text("Zoë"), text("s3")],
                [],
                [text("00018"), number(29586.5, _TIME), ' t="b"><v>0</v>', "", number(3)],
                [number(12345678901234567), text("31.12.1980"), text("ja"), "", number(0.5)],
            )
        },
    )
    file = FeedFile(path, KINDS["people"])

    assert [
        (2, ("17", "1980-12-31", "true", "Zoë", "s3")),
        (4, ("00018", "1980-12-31", "false", "", "3")),
        (5, ("1.23456789012346E+16", "1980-12-31", "ja", "", "0.5")),
    ] == [(row.line, columns(row.texts)) for row in file.rows()]
    assert ["read as .xlsx, sheet 'Blad1'"] == file.remarks


def columns(texts: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(texts[name] for name in ("crm_id", "birthday", "active", "first_name", "status"))


def test_errors_formulas_without_a_value_and_dates_elsewhere_are_no_values(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "people.xlsx",
        {
            "people": sheet(
                HEADER,
                [
                    number(1),
                    "",
                    ' t="e"><v>#N/A</v>',
                    "><f>1/0</f>",
                    ' t="e"><f>A9</f><v>#REF!</v>',
                ],
                [number(2), "", "", number(29586, _DAY), "><f>A1</f><v></v>"],
                [number(3), "", "", ' t="str"><f>A1</f><v>Ann</v>', text("s3")],
            )
        },
    )

    first, second, third = FeedFile(path, KINDS["people"]).rows()

    assert {"active", "first_name", "status"} == set(first.unread)
    assert {"first_name", "status"} == set(second.unread)
    assert "is a date in the sheet: '1980-12-31'" == str(second.unread["first_name"])
    assert ({}, "Ann") == (dict(third.unread), third.texts["first_name"])


def test_numbers_of_days_without_a_format_are_dates_where_all_of_a_column_is(
    tmp_path: Path,
) -> None:
    path = workbook(
        tmp_path / "people.xlsx",
        {"a": sheet(HEADER[:2], [number(1), number(29586)], [number(2), number(29587)])},
    )

    assert ["1980-12-31", "1981-01-01"] == [texts["birthday"] for _, texts in read(path)]


def test_days_that_count_from_1904_are_read_where_they_are_dates_by_their_type(
    tmp_path: Path,
) -> None:
    path = workbook(
        tmp_path / "people.xlsx",
        {"a": sheet(HEADER[:2], [number(1), number(28124, _DAY)], [number(2), number(28124)])},
        properties='<workbookPr date1904="1"/>',
    )

    typed, plain = FeedFile(path, KINDS["people"]).rows()

    assert ("1980-12-31", {"birthday"}) == (typed.texts["birthday"], set(plain.unread))


def test_days_that_sheetjs_writes_some_seconds_early_are_those_that_begin(tmp_path: Path) -> None:
    first, second = number(29220.99949074074, _DAY), number(20513.99949074074, _DAY)
    path = workbook(
        tmp_path / "people.xlsx",
        {"a": sheet(HEADER[:2], [number(1), first], [number(2), second])},
    )
    file = FeedFile(path, KINDS["people"])

    assert ["1980-01-01", "1956-02-29"] == [row.texts["birthday"] for row in file.rows()]
    assert "birthday: times a few seconds before midnight count as the next day" in (file.remarks)


def test_a_sheet_that_begins_further_down_is_found(tmp_path: Path) -> None:
    path = workbook(tmp_path / "people.xlsx", {"a": sheet([text("crm_id")], [number(1)], first=4)})

    assert [(5, {"crm_id": "1"})] == read(path)


@pytest.mark.parametrize(
    ("sheets", "hidden", "expected"),
    [
        ({"a": sheet([text("crm_id")], [number(1)]), "b": sheet()}, [], "1"),
        (
            {
                "a": sheet([text("crm_id")], [number(1)]),
                "People": sheet([text("crm_id")], [number(2)]),
            },
            [],
            "2",
        ),
        (
            {
                "a": sheet([text("crm_id")], [number(1)]),
                "b": sheet([text("crm_id")], [number(2)]),
            },
            ["a"],
            "2",
        ),
    ],
)
def test_the_sheet_named_like_the_kind_is_read_or_the_only_one_in_use(
    tmp_path: Path, sheets: Mapping[str, str], hidden: Sequence[str], expected: str
) -> None:
    path = workbook(tmp_path / "people.xlsx", sheets, hidden=hidden)

    assert [expected] == [texts["crm_id"] for _, texts in read(path)]


def test_several_sheets_are_asked_about(tmp_path: Path) -> None:
    one = sheet([text("crm_id")], [number(1)])
    path = workbook(tmp_path / "people.xlsx", {"a": one, "b": one})

    with pytest.raises(FileRefused, match="several sheets with something in them: 'a', 'b'"):
        read(path)


def test_a_few_cells_far_apart_take_no_room(tmp_path: Path) -> None:
    far = sheet([text("crm_id")]).replace(
        "</sheetData>", '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    )
    path = workbook(tmp_path / "people.xlsx", {"a": far})

    with pytest.raises(FileRefused, match="as far as column 16384 and row 1048576"):
        read(path)


def test_formats_without_values_reach_as_far_as_they_like(tmp_path: Path) -> None:
    far = sheet([text("crm_id")], [number(1)]).replace(
        "</sheetData>", '<row r="1048576"><c r="XFD1048576" s="1"/></row></sheetData>'
    )
    path = workbook(tmp_path / "people.xlsx", {"a": far})

    assert [(2, {"crm_id": "1"})] == read(path)


def test_what_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.crm.workbook._MOST_OCTETS", 1_000_000)
    path = workbook(
        tmp_path / "people.xlsx",
        {"a": sheet([text("crm_id")], [number(1)])},
        more=b" " * 1_000_001,
    )

    with pytest.raises(FileRefused, match="unpacks to more than 1 MB"):
        read(path)


def test_half_a_workbook_and_other_archives_are_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "people.xlsx", {"a": sheet([text("crm_id")], [number(1)])})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(FileRefused, match="is not a complete workbook"):
        read(path)

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as parts:
        parts.writestr("content.xml", "<office/>")
    path.write_bytes(packed.getvalue())
    with pytest.raises(FileRefused, match="is not an Excel workbook"):
        read(path)


def test_a_sheet_in_utf_16_is_refused(tmp_path: Path) -> None:
    one = sheet([text("crm_id")], [number(1)])
    path = workbook(tmp_path / "people.xlsx", {"a": one})
    with zipfile.ZipFile(path) as parts:
        contents = {name: parts.read(name) for name in parts.namelist()}
    contents["xl/worksheets/sheet1.xml"] = one.encode("utf-16")
    with zipfile.ZipFile(path, "w") as parts:
        for name, octets in contents.items():
            parts.writestr(name, octets)

    with pytest.raises(FileRefused, match="has sheets in UTF-16"):
        read(path)
