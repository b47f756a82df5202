"""A durable queue in the store: its SQL does what the queue's life says, on either store."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    delete,
    insert,
    select,
)

from gateway.core.queue import QueueEvent, QueueLife
from gateway.core.replies.inbox import INBOX_LIFE, InboxState
from gateway.core.sending.outbox import OUTBOX_LIFE, WEBHOOK_LIFE, OutboxState
from gateway.core.triggers.occurrence import LEDGER_LIFE, OccurrenceState
from gateway.store.engine.database import Database
from gateway.store.engine.queue import DurableQueue
from gateway.store.schema.columns import UtcTime
from tests.store.holders import nobody_is_gone, seen_ended

NOW = datetime(2026, 3, 12, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LEASE = 5 * MINUTE
LIVES: list[tuple[type[StrEnum], QueueLife[Any]]] = [
    (OutboxState, OUTBOX_LIFE),
    (OutboxState, WEBHOOK_LIFE),
    (OccurrenceState, LEDGER_LIFE),
    (InboxState, INBOX_LIFE),
]
METADATA = MetaData()


def columns() -> list[Column[Any]]:
    return [
        Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
        Column("state", Text, nullable=False),
        Column("holder", Text, nullable=False, server_default=""),
        Column("held_until", UtcTime),
    ]


WORK = Table(
    "work",
    METADATA,
    *columns(),
    Column("next_at", UtcTime),
    Column("reason", Text, nullable=False, server_default=""),
)
WITHOUT_TIMES = Table("work_without_times", METADATA, *columns())
LEDGER = DurableQueue(WORK, LEDGER_LIFE)  # stays in its state while it is claimed
OUTBOX = DurableQueue(WORK, OUTBOX_LIFE)  # doesn't
QUEUES = pytest.mark.parametrize("queue", [LEDGER, OUTBOX], ids=["ledger", "outbox"])


@pytest.fixture
def connection(store_url: str) -> Iterator[Connection]:
    """A transaction in an empty table, in a store of each kind."""
    database = Database(store_url)
    database.prepare()
    with database.writing() as connection:
        METADATA.drop_all(connection)
        METADATA.create_all(connection)
        yield connection
    database.close()


def put(connection: Connection, state: StrEnum, number: int = 1, **columns: object) -> None:
    values = {"id": number, "state": state, "next_at": NOW, **columns}
    connection.execute(insert(WORK).values(values))


def due(queue: DurableQueue[Any]) -> StrEnum:
    """Return the state in which rows are claimed."""
    (state,) = queue.life.before(QueueEvent.CLAIMED)
    assert isinstance(state, StrEnum)
    return state


def claim(
    connection: Connection,
    queue: DurableQueue[Any],
    now: datetime = NOW,
    *,
    holder: str = "a",
    limit: int = 10,
) -> list[int]:
    return queue.claim(connection, holder, now, LEASE, limit)


def row(connection: Connection, number: int = 1) -> Any:
    return connection.execute(select(WORK).where(WORK.c.id == number)).one()


@pytest.mark.parametrize(("states", "life"), LIVES, ids=["mail", "webhooks", "ledger", "inbox"])
def test_an_event_changes_in_the_store_what_the_life_says_and_nothing_else(
    connection: Connection, states: type[StrEnum], life: QueueLife[Any]
) -> None:
    queue = DurableQueue(WORK, life)
    for event in life.transitions.keys() - {QueueEvent.ABANDONED}:
        connection.execute(delete(WORK))
        for number, state in enumerate(states):
            put(connection, state, number)

        queue.change(connection, event)

        stored = connection.scalars(select(WORK.c.state).order_by(WORK.c.id)).all()
        assert [life.after(state, event) or state for state in states] == stored, event


@pytest.mark.parametrize(("states", "life"), LIVES, ids=["mail", "webhooks", "ledger", "inbox"])
def test_what_a_holder_that_ended_leaves_becomes_what_the_life_says(
    connection: Connection, states: type[StrEnum], life: QueueLife[Any]
) -> None:
    for number, state in enumerate(states):
        put(connection, state, number, holder="a", held_until=NOW + LEASE)

    changed = DurableQueue(WORK, life).recover(connection, NOW, seen_ended("a"))

    stored = connection.scalars(select(WORK.c.state).order_by(WORK.c.id)).all()
    expected = [life.after(state, QueueEvent.ABANDONED) or state for state in states]
    assert expected == stored
    assert changed == [
        number
        for number, (before, after) in enumerate(zip(states, expected, strict=True))
        if before != after
    ]


@QUEUES
def test_the_longest_due_are_claimed_first_and_none_twice(
    connection: Connection, queue: DurableQueue[Any]
) -> None:
    for number, next_at in enumerate((NOW, NOW - MINUTE, NOW + MINUTE, None, NOW - MINUTE)):
        put(connection, due(queue), number, next_at=next_at)

    claims = [claim(connection, queue, limit=2) for _ in range(3)]

    assert [[1, 4], [0], []] == claims
    assert ("a", NOW + LEASE) == (row(connection).holder, row(connection).held_until)


def test_a_queue_without_times_gives_the_oldest_first(connection: Connection) -> None:
    queue = DurableQueue(WITHOUT_TIMES, INBOX_LIFE)
    for number in (3, 1, 2):
        values = {"id": number, "state": InboxState.WAITING}
        connection.execute(insert(WITHOUT_TIMES).values(values))

    assert [[1, 2], [3]] == [claim(connection, queue, limit=2) for _ in range(2)]


def test_a_lease_that_is_over_lets_others_claim_what_was_not_begun(connection: Connection) -> None:
    put(connection, OccurrenceState.DUE)
    claim(connection, LEDGER)

    early = claim(connection, LEDGER, NOW + LEASE - MINUTE, holder="b")
    late = claim(connection, LEDGER, NOW + LEASE, holder="b")

    assert ([], [1]) == (early, late)
    assert "b" == row(connection).holder


def test_E5_a_lease_that_is_over_lets_nobody_claim_what_was_begun(connection: Connection) -> None:
    put(connection, OutboxState.QUEUED)
    claim(connection, OUTBOX)

    assert [] == claim(connection, OUTBOX, NOW + LEASE, holder="b")
    assert [1] == OUTBOX.recover(connection, NOW + LEASE, nobody_is_gone)
    assert [] == claim(connection, OUTBOX, NOW + 9 * LEASE, holder="b")


def test_what_is_given_back_is_due_at_once_and_only_ones_own(connection: Connection) -> None:
    put(connection, OccurrenceState.DUE, 1)
    put(connection, OccurrenceState.DUE, 2)
    claim(connection, LEDGER, limit=1)
    claim(connection, LEDGER, holder="b")

    LEDGER.give_back(connection, "a", [1, 2])

    assert ["", "b"] == [row(connection, number).holder for number in (1, 2)]
    assert [1] == claim(connection, LEDGER)


@pytest.mark.parametrize(
    ("gone", "later", "left"),
    [
        ("a", timedelta(0), [1]),  # seen to have ended
        ("", LEASE, [1]),  # silent for its lease
        ("b", LEASE - MINUTE, []),  # neither: another has ended
    ],
)
def test_E5_a_holder_is_gone_when_it_is_seen_to_be_or_silent_for_its_lease(
    connection: Connection, gone: str, later: timedelta, left: list[int]
) -> None:
    put(connection, OutboxState.QUEUED)
    claim(connection, OUTBOX)
    written = {"reason": "interrupted"}

    has_work = OUTBOX.has_work(connection, NOW + later, seen_ended(gone))
    abandoned = OUTBOX.recover(connection, NOW + later, seen_ended(gone), values=written)

    assert (bool(left), left) == (has_work, abandoned)
    assert ("interrupted" if left else "") == row(connection).reason
    assert not OUTBOX.has_work(connection, NOW + later, seen_ended(gone))


def test_what_is_due_again_as_its_holder_ended_is_claimed_with_all_it_had(
    connection: Connection,
) -> None:
    put(connection, OccurrenceState.DUE, reason="put off before")
    claim(connection, LEDGER)

    assert LEDGER.has_work(connection, NOW, seen_ended("a"))
    assert [] == LEDGER.recover(connection, NOW, seen_ended("a"), values={"reason": "interrupted"})
    assert "put off before" == row(connection).reason
    assert [1] == claim(connection, LEDGER, holder="b")


def test_a_result_after_the_lease_counts_until_somebody_decides_otherwise(
    connection: Connection,
) -> None:
    for number in (1, 2):
        put(connection, OutboxState.QUEUED, number)
    claim(connection, OUTBOX)
    OUTBOX.recover(connection, NOW + LEASE, nobody_is_gone)
    OUTBOX.change(connection, QueueEvent.RETRIED, WORK.c.id == 2)

    kept = [OUTBOX.settle(connection, number, OutboxState.SENT, holder="a") for number in (1, 2)]

    assert [True, False] == kept
    assert [OutboxState.SENT, OutboxState.QUEUED] == [
        row(connection, number).state for number in (1, 2)
    ]


def test_only_the_holder_settles_a_row_or_whoever_has_it_in_a_transaction_of_its_own(
    connection: Connection,
) -> None:
    put(connection, OutboxState.QUEUED)
    claim(connection, OUTBOX)
    done = OutboxState.SENT

    assert not OUTBOX.settle(connection, 1, done, holder="b")
    assert OUTBOX.settle(connection, 1, done, holder=None, values={"reason": "250"})
    assert ("sent", None, "250") == (
        row(connection).state,
        row(connection).held_until,
        row(connection).reason,
    )


def test_there_is_work_where_something_is_due_in_the_share_that_is_asked_about(
    connection: Connection,
) -> None:
    put(connection, OutboxState.QUEUED, next_at=NOW)

    asked = [
        OUTBOX.has_work(connection, NOW - MINUTE, nobody_is_gone),
        OUTBOX.has_work(connection, NOW, nobody_is_gone),
        OUTBOX.has_work(connection, NOW, nobody_is_gone, WORK.c.reason == "other"),
        OUTBOX.has_work(connection, NOW, nobody_is_gone, due=WORK.c.id > 1),
    ]

    assert [False, True, False, False] == asked


def test_many_rows_are_changed_and_read_in_steps_a_database_takes(connection: Connection) -> None:
    numbers = list(range(1, 1202))
    connection.execute(
        insert(WORK), [{"id": n, "state": OccurrenceState.DUE, "next_at": NOW} for n in numbers]
    )

    claimed = claim(connection, LEDGER, limit=5000)

    assert numbers == claimed
    assert numbers == [row["id"] for row in LEDGER.rows(connection, claimed)]
    assert [] == claim(connection, LEDGER)
