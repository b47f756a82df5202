"""Webhooks of a whole gateway: what the CRM hears, and how soon."""

import time

import pytest

from tests.conftest import Connect, StartGateway
from tests.rig.process import wait_until
from tests.rig.receiver import Receiver
from tests.rig.schemas import check
from tests.rig.sink import RawSink

pytestmark = pytest.mark.system
BULK = b"Precedence: bulk\r\nSubject: News\r\nMessage-ID: <1@crm>\r\n\r\nx\r\n"


async def test_a_suppressed_recipient_is_told_within_a_second_and_the_outbox_shows_it(
    start_gateway: StartGateway, sink: RawSink, connect: Connect, store_url: str
) -> None:
    async with Receiver() as crm:
        hook = {"url": crm.url, "secret": "hunter2", "events": ["message.send_failed"]}
        changes = {"webhooks": [hook]}
        gateway = await start_gateway(sink.port, store_url, changes, roles=("smtp", "sender"))
        await gateway.feed("people", "crm_id,emails\n17,ann@example.org\n")
        await gateway.do("suppress", "add", "ann@example.org", "--note", "asked by phone")
        await gateway.wait_for_log("started", count=2, timeout=30)
        client = await connect(gateway.port)
        await client.ehlo()
        took = []
        for number in range(1, 6):
            to = [b"ann@example.org", b"ben@example.org"]
            await client.transaction(b"crm@example.org", to, BULK)
            began = time.time()
            await crm.has(number)
            took.append(crm.posted[-1].at - began)

    for document in crm.documents:
        check(document)
    told = crm.documents[0]
    [shown] = await gateway.cli_json("messages", "list", "--state", "send_failed", "--limit", "1")
    assert ("candidate:17", "ann@example.org") == (told["person"], told["data"]["recipient"])
    assert shown["id"] == crm.documents[-1]["data"]["message"]
    assert shown["deliveries"][0]["note"] == crm.documents[-1]["data"]["note"]
    assert min(took) < 1, took  # Measured: a tenth of a second.

    async def sent() -> bool:
        rows = await gateway.cli_json("outbox", "list")
        return {("webhook", "sent", crm.url)} == {
            (row["type"], row["state"], row["to"]) for row in rows if row["type"] != "dsn"
        }

    await wait_until(sent, "webhooks in the outbox", 20)
    assert "hunter2" not in gateway.log_text()
    assert "ann@" not in gateway.log_text()


async def test_an_address_named_at_a_reload_is_told(
    start_gateway: StartGateway, sink: RawSink, connect: Connect
) -> None:
    gateway = await start_gateway(sink.port, roles=("smtp", "sender"))
    await gateway.do("suppress", "add", "ann@example.org")
    async with Receiver() as crm:
        hook = {"url": crm.url, "secret": "hunter2", "events": ["message.send_failed"]}
        gateway.change({"webhooks": [hook]})
        gateway.reload()
        await gateway.wait_for_log("reloaded", count=3, timeout=30)
        client = await connect(gateway.port)
        await client.ehlo()
        await client.transaction(b"crm@example.org", [b"ann@example.org"], BULK)
        await crm.has(1)

    assert [None] == [document["person"] for document in crm.documents]
