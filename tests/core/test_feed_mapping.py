"""Mappings of columns and words, as the config has them."""

from collections.abc import Mapping

import pytest

from gateway.core.feed.feed_mapping import (
    COLUMNS,
    ColumnMapping,
    DateOrder,
    MappingWrong,
    column_key,
    read_mapping,
    read_mappings,
)
from gateway.core.feed.shipped_mappings import SHIPPED_MAPPINGS


def test_a_mapping_is_read_in_all_its_forms() -> None:
    mapping = read_mapping(
        "people",
        {
            "crm_id": "KandidaatID",
            "emails": ["E-mail 1", "E-mail 2"],
            "status": {"values": {"Uit  dienst": "s3", "Actief": 4}},
            "active": {"column": "In dienst", "values": {"wel": True}},
            "kind": {"value": "contact"},
            "ignore": ["Telefoon"],
            "date_order": "day-first",
        },
        {},
    )

    assert {
        "crm_id": ColumnMapping(columns=("KandidaatID",)),
        "emails": ColumnMapping(columns=("E-mail 1", "E-mail 2")),
        "status": ColumnMapping(words={"uit dienst": "s3", "actief": "4"}),
        "active": ColumnMapping(columns=("In dienst",), words={"wel": "true"}),
        "kind": ColumnMapping(constant="contact"),
    } == mapping.columns
    assert (("Telefoon",), DateOrder.DAY_FIRST) == (mapping.ignored, mapping.date_order)


@pytest.mark.parametrize(
    ("table", "key", "problem"),
    [
        ({"stattus": "S"}, "stattus", "no such column; did you mean status?"),
        ({"shoe": "S"}, "shoe", "no such column; people has kind, crm_id"),
        ({"ignored": ["S"]}, "ignored", "no such column; did you mean ignore?"),
        ({"crm_id": 3}, "crm_id", "not the name of a column, nor a list of them"),
        ({"crm_id": ["a", "b"]}, "crm_id", "takes one column"),
        ({"birthday": ["a", "b"]}, "birthday", "takes one column"),
        ({"crm_id": " "}, "crm_id", "names a column without a name"),
        ({"status": {"word": {}}}, "status.word", "not one of column, values, value"),
        ({"status": {"column": 1}}, "status.column", "not the name of a column"),
        ({"status": {"values": ["a"]}}, "status.values", "not a table such as"),
        ({"status": {"values": {"a": []}}}, "status.values.a", "not a text"),
        ({"status": {"values": {"A": "1", " a": "2"}}}, "status.values", "has ' a' twice"),
        ({"kind": {"value": "contact", "column": "K"}}, "kind.value", "stands alone"),
        ({"crm_id": "ID", "ignore": ["id"]}, "ignore", "'id' is mapped as well"),
        ({"ignore": 3}, "ignore", "not the name of a column"),
        ({"date_order": "american"}, "date_order", 'not one of "day-first", "month-first"'),
        ({"use": "odo"}, "use", "no mapping of people is shipped by this name; known: civicrm"),
    ],
)
def test_what_is_wrong_with_a_mapping_is_named(
    table: Mapping[str, object], key: str, problem: str
) -> None:
    with pytest.raises(MappingWrong) as wrong:
        read_mapping("people", table, SHIPPED_MAPPINGS)

    assert key == wrong.value.key
    assert wrong.value.problem.startswith(problem)


@pytest.mark.parametrize(
    ("tables", "key", "problem"),
    [
        ({"peple": {}}, "peple", "no kind of file; did you mean people?"),
        ({"shoes": {}}, "shoes", "no kind of file; known: groups, statuses"),
        ({"people": "x"}, "people", "not a table"),
        ({"groups": {"tags": "T"}}, "groups.tags", "no such column; did you mean tag?"),
    ],
)
def test_a_mapping_is_of_a_kind(tables: Mapping[str, object], key: str, problem: str) -> None:
    with pytest.raises(MappingWrong) as wrong:
        read_mappings(tables, {})

    assert (key, True) == (wrong.value.key, wrong.value.problem.startswith(problem))


@pytest.mark.parametrize("name", SHIPPED_MAPPINGS)
def test_a_shipped_mapping_is_one(name: str) -> None:
    for kind in SHIPPED_MAPPINGS[name]:
        mapping = read_mapping(kind, {"use": name, "first_name": "Roepnaam"}, SHIPPED_MAPPINGS)

        assert ("Roepnaam",) == mapping.columns["first_name"].columns
        assert "crm_id" in mapping.columns
        assert "first_name" not in mapping.optional


@pytest.mark.parametrize(
    "name", ["crm_id", "CRM-ID", " Crm id ", "\ufeffCrmId", "crm\u00a0ID", "ＣＲＭ_id"]
)
def test_columns_are_told_apart_by_letters_and_digits(name: str) -> None:
    assert "crmid" == column_key(name)


def test_no_two_columns_of_a_kind_are_alike() -> None:
    for columns in COLUMNS.values():
        assert len(columns) == len(set(map(column_key, columns)))
