"""Slow and rude clients, a slow and moody relay: nothing is left over."""

import asyncio
import random
from contextlib import suppress

import pytest

from tests.rig import faults
from tests.rig.client import ConnectionGone, NothingCame, RawClient
from tests.rig.process import wait_until
from tests.smtp_proxy.crm import INDIVIDUAL, SENDER, mail
from tests.system.relay.side import RelaySide

pytestmark = pytest.mark.system

CLIENTS = 30
LARGE = mail("Groot", body=b"0123456789\r\n" * 20_000)
OPENING = b"MAIL FROM:<%s>\r\nRCPT TO:<slow@example.org>\r\n" % SENDER


class Moody(faults.FaultTable):
    """Hesitates at every stage, and now and then hangs, leaves or talks nonsense."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance

    def take(self, stage: faults.Stage, _: bytes = b"") -> faults.Action | None:
        if stage == "content" or self._chance.random() < 0.5:
            return None
        if self._chance.random() < 0.95:
            return faults.delay(self._chance.random() * 0.2)
        return self._chance.choice(
            [faults.hang(), faults.disconnect(), faults.reset(), faults.garbage()]
        )


async def sends_slowly(client: RawClient) -> None:
    await client.send_bytewise(OPENING + b"DATA\r\n", 0.01)
    await client.replies(3)
    await client.send_bytewise(INDIVIDUAL + b".\r\n", 0.01)
    await client.reply()


async def sends_much(client: RawClient) -> None:
    await client.transaction(SENDER, [b"slow@example.org"], LARGE)


async def leaves_after_rcpt(client: RawClient) -> None:
    await client.send(OPENING)
    await client.reset()


async def leaves_in_the_content(client: RawClient) -> None:
    await client.send(OPENING + b"DATA\r\n" + LARGE[:100_000])
    await client.close()


async def leaves_after_the_dot(client: RawClient) -> None:
    await client.send(OPENING + b"DATA\r\n" + INDIVIDUAL + b".\r\n")
    await client.reset()


async def reads_nothing(client: RawClient) -> None:
    client.stop_reading()
    await client.send((OPENING + b"RSET\r\n") * 20)
    await asyncio.sleep(0.3)


async def says_nothing(client: RawClient) -> None:
    await client.send(OPENING)
    await asyncio.sleep(1)


async def client_after_client(side: RelaySide, until: float, chance: random.Random) -> None:
    """Be one rude client after the other."""
    ways = (
        sends_slowly, sends_much, leaves_after_rcpt, leaves_in_the_content,
        leaves_after_the_dot, reads_nothing, says_nothing,
    )  # fmt: skip
    while asyncio.get_running_loop().time() < until:
        with suppress(ConnectionGone, NothingCame, OSError):
            async with await RawClient.connect(side.crm.port("crm")) as client:
                await client.ehlo()
                await chance.choice(ways)(client)


async def endure(side: RelaySide, seconds: float) -> None:
    """Let all of them loose for a while, then wait until everything has come to its end."""
    chance = random.Random(4711)
    calm, side.sink.faults = side.sink.faults, Moody(chance)
    until = asyncio.get_running_loop().time() + seconds
    try:
        await asyncio.gather(*(client_after_client(side, until, chance) for _ in range(CLIENTS)))
    finally:
        side.sink.faults = calm
    side.sink.drop_connections()  # Late verdicts would be awaited for ten minutes.
    await wait_until(lambda: side.sink.open_connections == 0, "the end at the relay", 30)
    await wait_until(lambda: sending(side) == 0, "the end of every message", 30)


def sending(side: RelaySide) -> int:
    with side.crm.database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT count(*) FROM deliveries WHERE state = 'sending'")
        return int(rows.scalar_one())


@pytest.mark.timeout(500)
@pytest.mark.parametrize("seconds", [8, pytest.param(300, marks=pytest.mark.soak)])
async def test_P9_S32_S33_slow_clients_and_a_slow_relay_leave_nothing_over(
    side: RelaySide, seconds: float
) -> None:
    await endure(side, 4)
    before = side.gateway.open_files()
    await endure(side, seconds)
    served = await side.crm.send([b"bob@example.org"])
    side.sink.drop_connections()
    await wait_until(lambda: side.gateway.open_files() <= before, f"{before} open files", 30)
    memory = side.gateway.resident_memory()
    began = asyncio.get_running_loop().time()
    code = await side.gateway.stop()
    took = asyncio.get_running_loop().time() - began
    await side.gateway.start()

    assert 250 == served.end.code
    assert 0 == code
    assert took < 10
    assert memory < 400_000_000
    assert [] == side.gateway.log_lines("session_failed")
    assert [] == side.gateway.log_lines("sessions_cut_off")
    assert "Traceback" not in side.gateway.log_text()
