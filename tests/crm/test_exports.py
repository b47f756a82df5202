"""Files as CRMs and spreadsheets write them."""

import gzip
import os
import threading
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from gateway.core.feed.feed_mapping import DateOrder, KindMapping
from gateway.crm.files import FeedFile, FieldReading, FileRefused, RawRow
from gateway.crm.kinds import KINDS

TODAY = date(2026, 11, 28)
ANN = {"crm_id": "17", "first_name": "Zoë", "status": "s3"}


def opened(path: Path, kind: str = "people", **terms: object) -> FeedFile:
    return FeedFile(path, KINDS[kind], FieldReading(today=TODAY, **terms))  # type: ignore[arg-type]


def texts(file: FeedFile) -> list[Mapping[str, str]]:
    return [row.texts for row in file.rows()]


def rows(path: Path, kind: str = "people") -> list[RawRow]:
    return list(opened(path, kind).rows())


@pytest.mark.parametrize(
    ("content", "remark"),
    [
        ("crm_id,first_name,status\n17,Zoë,s3\n", ""),
        ("crm_id;first_name;status\n17;Zoë;s3\n", "UTF-8 with semicolons"),
        ("crm_id\tfirst_name\tstatus\n17\tZoë\ts3\n", "UTF-8 with tabs"),
        ("crm_id|first_name|status\n17|Zoë|s3\n", "UTF-8 with bars"),
        ("sep=;\ncrm_id;first_name;status\n17;Zoë;s3\n", "UTF-8 with semicolons"),
        ('"sep=^"\r\ncrm_id^first_name^status\r\n17^Zoë^s3\r\n', "UTF-8 with '^'"),
        ("sep=\t\r\ncrm_id\tfirst_name\tstatus\r\n17\tZoë\ts3\r\n", "UTF-8 with tabs"),
        ("crm_id;first_name;status\r17;Zoë;s3\r", "UTF-8 with semicolons"),
        ("crm_id,first_name,status\r17,Zoë,s3", ""),
        ("\n\r\n crm_id ,First Name,STATUS\n17,Zoë,s3\n", ""),
        ("CRM-ID,first-name,\u00a0Status\u00a0\n17,Zoë,s3\n", ""),
        ("crm_id,first_name,status,,\n17,Zoë,s3,,\n", ""),
        ("crm_id,first_name,status\n17,Zoë,s3,,,\n", ""),
        ("crm_id,first_name,status\n,,\n17,Zoë,s3\n \t, ,\u200b\n" + ",,\n" * 5000, ""),
        ('"crm_id";"first_name";"status"\n"17";"Zoë";"s3"\n', "UTF-8 with semicolons"),
    ],
)
def test_a_file_is_read_however_it_is_laid_out(tmp_path: Path, content: str, remark: str) -> None:
    path = tmp_path / "people.csv"
    path.write_text(content, encoding="utf-8", newline="")
    file = opened(path)

    assert [ANN] == texts(file)
    assert [f"read as {remark} between the fields"] * bool(remark) == file.remarks
    assert file.is_truncated == ""


@pytest.mark.parametrize(
    ("octets", "remark"),
    [
        ("crm_id,first_name,status\n17,Zoë,s3\n".encode("utf-8-sig"), []),
        ("crm_id,first_name,status\n17,Zoë,s3\n".encode("cp1252"), ["read as Windows-1252"]),
        ("crm_id,first_name,status\r\n17,Zoë,s3\r\n".encode("utf-16"), ["read as UTF-16"]),
        (
            b"\xfe\xff" + "crm_id\tfirst_name\tstatus\n17\tZoë\ts3\n".encode("utf-16-be"),
            ["read as UTF-16 with tabs between the fields"],
        ),
        ("crm_id,first_name,status\n17,Zoë,s3\n".encode("utf-16-le"), ["read as UTF-16"]),
        ("crm_id,first_name,status\n17,Zoë,s3\n".encode("utf-16-be"), ["read as UTF-16"]),
    ],
)
def test_a_file_is_read_in_whatever_encoding_it_is(
    tmp_path: Path, octets: bytes, remark: list[str]
) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(octets)
    file = opened(path)

    assert [ANN] == texts(file)
    assert remark == file.remarks


@pytest.mark.parametrize(
    ("octets", "stray", "remark"),
    [
        (b"17,Zo\xeb,s3\n18,Zo\xc3\xab,s3\n", "Zo\udceb", "UTF-8, but not all of it"),
        (b"17,M\x81ller,s3\n18,Jos\x82e,s3\n", "M\udc81ller", "neither UTF-8 nor Windows-1252"),
        (b"17,Wa\xb3\xeasa,s3\n18,Ann,s3\n", "Wa\udcb3\udceasa", "neither UTF-8 nor Windows-1252"),
        (b"17,Ren\x8e,s3\n18,Ann,s3\n", "Ren\udc8e", "neither UTF-8 nor Windows-1252"),
    ],
)
def test_cells_in_another_encoding_can_not_be_read_and_the_others_can(
    tmp_path: Path, octets: bytes, stray: str, remark: str
) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(b"crm_id,first_name,status\n" + octets)
    file = opened(path)

    first, second = texts(file)

    assert {"crm_id": "17", "first_name": stray, "status": "s3"} == first
    assert ("18", "s3") == (second["crm_id"], second["status"])
    assert file.remarks[0].startswith(f"read as {remark}")


def test_what_stands_below_no_name_is_told_and_not_read(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("crm_id,,first_name,\n17,,Ann,\n18,x,Bob,y\n")
    file = opened(path)

    assert [{"crm_id": "17", "first_name": "Ann"}, {"crm_id": "18", "first_name": "Bob"}] == texts(
        file
    )
    assert [
        "2 cells are in columns without a name and not read, the first in line 3"
    ] == file.remarks


def test_the_title_of_a_report_stands_above_the_header(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("Kandidaten op 28-11-2026\n\nFilter: alle;;\nStatus;CRM ID;Owner\ns3;17;7\n")
    file = opened(path)

    assert [{"crm_id": "17", "status": "s3", "owner": "7"}] == texts(file)
    assert [
        "read as UTF-8 with semicolons between the fields",
        "the header is in line 4; what is above it is ignored",
    ] == file.remarks


def test_a_row_that_is_too_short_is_told_and_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("crm_id,status,owner\n17,s3\n18,s3,7,x\n19,s4,8\n")

    short, long, whole = rows(path)

    assert ({"crm_id": "17", "status": "s3"}, "has 2 fields where the header has 3") == (
        short.texts,
        short.problem,
    )
    assert ({}, "has 4 fields where the header has 3") == (long.texts, long.problem)
    assert ({"crm_id": "19", "status": "s4", "owner": "8"}, "") == (whole.texts, whole.problem)


def test_a_quote_that_is_not_closed_spoils_its_own_row_only(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text('crm_id,first_name\n17,"Ann\n18,"Bob"\n19,Cas\n20,"Dan\n21,Eva\n22,"Fay')
    file = opened(path)

    found = [(row.line, row.texts.get("first_name")) for row in file.rows()]

    assert [(2, None), (3, "Bob"), (4, "Cas"), (5, None), (6, "Eva"), (7, None)] == found
    assert file.is_truncated.startswith("a quote is opened in line ")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"crm_id,name,tag\n1,a,b\n2,c", "the file ends within line 3"),
        (b'crm_id,name,tag\n1,a,b\n2,"c', "a quote is opened in line 3 and closed nowhere"),
        (b"crm_id,name,tag\n1,a,b\n2,c,d\xc3", "the file ends within a character"),
        (b"\xff\xfe" + "crm_id,name\n1,a".encode("utf-16-le") + b"x", "ends within a character"),
        (b'{"crm_id": "1"}\n{"crm_id": "2", "na', "the file ends within line 2"),
    ],
)
def test_a_file_that_stops_in_the_middle_says_so(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "groups.csv"
    path.write_bytes(content)
    file = opened(path, "groups")

    list(file.rows())

    assert reason in file.is_truncated


@pytest.mark.parametrize(
    "content",
    [
        "crm_id,name,tag\n1,a,b\n2,c,d",
        "crm_id,name,tag\n1,a\n2,c",
        "crm_id,name,tag\n1,a,b\n2,c\n",
        'crm_id,name,tag\n1,a,b\n2,"c","d"',
        '{"crm_id": "1"}\n{"crm_id": "2"}',
    ],
)
def test_a_file_without_an_end_of_its_last_line_may_be_whole(tmp_path: Path, content: str) -> None:
    path = tmp_path / "groups.csv"
    path.write_text(content)
    file = opened(path, "groups")

    list(file.rows())

    assert file.is_truncated == ""


@pytest.mark.parametrize(
    ("written", "read", "remarks"),
    [
        (["31.12.1980", "1-2-1980"], ["1980-12-31", None], []),
        (
            ["31/12/1980", "1/2/1980"],
            ["1980-12-31", "1980-02-01"],
            ["birthday: dates are read day-first, as '31/12/1980' shows"],
        ),
        (
            ["12/31/1980", "1/2/1980"],
            ["1980-12-31", "1980-01-02"],
            ["birthday: dates are read month-first, as '12/31/1980' shows"],
        ),
        (
            ["31/12/1980", "12/31/1980", "1/2/1980"],
            ["1980-12-31", "1980-12-31", None],
            [
                "birthday: some dates have the day first ('31/12/1980'), others the month "
                "('12/31/1980')"
            ],
        ),
        (["03/04/2026", "1980-12-31"], [None, "1980-12-31"], []),
        (["29586", "29587"], ["1980-12-31", "1981-01-01"],
         ["birthday: numbers are read as a spreadsheet's day numbers"]),
        (["29586", "1980-12-31"], [None, "1980-12-31"], []),
        (["31-12-80", ""], ["1980-12-31", ""],
         ["birthday: two-digit years are taken to be before today"]),
        (["0000-00-00", "1980-12-31"], ["", "1980-12-31"], []),
        (["31.\u00a0Dezember 1980", " 31.12.1980 "], ["1980-12-31"] * 2, []),
    ],
)  # fmt: skip
def test_the_form_of_dates_is_that_of_their_column(
    tmp_path: Path, written: list[str], read: list[str | None], remarks: list[str]
) -> None:
    path = tmp_path / "people.csv"
    lines = (f"{at},{text}" for at, text in enumerate(written))
    path.write_text("\n".join(["crm_id,birthday", *lines]), encoding="utf-8")
    file = opened(path)

    found = list(file.rows())

    assert read == [None if "birthday" in row.unread else row.texts["birthday"] for row in found]
    assert set(remarks) == set(file.remarks)


@pytest.mark.parametrize(
    ("order", "expected"),
    [(DateOrder.DAY_FIRST, "2026-04-03"), (DateOrder.MONTH_FIRST, "2026-03-04")],
)
def test_a_setting_decides_what_the_file_does_not(
    tmp_path: Path, order: DateOrder, expected: str
) -> None:
    path = tmp_path / "people.csv"
    path.write_text("crm_id,birthday\n17,03/04/2026\n")

    [row] = opened(path, mapping=KindMapping(date_order=order)).rows()

    assert expected == row.texts["birthday"]


def test_a_column_that_does_not_tell_is_of_the_order_of_the_others(tmp_path: Path) -> None:
    path = tmp_path / "qualifications.csv"
    path.write_text("crm_id,person,acquired_on,expires_on\n1,17,13/01/2020,03/04/2026\n")

    [row] = opened(path, "qualifications").rows()

    assert ("2020-01-13", "2026-04-03") == (row.texts["acquired_on"], row.texts["expires_on"])


def test_what_guards_cells_from_spreadsheets_is_no_part_of_them(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(
        'crm_id;first_name;last_name;birthday\n="00017";\'-Ann;O\'Neil;="31.12.1980"\n'
        '"=""00018""";=;\'s Gravesande;\n'
    )

    assert [
        ("00017", "-Ann", "O'Neil", "1980-12-31"),
        ("00018", "=", "'s Gravesande", ""),
    ] == [tuple(row.values()) for row in map(by_our_order, texts(opened(path)))]


def by_our_order(row: Mapping[str, str]) -> Mapping[str, str]:
    return {name: row[name] for name in ("crm_id", "first_name", "last_name", "birthday")}


@pytest.mark.parametrize("shown", ["#N/A", "#NV", "#N/B", "#REF!", "#WAARDE!", "#NOM?"])
def test_the_errors_of_spreadsheets_are_no_values(tmp_path: Path, shown: str) -> None:
    path = tmp_path / "people.csv"
    path.write_text(f"crm_id,status,first_name\n17,{shown},#1 Ann\n")

    [row] = rows(path)

    assert {"status": f"has no value: {shown!r}"} == {
        name: str(fault) for name, fault in row.unread.items()
    }


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "save it as .xlsx without a password"),
        (gzip.compress(b"crm_id\n1\n", mtime=0), "is compressed; unpack it"),
        (b"<html><table><tr><td>crm_id</td></tr></table></html>", "is a web page or XML"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<Workbook/>', "is a web page or XML"),
        (b'[{"crm_id": "1"}]', "is a JSON array; write one object per line"),
        ("crm_id\n1\n".encode("utf-32"), "is UTF-32; save it as CSV UTF-8"),
        (b"sep=;\n", "is empty"),
        (b"crm_id,CRM ID\n1,2\n", "has a column twice"),
    ],
)
def test_what_is_not_recognised_is_refused_with_its_cure(
    tmp_path: Path, octets: bytes, reason: str
) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(octets)

    with pytest.raises(FileRefused) as refused:
        rows(path)

    assert reason in str(refused.value)


def test_a_pipe_is_read_as_a_file_is(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    os.mkfifo(path)
    writing = threading.Thread(target=path.write_text, args=["crm_id,birthday\n17,31.12.1980\n"])
    writing.start()

    assert [{"crm_id": "17", "birthday": "1980-12-31"}] == texts(opened(path))
    writing.join()
