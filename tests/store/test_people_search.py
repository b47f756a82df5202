"""People found by what somebody knows of them."""

import pytest

from gateway.core.people.applications import Application
from gateway.core.people.people import PersonRef, Status, StatusKind
from gateway.store.engine.database import Database
from gateway.store.people.search import search
from tests.store.feeding import CANDIDATE, CONTACT, person, tell

ANN = PersonRef(CANDIDATE, "2026/17")


@pytest.fixture
def people(database: Database) -> Database:
    """A store with a few people."""
    tell(
        database,
        "people",
        person(
            "2026/17", "ann@example.org", "ann.doe@work.example", first_name="Ann",
            last_name="Doe-Öztürk", status="lead",
        ),
        person("2", "ben@example.org", first_name="Ben", last_name="Annable", active=False),
        person("17", "cy@example.org", kind=CONTACT, first_name="Cy"),
        person("17", "anne@example.org", first_name="100%", last_name="De Vries"),
    )  # fmt: skip
    tell(database, "statuses", Status(kind=StatusKind.CANDIDATE, crm_id="lead", name="Interesse"))
    tell(database, "applications", Application(reference="4711", person=ANN, title="Nurse"))
    return database


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("candidate:2026/17", ["candidate:2026/17 key"]),
        ("2026/17", ["candidate:2026/17 key"]),
        ("17", ["candidate:17 key", "contact:17 key"]),
        ("4711", ["candidate:2026/17 reference"]),
        # An address in any spelling; the beginning of one; names by any part of them.
        ("ANN@Example.ORG", ["candidate:2026/17 address"]),
        ("ann.doe@", ["candidate:2026/17 address"]),
        ("ann", ["candidate:2026/17 address", "candidate:17 address", "candidate:2 name"]),
        ("doe ann", ["candidate:2026/17 name"]),
        ("öztürk", ["candidate:2026/17 name"]),
        ("ozturk", ["candidate:2026/17 name"]),
        ("de vries", ["candidate:17 name"]),
        # What stands for something in a pattern stands for itself; nobody; too short for addresses.
        ("%", ["candidate:17 name"]),
        ("_", []),
        ("nobody@example.org", []),
        ("cy", ["contact:17 name"]),
        (
            "",
            [
                "candidate:17 name", "candidate:2 name", "candidate:2026/17 name",
                "contact:17 name",
            ],
        ),
    ],
)  # fmt: skip
def test_people_are_found_by_key_number_address_and_name(
    people: Database, text: str, expected: list[str]
) -> None:
    with people.reading() as connection:
        matches, end = search(connection, text, address=text.lower(), limit=10)
    assert (sorted(expected), None) == (sorted(f"{match.ref} {match.by}" for match in matches), end)
    assert expected[:1] == [f"{match.ref} {match.by}" for match in matches][:1]


def test_a_list_shows_name_status_and_addresses_in_order(people: Database) -> None:
    with people.reading() as connection:
        [ann], _ = search(connection, "4711", address="4711", limit=10)
        [ben], _ = search(connection, "ben", address="none", limit=10)
    assert ("Ann Doe-Öztürk", "Interesse", True, ("ann@example.org", "ann.doe@work.example")) == (
        ann.name, ann.status, ann.active, ann.addresses,
    )  # fmt: skip
    assert not ben.active


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_have_everybody_once(people: Database, limit: int) -> None:
    for text in ("", "ann", "a", "17"):
        with people.reading() as connection:
            whole, _ = search(connection, text, address=text, limit=10)
            listed, after, first = [], None, True
            while first or after is not None:
                page, after = search(connection, text, address=text, limit=limit, after=after)
                assert len(page) <= limit
                listed += [match.ref for match in page]
                first = False
        assert {match.ref for match in whole} == set(listed), text
