"""Rows of CSV and JSON Lines."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.crm.files import FeedFile, FileRefused
from gateway.crm.kinds import KINDS
from tests.crm.conftest import Write


def read(path: Path, kind: str = "people") -> list[tuple[int, Mapping[str, str] | str]]:
    """Return each row with its line, or what is wrong with it."""
    return [(row.line, row.problem or row.texts) for row in FeedFile(path, KINDS[kind]).rows()]


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_csv_is_read_with_or_without_a_bom(write: Write, bom: bytes, end: bytes) -> None:
    path = write(bom + b"crm_id,first_name", "17,Zoë", "", '18,"Bos, Ann"', end=end)

    assert [
        (2, {"crm_id": "17", "first_name": "Zoë"}),
        (4, {"crm_id": "18", "first_name": "Bos, Ann"}),
    ] == read(path)


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_json_lines_are_read_as_text(write: Write, bom: bytes) -> None:
    path = write(
        bom + b'{"crm_id": 17, "emails": ["a@x.org", "b@x.org"], "active": false}',
        "",
        '{"crm_id": "18", "birthday": null, "consent_email": true}',
        name="people.jsonl",
    )

    assert [
        (1, {"crm_id": "17", "emails": "a@x.org;b@x.org", "active": "false"}),
        (3, {"crm_id": "18", "birthday": "", "consent_email": "true"}),
    ] == read(path)


def test_a_row_is_named_by_the_line_it_begins_on(write: Write) -> None:
    path = write("crm_id,first_name", '17,"Ann', 'Marie"', "18,Bob,x", "19,Carl")

    assert [
        (2, {"crm_id": "17", "first_name": "Ann\nMarie"}),
        (4, "has 3 fields where the header has 2"),
        (5, {"crm_id": "19", "first_name": "Carl"}),
    ] == read(path)


def test_broken_quotes_spoil_their_row_only(write: Write) -> None:
    path = write("crm_id,first_name", '17,"Ann"x', "18,Bob")

    (first, second) = read(path)

    assert (2, str) == (first[0], type(first[1]))
    assert (3, {"crm_id": "18", "first_name": "Bob"}) == second


def test_broken_json_spoils_its_line_only(write: Write) -> None:
    path = write(
        '{"crm_id": "1"}', "{", "[1]", '{"crm_id": {}}', '{"crm_id": "2"}', "[" * 9_999, "17"
    )

    found = read(path)

    assert [1, 2, 3, 4, 5, 6, 7] == [line for line, _ in found]
    assert [(1, {"crm_id": "1"}), (5, {"crm_id": "2"})] == [
        row for row in found if not isinstance(row[1], str)
    ]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "is empty"),
        (["", " "], "is empty"),
        (["crm_id,shoe_size,hat"], "unknown column 'shoe_size', 'hat'; people has kind, crm_id"),
        (["kind:crm_id"], "unknown column 'kind:crm_id'"),
        (["first_name"], "has no column crm_id"),
        (["crm_id,crm_id"], "has a column twice"),
        (['"crm_id'], "line 1: a quote is opened here and never closed"),
        (['{"crm_id": "1"}', '{"shoe_size": 3}'], "line 2: unknown column 'shoe_size'"),
        (["crm_id".encode("utf-32")], "is UTF-32; save it as CSV UTF-8"),
    ],
)
def test_a_file_that_can_not_be_read_says_why(
    write: Write, lines: list[str | bytes], reason: str
) -> None:
    path = write(*lines)

    with pytest.raises(FileRefused) as refused:
        read(path)

    assert str(refused.value).startswith(f"{path}: {reason}")


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="No such file or directory"):
        read(tmp_path / "people.csv")


def test_it_tells_how_far_it_is(write: Write) -> None:
    path = write("crm_id,first_name", "17,Zoë")
    file = FeedFile(path, KINDS["people"])

    list(file.rows())

    assert (path.stat().st_size, path.stat().st_size) == (file.position, file.size)
    assert {"crm_id", "first_name"} == file.columns


@pytest.mark.parametrize(
    ("line", "unread"),
    [
        ('{"crm_id": "17", "status": "s1", "status": "s2"}', {"status"}),
        ('{"crm_id": "17", "Status": "s1", "status": ""}', {"status"}),
        ('{"crm_id": "17", "CRM-ID": "18"}', {"crm_id"}),
        ('{"crm_id": "17", "CRM-ID": 17, "status": null, "Status": ""}', set()),
    ],
)
def test_a_name_that_a_json_object_has_twice_is_unread_if_its_values_differ(
    write: Write, line: str, unread: set[str]
) -> None:
    [row] = FeedFile(write(line), KINDS["people"]).rows()

    assert (unread, "") == (set(row.unread), row.problem)
