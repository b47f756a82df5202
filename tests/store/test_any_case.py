"""What people look for is found in capitals or not, on both stores."""

from dataclasses import replace

import pytest
from sqlalchemy import String, cast, literal, null, select

from gateway.core.journal.search_words import AddressParts
from gateway.core.kinds import State
from gateway.store.engine.any_case import begins_with, ends_with, reads_as, stands_in
from gateway.store.engine.database import Database
from gateway.store.journal import messages
from gateway.store.journal.journal import write_recorded
from tests.store.journaling import ANN, BEN, kept_note, message, suppressed


@pytest.mark.parametrize(
    ("text", "is_in"),
    [
        ("ärzte", True),
        ("ÄRZTE OHNE MAIL", True),
        ("Ohne mail", True),
        ("100% ärzte", False),
        ("_rzte", False),
        ("arzte", False),
    ],
)
def test_a_text_stands_in_another_in_any_case(database: Database, text: str, is_in: bool) -> None:
    with database.reading() as connection:
        condition = stands_in(connection, literal("Alle Ärzte ohne Mail"), text)

        assert is_in == bool(connection.scalar(select(condition)))


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Jörg Ünsal", ["jorg", "UNSAL", "Jörg", "JÖRG", "ünsal", "rg u"]),
        ("JÖRG ÜNSAL", ["jorg", "unsal", "Ünsal"]),
        ("Jorg Unsal", ["Jörg", "ünsal"]),
        ("Seán O'Hara", ["sean", "SEAN", "o'hara", "Seán"]),
        ("Éducateur·rice", ["educateur", "éducateur", "EDUCATEUR"]),
        ("Łukasz Ærø-Œuvre", ["lukasz", "aero", "oeuvre", "ærø", "œuvre", "łukasz"]),
        ("IŞIK Ðorđe Groß", ["isik", "dorde", "gross", "groß", "GROSS"]),
        ("Άννα Μάρκος", ["αννα", "Άννα", "μαρκος"]),
        ("Фёдор Йовчев", ["федор", "йовчев", "Фёдор"]),
        ("שָׁלוֹם", ["שלום"]),
        ("100%", ["100%", "0%"]),
    ],
)
def test_a_name_is_found_without_its_accents_and_with_them(
    database: Database, name: str, typed: list[str]
) -> None:
    with database.reading() as connection:
        fits = {text: reads_as(connection, literal(name), text) for text in typed}
        found = {text for text, fit in fits.items() if connection.scalar(select(fit))}

    assert found == set(typed)


def test_nothing_stands_where_there_is_no_text(database: Database) -> None:
    """As the name of a programme that an application leads to and nobody has told of."""
    with database.reading() as connection:
        missing = cast(null(), String)

        assert connection.scalar(select(reads_as(connection, missing, "jörg"))) is None


@pytest.mark.parametrize("typed", ["jarg", "j_rg", "jörgen", "%", "ö "])
def test_other_letters_are_other_names(database: Database, typed: str) -> None:
    with database.reading() as connection:
        assert not connection.scalar(select(reads_as(connection, literal("Jörg Ünsal"), typed)))


def test_a_text_begins_or_ends_with_another_in_any_case(database: Database) -> None:
    address = literal("Anna.Jansen@Example.org")
    conditions = {
        begins_with: {"anna.": True, "ANNA": True, "nna": False, "a_na": False},
        ends_with: {"@example.ORG": True, "ple.org": True, "example": False, "%org": False},
    }
    with database.reading() as connection:
        told = {
            way: {
                text: bool(connection.scalar(select(way(connection, address, text))))
                for text in texts
            }
            for way, texts in conditions.items()
        }

    assert conditions == told


def test_messages_are_found_by_parts_of_addresses(database: Database) -> None:
    to_ann, to_ben = message(0, suppressed(ANN)), message(1, suppressed(BEN))
    with database.writing() as connection:
        write_recorded(connection, 1, [to_ann, to_ben], [])

    with database.reading() as connection:
        part = AddressParts.read(ANN.partition("@")[0])
        assert [to_ann.id] == messages.list_message_ids(connection, to=part)
        shown = messages.some_deliveries(connection, [to_ann.id, to_ben.id], to=part, most=10)
        domain = AddressParts.read("@" + ANN.partition("@")[2].upper())
        assert [to_ben.id, to_ann.id] == messages.list_message_ids(connection, to=domain)

    assert [to_ann.id] == list(shown)


@pytest.mark.parametrize("typed", ['Ärzte "ohne" Mail', 'ärzte "ohne" mail', "keine massenmail"])
def test_of_a_message_those_are_shown_whom_the_group_kept_from_it(
    database: Database, typed: str
) -> None:
    note = kept_note().replace("Geen bulk-mail", 'Ärzte \\"ohne\\" Mail')
    kept = message(0, replace(suppressed(ANN), note_facts=note), suppressed(BEN))
    with database.writing() as connection:
        write_recorded(connection, 1, [kept], [])

    with database.reading() as connection:
        assert [kept.id] == messages.list_message_ids(
            connection, group=typed, state=State.SEND_FAILED
        )
        parts = messages.some_deliveries(connection, [kept.id], group=typed, most=10)

    assert [ANN] == [delivery.address for _, delivery in parts[kept.id].deliveries]
