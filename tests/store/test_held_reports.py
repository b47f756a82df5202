"""Reports held back until the hour's end: each message is told once, and nobody gets many mails."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.core import ids
from gateway.core.decision import dsn
from gateway.core.decision.note import Note
from gateway.core.kinds import State
from gateway.core.mail.envelope import parse_mail, parse_rcpt
from gateway.core.sending.outbox import OutboxDraft, OutboxRow, OutboxState
from gateway.store.engine.database import Database
from gateway.store.journal import held_reports
from gateway.store.journal.held_reports import HeldFailures
from gateway.store.journal.journal import write_recorded
from gateway.store.sending import outbox
from tests.store.holders import nobody_is_gone
from tests.store.journaling import message, suppressed

NOW = datetime(2026, 3, 12, 9, 20, tzinfo=UTC)
END = datetime(2026, 3, 12, 10, tzinfo=UTC)
SOON = NOW + timedelta(seconds=2)
LEASE = timedelta(minutes=5)
MINUTE = timedelta(minutes=1)
ANN = "ann@office.example"


def draft(number: int, *, to: str = ANN, armed: bool = False, members: int = 1) -> OutboxDraft:
    """The report owed for one message of that number."""
    moment = NOW + timedelta(milliseconds=number)
    about = dsn.DsnReport(
        message_id=f"<{number}.dsn@gateway.example>",
        at=moment,
        notifier="postmaster@gateway.example",
        hostname="gateway.example",
        message=ids.first_id_at(moment),
        sender=parse_mail(f"FROM:<{to}>".encode(), frozenset()),
        subject=f"Message {number}",
        arrived=moment,
        headers=b"",
        failed=tuple(
            dsn.FailedRecipient(
                parse_rcpt(f"TO:<{number}-{member}@example.org>".encode(), set(), utf8=False),
                Note(("why",), "why"),
            )
            for member in range(members)
        ),
    )
    return OutboxDraft(
        id=ids.first_id_at(moment) + 1,
        type="dsn",
        key=f"dsn:{number}",
        recipient=to,
        body=f"about {number}".encode(),
        message=about.message,
        due=None if armed else moment,
        digest=dsn.digest(about, "en"),
    )


def put(database: Database, *drafts: OutboxDraft, now: datetime = NOW) -> None:
    with database.writing() as connection:
        for one in drafts:
            held_reports.put(connection, one)
        held_reports.assign(connection, now)


def compose(entry: OutboxRow, held: HeldFailures) -> bytes:
    """Tell the subjects, as short as can be."""
    assert entry.body == b""
    return f"{held.messages}/{held.recipients}: {[one.subject for one in held.listed]}".encode()


def sent(database: Database, now: datetime = SOON) -> list[tuple[str, str]]:
    """Claim what is due; return to whom it goes and what it says."""
    with database.writing() as connection:
        rows = outbox.claim(connection, "one", now, LEASE, 10)
        whole = [held_reports.complete(connection, row, compose) for row in rows]
    return [(row.recipient, row.body.decode()) for row in whole if row is not None]


def waiting(database: Database) -> list[datetime | None]:
    with database.reading() as connection:
        rows = outbox.list_outbox(connection, state=OutboxState.QUEUED)
    return [row.next_at for row in rows]


def test_the_first_of_an_hour_goes_at_once_and_the_rest_together_at_its_end(
    database: Database,
) -> None:
    put(database, draft(1))
    first = sent(database)
    put(database, draft(2, members=3), now=NOW + MINUTE)
    put(database, draft(3), now=NOW + 2 * MINUTE)
    due = waiting(database)
    before = sent(database, END - MINUTE)
    rest = sent(database, END)

    assert [(ANN, "about 1")] == first
    assert [END] == due
    assert [] == before
    assert [(ANN, "2/4: ['Message 2', 'Message 3']")] == rest
    assert [] == sent(database, END + 60 * MINUTE)


def test_a_rest_of_one_message_is_the_whole_report_about_it(database: Database) -> None:
    put(database, draft(1))
    sent(database)
    put(database, draft(2))

    assert [(ANN, "about 2")] == sent(database, END)


def test_the_next_hour_begins_anew(database: Database) -> None:
    put(database, draft(1))
    sent(database)
    put(database, draft(2))
    put(database, draft(3), now=END + MINUTE)

    assert [(ANN, "about 2"), (ANN, "about 3")] == sorted(sent(database, END + 2 * MINUTE))


def test_what_comes_after_the_hours_end_was_told_goes_with_the_next(database: Database) -> None:
    put(database, draft(1))
    sent(database)
    put(database, draft(2))
    hurried = sent(database, END)
    put(database, draft(3), draft(4))

    assert [(ANN, "about 2")] == hurried
    assert [(ANN, "2/2: ['Message 3', 'Message 4']")] == sent(database, END)


def test_spellings_of_one_sender_are_one_and_others_are_apart(database: Database) -> None:
    put(database, draft(1), draft(2, to="ANN@Office.example"), draft(3, to="bob@office.example"))

    assert [
        (ANN, "2/2: ['Message 1', 'Message 2']"),
        ("bob@office.example", "about 3"),
    ] == sorted(sent(database))


def test_what_waits_for_the_relays_word_is_told_only_after_it(database: Database) -> None:
    refused, taken = draft(1, armed=True), draft(2, armed=True)
    put(database, refused, taken)
    before = waiting(database)

    with database.writing() as connection:
        held_reports.cancel_armed(connection, refused.message or 0)
        held_reports.release(connection, taken.message or 0, NOW)
        held_reports.assign(connection, NOW)
    retry = replace(draft(3), key=refused.key)
    first = sent(database)
    put(database, retry)

    assert [] == before
    assert [(ANN, "about 2")] == first
    assert [(ANN, "about 3")] == sent(database, END)


def test_S38_a_retry_is_not_told_again_even_after_it_was(database: Database) -> None:
    put(database, draft(1), replace(draft(2), key="dsn:1"))
    first = sent(database)
    put(database, replace(draft(3), key="dsn:1"))

    assert [(ANN, "about 1")] == first
    assert [] == sent(database, END)


def test_K10_whoever_puts_and_claims_at_once_each_message_is_told_once(
    database: Database, store_url: str
) -> None:
    other = Database(store_url)
    stores = [database, other] * 10
    names = [ANN, "bob@office.example"]
    drafts = [(draft(n, to=names[n % 2]), draft(n + 100, to=names[(n + 1) % 2])) for n in range(20)]

    def one(store: Database, pair: tuple[OutboxDraft, OutboxDraft]) -> list[tuple[str, str]]:
        put(store, *pair)
        return sent(store)

    try:
        with ThreadPoolExecutor(4) as pool:
            told = [text for done in pool.map(one, stores, drafts) for _, text in done]
    finally:
        other.close()
    told += [text for _, text in sent(database, SOON) + sent(database, END)]

    assert 4 >= len(told)
    numbers = [*range(20), *range(100, 120)]
    assert dict.fromkeys(numbers, 1) == {
        n: sum(f"'Message {n}'" in text or text == f"about {n}" for text in told) for n in numbers
    }


def test_a_report_whose_worker_vanishes_stays_whole(database: Database) -> None:
    put(database, draft(1), draft(2))
    [(_, body)] = sent(database)

    with database.writing() as connection:
        (left,) = outbox.recover(connection, SOON + LEASE, nobody_is_gone)
        outbox.retry(connection, left.id, SOON + LEASE)
    put(database, draft(3))

    assert OutboxState.UNKNOWN == left.state
    assert [(ANN, body)] == sent(database, SOON + LEASE)
    assert [(ANN, "about 3")] == sent(database, END)


def test_a_report_cancelled_by_hand_is_not_sent_unless_it_is_retried(database: Database) -> None:
    put(database, draft(1), draft(2))
    with database.writing() as connection:
        (row,) = outbox.list_outbox(connection)
        outbox.cancel(connection, row.id)
    put(database, draft(3))
    at_the_end = sent(database, END)
    with database.writing() as connection:
        outbox.retry(connection, row.id, END)

    assert [(ANN, "about 3")] == at_the_end
    assert [(ANN, "2/2: ['Message 1', 'Message 2']")] == sent(database, END)


def test_an_entry_that_nothing_is_left_of_is_cancelled(database: Database) -> None:
    put(database, draft(1))
    with database.writing() as connection:
        held_reports.prune(connection, NOW + MINUTE, 10)

    assert [] == sent(database)
    with database.reading() as connection:
        (row,) = outbox.list_outbox(connection)
    assert (OutboxState.CANCELLED, held_reports.NOTHING_HELD) == (row.state, row.error)


def test_a_report_that_cannot_be_written_has_failed_and_may_be_retried(database: Database) -> None:
    put(database, draft(1), draft(2))
    with database.writing() as connection:
        (row,) = outbox.claim(connection, "one", SOON, LEASE, 10)
        nothing = held_reports.complete(connection, row, lambda *_: b"")
        failed = outbox.by_id(connection, row.id)
        outbox.retry(connection, row.id, SOON)

    assert nothing is None
    assert (OutboxState.FAILED, held_reports.NOT_WRITTEN) == (failed.state, failed.error)
    assert [(ANN, "2/2: ['Message 1', 'Message 2']")] == sent(database)


def test_notes_come_from_the_journal(database: Database) -> None:
    one, two = draft(1), draft(2)
    parts = [suppressed("1-0@example.org"), suppressed("2-0@example.org")]
    journaled = [
        replace(message(0, part), id=about.message or 0)
        for about, part in zip((one, two), parts, strict=True)
    ]
    with database.writing() as connection:
        write_recorded(connection, 1, journaled, [])
    put(database, one, two)
    notes: dict[tuple[int, str], str] = {}

    def noted(_: OutboxRow, held: HeldFailures) -> bytes:
        notes.update(held.notes)
        return b"x"

    with database.writing() as connection:
        (row,) = outbox.claim(connection, "one", SOON, LEASE, 10)
        held_reports.complete(connection, row, noted)

    assert all(each.deliveries[0].state is State.SEND_FAILED for each in journaled)
    assert {
        (one.message, "1-0@example.org"): "why\nnot",
        (two.message, "2-0@example.org"): "why\nnot",
    } == notes


def test_more_recipients_than_a_report_names_are_counted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_reports, "MAX_LISTED", 5)
    put(database, *(draft(number, members=3) for number in range(4)))
    seen = []

    def look(_: OutboxRow, held: HeldFailures) -> bytes:
        seen.append(held)
        return b"x"

    with database.writing() as connection:
        (row,) = outbox.claim(connection, "one", SOON, LEASE, 10)
        held_reports.complete(connection, row, look)

    (held,) = seen
    assert (4, 12) == (held.messages, held.recipients)
    assert [3, 2] == [len(one.left_out) for one in held.listed]
