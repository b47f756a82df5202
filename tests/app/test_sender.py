"""The sender role of a whole gateway."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, select

from gateway.core import ids
from gateway.core.journal.message import Delivery, Message
from gateway.core.kinds import By, State
from gateway.core.sending.outbox import OutboxDraft
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.journal import messages
from gateway.store.journal.journal import write_recorded
from gateway.store.schema.searching import message_words
from gateway.store.sending import outbox
from tests.conftest import StartGateway
from tests.rig.faults import reply
from tests.rig.gateway import GatewayProcess
from tests.rig.postgres import OwnPostgres, Postgres
from tests.rig.process import wait_until
from tests.rig.sink import RawSink

pytestmark = pytest.mark.system
FEED = {"crm": {"folder": "feed", "every": "1s"}}


@contextmanager
def writing(gateway: GatewayProcess) -> Iterator[Connection]:
    """Write into the gateway's store beside it."""
    database = Database(f"sqlite:///{gateway.folder}/gateway.db")
    database.prepare()
    with database.writing() as connection:
        yield connection
    database.close()


def old_message(age: timedelta) -> Message:
    moment = datetime.now(UTC) - age
    part = Delivery(recipient="a@x.org", address="a@x.org", state=State.RELAYED, by=By.RELAY)
    number = ids.first_id_at(moment)
    return Message(id=number, at=moment, listener="crm", sender="", rule="x", deliveries=(part,))


def draft(key: str, sender: str = "") -> OutboxDraft:
    moment = datetime.now(UTC)
    return OutboxDraft(
        id=ids.first_id_at(moment),
        type="dsn",
        key=key,
        sender=sender,
        recipient="crm@example.org",
        body=b"Subject: report\r\n\r\n.dot\r\n",
        due=moment,
    )


async def test_old_messages_are_forgotten_and_young_ones_kept(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    changes = {"journal": {"keep": "10d"}}
    gateway = await start_gateway(sink.port, changes=changes, roles=("sender",), is_started=False)
    young, old = old_message(timedelta(days=9)), old_message(timedelta(days=11))
    with writing(gateway) as connection:
        write_recorded(connection, 1, [young, old], [])

    await gateway.start()
    await gateway.wait_for_log("pruned", timeout=30)

    with writing(gateway) as connection:
        assert [young.id] == [one.id for one in messages.list_messages(connection)]


async def test_words_of_messages_are_taken_in_the_background(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, roles=("sender",), is_started=False)
    kept = old_message(timedelta(hours=1))
    with writing(gateway) as connection:
        write_recorded(connection, 1, [kept], [])

    await gateway.start()

    def taken() -> bool:
        with writing(gateway) as connection:
            return list(connection.scalars(select(message_words.c.message))) == [kept.id]

    await wait_until(taken, "the words", 30)


async def test_what_is_in_the_outbox_is_sent_through_the_relay(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, roles=("sender",), is_started=False)
    with writing(gateway) as connection:
        outbox.put(connection, draft("1"))

    await gateway.start()
    await gateway.wait_for_log("outbox_sent", timeout=30)

    [mail] = sink.accepted
    assert b"Subject: report\r\n\r\n.dot\r\n" == mail.content
    assert b"" == mail.sender
    [row] = await gateway.cli_json("outbox", "list")
    assert ("sent", 1) == (row["state"], row["attempts"])


async def test_a_relay_that_refuses_the_null_sender_gets_an_address(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    relay = {"name": "relay", "host": "127.0.0.1", "port": sink.port, "null_sender": False}
    changes = {"relays": [relay], "notices": {"from": "Gateway <gateway@example.org>"}}
    gateway = await start_gateway(sink.port, changes=changes, roles=("sender",), is_started=False)
    with writing(gateway) as connection:
        outbox.put(connection, draft("1"))

    await gateway.start()
    await gateway.wait_for_log("outbox_sent", timeout=30)

    assert [b"gateway@example.org"] == [mail.sender for mail in sink.accepted]


async def test_a_refused_mail_has_failed_and_a_deferred_one_waits(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, roles=("sender",), is_started=False)
    sink.fault("RCPT", reply(b"450 4.2.0 later"), times=1)
    with writing(gateway) as connection:
        outbox.put(connection, draft("1"))

    await gateway.start()
    await gateway.wait_for_log("outbox_put_off", timeout=30)
    [waiting] = await gateway.cli_json("outbox", "list")
    sink.fault("RCPT", reply(b"550 5.1.1 nobody"))
    await gateway.do("outbox", "cancel", waiting["id"])
    await gateway.do("outbox", "retry", waiting["id"])
    await gateway.wait_for_log("outbox_given_up", timeout=30)

    [row] = await gateway.cli_json("outbox", "list")
    assert ("queued", "450 4.2.0 later") == (waiting["state"], waiting["error"])
    assert ("failed", "550 5.1.1 nobody") == (row["state"], row["error"])


async def test_files_dropped_into_the_folder_are_taken_in_and_moved_aside(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, changes=FEED, roles=("sender",), is_started=False)
    folder = gateway.folder / "feed"
    folder.mkdir()
    (folder / "people-1.csv").write_text("crm_id,emails\n17,ann@example.org\n")
    (folder / "nonsense.csv").write_text("a,b\n")

    await gateway.start()
    await gateway.wait_for_log("feed_file_taken_in", timeout=30)
    await gateway.wait_for_log("feed_file_failed", timeout=30)

    assert (folder / "done" / "people-1.csv").exists()
    assert (folder / "failed" / "nonsense.csv").exists()
    assert ["ann@example.org"] == (await gateway.cli_json("person", "show", "candidate:17"))[
        "addresses"
    ]


async def test_a_folder_named_at_a_reload_is_looked_at(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    changes = {"crm": {"every": "1s"}}
    gateway = await start_gateway(sink.port, changes=changes, roles=("sender",))
    await gateway.wait_for_log("ready", timeout=30)
    folder = gateway.folder / "feed"
    folder.mkdir()
    (folder / "people.csv").write_text("crm_id\n17\n")

    gateway.change(FEED)
    gateway.reload()

    await wait_until((folder / "done" / "people.csv").exists, "the file to be moved", 30)


async def test_a_store_that_is_away_at_the_start_gets_its_schema_when_it_is_back(
    start_gateway: StartGateway, sink: RawSink, postgres: Postgres
) -> None:
    if not isinstance(postgres, OwnPostgres):
        pytest.skip("needs a PostgreSQL of its own, which may be stopped")
    url = postgres.fresh_database()
    with postgres.stopped():
        gateway = await start_gateway(sink.port, url, roles=("sender",))
        await gateway.wait_for_log("store_unavailable", 2, timeout=30)
        await gateway.wait_for_log("ready", timeout=30)

    await wait_until(lambda: _has_schema(url), "the schema", 30)


def _has_schema(url: str) -> bool:
    database = Database(url)
    try:
        return database.version() is not None
    except StoreUnavailable:
        return False
    finally:
        database.close()
