"""A CRM's own columns and words."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.core.feed.feed_mapping import AS_OURS, KindMapping, read_mapping
from gateway.core.feed.shipped_mappings import SHIPPED_MAPPINGS
from gateway.crm.columns import guard, unguard
from gateway.crm.files import FeedFile, FieldReading, FileRefused
from gateway.crm.kinds import KINDS
from tests.crm.conftest import Write

ISSUE = """
crm_id = "KandidaatID"
emails = ["E-mail 1", "E-mail 2"]
status.values = {"Uit dienst" = "s3"}
ignore = ["Telefoon"]
"""


def mapped(table: str, kind: str = "people") -> KindMapping:
    return read_mapping(kind, tomllib.loads(table), SHIPPED_MAPPINGS)


def texts(path: Path, mapping: KindMapping, kind: str = "people") -> list[Mapping[str, str]]:
    return [row.texts for row in FeedFile(path, KINDS[kind], FieldReading(mapping=mapping)).rows()]


def refusal(path: Path, mapping: KindMapping, kind: str = "people") -> str:
    with pytest.raises(FileRefused) as refused:
        texts(path, mapping, kind)
    return str(refused.value).removeprefix(f"{path}: ")


def test_columns_and_words_of_the_crm_become_ours(write: Write) -> None:
    path = write(
        "KandidaatID;e-mail 1;E-mail 2;Telefoon;STATUS;Birthday",
        "17;ann@x.org;a@y.org;06;uit  DIENST;31.12.1980",
        "18;;bob@x.org;06;s1;",
        "19;cas@x.org;cas@x.org;;;",
    )

    assert [
        ("17", "ann@x.org;a@y.org", "s3", "1980-12-31"),
        ("18", "bob@x.org", "s1", ""),
        ("19", "cas@x.org", "", ""),
    ] == [
        (row["crm_id"], row["emails"], row["status"], row["birthday"])
        for row in texts(path, mapped(ISSUE))
    ]


def test_json_is_mapped_as_well(write: Write) -> None:
    path = write(
        '{"KandidaatID": 17, "E-mail 1": "ann@x.org", "Telefoon": "06"}',
        '{"KandidaatID": 18.0, "E-mail 2": "bob@x.org", "status": "Uit dienst"}',
        name="people.jsonl",
    )

    assert [
        {"crm_id": "17", "emails": "ann@x.org"},
        {"crm_id": "18", "emails": "bob@x.org", "status": "s3"},
    ] == texts(path, mapped(ISSUE))


def test_a_file_in_our_own_columns_needs_no_mapping_of_columns(write: Write) -> None:
    path = write("crm_id,emails,status", "17,ann@x.org,Uit dienst")

    assert [{"crm_id": "17", "emails": "ann@x.org", "status": "s3"}] == texts(path, mapped(ISSUE))


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ('kind.value = "contact"\ncrm_id = "ID"', {"kind": "contact", "crm_id": "17"}),
        (
            'crm_id = "ID"\nlast_name = ["Tussenvoegsel", "Naam"]\nignore = ["Voor"]',
            {"crm_id": "17", "last_name": "van Bos"},
        ),
        (
            'crm_id = "ID"\nlast_name = "Naam"\nignore = ["Kind", "Voor", "Tussenvoegsel"]',
            {"crm_id": "17", "last_name": "Bos"},
        ),
        (
            'crm_id = "ID"\nfirst_name = "Naam"\nlast_name = "Naam"\nignore = "*"',
            {"crm_id": "17", "first_name": "Bos", "last_name": "Bos"},
        ),
    ],
)
def test_what_a_mapping_can_say(write: Write, mapping: str, expected: Mapping[str, str]) -> None:
    header, row = "ID,Tussenvoegsel,Naam,Voor", "17,van,Bos,Ann"
    if "Kind" in mapping:
        header, row = f"{header},Kind", f"{row},Eva"
    if "Naam" not in mapping:
        header, row = "ID", "17"

    assert [expected] == texts(write(header, row), mapped(mapping))


@pytest.mark.parametrize("cell", ["P&O; Baas ;x", '"P&O, Baas,x"'])
def test_words_of_a_list_are_translated_one_by_one(write: Write, cell: str) -> None:
    path = write("crm_id,roles", f"7,{cell}", name="staff.csv")
    mapping = mapped('roles.values = {"P&O" = "personnel_manager", baas = "manager"}', "staff")

    [row] = texts(path, mapping, "staff")

    assert "personnel_manager;manager;x" == row["roles"]


def test_a_word_with_a_comma_is_translated_as_it_stands(write: Write) -> None:
    path = write("crm_id,roles", '7,"Baas, P&O"', name="staff.csv")
    mapping = mapped('roles.values = {"Baas, P&O" = "personnel_manager"}', "staff")

    assert ["personnel_manager"] == [row["roles"] for row in texts(path, mapping, "staff")]


@pytest.mark.parametrize("mapping", [AS_OURS, mapped(ISSUE), mapped('ignore = "*"')])
@pytest.mark.parametrize(
    "row",
    [
        "17,Geheim,Persoon,geheim@private.example",
        "Geheim,Persoon,geheim@private.example",
        "17,Geheim,Persoon",
        "Geheim,24-12-1983,0612345678",
    ],
)
def test_values_in_place_of_a_header_are_told_without_naming_them(
    write: Write, row: str, mapping: KindMapping
) -> None:
    path = write(row, "18,Ann,Smit,ann@private.example")

    told = refusal(path, mapping)

    assert "has no header: its first row has values" in told
    assert "begin it with a row of the columns' names: people has kind, crm_id, " in told
    assert not any(value in told for value in row.split(","))


@pytest.mark.parametrize("header", ["crm_id,2024", "crm_id,Top 10,E-mail"])
def test_a_number_may_be_the_name_of_a_column(write: Write, header: str) -> None:
    path = write(header, ",".join("1" for _ in header.split(",")))

    assert "unknown column" in refusal(path, AS_OURS)


@pytest.mark.parametrize(
    ("header", "mapping", "reason"),
    [
        ("crm_id,stattus", AS_OURS, "unknown column 'stattus'; people has kind, crm_id, "),
        ("crm_id,stattus", AS_OURS, "; 'stattus' may be status; "),
        ("crm_id,Geburtsdatum", AS_OURS, "; 'Geburtsdatum' may be birthday; "),
        ("crm_id,Hut", AS_OURS, "name them in its ignore (gateway import people FILE --propose"),
        (
            "KandidaatID,E-mail1,Email 2",
            mapped(ISSUE),
            "",
        ),
        (
            "KandidaatID,E-mail 1,Mail",
            mapped(ISSUE),
            "has no column 'E-mail 2', which [crm.map.people] names for emails; "
            "did you mean 'E-mail 1'?",
        ),
        (
            "Kandidaten-ID,E-mail 1,E-mail 2",
            mapped(ISSUE),
            "has no column 'KandidaatID', which [crm.map.people] names for crm_id; "
            "did you mean 'Kandidaten-ID'?",
        ),
        (
            "KandidaatID,E-mail 1,E-mail 2,Stattus",
            mapped(ISSUE),
            "unknown column 'Stattus'",
        ),
        ("crm_id,stattus", mapped('ignore = "*"'), "unknown column 'stattus'"),
        ("Naam", mapped('ignore = "*"'), "has no column crm_id; it has 'Naam'"),
    ],
)
def test_a_misspelt_column_is_never_passed_over(
    write: Write, header: str, mapping: KindMapping, reason: str
) -> None:
    path = write(header, ",".join("1" for _ in header.split(",")))

    if reason:
        assert reason in refusal(path, mapping)
    else:
        assert ["1"] == [row["crm_id"] for row in texts(path, mapping)]


def test_columns_that_are_passed_over_are_told(write: Write) -> None:
    file = FeedFile(
        write("crm_id,Hut,Schoen", "17,a,b"),
        KINDS["people"],
        FieldReading(mapping=mapped('ignore = "*"')),
    )

    assert [{"crm_id": "17"}] == [row.texts for row in file.rows()]
    assert ["columns not read: Hut, Schoen"] == file.remarks


@pytest.mark.parametrize(
    ("name", "lines", "expected"),
    [
        (
            "civicrm",
            [
                '"Contact ID","Contact Type","First Name","Last Name","Birth Date","Deceased"'
                ',"Email","No Bulk Emails (User Opt Out)"',
                '"17","Individual","Ann","Bos","1980-12-31","1","ann@x.org","0"',
            ],
            {
                "crm_id": "17",
                "first_name": "Ann",
                "last_name": "Bos",
                "emails": "ann@x.org",
                "status": "deceased",
                "birthday": "1980-12-31",
            },
        ),
        (
            "espocrm",
            [
                "id,firstName,lastName,emailAddress,emailAddressIsOptedOut,assignedUserId",
                "5f1e,Ann,Bos,ann@x.org,,1",
            ],
            {
                "crm_id": "5f1e",
                "first_name": "Ann",
                "last_name": "Bos",
                "emails": "ann@x.org",
                "owner": "1",
            },
        ),
        (
            "odoo",
            [
                '"id","name","email","user_id/id","phone"',
                '"__export__.res_partner_17_0a1b","Ann Bos","ann@x.org","base.user_admin","06"',
            ],
            {
                "crm_id": "__export__.res_partner_17_0a1b",
                "last_name": "Ann Bos",
                "emails": "ann@x.org",
                "owner": "base.user_admin",
            },
        ),
    ],
)
def test_the_exports_of_known_crms_are_read(
    write: Write, name: str, lines: list[str], expected: Mapping[str, str]
) -> None:
    assert [expected] == texts(write(*lines), mapped(f'use = "{name}"'))


def test_what_an_export_lacks_of_a_shipped_mapping_is_told(write: Write) -> None:
    file = FeedFile(
        write("Contact ID,Email", "17,ann@x.org"),
        KINDS["people"],
        FieldReading(mapping=mapped('use = "civicrm"')),
    )

    assert [{"crm_id": "17", "emails": "ann@x.org"}] == [row.texts for row in file.rows()]
    assert ["columns it lacks: First Name, Last Name, Deceased, Birth Date"] == file.remarks


@pytest.mark.parametrize("name", SHIPPED_MAPPINGS)
def test_the_page_shows_what_is_shipped(name: str) -> None:
    page = Path(__file__).parents[2].joinpath("docs/feed.md").read_text(encoding="utf-8")
    block = page.partition(f'`use = "{name}"` is')[2].split("```")[1].removeprefix("toml")
    shown = read_mapping("people", tomllib.loads(block)["crm"]["map"]["people"], {})
    shipped = mapped(f'use = "{name}"')

    assert {ours: each.columns for ours, each in shipped.columns.items()} == {
        ours: each.columns for ours, each in shown.columns.items()
    }
    assert shipped.ignored == shown.ignored


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("Ann", "Ann"),
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+31 6 1234", "'+31 6 1234"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-", "-"),
        ("'=1", "'=1"),
        ('="00017"', '="00017"'),  # a text, and Excel keeps its zeros
        ('="a"&HYPERLINK("x")&"b"', '\'="a"&HYPERLINK("x")&"b"'),
    ],
)
def test_a_cell_given_back_is_no_formula_and_is_read_as_before(cell: str, expected: str) -> None:
    assert expected == guard(cell)
    assert unguard(cell) == unguard(expected)
