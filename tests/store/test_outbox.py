"""The outbox in the store."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.core import ids
from gateway.core.sending.outbox import OutboxDraft, OutboxRow, OutboxState, Settlement
from gateway.store.engine.database import Database
from gateway.store.sending import outbox
from tests.store.holders import nobody_is_gone

NOW = datetime(2026, 3, 12, 9, tzinfo=UTC)
LEASE = timedelta(minutes=5)
MINUTE = timedelta(minutes=1)
ID = ids.first_id_at(NOW)
DRAFT = OutboxDraft(
    id=ID,
    type="dsn",
    key="dsn:1",
    recipient="ann@office.example",
    body=b"From: x\r\n\r\n\xff\x00",
    message=7,
    due=NOW,
)
ARMED = replace(DRAFT, due=None)
SENT = Settlement(state=OutboxState.SENT)

#: Claims everything there is, three at a time, and prints the ids.
CLAIMER = f"""\
import sys
from datetime import datetime, timedelta
from gateway.store.sending import outbox
from gateway.store.engine.database import Database

database = Database(sys.argv[1])
now = datetime.fromisoformat({NOW.isoformat()!r})
print("ready", flush=True)
sys.stdin.readline()
while True:
    with database.writing() as connection:
        rows = outbox.claim(connection, sys.argv[2], now, timedelta(minutes=5), 3)
    if not rows:
        break
    for row in rows:
        print(row.id)
sys.stdout.flush()
sys.stdin.readline()
"""


def put(database: Database, *drafts: OutboxDraft) -> list[bool]:
    with database.writing() as connection:
        return [outbox.put(connection, draft) for draft in drafts]


def claim(database: Database, now: datetime = NOW, *, limit: int = 10) -> list[OutboxRow]:
    with database.writing() as connection:
        return outbox.claim(connection, "one", now, LEASE, limit)


def only(database: Database) -> OutboxRow:
    with database.reading() as connection:
        (row,) = outbox.list_outbox(connection)
    return row


def settle(database: Database, result: Settlement, holder: str = "one") -> bool:
    with database.writing() as connection:
        return outbox.settle(connection, ID, holder, result)


def test_P11_what_is_put_in_is_claimed_as_it_was(database: Database) -> None:
    put(database, DRAFT)

    assert claim(database) == [
        OutboxRow(
            id=ID,
            type="dsn",
            key="dsn:1",
            sender="",
            recipient="ann@office.example",
            body=DRAFT.body,
            message=7,
            relay="",
            state=OutboxState.SENDING,
            attempts=1,
            next_at=None,
            error="",
        )
    ]


def test_S38_the_same_thing_is_put_in_once(database: Database) -> None:
    first, again, other = put(
        database, DRAFT, replace(DRAFT, id=ID + 1), replace(DRAFT, id=ID + 2, key="dsn:2")
    )

    assert [True, False, True] == [first, again, other]
    assert [ID, ID + 2] == [row.id for row in claim(database)]


def test_K10_the_same_thing_put_in_by_many_at_once_is_there_once(
    database: Database, store_url: str
) -> None:
    other = Database(store_url)
    try:
        with ThreadPoolExecutor(4) as pool:
            stores = [database, other] * 4
            drafts = [replace(DRAFT, id=ID + n) for n in range(len(stores))]
            done = list(pool.map(put, stores, drafts))
    finally:
        other.close()

    assert [[False]] * 7 + [[True]] == sorted(done)
    assert len(claim(database)) == 1


def test_S37_an_armed_row_waits_for_the_verdict(database: Database) -> None:
    put(database, ARMED, replace(ARMED, id=ID + 1, key="dsn:2", message=8))
    before = claim(database)

    with database.writing() as connection:
        released = outbox.release(connection, 7, NOW)
    after = claim(database)

    assert before == []
    assert released == 1
    assert [ID] == [row.id for row in after]


def test_S37_a_refused_message_owes_nothing_and_its_retry_may_owe_again(
    database: Database,
) -> None:
    put(database, ARMED)

    with database.writing() as connection:
        cancelled = outbox.cancel_armed(connection, 7)

    assert cancelled == 1
    assert [True] == put(database, replace(DRAFT, id=ID + 1, message=8))
    assert [ID + 1] == [row.id for row in claim(database)]


def test_what_is_due_stays_when_the_armed_is_cancelled_or_released(database: Database) -> None:
    put(database, DRAFT)

    with database.writing() as connection:
        assert outbox.cancel_armed(connection, 7) == 0
        assert outbox.release(connection, 7, NOW + LEASE) == 0

    assert [ID] == [row.id for row in claim(database)]


def test_the_longest_due_goes_first_in_small_batches(database: Database) -> None:
    dues = {1: NOW, 2: NOW - MINUTE, 3: NOW - 2 * MINUTE, 4: NOW + MINUTE}
    put(database, *(replace(DRAFT, id=n, key=str(n), due=due) for n, due in dues.items()))

    batches = [[row.id for row in claim(database, limit=2)] for _ in range(3)]

    assert batches == [[3, 2], [1], []]


def test_work_is_seen_when_it_is_due_or_left_behind(database: Database) -> None:
    put(database, replace(DRAFT, due=NOW + MINUTE))

    def has_work(now: datetime) -> bool:
        with database.reading() as connection:
            return outbox.has_work(connection, now, nobody_is_gone)

    queued = [has_work(NOW), has_work(NOW + MINUTE)]
    claim(database, NOW + MINUTE)
    held = [has_work(NOW + MINUTE), has_work(NOW + MINUTE + LEASE)]

    assert [False, True] == queued
    assert [False, True] == held


@pytest.mark.parametrize(
    "result",
    [
        SENT,
        Settlement(state=OutboxState.FAILED, error="550 no"),
        Settlement(state=OutboxState.UNKNOWN, error="lost"),
        Settlement(state=OutboxState.QUEUED, error="451 later", next_at=NOW + MINUTE),
    ],
)
def test_a_result_is_kept(database: Database, result: Settlement) -> None:
    put(database, DRAFT)
    claim(database)

    assert settle(database, result)
    row = only(database)
    assert (result.state, result.error, result.next_at) == (row.state, row.error, row.next_at)
    assert row.attempts == 1


def test_only_the_holder_settles_a_row(database: Database) -> None:
    put(database, DRAFT)
    claim(database)

    assert not settle(database, SENT, holder="two")
    assert only(database).state is OutboxState.SENDING


def test_E5_what_a_dead_worker_left_is_unknown_and_not_sent_again(database: Database) -> None:
    put(database, DRAFT)
    claim(database)

    with database.writing() as connection:
        early = outbox.recover(connection, NOW + LEASE - MINUTE, nobody_is_gone)
        left = outbox.recover(connection, NOW + LEASE, nobody_is_gone)

    assert early == []
    assert [(ID, OutboxState.UNKNOWN, outbox.INTERRUPTED)] == [
        (row.id, row.state, row.error) for row in left
    ]
    assert claim(database, NOW + 10 * LEASE) == []


def test_a_result_that_comes_late_is_better_than_unknown(database: Database) -> None:
    put(database, DRAFT)
    claim(database)
    with database.writing() as connection:
        outbox.recover(connection, NOW + LEASE, nobody_is_gone)

    assert settle(database, SENT)
    assert only(database).state is OutboxState.SENT


@pytest.mark.parametrize("state", [OutboxState.UNKNOWN, OutboxState.FAILED, OutboxState.CANCELLED])
def test_a_person_may_have_a_row_sent_again(database: Database, state: OutboxState) -> None:
    put(database, DRAFT)
    claim(database)
    settle(database, Settlement(state=state, error="x"))

    with database.writing() as connection:
        was = outbox.retry(connection, ID, NOW)

    assert was.state is state
    assert [(ID, 1, "")] == [(row.id, row.attempts, row.error) for row in claim(database)]


def test_a_late_result_does_not_undo_what_a_person_decided(database: Database) -> None:
    put(database, DRAFT)
    claim(database)
    with database.writing() as connection:
        outbox.recover(connection, NOW + LEASE, nobody_is_gone)
        outbox.retry(connection, ID, NOW)

    assert not settle(database, SENT)
    assert only(database).state is OutboxState.QUEUED


def test_a_person_may_cancel_what_is_queued(database: Database) -> None:
    put(database, DRAFT)

    with database.writing() as connection:
        was = outbox.cancel(connection, ID)

    assert was.state is OutboxState.QUEUED
    assert only(database).state is OutboxState.CANCELLED
    assert claim(database) == []


def test_a_row_in_hand_can_neither_be_retried_nor_cancelled(database: Database) -> None:
    put(database, DRAFT)
    claim(database)
    shown = ids.show(ID)

    with database.writing() as connection:
        with pytest.raises(outbox.WrongOutboxState) as retried:
            outbox.retry(connection, ID, NOW)
        with pytest.raises(outbox.WrongOutboxState) as cancelled:
            outbox.cancel(connection, ID)

    can_retry = f"{shown} is sending; only unknown, failed or cancelled can be retried"
    can_cancel = f"{shown} is sending; only queued, failed or unknown can be cancelled"
    assert can_retry == str(retried.value)
    assert can_cancel == str(cancelled.value)


def test_a_row_that_is_not_there_is_named(database: Database) -> None:
    with database.writing() as connection, pytest.raises(outbox.NoSuchRow) as raised:
        outbox.retry(connection, ID, NOW)

    assert f"the outbox has no {ids.show(ID)}" == str(raised.value)


def test_a_row_tells_when_it_was_put_in(database: Database) -> None:
    put(database, DRAFT)

    assert only(database).at == NOW


def test_rows_are_listed_newest_first_and_by_state(database: Database) -> None:
    put(database, *(replace(DRAFT, id=ID + n, key=str(n)) for n in range(3)))
    claim(database, limit=1)

    with database.reading() as connection:
        everything = [row.id for row in outbox.list_outbox(connection, limit=2)]
        sending = [row.id for row in outbox.list_outbox(connection, state=OutboxState.SENDING)]

    assert [ID + 2, ID + 1] == everything
    assert [ID] == sending


def test_old_settled_rows_are_forgotten_in_small_steps(database: Database) -> None:
    put(database, *(replace(DRAFT, id=ID + n, key=str(n)) for n in range(4)))
    for row in claim(database, limit=3):
        with database.writing() as connection:
            outbox.settle(connection, row.id, "one", SENT)

    with database.writing() as connection:
        too_new = outbox.prune(connection, NOW, 10)
        steps = [outbox.prune(connection, NOW + MINUTE, 2) for _ in range(3)]

    assert too_new == 0
    assert steps == [2, 1, 0]
    assert ID + 3 == only(database).id


def _claimer(store_url: str, holder: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", CLAIMER, store_url, holder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_K10_two_processes_never_claim_one_row_twice(database: Database, store_url: str) -> None:
    put(database, *(replace(DRAFT, id=ID + n, key=str(n)) for n in range(120)))
    claimers = [_claimer(store_url, holder) for holder in ("one", "two")]

    for claimer in claimers:
        assert claimer.stdin is not None
        claimer.stdin.write("go\n")
        claimer.stdin.flush()
    claimed = [
        int(line) for claimer in claimers for line in claimer.communicate("end\n")[0].split()
    ]

    assert [0, 0] == [claimer.returncode for claimer in claimers]
    assert [ID + n for n in range(120)] == sorted(claimed)


def test_K1_a_killed_worker_leaves_rows_nobody_sends_unasked(
    database: Database, store_url: str
) -> None:
    put(database, *(replace(DRAFT, id=ID + n, key=str(n)) for n in range(3)))
    claimer = _claimer(store_url, "one")
    assert claimer.stdin is not None
    assert claimer.stdout is not None
    claimer.stdin.write("go\n")
    claimer.stdin.flush()
    claimed = [int(claimer.stdout.readline()) for _ in range(3)]
    claimer.kill()
    claimer.communicate()

    assert claim(database) == []
    with database.writing() as connection:
        left = outbox.recover(connection, NOW + LEASE, nobody_is_gone)
    assert claimed == [row.id for row in sorted(left, key=lambda row: row.id)]
    assert claim(database, NOW + 2 * LEASE) == []
