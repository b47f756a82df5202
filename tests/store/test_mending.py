"""Stored addresses that no recipient can have."""

from sqlalchemy import update

from gateway.core.mail.typed.typed_address import NotAnAddress, TypedAddress
from gateway.core.people.people import PersonRef
from gateway.store.engine.database import Database
from gateway.store.people import mending, suppression
from gateway.store.people.people import find, holders
from gateway.store.schema.feed import people
from tests.store.feeding import CANDIDATE, NOW, person, tell
from tests.store.test_suppressed import suppress


def found(database: Database) -> list[mending.Unmatched]:
    """Return all there are."""
    with database.reading() as connection:
        return [
            *mending.unmatched_suppressions(connection, NOW),
            *mending.unmatched_people(connection),
        ]


def test_what_is_understood_is_mended_in_one_go_and_only_once(database: Database) -> None:
    ann = PersonRef(CANDIDATE, "17")
    tell(database, "people", person("17", "ann@x.org", unusable=("<ann+home@x.org>", "a@x@y")))
    suppress(database, "<Bob+jobs@x.org>", 1)
    suppress(database, "a@x.org,b@x.org", 2)
    suppress(database, "<old@x.org>", 3, until=NOW)
    suppress(database, "ann bos@x.org", 4)

    before = found(database)
    with database.writing() as connection:
        mending.mend(connection, before, plus_addresses=True)
    with database.reading() as connection:
        history = suppression.history(connection, "bob@x.org")
        at_home = holders(connection, "ann+home@x.org")
        [record] = find(connection, ann)

    assert [
        ("<Bob+jobs@x.org>", TypedAddress("Bob+jobs@x.org"), 1, None),
        ("<ann+home@x.org>", TypedAddress("ann+home@x.org"), None, ann),
    ] == [
        (one.stored, one.reading, one.suppression, one.person)
        for one in before
        if isinstance(one.reading, TypedAddress)
    ]
    assert ["a@x.org,b@x.org", "a@x@y"] == [
        one.stored for one in before if isinstance(one.reading, NotAnAddress)
    ]
    assert [1] == [entry.id for entry in history]
    assert ((ann,), ("ann@x.org", "ann+home@x.org"), ("a@x@y",)) == (
        at_home, record.addresses, record.person.unusable,
    )  # fmt: skip
    assert ["a@x.org,b@x.org", "a@x@y"] == [one.stored for one in found(database)]


def test_what_only_keeps_mail_away_does_so_after_mending(database: Database) -> None:
    one = person("17", unusable=("<ann@x.org>",), lookalikes=("old@x.org", "ann@x.org"))
    tell(database, "people", one)
    with database.writing() as connection:
        mending.mend(connection, found(database), plus_addresses=False)
    with database.reading() as connection:
        [record] = find(connection, PersonRef(CANDIDATE, "17"))

    assert (("ann@x.org",), ("old@x.org",)) == (record.addresses, record.lookalikes)


def test_an_address_that_an_envelope_takes_as_it_stands_is_left_to_the_crm(
    database: Database,
) -> None:
    """The CRM sends to `'ann@x.org` if that is what it has."""
    tell(database, "people", person("17", "'ann@x.org"))
    with database.writing() as connection:
        connection.execute(update(people).values(unusable="none"))

    assert [] == found(database)
