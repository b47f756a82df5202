"""Reading the journal, on both stores."""

import re
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select

from gateway.core import ids
from gateway.core.journal.message import Delivery, Message
from gateway.core.kinds import By, Kind, State
from gateway.core.people.people import Person, PersonKind, PersonRef
from gateway.store.bounces import bounces
from gateway.store.campaigns import opt_outs
from gateway.store.engine.database import Database
from gateway.store.journal import messages as journal
from gateway.store.journal import received
from gateway.store.journal.journal import write_recorded
from gateway.store.people import history, suppression
from gateway.store.people.people import PersonRecord
from gateway.store.schema.feed import addresses
from gateway.store.schema.journal import attempts, deliveries

NOW = datetime(2026, 3, 12, 9, tzinfo=UTC)
ANN = PersonRef(PersonKind.CANDIDATE, "17")
BEN = PersonRef(PersonKind.CONTACT, "4 b")


def at(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def delivery(
    recipient: str,
    state: State = State.RELAYED,
    *,
    would: str = "",
    persons: tuple[PersonRef, ...] = (),
) -> Delivery:
    return Delivery(
        recipient=recipient,
        address=recipient.lower(),
        state=state,
        by=By.RELAY,
        reply="250 ok",
        note="why\nnot" if state is State.SEND_FAILED else "",
        would=would,
        persons=persons,
    )


def message(minute: int, *parts: Delivery, sender: str = "crm@example.org") -> Message:
    number = ids.first_id_at(at(minute))
    return Message(
        id=number,
        at=at(minute),
        listener="crm",
        sender=sender,
        login="crm",
        client="127.0.0.1",
        subject=f"Hello {minute}",
        message_id=f"<{minute}@example.org>",
        kind=Kind.BULK,
        rule="precedence",
        relay="relay",
        size=1000,
        burst_key=5,
        deliveries=parts,
    )


def keep(database: Database, *kept: Message) -> None:
    with database.writing() as connection:
        write_recorded(connection, 1, kept, [])


def subjects(found: Sequence[Message]) -> list[str]:
    return [one.subject for one in found]


def test_a_message_is_read_as_it_was_written(database: Database) -> None:
    written = message(
        1, delivery("Ann@example.org", State.SEND_FAILED, persons=(ANN, BEN)), delivery("b@x.org")
    )
    keep(database, written)

    with database.reading() as connection:
        assert written == journal.by_id(connection, written.id)


def test_an_unknown_id_is_no_message(database: Database) -> None:
    with database.reading() as connection:
        assert journal.by_id(connection, 1) is None


def test_messages_are_listed_newest_first_up_to_a_limit(database: Database) -> None:
    keep(database, *(message(minute, delivery("a@x.org")) for minute in range(3)))

    with database.reading() as connection:
        assert ["Hello 2", "Hello 1"] == subjects(journal.list_messages(connection, limit=2))


def test_messages_are_found_by_recipient_sender_and_time(database: Database) -> None:
    keep(
        database,
        message(0, delivery("Ann@x.org")),
        message(1, delivery("ann@x.org"), delivery("ben@x.org"), sender="Other@example.org"),
        message(2, delivery("ben@x.org")),
    )

    with database.reading() as connection:
        assert ["Hello 1", "Hello 0"] == subjects(journal.list_messages(connection, to="ann@x.org"))
        by_sender = journal.list_messages(connection, sender="other@EXAMPLE.org")
        assert ["Hello 1"] == subjects(by_sender)
        assert ["Hello 2", "Hello 1"] == subjects(journal.list_messages(connection, since=at(1)))


def test_a_state_counts_for_the_recipient_asked_for(database: Database) -> None:
    keep(database, message(0, delivery("ann@x.org", State.SEND_FAILED), delivery("ben@x.org")))

    with database.reading() as connection:
        failed = State.SEND_FAILED
        assert ["Hello 0"] == subjects(journal.list_messages(connection, state=failed))
        assert ["Hello 0"] == subjects(
            journal.list_messages(connection, state=failed, to="ann@x.org")
        )
        assert [] == journal.list_messages(connection, state=failed, to="ben@x.org")


def test_the_report_names_what_enforcing_would_have_failed(database: Database) -> None:
    keep(
        database,
        message(0, delivery("a@x.org", would="send_failed")),
        message(1, delivery("a@x.org")),
        message(2, delivery("a@x.org"), delivery("b@x.org", would="send_failed")),
    )

    with database.reading() as connection:
        assert ["Hello 2", "Hello 0"] == subjects(journal.would_fail(connection, None))
        assert ["Hello 2"] == subjects(journal.would_fail(connection, at(1)))


def test_a_person_has_the_mail_to_their_addresses_but_not_that_of_an_earlier_owner(
    database: Database,
) -> None:
    keep(
        database,
        message(0, delivery("ann@x.org", persons=(ANN,))),
        message(1, delivery("ann@x.org")),
        message(2, delivery("ann@x.org", persons=(PersonRef(PersonKind.CANDIDATE, "171"),))),
        message(3, delivery("ben@x.org", persons=(BEN,))),
    )
    with database.writing() as connection:
        for person, address in ((ANN, "ann@x.org"), (BEN, "ben@x.org")):
            row = {"kind": person.kind, "person": person.crm_id, "address": address}
            connection.execute(insert(addresses).values(row))

    with database.reading() as connection:
        subjects_of = {
            who: [mail.subject for mail in received.by_person(connection, who, None, None, 9)]
            for who in (ANN, BEN)
        }
        assert {ANN: ["Hello 1", "Hello 0"], BEN: ["Hello 3"]} == subjects_of
        assert 3 == len(journal.list_messages(connection, limit=10, to="ann@x.org"))


def test_what_is_still_being_sent_is_settled_only_when_it_is_old(database: Database) -> None:
    sending = message(1, delivery("a@x.org", State.SENDING))
    settled = message(2, delivery("a@x.org"))
    keep(database, sending, settled)

    with database.reading() as connection:
        assert [settled.id] == journal.settled_after(connection, 0, sending.id)
        assert [sending.id, settled.id] == journal.settled_after(connection, 0, settled.id)
        assert [] == journal.settled_after(connection, settled.id, settled.id)


def test_old_messages_go_in_small_steps_with_all_that_belongs_to_them(database: Database) -> None:
    keep(database, *(message(minute, delivery("a@x.org")) for minute in range(5)))
    attempt = {"fingerprint": 1, "message": ids.first_id_at(at(0)), "state": "open"}
    with database.writing() as connection:
        connection.execute(insert(attempts).values(attempt))

    with database.writing() as connection:
        steps = [journal.prune(connection, at(3), 2) for _ in range(3)]

    with database.reading() as connection:
        left = journal.list_messages(connection)
        orphans = connection.scalars(select(deliveries.c.message)).all()
        assert [2, 1, 0] == steps
        assert ["Hello 4", "Hello 3"] == subjects(left)
        assert {one.id for one in left} == set(orphans)
        assert [] == connection.execute(select(attempts)).all()


@pytest.mark.parametrize("more_of", ["sender", "state"])
def test_who_wrote_little_is_told_from_a_state_that_is_rare(
    database: Database, more_of: str
) -> None:
    refused = partial(delivery, "a@x.org", state=State.REJECTED)
    relayed = partial(delivery, "a@x.org", state=State.RELAYED)
    wanted = message(1, refused(), sender="Ann@crm.test")
    of_others = [message(minute, refused(), sender="bob@crm.test") for minute in (2, 3, 4)]
    fine = [message(minute, relayed(), sender="ann@crm.test") for minute in (5, 6, 7)]
    keep(database, wanted, *(fine if more_of == "sender" else of_others))

    with database.reading() as connection:
        listed = journal.list_messages(connection, sender="ann@crm.test", state=State.REJECTED)

    assert ["Hello 1"] == subjects(listed)


def test_more_messages_than_one_question_takes_are_read_in_order(database: Database) -> None:
    keep(database, *(message(minute, delivery("a@x.org")) for minute in range(1100)))

    with database.reading() as connection:
        found = journal.list_messages(connection, limit=2000)

    assert [f"Hello {minute}" for minute in reversed(range(1100))] == subjects(found)


ANNS_RECORD = PersonRecord(
    person=Person(ref=ANN), source="crm", addresses=("a@x.org", "b@x.org"), lookalikes=(),
    status=None, status_since=None, groups=(),
)  # fmt: skip
FINE_SCAN = re.compile("_would|^SCAN anon_")
QUESTIONS: dict[str, Callable[[Connection], object]] = {
    "to": partial(journal.list_messages, to="a@x.org"),
    "to and state": partial(journal.list_messages, to="a@x.org", state=State.REJECTED),
    "from": partial(journal.list_messages, sender="a@x.org"),
    "from and state": partial(journal.list_messages, sender="a@x.org", state=State.REJECTED),
    **{
        f"state {state}": partial(journal.list_messages, state=state, since=NOW, before=7)
        for state in State
        if state is not State.RELAYED
    },
    "would fail": partial(journal.would_fail, since=None),
    "of a person": partial(
        received.at_addresses,
        own=["a@x.org", "b@x.org"],
        ref=ANN,
        since=NOW,
        until=NOW,
        limit=9,
    ),
    "bounces of a person": partial(
        bounces.of_person, record=ANNS_RECORD, since=NOW, until=NOW, limit=9
    ),
    "replies of a person": partial(history.heads_of, ref=ANN, since=NOW, until=NOW, limit=9),
    "documents of a person": partial(
        history.newest_documents, ref=ANN, since=NOW, until=NOW, limit=9
    ),
    "id": partial(journal.by_id, number=5),
    "settled": partial(journal.settled_after, after=5, waiting_since=6),
    "what staff said of an address": partial(suppression.history, ref_or_address="a@x.org"),
    "what staff said of a person": partial(suppression.history, ref_or_address=ANN),
    "what Mailchimp refuses": partial(opt_outs.refusals, addresses=["a@x.org"]),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_no_question_of_every_day_reads_the_whole_journal(
    tmp_path: Path, question: Callable[[Connection], object]
) -> None:
    database = Database(f"sqlite:///{tmp_path}/gateway.db")
    database.prepare()
    plans: list[str] = []

    with database.reading() as connection:
        event.listen(connection, "before_cursor_execute", partial(explain, plans))
        question(connection)
    database.close()

    assert plans
    steps = [step for plan in plans for step in plan.splitlines()]
    # An index of nothing but what is asked for may be read from its end, and what a subquery found
    # be counted.
    scans = [step for step in steps if step.startswith("SCAN") and not FINE_SCAN.search(step)]
    assert [] == scans


def explain(
    plans: list[str], _: object, cursor: sqlite3.Cursor, statement: str, values: Any, *__: object
) -> None:
    """Keep how SQLite would answer a statement."""
    rows = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
    plans.append("\n".join(row[3] for row in rows))
