"""Processes killed at random instants: no mail is lost, none goes unrecorded."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.core.kinds import State
from gateway.store.database import Database
from tests.conftest import StartGateway
from tests.rig.gateway import GatewayProcess
from tests.rig.process import wait_until
from tests.rig.sink import RawSink
from tests.system.traffic import Account, Traffic, account, duplicates, journal

IMPATIENT = (sys.executable, str(Path(__file__).with_name("impatient.py")))
TWO_WORKERS = {"smtp": {"workers": 2}}
NOTHING_WRONG = Account(frozenset(), frozenset(), frozenset(), 0)

pytestmark = pytest.mark.system


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """The store of the gateway that is killed."""
    database = Database(store_url)
    yield database
    database.close()


async def kill_again_and_again(gateway: GatewayProcess, traffic: Traffic, kills: int) -> None:
    """Kill single workers, and every fifth time everything, at random instants."""
    for number in range(1, kills + 1):
        await traffic.go_on()
        await asyncio.sleep(random.uniform(0, 0.1))
        if number % 5:
            kill_a_worker(gateway)
        else:
            await gateway.kill()
            await gateway.start()


def kill_a_worker(gateway: GatewayProcess) -> None:
    victim = random.choice(gateway.processes()[1:])
    os.kill(victim, signal.SIGKILL)


async def nothing_is_sending(database: Database) -> None:
    def none() -> bool:
        rows = journal(database).values()
        return all(one.deliveries[0].state is not State.SENDING for one in rows)

    await wait_until(none, "the settling of what was left", 30)


async def endure(
    gateway: GatewayProcess, sink: RawSink, database: Database, kills: int
) -> tuple[Account, Traffic]:
    async with Traffic(lambda: gateway.port) as traffic:
        await kill_again_and_again(gateway, traffic, kills)
        await traffic.finish()
    await nothing_is_sending(database)
    return account(traffic, sink, database), traffic


async def test_K1_killed_at_random_no_mail_is_lost_or_unlogged(
    start_gateway: StartGateway, slow_sink: RawSink, store_url: str, database: Database
) -> None:
    gateway = await start_gateway(slow_sink.port, store_url, TWO_WORKERS, wrapper=IMPATIENT)
    found, traffic = await endure(gateway, slow_sink, database, 15)

    assert NOTHING_WRONG == found
    assert len(traffic.taken) >= 15


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_K1_two_hundred_kills_lose_nothing(
    start_gateway: StartGateway, slow_sink: RawSink, store_url: str, database: Database
) -> None:
    gateway = await start_gateway(slow_sink.port, store_url, TWO_WORKERS, wrapper=IMPATIENT)
    found, traffic = await endure(gateway, slow_sink, database, 200)
    print(f"taken {len(traffic.taken)}, twice {duplicates(slow_sink)}, heard {traffic.replies}")

    assert NOTHING_WRONG == found
