"""What workers find bulk they tell each other, and remember while the store is away."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.config.rules import HeaderTest
from gateway.core import ids
from gateway.core.decision.rule import RecipientsTest, Rule
from gateway.core.journal.message import KnownBulk
from gateway.core.kinds import TAG_SCOPES, Kind
from gateway.core.mail.headers import Headers
from gateway.smtp_proxy.decider import STORE_AWAY, Decider, MessageDecision
from gateway.smtp_proxy.journaling.bulk_memory import BulkMemory
from gateway.smtp_proxy.journaling.never_mailed import NeverMailed
from gateway.smtp_proxy.message_kind import MessageToDecide
from gateway.smtp_proxy.policy import ListenerPolicy, Policy
from gateway.store.engine.database import Database
from gateway.store.journal import known_bulk
from gateway.store.journal.known_bulk import REMEMBERED
from gateway.store.journal.message_lookup import MessageLookup
from gateway.store.people.suppression import Standings
from tests.store.feeding import NOW

NewDecider = Callable[[Database], Decider]

RULES = (
    Rule("many", Kind.BULK, RecipientsTest(10)),
    Rule("own-file", Kind.INDIVIDUAL, HeaderTest("x-own-file")),
)
POLICY = Policy(
    hostname="gateway.example", instance="x", rules=RULES, default_kind=Kind.INDIVIDUAL,
    relays=(), notes={}, notifier="gateway@crm.example",
)  # fmt: skip
LISTENER = ListenerPolicy(name="crm")
NUMBER = ids.first_id_at(NOW)


def case(
    *, count: int, known_as: str = "<1@crm.example>", login: str | None = None
) -> MessageToDecide:
    """Return a transaction of a message with so many recipients."""
    to = tuple(f"r{number}@example.org" for number in range(count))
    block = f"Message-ID: {known_as}\r\nX-Own-File: yes\r\n\r\n".encode()
    return MessageToDecide(
        listener=LISTENER, login=login, sender="crm@office.example", recipients=to, addresses=to,
        named_addresses=to, rcpt_count=count, message=NUMBER + count, headers=Headers.parse(block),
    )  # fmt: skip


@pytest.fixture
def new_decider(tmp_path: Path) -> Iterator[NewDecider]:
    """Returns the decider of a worker that has just begun, on a store."""
    with ExitStack() as held:

        def new_decider(database: Database) -> Decider:
            never = NeverMailed(tmp_path / "never-mailed")
            never.replace([])
            standings = held.enter_context(Standings(database, tag_scopes=TAG_SCOPES))
            lookup = held.enter_context(closing(MessageLookup(database)))
            return Decider(standings, lookup, never, BulkMemory())

        yield new_decider


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Database]:
    """A store that can't be reached."""
    database = Database(f"sqlite:///{tmp_path}/nowhere/gateway.db")
    yield database
    database.close()


def kind_and_rule(decision: MessageDecision) -> tuple[Kind, str]:
    return decision.classification.kind, decision.classification.rule


async def test_a_worker_knows_from_the_moment_it_has_decided(
    database: Database, new_decider: NewDecider
) -> None:
    worker = new_decider(database)
    decision = [await worker.decide(POLICY, case(count=n), NOW) for n in (1, 10, 1)]

    personal, bulk = (Kind.INDIVIDUAL, "own-file"), (Kind.BULK, "many")
    assert [personal, bulk, bulk] == [kind_and_rule(decided) for decided in decision]


@pytest.mark.parametrize(
    ("age", "kind"), [(timedelta(), Kind.BULK), (timedelta(minutes=1), Kind.INDIVIDUAL)]
)
async def test_it_forgets_after_a_week(
    database: Database, new_decider: NewDecider, age: timedelta, kind: Kind
) -> None:
    worker = new_decider(database)
    await worker.decide(POLICY, case(count=10), NOW)

    later = await worker.decide(POLICY, case(count=1), NOW + REMEMBERED + age)
    assert kind is later.classification.kind


async def test_other_workers_know_once_the_store_does(
    database: Database, new_decider: NewDecider
) -> None:
    one, other = new_decider(database), new_decider(database)
    part = await other.decide(POLICY, case(count=1), NOW)
    whole = await one.decide(POLICY, case(count=10), NOW)
    before = await other.has_turned_bulk(part, NOW)
    write(database, whole)

    assert [False, True] == [before, await other.has_turned_bulk(part, NOW)]
    assert (Kind.BULK, "many") == kind_and_rule(await other.decide(POLICY, case(count=1), NOW))
    assert not await other.has_turned_bulk(
        await other.decide(POLICY, case(count=1, known_as="<2@crm.example>"), NOW), NOW
    )


def write(database: Database, decision: MessageDecision) -> None:
    rows = [
        (identity, NUMBER, decision.classification.rule) for identity in decision.bulk_identities
    ]
    with database.writing() as connection:
        known_bulk.write(connection, rows)


async def test_what_the_store_knows_is_not_told_it_again(
    database: Database, new_decider: NewDecider
) -> None:
    worker = new_decider(database)
    first = await worker.decide(POLICY, case(count=10), NOW)
    again = await worker.decide(POLICY, case(count=1), NOW)
    write(database, first)
    known = await worker.decide(POLICY, case(count=1), NOW)

    assert [1, 1, 0] == [len(decision.bulk_identities) for decision in (first, again, known)]


async def test_without_a_store_what_was_bulk_is_not_let_through_as_personal(
    away: Database, new_decider: NewDecider
) -> None:
    worker = new_decider(away)
    refusals = [(await worker.decide(POLICY, case(count=n), NOW)).refusal for n in (1, 10, 1)]

    assert [None, STORE_AWAY, STORE_AWAY] == refusals


def test_the_memory_forgets_what_was_added_first() -> None:
    memory, known = BulkMemory(most=2), KnownBulk(NUMBER, "many")
    for identity in (1, 2, 1, 3):
        memory.add(identity, known)

    assert [known, None, known] == [memory.find(identity, NOW) for identity in (1, 2, 3)]
