"""Messages are found by their words, before and after these were taken, on both stores."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from gateway.core import ids
from gateway.core.journal.message import Message
from gateway.core.journal.search_words import MessageSearch
from gateway.core.kinds import State
from gateway.store.engine.database import Database
from gateway.store.journal import messages as journal
from gateway.store.journal import searching
from gateway.store.journal.journal import write_recorded
from gateway.store.schema.searching import message_words
from tests.store.feeding import NOW
from tests.store.journaling import ANN, BEN, EVE, at, going, kept_note, message, suppressed

LATER = NOW + timedelta(hours=3)


def keep(database: Database, *kept: Message) -> None:
    with database.writing() as connection:
        write_recorded(connection, 1, kept, [])


def index(database: Database, limit: int = 100) -> int:
    with database.writing() as connection:
        return searching.index(connection, LATER, limit)


def found(database: Database, text: str = "", **asked: Any) -> list[str]:
    search = MessageSearch.read(text)
    with database.reading() as connection:
        return [each.subject for each in journal.list_messages(connection, search=search, **asked)]


FACTUUR = message(0, going(ANN), subject="Factuur Müller 17")
INVOICE = message(1, going(BEN), going("ann@other.example"), subject="Invoice 17")
OTHER = message(2, going(EVE), subject="Hello")


@pytest.fixture(params=["taken", "not taken yet", "some taken"])
def journaled(database: Database, request: pytest.FixtureRequest) -> Database:
    """A journal of three messages, of which the words were taken or not."""
    keep(database, FACTUUR, INVOICE, OTHER)
    if request.param != "not taken yet":
        assert index(database, 100 if request.param == "taken" else 2) >= 2
    return database


@pytest.mark.parametrize(
    ("text", "asked", "subjects"),
    [
        ("17", {}, ["Invoice 17", "Factuur Müller 17"]),
        ("MULLER", {}, ["Factuur Müller 17"]),
        ("müller factuur", {}, ["Factuur Müller 17"]),
        ("ann", {}, ["Invoice 17", "Factuur Müller 17"]),
        ("ann@other.example", {}, ["Invoice 17"]),
        ("office", {}, ["Hello", "Invoice 17", "Factuur Müller 17"]),
        ("office hello", {}, ["Hello"]),
        ("facturen", {}, []),
        ("fact", {}, []),  # full words only
        (ids.show(OTHER.id), {}, ["Hello"]),
        ("office", {"limit": 2}, ["Hello", "Invoice 17"]),
        ("office", {"before": OTHER.id}, ["Invoice 17", "Factuur Müller 17"]),
        ("office", {"since": at(1)}, ["Hello", "Invoice 17"]),
        ("office", {"to": EVE}, ["Hello"]),
        ("office", {"sender": "nobody@office.example"}, []),
        ("17", {"state": State.SENDING}, ["Invoice 17", "Factuur Müller 17"]),
        ("17", {"state": State.RELAYED}, []),
    ],
)
def test_a_message_is_found_by_its_words(
    journaled: Database, text: str, asked: dict[str, Any], subjects: list[str]
) -> None:
    assert subjects == found(journaled, text, **asked)


def test_words_are_taken_once_of_each_message(database: Database) -> None:
    keep(database, FACTUUR, INVOICE, OTHER)

    assert [2, 1, 0] == [index(database, 2) for _ in range(3)]


def test_words_of_a_message_that_was_just_begun_are_not_taken(database: Database) -> None:
    keep(database, FACTUUR)

    with database.writing() as connection:
        assert not searching.has_work(connection, FACTUUR.at + searching.INDEXED_AFTER)
        assert 0 == searching.index(connection, FACTUUR.at + searching.INDEXED_AFTER, 10)
        assert searching.has_work(connection, LATER)


def test_what_is_written_late_is_found_too(database: Database) -> None:
    keep(database, OTHER)
    index(database)

    keep(database, FACTUUR)

    assert ["Factuur Müller 17"] == found(database, "muller")
    assert 1 == index(database)
    assert ["Factuur Müller 17"] == found(database, "muller")


def test_the_rule_and_the_group_are_found(database: Database) -> None:
    failed = replace(suppressed(ANN), note_facts=kept_note())
    keep(
        database,
        message(0, failed, subject="kept away"),
        message(1, going(ANN), subject="gone"),
        replace(message(2, suppressed(BEN), subject="of another rule"), rule="burst"),
    )

    for _ in ("before the words are taken", "after"):
        assert ["gone", "kept away"] == found(database, rule="precedence")
        assert ["kept away"] == found(database, rule="precedence", state=State.SEND_FAILED)
        assert ["kept away"] == found(database, group="Geen bulk-mail")
        assert ["kept away"] == found(database, group="keine massenmail")
        assert [] == found(database, group="Alle")
        assert ["of another rule"] == found(database, "office", rule="burst")
        # Neither is the message of an id that is of another rule.
        number = ids.show(message(2).id)
        assert ["of another rule"] == found(database, number, rule="burst")
        assert [] == found(database, number, rule="precedence")
        index(database)


def test_many_that_have_the_words_and_few_that_answer(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_AT_ONCE", 3)
    monkeypatch.setattr(journal, "_MOST_AT_ONCE", 4)
    keep(database, message(0, replace(going(ANN), state=State.UNKNOWN), subject="old one"))
    keep(database, message(0.5, replace(going(ANN), state=State.UNKNOWN), subject="another"))
    keep(database, *(message(minute, going(BEN), subject="new") for minute in range(1, 9)))
    index(database)

    assert ["old one"] == found(database, "office old", state=State.UNKNOWN)
    assert ["another", "old one"] == found(database, "office", state=State.UNKNOWN)
    assert ["another"] == found(database, "office", state=State.UNKNOWN, limit=1)
    assert ["new", "new"] == found(database, "office", state=State.SENDING, limit=2)
    assert 8 == len(found(database, "office", state=State.SENDING))


def test_who_searches_is_told_what_may_be_missed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "_MOST_UNINDEXED", 2)
    keep(database, FACTUUR, INVOICE, OTHER)

    def missed(connection: Connection) -> Any:
        return searching.unsearched_before(connection)

    with database.reading() as connection:
        assert INVOICE.at == missed(connection)
    index(database)
    with database.reading() as connection:
        assert None is missed(connection)


def test_words_go_with_their_message(database: Database) -> None:
    keep(database, FACTUUR, OTHER)
    index(database)

    with database.writing() as connection:
        assert 1 == journal.prune(connection, at(1), 10)

    assert [] == found(database, "muller")
    assert ["Hello"] == found(database, "office")
    with database.reading() as connection:
        assert [OTHER.id] == list(connection.scalars(select(message_words.c.message)))
