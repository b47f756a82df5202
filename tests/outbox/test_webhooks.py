"""Webhooks from an event to a real web server, on both stores."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import update

from gateway.app.roles.webhooks import Webhooks
from gateway.config import Settings
from gateway.core.journal.message import Delivery, Message
from gateway.core.kinds import By, State
from gateway.core.people.people import PersonKind, PersonRef
from gateway.core.sending.backoff import Backoff
from gateway.core.sending.event import Event, EventType
from gateway.core.sending.outbox import (
    WEBHOOK,
    OutboxDraft,
    OutboxState,
    Refused,
    Sent,
)
from gateway.documents.events import oldest_webhook_events
from gateway.outbox import dispatcher, webhook
from gateway.outbox.webhook import key_of, result_of, signed_headers
from gateway.store.engine.database import Database
from gateway.store.journal.journal import write_recorded
from gateway.store.schema.outbox import outbox as outbox_table
from gateway.store.sending import events, outbox
from tests.rig import schemas
from tests.rig.certificates import Certificates
from tests.rig.new_ids import RowIds
from tests.rig.process import free_port, wait_until
from tests.rig.receiver import CLOSE, HANG, Answer, Posted, Receiver

ANN, BOB = PersonRef(PersonKind.CANDIDATE, "17"), PersonRef(PersonKind.CONTACT, "3")
IDS = RowIds(1)
SECRET = "hunter2"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again after a fifth of a second instead of two, or of ten for addresses that are gone."""
    waits = (timedelta(milliseconds=200),)
    monkeypatch.setattr("gateway.core.sending.outbox.FOR_WEBHOOKS", Backoff(waits, 16))
    monkeypatch.setattr("gateway.app.roles.webhooks.GIVEN_UP_WITHIN", waits[0])


@contextlib.asynccontextmanager
async def receiver(answer: Callable[[Posted], Answer] = lambda _: 200) -> AsyncIterator[Receiver]:
    async with Receiver(answer) as found:
        yield found


def settings(
    *receivers: Receiver | str, asked: Collection[str] = tuple(EventType), **options: Any
) -> Settings:
    urls = [one if isinstance(one, str) else one.url for one in receivers]
    hooks = [{"url": url, "secret": SECRET, "events": list(asked), **options} for url in urls]
    return Settings.model_validate({"webhooks": hooks})


class Running:
    """Webhooks at work."""

    def __init__(self, database: Database, chosen: Settings, holder: str = "one") -> None:
        self.counts: list[OutboxState] = []
        self.stopping = asyncio.Event()
        self.webhooks = Webhooks(
            chosen,
            database,
            holder=holder,
            stopping=self.stopping,
            count=lambda _, state: self.counts.append(state),
        )

    async def __aenter__(self) -> "Running":
        self._task = asyncio.create_task(self.webhooks.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stopping.set()
        async with asyncio.timeout(40):
            await self._task


@pytest.fixture(autouse=True)
def any_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let events of these tests tell anything."""
    monkeypatch.setattr(events, "put", schemas._put)


def happened(kind: EventType = EventType.REPLY_IMPORTED, person: PersonRef | None = ANN) -> Event:
    return Event(id=IDS.next(), type=kind, person=person, data={"n": "é"})


def tell(database: Database, *those: Event) -> None:
    with database.writing() as connection:
        events.put(connection, those)


def left(database: Database) -> int:
    with database.reading() as connection:
        return len(oldest_webhook_events(connection, 1000))


def entries(database: Database) -> Sequence[Any]:
    with database.reading() as connection:
        return outbox.list_outbox(connection, limit=1000)


async def test_an_event_reaches_who_asked_for_it_signed(
    database: Database,
) -> None:
    async with receiver() as crm, Running(database, settings(crm)):
        event = happened()
        began = time.time()
        tell(database, event)
        await crm.has(1)
        await wait_until(lambda: entries(database)[0].state == OutboxState.SENT, "the end", 20)

    [posted] = crm.posted
    told = posted.document
    signature = base64.b64decode(posted.headers["webhook-signature"].removeprefix("v1,"))
    content = f"{told['id']}.{posted.headers['webhook-timestamp']}.".encode() + posted.body
    assert posted.at - began < 10  # Measured: a tenth of a second.
    assert {"id", "type", "at", "person", "data"} == set(told)
    assert ("reply.imported", "candidate:17", {"n": "é"}) == (
        told["type"], told["person"], told["data"],
    )  # fmt: skip
    assert told["id"] == posted.headers["webhook-id"]
    assert "application/json" == posted.headers["content-type"]
    assert hmac.digest(SECRET.encode(), content, hashlib.sha256) == signature
    assert abs(time.time() - int(posted.headers["webhook-timestamp"])) < 60
    assert 0 == left(database)


async def test_each_hears_only_what_it_asked_for_and_what_nobody_wants_is_dropped(
    database: Database,
) -> None:
    async with receiver() as one, receiver() as other:
        chosen = settings(one, asked=["reply.imported"])
        both = [*chosen.webhooks, *settings(other, asked=["person.opted_out"]).webhooks]
        async with Running(database, chosen.model_copy(update={"webhooks": tuple(both)})):
            tell(database, *(happened(kind) for kind in EventType if kind != "message.send_failed"))
            await one.has(1)
            await other.has(1)
            await wait_until(lambda: left(database) == 0, "no events", 20)

    assert ["reply.imported"] == [told["type"] for told in one.documents]
    assert ["person.opted_out"] == [told["type"] for told in other.documents]
    assert 2 == len(entries(database))


async def test_with_nobody_to_tell_events_go(database: Database) -> None:
    tell(database, happened(), happened())

    async with Running(database, settings()):
        await wait_until(lambda: left(database) == 0, "no events", 20)

    assert [] == entries(database)


async def test_a_failing_one_holds_back_only_later_ones_of_its_person_at_that_address(
    database: Database,
) -> None:
    first, second, third = happened(), happened(), happened(person=BOB)
    fails = {"first": True}

    def answer(posted: Posted) -> Answer:
        is_first = posted.document["id"] == shown(first)
        return 500 if is_first and fails["first"] else 200

    def told() -> set[str]:
        return {posted.document["id"] for posted in shaky.posted}

    async with (
        receiver(answer) as shaky,
        receiver() as fine,
        Running(database, settings(shaky, fine)),
    ):
        tell(database, first, second, third)
        await fine.has(3)
        # How often the first is tried meanwhile is a matter of time.
        await wait_until(lambda: {shown(first), shown(third)} <= told(), "the first and Bob's", 20)
        before = told()
        fails["first"] = False
        await wait_until(lambda: shown(second) in told(), "the second", 20)

    assert {shown(first), shown(third)} == before
    assert [shown(first), shown(second)] == [
        document["id"] for document in shaky.documents if document["person"] == str(ANN)
    ][-2:]
    assert [shown(first), shown(second)] == [
        told["id"] for told in fine.documents if told["person"] == str(ANN)
    ]


@pytest.mark.parametrize("fault", [CLOSE, 302, 404, 503])
async def test_what_was_not_surely_taken_is_sent_again_with_the_same_id(
    database: Database, fault: Answer
) -> None:
    faults = [fault]
    async with (
        receiver(lambda _: faults.pop() if faults else 204) as crm,
        Running(database, settings(crm)),
    ):
        tell(database, happened())
        await crm.has(2)

    one, other = crm.posted
    assert one.body == other.body
    assert one.headers["webhook-id"] == other.headers["webhook-id"]
    assert other.at - one.at >= 0.2


async def test_a_redirect_is_not_followed(database: Database) -> None:
    async with receiver() as elsewhere:
        to = f"HTTP/1.1 307 X\r\nlocation: {elsewhere.url}\r\ncontent-length: 0\r\n\r\n".encode()
        async with receiver(lambda _: to) as crm, Running(database, settings(crm)):
            tell(database, happened())
            await crm.has(2)

    assert [] == elsewhere.posted


async def test_an_address_that_hangs_holds_nobody_else_up_and_is_tried_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "_ANSWER_SECONDS", 0.5)
    async with (
        receiver(lambda _: HANG) as silent,
        receiver() as fine,
        Running(database, settings(silent, fine)),
    ):
        tell(database, *(happened(person=None) for _ in range(20)))
        await fine.has(20)
        await silent.has(21)
        began = time.time()
        tell(database, late := happened(person=BOB))
        await fine.has(21)

    assert fine.posted[-1].document["id"] == shown(late)
    assert fine.posted[-1].at - began < 10


async def test_it_is_given_up_after_its_limit_loudly_and_the_next_one_goes(
    database: Database,
) -> None:
    first, second = happened(), happened()
    async with receiver(lambda one: 410 if one.document["id"] == shown(first) else 200) as crm:
        with structlog.testing.capture_logs() as lines:
            async with Running(database, settings(crm)) as running:
                tell(database, first, second)
                await crm.has(2)
                await wait_until(lambda: len(running.counts) == 2, "both ends", 20)

    assert [OutboxState.FAILED, OutboxState.SENT] == running.counts
    [line] = [one for one in lines if one["event"] == "outbox_given_up"]
    assert ("error", "webhook", "HTTP 410") == (line["log_level"], line["type"], line["reason"])


async def test_what_a_killed_sender_had_in_hand_is_sent_again(database: Database) -> None:
    async with receiver() as crm:
        tell(database, happened())
        chosen = settings(crm)
        killed = dispatcher.Dispatcher(
            database,
            lambda: {crm.url: frozenset(EventType)},
            holder="dead",
            stopping=asyncio.Event(),
            clock=lambda: datetime.now(UTC) - timedelta(hours=1),
            new_id=IDS.next,
            handed_on=lambda: None,
        )
        assert 1 == await killed.round()
        with database.writing() as connection:
            past = datetime.now(UTC) - timedelta(minutes=30)
            lease = timedelta(minutes=5)
            assert outbox.claim(connection, "dead", past, lease, 5, endpoint=crm.url)
        async with Running(database, chosen):
            await crm.has(1)
            await wait_until(lambda: entries(database)[0].state == OutboxState.SENT, "sent", 20)

    assert 2 == entries(database)[0].attempts


async def test_two_senders_tell_everything_once_and_in_order(database: Database) -> None:
    those = [happened() for _ in range(30)] + [happened(person=BOB) for _ in range(30)]
    async with receiver() as crm:
        chosen = settings(crm)
        async with Running(database, chosen, "one"), Running(database, chosen, "other"):
            for one in those:
                tell(database, one)
            await crm.has(60, timeout=60)

    assert 60 == len(crm.posted)
    for person in (ANN, BOB):
        mine = [told["id"] for told in crm.documents if told["person"] == str(person)]
        assert [shown(one) for one in those if one.person == person] == mine


async def test_what_an_address_gone_from_the_settings_was_owed_is_given_up_loudly(
    database: Database,
) -> None:
    port = free_port()
    gone = f"http://127.0.0.1:{port}/"
    with structlog.testing.capture_logs() as lines:
        async with Running(database, settings(gone)) as running:
            tell(database, happened())
            await wait_until(lambda: OutboxState.QUEUED in running.counts, "a try", 20)
            running.webhooks.apply(settings())
            await wait_until(lambda: OutboxState.FAILED in running.counts, "the end", 20)

    assert [outbox.GONE] == [one.error for one in entries(database)]
    assert "webhook_given_up" in [one["event"] for one in lines]


async def test_what_another_had_in_hand_for_an_address_that_is_gone_is_given_up_later(
    database: Database,
) -> None:
    gone = receiver()
    async with gone as crm:
        url = crm.url
    present = datetime.now(UTC)
    lease = timedelta(minutes=5)
    drafts = [
        OutboxDraft(id=IDS.next(), type=WEBHOOK, key=key, recipient=url, body=b"{}", due=present)
        for key in ("in hand", "waiting")
    ]
    with database.writing() as connection:
        outbox.put_all(connection, drafts)
        outbox.claim(connection, "other", present, lease, 1, endpoint=url)

    async with Running(database, settings()) as running:
        await wait_until(lambda: len(running.counts) == 1, "the one that waits", 20)
        first = [entry.state for entry in entries(database)]
        with database.writing() as connection:
            connection.execute(update(outbox_table).values(held_until=present - lease))
        await wait_until(lambda: len(running.counts) == 2, "the other", 20)

    assert [OutboxState.FAILED, OutboxState.SENDING] == first
    assert 2 * [(OutboxState.FAILED, outbox.GONE)] == [
        (entry.state, entry.error) for entry in entries(database)
    ]


# What a message tells.


def message(*states: State, persons: tuple[PersonRef, ...] = (ANN,)) -> Message:
    parts = tuple(
        Delivery(
            recipient=f"P{n}@x.org", address=f"p{n}@x.org", state=state, by=By.GATEWAY,
            note="because", persons=persons,
        )
        for n, state in enumerate(states)
    )  # fmt: skip
    number = IDS.next()
    return Message(
        id=number,
        at=datetime.now(UTC),
        listener="crm",
        sender="a@x.org",
        rule="x",
        deliveries=parts,
    )


async def test_a_message_tells_of_everyone_left_out_once_however_often_it_is_written(
    database: Database,
) -> None:
    mail = message(State.SEND_FAILED, State.RELAYED, State.SEND_FAILED)
    async with receiver() as crm, Running(database, settings(crm)):
        for _ in range(2):
            with database.writing() as connection:
                write_recorded(connection, 1, [mail], [])
            await crm.has(2)
        await wait_until(lambda: left(database) == 0, "no events", 20)

    assert {"P0@x.org", "P2@x.org"} == {told["data"]["recipient"] for told in crm.documents}
    assert 2 == len(crm.posted) == len(entries(database))
    assert "because" == crm.documents[0]["data"]["note"]
    assert "candidate:17" == crm.documents[0]["person"]


async def test_a_message_that_fails_nobody_tells_nothing(database: Database) -> None:
    with database.writing() as connection:
        write_recorded(connection, 1, [message(State.RELAYED, State.ABORTED)], [])

    assert 0 == left(database)


# Single functions.


def test_only_2xx_has_taken_it() -> None:
    assert Sent("HTTP 200") == result_of(200)
    assert Refused("HTTP 410") == result_of(410)
    for status in (301, 400, 401, 404, 429, 500):
        assert "Deferred" == type(result_of(status)).__name__


def test_the_signature_is_the_one_of_standard_webhooks() -> None:
    """The example of the specification."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    now = datetime.fromtimestamp(1614265330, UTC)
    found = signed_headers(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", now, b'{"test": 2432232314}')

    assert "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" == found["webhook-signature"]
    assert b"plain" == key_of("plain")
    assert b"whsec_%" == key_of("whsec_%")


def test_the_check_of_the_documentation_takes_what_is_genuine_and_nothing_else() -> None:
    page = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
    names: dict[str, Any] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], names)
    headers = signed_headers(SECRET, "id-1", datetime.now(UTC), b"{}")
    old = signed_headers(SECRET, "id-1", datetime.now(UTC) - timedelta(minutes=6), b"{}")

    assert names["is_genuine"](SECRET.encode(), headers, b"{}")
    assert not names["is_genuine"](SECRET.encode(), headers, b"{ }")
    assert not names["is_genuine"](SECRET.encode(), {**headers, "webhook-id": "id-2"}, b"{}")
    assert not names["is_genuine"](SECRET.encode(), old, b"{}")


def test_every_event_has_a_schema_that_the_documentation_links() -> None:
    page = (schemas.SCHEMAS.parent / "webhooks.md").read_text()

    for kind in EventType:
        assert f"| `{kind}` |" in page
        assert f"[schema](webhooks/{kind}.json)" in page
        assert schemas._validator(kind)
    assert len(EventType) == len(list(schemas.SCHEMAS.glob("*.json")))


async def test_a_certificate_is_checked_and_one_of_an_own_authority_can_be_trusted(
    tmp_path: Path, certificates: Certificates
) -> None:
    database = Database(f"sqlite:///{tmp_path}/gateway.db")
    database.prepare()
    async with (
        Receiver(tls=certificates.server_context()) as crm,
        Running(database, settings(crm)) as running,
    ):
        tell(database, happened())
        await wait_until(lambda: OutboxState.QUEUED in running.counts, "a try", 20)
        assert [] == crm.posted
        assert "CERTIFICATE_VERIFY_FAILED" in entries(database)[0].error
        running.webhooks.apply(settings(crm, ca=certificates.ca))
        await crm.has(1)
    database.close()


def shown(event: Event) -> str:
    from gateway.core import ids

    return ids.show(event.id)
