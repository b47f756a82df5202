"""The applications that what a mail says may lead to."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import event

from gateway.core import ids
from gateway.core.people.applications import Application
from gateway.core.people.history import HistoryEntry
from gateway.core.people.people import PersonRef, Staff, Status, StatusKind
from gateway.core.replies.suggestions import MailWords, clues_of, suggestions
from gateway.store.engine.database import Database
from gateway.store.people import applications, history
from gateway.store.replies.possible_applications import possible_applications
from tests.store.feeding import CANDIDATE, person, tell

ANN, BEN, EVE = (PersonRef(CANDIDATE, crm_id) for crm_id in ("1", "2", "3"))
CAME = datetime(2026, 3, 4, 10, tzinfo=UTC)


@pytest.fixture
def store(database: Database) -> Database:
    """Three people with applications, and Eva of the staff, who is known as a person, too."""
    tell(
        database,
        "people",
        person("1", "ann@example.org", first_name="Ann", last_name="van der Berg"),
        person("2", "ben@example.org", first_name="Ben", last_name="Smit"),
        person("3", "eva@office.example", first_name="Eva", last_name="Bos"),
    )
    tell(database, "staff", Staff(crm_id="s1", email="eva@office.example"))
    tell(
        database,
        "statuses",
        Status(kind=StatusKind.APPLICATION, crm_id="x", name="rejected", closed=True),
    )
    tell(
        database,
        "applications",
        Application(reference="4711", person=ANN, title="Nurse", status="x"),
        Application(reference="4712", person=ANN, title="Cook"),
        Application(reference="4713", person=BEN, title="Cook"),
        Application(reference="4714", person=EVE, title="Cook"),
    )
    entry = HistoryEntry(
        id=ids.first_id_at(CAME), person=ANN, reference="4712", fingerprint="x", inbox=1, raw="0",
        staff="s1", sender_name="Ann", sender="ann@example.org",
    )  # fmt: skip
    with database.writing() as connection:
        history.add(connection, entry)
    return database


def test_open_applications_of_whose_replies_nobody_would_hear_are_counted(
    store: Database,
) -> None:
    tell(store, "people", person("2", "ben@example.org", owner="s1"))
    tell(store, "applications", Application(reference="4714", person=EVE, responsible=("s1",)))
    tell(store, "applications", Application(reference="4715", person=PersonRef(CANDIDATE, "9")))

    with store.reading() as connection:
        # 4712 of Ann, and 4715 of somebody nobody has told of.
        assert 2 == applications.count_unattended(connection)


def found(store: Database, subject: str = "", text: str = "", *senders: str) -> list[str]:
    words = MailWords(subjects=(subject,), texts=(text,), senders=senders, date=CAME)
    clues = clues_of(words)
    with store.reading() as connection:
        possible = possible_applications(connection, clues)
    return [
        " ".join(
            [
                each.application.known_application.application.reference,
                *(r for r, _ in each.reasons),
            ]
        )
        for each in suggestions(clues, possible, zone=UTC)
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("AW: Bewerbung 4713",), ["4713 number_in_subject"]),
        (("Bewerbung", "", "eva@office.example", "ann@example.org"),
         ["4712 sender lately_replied", "4711 sender closed"]),
        (("Bewerbung", "mvg, BEN SMIT"), ["4713 name_in_text"]),
        (("Cook", "Berg, Ann van der"), []),
        (("Cook", "Ann van der Berg"),
         ["4712 title_in_subject name_in_text lately_replied", "4711 name_in_text closed"]),
        (("nothing", "at all 9999"), []),
        (("", ""), []),
    ],
)  # fmt: skip
def test_a_mail_leads_to_applications_by_number_address_and_name(
    store: Database, given: tuple[str, ...], expected: list[str]
) -> None:
    assert expected == found(store, *given)


# What is asked is the same in either database.
@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_mail_full_of_names_and_numbers_asks_no_more(store: Database) -> None:
    asked: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    numbers = " ".join(str(number) for number in range(100_000))
    names = "\n".join(f"Ann{chr(97 + n % 26)} Ber{chr(97 + n // 26 % 26)}" for n in range(5_000))
    addresses = " ".join(f"a{number}@example.org" for number in range(1_000))

    assert [] == found(store, numbers, names + addresses, *(f"{n}@x.org" for n in range(1_000)))
    assert len(asked) <= 12
