"""Clients that dawdle don't keep others from the few connections a relay grants."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

from tests.conftest import StartGateway
from tests.rig.client import Conversation, RawClient, Reply
from tests.rig.gateway import GatewayProcess
from tests.rig.process import LOOPBACK, wait_until
from tests.rig.sink import RawSink
from tests.smtp_proxy.crm import INDIVIDUAL, SENDER, mail

pytestmark = pytest.mark.system

MAIL = b"MAIL FROM:<%s>" % SENDER
RCPT = b"RCPT TO:<slow@example.org>"
PLACES = 2


@pytest.fixture
async def gateway(start_gateway: StartGateway, sink: RawSink) -> GatewayProcess:
    """A gateway whose relay grants it two connections, and one for mail of its own."""
    relay = {"name": "relay", "host": LOOPBACK, "port": sink.port, "max_connections": PLACES + 1}
    return await start_gateway(sink.port, changes={"relays": [relay]})


async def slow_client(stack: AsyncExitStack, gateway: GatewayProcess, content: bytes) -> RawClient:
    """Send the envelope and the beginning of a content (none: not even DATA)."""
    client = await stack.enter_async_context(await RawClient.connect(gateway.port, timeout=60))
    await client.ehlo()
    await client.pipeline(MAIL, RCPT, *([b"DATA"] if content else []))
    await client.send(content)
    return client


async def send(gateway: GatewayProcess) -> tuple[Conversation, float]:
    """Send a whole mail as others do; return what was said, and how long it took in seconds."""
    async with await RawClient.connect(gateway.port, timeout=60) as client:
        await client.ehlo()
        began = time.monotonic()
        said = await client.transaction(SENDER, [b"swift@example.org"], INDIVIDUAL)
        return said, time.monotonic() - began


@pytest.mark.parametrize(
    "content",
    [b"", b"Subject: half a header", b"Subject: slow\r\n\r\nsome content"],
    ids=["after RCPT", "in the header", "in the content"],
)
async def test_S32_others_are_served_at_once_while_many_clients_dawdle(
    gateway: GatewayProcess, sink: RawSink, content: bytes
) -> None:
    async with AsyncExitStack() as stack:
        slow = [await slow_client(stack, gateway, content) for _ in range(4 * PLACES)]
        said, seconds = await send(gateway)
        if not content:
            assert 354 == (await slow[0].command(b"DATA")).code
        await slow[0].send(b"\r\n\r\nand the rest\r\n.\r\n")
        end = await slow[0].reply()

    assert (250, 250) == (said.end.code, end.code)
    assert seconds < 3
    assert [[b"swift@example.org"], [b"slow@example.org"]] == [
        mail.recipients for mail in sink.accepted
    ]


async def test_S32_who_stalls_in_a_large_content_while_others_wait_hears_451(
    gateway: GatewayProcess, sink: RawSink
) -> None:
    async with AsyncExitStack() as stack:
        large = mail(body=b"0123456789 abcdef\r\n" * 10_000)
        slow = [await slow_client(stack, gateway, large) for _ in range(PLACES)]
        await wait_until(lambda: len(sink.transactions) == PLACES, "the content to go on")
        said, seconds = await send(gateway)
        ends = []
        for client in slow:
            await client.send(b"and the rest\r\n.\r\n")
            ends.append(await client.reply())

    assert 250 == said.end.code
    assert seconds < 15
    assert [b"swift@example.org"] == sink.accepted[0].recipients
    assert (451, "4.4.2") in [(end.code, end.enhanced) for end in ends]


async def test_S32_one_address_may_not_have_all_connections(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    gateway = await start_gateway(sink.port, changes={"smtp": {"max_connections_per_client": 5}})
    async with AsyncExitStack() as stack:
        greetings = [await greeted(stack, gateway, LOOPBACK) for _ in range(7)]
        other = await greeted(stack, gateway, "127.0.0.2")
    await wait_until(lambda: has_room(gateway), "room for the address again")

    assert [220, 220, 220, 220, 220, 421, 421] == [greeting.code for greeting in greetings]
    assert ("4.7.0", 220) == (greetings[-1].enhanced, other.code)


async def greeted(stack: AsyncExitStack, gateway: GatewayProcess, source: str) -> Reply:
    """Connect from an address and stay; return the greeting."""
    streams = await asyncio.open_connection(LOOPBACK, gateway.port, local_addr=(source, 0))
    client = await stack.enter_async_context(RawClient(*streams, 10))
    return await client.reply()


async def has_room(gateway: GatewayProcess) -> bool:
    async with AsyncExitStack() as stack:
        return (await greeted(stack, gateway, LOOPBACK)).code == 220
