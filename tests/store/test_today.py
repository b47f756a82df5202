"""What flows by the quarter, and what waits for a person, on both stores."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import insert

from gateway.core import ids
from gateway.core.kinds import State
from gateway.store.engine.database import Database
from gateway.store.journal.journal import write_recorded
from gateway.store.schema.columns import metadata
from gateway.store.views.today import QUARTER, QuarterHour, Undecided, flow, quarter_of, undecided
from tests.store.feeding import NOW
from tests.store.journaling import ANN, BEN, EVE, going, message, refused, suppressed

S = State


def put(database: Database, table: str, **values: Any) -> None:
    with database.writing() as connection:
        connection.execute(insert(metadata.tables[table]).values(values))


def test_a_quarter_begins_when_it_does_in_every_zone() -> None:
    assert [0, 0, 15, 45] == [
        quarter_of(NOW.replace(minute=minute, second=59)).minute for minute in (0, 14, 15, 59)
    ]


def test_deliveries_are_counted_by_quarter_and_state(database: Database) -> None:
    relayed = replace(going(BEN), state=S.RELAYED)
    with database.writing() as connection:
        kept = [
            message(-1, relayed),  # before what is asked for
            message(0, relayed, suppressed(ANN), refused(EVE)),
            message(14.9, relayed),
            message(30, replace(relayed, state=S.DEFERRED), replace(relayed, state=S.UNKNOWN)),
            message(45, relayed),  # after it
        ]
        write_recorded(connection, 1, kept, [])

    with database.reading() as connection:
        counted = flow(connection, NOW, NOW + 3 * QUARTER)

    assert [
        QuarterHour(NOW, {S.RELAYED: 2, S.SEND_FAILED: 1, S.REJECTED: 1}),
        QuarterHour(NOW + QUARTER, {S.RELAYED: 0}),
        QuarterHour(NOW + 2 * QUARTER, {S.RELAYED: 0, S.DEFERRED: 1, S.UNKNOWN: 1}),
    ] == counted


def test_nothing_waits_in_an_empty_store(database: Database) -> None:
    with database.reading() as connection:
        assert dict.fromkeys(Undecided, 0) == undecided(connection, NOW)


def test_what_waits_for_a_person_is_counted(database: Database) -> None:
    for number, state in enumerate(("needs_attention", "needs_attention", "filed")):
        put(database, "inbox", id=number + 1, content=str(number), state=state)
    mail = {"trigger": "t", "event": "e", "kind": "candidate", "due_at": NOW}
    for number, (state, reason) in enumerate(
        (("held", ""), ("due", "can't be read: birthday"), ("due", ""), ("unknown", ""))
    ):
        put(
            database,
            "occurrences",
            id=number + 1,
            person=str(number),
            occurrence="once",
            state=state,
            reason=reason,
            **mail,
        )
    for number, state in enumerate(("unknown", "failed", "failed", "sent")):
        own = {"type": "dsn", "sender": "", "recipient": "x@y.org", "body": b""}
        put(database, "outbox", id=number + 1, key=str(number), state=state, **own)
    unknown = replace(going(BEN), state=S.UNKNOWN)
    with database.writing() as connection:
        kept = [message(0, unknown, replace(unknown, address=ANN)), message(-8 * 24 * 60, unknown)]
        write_recorded(connection, 1, kept, [])
    came_in = ids.first_id_at(NOW - timedelta(days=1))
    bounce = {"position": 0, "kind": "bounce", "hard": True}
    for number, (address, proof, hard) in enumerate(
        (("a@x.org", "", True), ("b@x.org", "token", True), ("c@x.org", "", False))
    ):
        told = {"address": address, "recipient": address, "proof": proof}
        put(database, "bounces", **{**bounce, **told, "inbox": came_in + number, "hard": hard})
    put(database, "bounces", **bounce, inbox=came_in + 9, address="", recipient="D@x.org")
    put(database, "suppressions", id=1, address="d@x.org", scope="all", since=NOW)
    fault = {"source": "crm", "since": NOW, "at": NOW, "problems": 1, "failed": True, "file": "f"}
    put(database, "feed_faults", what="people", reason="held back: it would lift many", **fault)
    put(database, "feed_faults", what="groups", reason="line 3: no key", **fault)
    campaign = {"name": "n", "template": 1, "from_name": "x", "from_address": "x@y.org"}
    for number, state in enumerate(("draft", "opened", "sent", "scheduled", "deleted")):
        put(database, "campaigns", id=number + 1, state=state, **campaign)

    with database.reading() as connection:
        counted = undecided(connection, NOW + timedelta(minutes=1))

    assert {
        Undecided.INBOX: 2,
        Undecided.TRIGGERS_HELD: 1,
        Undecided.TRIGGERS_UNREAD: 1,
        Undecided.TRIGGERS_UNKNOWN: 1,
        Undecided.MESSAGES_UNKNOWN: 1,
        Undecided.OUTBOX_UNKNOWN: 1,
        Undecided.OUTBOX_FAILED: 2,
        Undecided.BOUNCES: 1,
        Undecided.IMPORTS: 1,
        Undecided.CAMPAIGNS: 2,
    } == counted
