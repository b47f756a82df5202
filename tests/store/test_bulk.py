"""Many rows in one statement, on both stores."""

import random
import string
from datetime import date

import pytest
from sqlalchemy import select

from gateway.store.engine.bulk_rows import insert_rows
from gateway.store.engine.database import Database, RowRefused
from gateway.store.schema.feed import people
from gateway.store.schema.journal import attempts

ATTEMPT = ("fingerprint", "message", "content_hash", "state", "verdict")


def write(database: Database, *rows: tuple[object, ...], conflict: str = "") -> None:
    with database.writing() as connection:
        insert_rows(connection, attempts, ATTEMPT, rows, conflict=conflict)


def read(database: Database) -> list[tuple[object, ...]]:
    with database.reading() as connection:
        query = select(*(attempts.c[name] for name in ATTEMPT)).order_by(attempts.c.message)
        return [tuple(row) for row in connection.execute(query)]


def test_rows_come_back_as_they_went_in(database: Database) -> None:
    dice = random.Random(7)
    letters = string.printable + "äß€😀\x85\u2028'\"\\%s:a?$[0]"
    rows = [
        (dice.getrandbits(63), number, "".join(dice.choices(letters, k=20)), "open", text)
        for number, text in enumerate(["", " ", "null", "[1]", '{"a": 1}', "12", "1e3", "true"])
    ]
    write(database, *rows)

    assert rows == read(database)


def test_whole_numbers_keep_all_their_digits(database: Database) -> None:
    row = (2**63 - 1, -(2**63), "", "open", "")
    write(database, row)

    assert [row] == read(database)


def test_truth_values_dates_and_nothing_keep_their_types(database: Database) -> None:
    columns = ("kind", "crm_id", "birthday", "active", "status_since")
    with database.writing() as connection:
        insert_rows(connection, people, columns, [("candidate", "1", "1990-02-28", False, None)])
    with database.reading() as connection:
        row = connection.execute(
            select(people.c.birthday, people.c.active, people.c.status_since, people.c.owner)
        ).one()

    assert (date(1990, 2, 28), False, None, "") == tuple(row)


def test_no_rows_are_no_statement(database: Database) -> None:
    write(database)

    assert [] == read(database)


def test_a_key_that_is_there_refuses_all_rows(database: Database) -> None:
    write(database, (1, 1, "", "open", ""))
    with pytest.raises(RowRefused):
        write(database, (2, 2, "", "open", ""), (1, 1, "", "sent", ""))

    assert [(1, 1, "", "open", "")] == read(database)


@pytest.mark.parametrize(
    ("conflict", "state"),
    [
        ("DO NOTHING", "open"),
        ("(fingerprint, message) DO UPDATE SET state = excluded.state", "sent"),
    ],
)
def test_what_becomes_of_rows_that_are_there_is_said(
    database: Database, conflict: str, state: str
) -> None:
    write(database, (1, 1, "", "open", ""))
    write(database, (2, 2, "", "open", ""), (1, 1, "", "sent", ""), conflict=conflict)

    assert [(1, 1, "", state, ""), (2, 2, "", "open", "")] == read(database)
