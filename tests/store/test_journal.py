"""The journal's writing side."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select, update

from gateway.core import ids
from gateway.core.journal.message import DELIVERY_VALUES, Delivery
from gateway.core.kinds import State
from gateway.core.people.people import PersonRef
from gateway.core.sending.outbox import OutboxDraft, OutboxState
from gateway.store import schema
from gateway.store.engine.database import Database, RowRefused, StoreUnavailable
from gateway.store.journal import journal as module
from gateway.store.journal import messages
from gateway.store.journal.journal import JournalWriter, write_recorded
from gateway.store.journal.journal_rows import JournalRows
from gateway.store.schema.journal import attempts, deliveries
from gateway.store.sending import outbox
from tests.rig.postgres import OwnPostgres, Postgres
from tests.rig.process import needs
from tests.store.feeding import NOW
from tests.store.journaling import (
    ANN,
    BEN,
    EVE,
    attempt,
    away,
    ended,
    going,
    message,
    notice,
    refused,
    states,
    suppressed,
    until,
)

WORKER = 3


class Groups:
    """What the writer says of each group it has committed."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, seconds: float, begun: int) -> None:
        assert seconds >= 0
        self.sizes.append(begun)


@pytest.fixture
def groups() -> Groups:
    return Groups()


@pytest.fixture
async def journal(database: Database, groups: Groups) -> AsyncIterator[JournalWriter]:
    """A journal that is closed at the end."""
    writer = JournalWriter(database, WORKER, committed=groups)
    yield writer
    await writer.close()


async def test_P1_a_message_is_in_the_store_when_its_future_is_done(
    journal: JournalWriter, database: Database
) -> None:
    first = message(0, going(ANN), suppressed(BEN), refused(EVE))
    await journal.begin(first)

    assert [
        "sending by relay: ",
        "send_failed by gateway: ",
        "rejected by relay: 550 5.1.1 nobody",
    ] == states(database, first)


async def test_an_outcome_is_written_without_being_waited_for(
    journal: JournalWriter, database: Database
) -> None:
    first = message(0, going(ANN), suppressed(BEN), going(EVE))
    await journal.begin(first)
    journal.finish(first.id, ended(first))
    await until(lambda: "sending by relay: " not in states(database, first))

    assert ["relayed by relay: 250 ok", "send_failed by gateway: ", "relayed by relay: 250 ok"] == (
        states(database, first)
    )


@pytest.mark.system
async def test_K5_a_server_that_crashes_forgets_no_outcome(postgres: Postgres) -> None:
    if not isinstance(postgres, OwnPostgres):
        needs("postgresql", "a server of TEST_DATABASE_URL can't be stopped")
        raise AssertionError
    database = Database(postgres.fresh_database())
    database.prepare()
    journal = JournalWriter(database, WORKER, committed=lambda _seconds, _begun: None)
    sent = message(0, going(ANN))
    await journal.begin(sent)
    visible: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    journal.finish(sent.id, ended(sent), visible=visible)
    await visible
    await asyncio.to_thread(postgres.restart, "immediate")
    # The worker lives on: nobody else would ever ask what became of its message.
    with suppress(StoreUnavailable):
        states(database, sent)  # finds a connection that has ended
    told = states(database, sent)
    await journal.close()
    database.close()

    assert ["relayed by relay: 250 ok"] == told


async def test_all_of_a_message_is_kept_as_it_was(
    journal: JournalWriter, database: Database
) -> None:
    full = replace(
        message(0, replace(going(ANN), would="send_failed")),
        login="crm",
        client="127.0.0.1",
        subject='Straße \'n "quote" \\ \x1f €',
        burst_key=2**62 + 1,
        attempt_of=5,
    )
    await journal.begin(full)
    with database.reading() as connection:
        found = messages.by_id(connection, full.id)

    assert full == found


async def test_messages_that_come_together_are_committed_together(
    journal: JournalWriter, database: Database, groups: Groups
) -> None:
    several = [message(minute) for minute in range(40)]
    await asyncio.gather(*(journal.begin(one) for one in several))

    assert 40 == sum(groups.sizes)
    assert len(groups.sizes) < 20


async def test_closing_writes_what_is_queued(database: Database, groups: Groups) -> None:
    writer = JournalWriter(database, WORKER, committed=groups)
    first = message()
    await writer.begin(first)
    writer.finish(first.id, ended(first))
    await writer.close()

    assert ["relayed by relay: 250 ok"] == states(database, first)


# Notices


@pytest.mark.parametrize(
    ("goes", "wanted"),
    [(True, OutboxState.QUEUED), (False, None), (None, OutboxState.QUEUED)],
)
async def test_a_notice_waits_for_the_verdict_on_its_message(
    journal: JournalWriter, database: Database, goes: bool | None, wanted: OutboxState | None
) -> None:
    first = message()
    await journal.begin(first, drafts=(notice(first),))
    assert [(OutboxState.QUEUED, False)] == queued(database)
    journal.finish(first.id, ended(first), notices_go=goes)
    await until(lambda: "sending by relay: " not in states(database, first))

    assert ([(wanted, bool(goes))] if wanted else []) == queued(database)


async def test_P13_a_notice_with_a_known_key_is_not_owed_twice(
    journal: JournalWriter, database: Database
) -> None:
    first, again = message(0), message(1)
    same: OutboxDraft = replace(notice(first), id=again.id + 1)
    await journal.begin(first, drafts=(notice(first, due=NOW),))
    await journal.begin(again, drafts=(same,))

    assert [(OutboxState.QUEUED, True)] == queued(database)


def queued(database: Database) -> list[tuple[OutboxState, bool]]:
    """Return the state of each row of the outbox, and whether it is due."""
    with database.reading() as connection:
        rows = outbox.list_outbox(connection)
    return [(row.state, row.next_at is not None) for row in rows]


# Attempts


async def test_a_message_has_one_attempt_the_last_one_told(
    journal: JournalWriter, database: Database
) -> None:
    first = message()
    await journal.begin(first, attempts=[attempt(first, "pending")])
    journal.finish(first.id, ended(first), attempts=[attempt(first, "verdict", verdict="250 ok")])
    await until(lambda: "sending by relay: " not in states(database, first))
    with database.reading() as connection:
        found = connection.execute(select(attempts.c.state, attempts.c.verdict)).all()

    assert [("verdict", "250 ok")] == [tuple(row) for row in found]


# A store that is away


async def test_P10_a_message_fails_at_once_while_the_store_is_away_and_later_ones_go(
    journal: JournalWriter, database: Database
) -> None:
    first, later = message(0), message(1)
    with away(database), pytest.raises(StoreUnavailable, match="away"):
        await journal.begin(first)
    await journal.begin(later)

    assert ([], ["sending by relay: "]) == (states(database, first), states(database, later))


async def test_P11_outcomes_wait_for_the_store_to_come_back(
    journal: JournalWriter, database: Database
) -> None:
    several = [message(minute) for minute in range(3)]
    for one in several:
        await journal.begin(one)
    with away(database):
        for one in several:
            journal.finish(one.id, ended(one))
        with pytest.raises(StoreUnavailable):
            await journal.begin(message(9))
    await until(
        lambda: all(states(database, one) == ["relayed by relay: 250 ok"] for one in several)
    )


async def test_waiting_outcomes_however_many_keep_no_message_from_being_refused(
    journal: JournalWriter, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_GROUP", 2)
    several = [message(minute) for minute in range(6)]
    for one in several:
        await journal.begin(one)
    with away(database):
        for one in several:
            journal.finish(one.id, ended(one))
        for minute in (7, 8):
            with pytest.raises(StoreUnavailable):
                await asyncio.wait_for(journal.begin(message(minute)), 5)
    await until(
        lambda: all(states(database, one) == ["relayed by relay: 250 ok"] for one in several)
    )


async def test_a_later_outcome_counts_more_than_one_that_waited(
    journal: JournalWriter, database: Database
) -> None:
    first = message()
    await journal.begin(first)
    with away(database):
        journal.finish(first.id, ended(first, State.UNKNOWN, "no verdict"))
        with pytest.raises(StoreUnavailable):
            await journal.begin(message(9))
        journal.finish(first.id, ended(first, State.RELAYED, "250 late"))
    await until(lambda: states(database, first) == ["relayed by relay: 250 late"])


# What the store doesn't take


async def test_a_message_the_store_refuses_takes_no_other_with_it(
    journal: JournalWriter, database: Database
) -> None:
    good = message(0)
    taken = notice(good)
    await journal.begin(good, drafts=(taken,))
    clash = replace(notice(message(1)), id=taken.id)  # the id of another notice
    results = await asyncio.gather(
        journal.begin(message(1), drafts=(clash,)),
        journal.begin(message(2)),
        return_exceptions=True,
    )

    assert [StoreUnavailable, type(None)] == [type(result) for result in results]
    assert ["sending by relay: "] == states(database, message(2))


async def test_an_outcome_that_can_never_be_written_is_dropped_and_stops_nothing(
    journal: JournalWriter, database: Database
) -> None:
    first, second = message(0), message(1)
    for one in (first, second):
        await journal.begin(one)
    journal.finish(first.id, ended(first, reply="half a pair: \ud800"))
    journal.finish(second.id, ended(second))
    await until(lambda: states(database, second) == ["relayed by relay: 250 ok"])
    await journal.begin(message(2))

    assert ["sending by relay: "] == states(database, first)


def test_a_refused_row_is_a_store_that_is_unavailable_to_everybody_else() -> None:
    assert issubclass(RowRefused, StoreUnavailable)


# What was recorded elsewhere


def test_what_is_taken_in_twice_is_there_once(database: Database) -> None:
    first = message(0, going(ANN), suppressed(BEN))
    for _ in range(2):
        with database.writing() as connection:
            write_recorded(connection, WORKER, [first], ended(first))
    with database.reading() as connection:
        count = connection.scalar(select(func.count()).select_from(deliveries))

    assert (2, ["relayed by relay: 250 ok", "send_failed by gateway: "]) == (
        count,
        states(database, first),
    )


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"message_id": "<another@office.example>"}, id="another mail"),
        pytest.param({"sender": "jobs@office.example"}, id="another sender"),
        pytest.param({"size": 4711}, id="another size"),
        pytest.param({"relay": "another"}, id="another relay"),
        pytest.param({"deliveries": (going(BEN),)}, id="somebody else"),
        pytest.param({"deliveries": (going(ANN), going(BEN))}, id="somebody more"),
    ],
)
def test_a_message_with_the_id_of_another_is_refused_and_changes_nothing(
    database: Database, other: dict[str, Any]
) -> None:
    known = message(0, going(ANN))
    strange = replace(known, **other)
    with database.writing() as connection:
        write_recorded(connection, WORKER, [known], ())

    with pytest.raises(RowRefused, match=ids.show(known.id)), database.writing() as connection:
        write_recorded(
            connection, WORKER, [strange], ended(strange, State.REJECTED, "550 no such user")
        )
    assert ["sending by relay: "] == states(database, known)


def test_K5_a_refusal_counts_where_a_commit_had_happened_unheard(database: Database) -> None:
    begun = message(0, going(ANN))
    heard = replace(begun, deliveries=(replace(going(ANN), state=State.DEFERRED, reply="451"),))
    for one in (begun, heard, begun):
        with database.writing() as connection:
            write_recorded(connection, WORKER, [one], ())

    assert ["deferred by relay: 451"] == states(database, begun)


def test_a_log_that_is_read_again_undoes_no_later_verdict(database: Database) -> None:
    silent = message(0, going(ANN), going(BEN))
    unknown = ended(silent, State.UNKNOWN, "no verdict")
    late = ended(silent)[:1]
    for told in (([silent], unknown), ([], late), ([silent], unknown)):
        with database.writing() as connection:
            write_recorded(connection, WORKER, *told)

    assert ["relayed by relay: 250 ok", "unknown by relay: no verdict"] == states(database, silent)


def test_what_the_relay_says_of_somebody_erased_meanwhile_is_kept_as_a_code(
    database: Database,
) -> None:
    begun = message(0, going(ANN), going(BEN))
    said = "550 5.1.1 <ann@example.org> Ann Smit is unknown here"
    with database.writing() as connection:
        write_recorded(connection, WORKER, [begun], ())
        mine = (deliveries.c.message == begun.id) & (deliveries.c.position == 0)
        mark = {"address": "erased:5f0c21ab", "recipient": "erased:5f0c21ab"}
        connection.execute(update(deliveries).where(mine).values(**mark))

    with database.writing() as connection:
        rows = JournalRows()
        tried = attempt(begun, "verdict", verdict=said)
        rows.finish(begun.id, ended(begun, State.REJECTED, said), [tried], None)
        rows.write(connection)

    assert ["rejected by relay: 550", f"rejected by relay: {said}"] == states(database, begun)
    with database.reading() as connection:
        assert ["550"] == list(connection.scalars(select(attempts.c.verdict)))


def test_a_value_that_comes_to_messages_comes_last_as_rows_in_logs_have_no_names() -> None:
    rows = (
        *("id", "worker", "listener", "login", "client", "sender", "subject", "message_id"),
        *("kind", "rule", "relay", "size", "burst_key", "attempt_of"),
    )

    assert rows == tuple(schema.journal.messages.c.keys())[: len(rows)]


def test_a_value_that_comes_to_deliveries_comes_last_as_logs_and_records_have_no_names() -> None:
    rows = (
        *("message", "position", "recipient", "address", "state", "by", "reply", "note"),
        *("would", "persons", "note_facts"),
    )

    assert rows == tuple(deliveries.c.keys())[: len(rows)]


def test_a_row_has_every_value_of_a_delivery_in_its_column() -> None:
    values = {name: f"the {name}" for name in DELIVERY_VALUES}
    persons = (PersonRef.parse("candidate:17"), PersonRef.parse("contact:3"))
    begun = message(0, Delivery(**{**values, "persons": persons}))  # type: ignore[arg-type]
    rows = JournalRows()
    rows.begin(WORKER, begun, [], [])

    [row] = rows.deliveries
    expected = values | {"persons": "candidate:17 contact:3"}
    assert expected == dict(zip(deliveries.c.keys()[2:], row[2:], strict=True))


def test_a_row_of_before_a_column_came_has_its_default() -> None:
    rows = JournalRows()
    rows.begin(1, replace(message(0, going(ANN)), attempt_of=7), [], [])
    plain = rows.plain()
    known = tuple(schema.journal.messages.c.keys()).index("attempt_of")
    plain["messages"] = [row[:known] for row in plain["messages"]]

    [read] = JournalRows.read(plain).messages

    assert (*rows.messages[0][:known], None) == read[: known + 1]


def test_a_deliverys_row_of_before_a_column_came_has_its_default() -> None:
    rows = JournalRows()
    rows.begin(1, message(0, replace(going(ANN), note_facts="{}")), [], [])
    plain = rows.plain()
    known = tuple(deliveries.c.keys()).index("note_facts")
    plain["deliveries"] = [row[:known] for row in plain["deliveries"]]

    [read] = JournalRows.read(plain).deliveries

    assert (*rows.deliveries[0][:known], "") == read[: known + 1]
