"""What people look for is found in capitals or not, on both stores."""

from dataclasses import replace

import pytest
from sqlalchemy import literal, select

from gateway.core.kinds import State
from gateway.store.engine.any_case import stands_in
from gateway.store.engine.database import Database
from gateway.store.journal import messages
from gateway.store.journal.journal import take_in
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


@pytest.mark.parametrize("typed", ['Ärzte "ohne" Mail', 'ärzte "ohne" mail', "keine massenmail"])
def test_of_a_message_those_are_shown_whom_the_group_kept_from_it(
    database: Database, typed: str
) -> None:
    note = kept_note().replace("Geen bulk-mail", 'Ärzte \\"ohne\\" Mail')
    kept = message(0, replace(suppressed(ANN), note_facts=note), suppressed(BEN))
    with database.writing() as connection:
        take_in(connection, 1, [kept], [])

    with database.reading() as connection:
        assert [kept.id] == messages.listed_ids(connection, group=typed, state=State.SEND_FAILED)
        parts = messages.some_deliveries(connection, [kept.id], group=typed, most=10)

    assert [ANN] == [delivery.address for _, delivery in parts[kept.id].shown]
