"""Processes killed at random instants: no mail is lost, none goes unrecorded."""

import asyncio
import contextlib
import os
import random
import signal
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.core.journal.message import Message
from gateway.core.kinds import State
from gateway.store.engine.database import Database
from gateway.store.schema.journal import messages, workers
from tests.conftest import StartGateway
from tests.rig.client import ConnectionGone, NothingCame
from tests.rig.faults import delay, hang
from tests.rig.gateway import GatewayProcess
from tests.rig.process import wait_until
from tests.rig.sink import RawSink
from tests.smtp_proxy.crm import BULK, NO_BULK, SENDER, Crm, mail, states
from tests.system.conftest import StartCrm
from tests.system.impatience import IMPATIENT
from tests.system.traffic import Account, Traffic, accounted, duplicates, journal

TWO_WORKERS = {"smtp": {"workers": 2}}
NOTHING_WRONG = Account(frozenset(), frozenset(), frozenset(), 0)

pytestmark = pytest.mark.system


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
    with contextlib.suppress(ProcessLookupError):  # its parent had just reaped it
        os.kill(victim, signal.SIGKILL)


async def endure(
    gateway: GatewayProcess, sink: RawSink, database: Database, kills: int
) -> tuple[Account, Traffic]:
    async with Traffic(lambda: gateway.port) as traffic:
        await kill_again_and_again(gateway, traffic, kills)
        await traffic.finish()
    return await accounted(traffic, sink, database), traffic


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
    start_gateway: StartGateway,
    slow_sink: RawSink,
    store_url: str,
    database: Database,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gateway = await start_gateway(slow_sink.port, store_url, TWO_WORKERS, wrapper=IMPATIENT)
    found, traffic = await endure(gateway, slow_sink, database, 200)
    counts = f"taken {len(traffic.taken)}, twice {duplicates(slow_sink)}, heard {traffic.replies}"
    with capsys.disabled():
        sys.stdout.write(f"\n{store_url.partition(':')[0]}: {counts}\n")

    assert NOTHING_WRONG == found
    assert duplicates(slow_sink)  # else no kill fell into the gap


# What is left behind


async def test_K1_what_a_killed_worker_left_is_unknown_and_its_retry_is_known_as_one(
    start_crm: StartCrm, store_url: str
) -> None:
    crm = await start_crm(store_url=store_url, wrapper=IMPATIENT)
    crm.sink.fault("dot", hang(), times=1)
    left_out, reached = crm.person(NO_BULK), crm.person()
    fields = ("Message-ID: <1@crm.example>",)
    content = mail("Nieuws", *fields, bulk=True)
    first_try = asyncio.create_task(crm.send([left_out, reached], content))
    await crm.sink.wait_for(1)
    (smtp,) = crm.gateway.processes_of("smtp")
    os.kill(smtp, signal.SIGKILL)
    with pytest.raises(ConnectionGone):
        await first_try
    await wait_until(lambda: is_settled(crm), "what was left to be settled", 9)
    first, owed = newest(crm), crm.notices(newest(crm))
    again = await crm.send([left_out, reached], content)
    second = await crm.record(reached)
    await crm.sink.wait_for(3)

    assert {left_out.address: "send_failed by gateway", reached.address: "unknown by gateway"} == (
        states(first)
    )
    assert ([], first.id) == (owed, second.attempt_of)
    assert 250 == again.end.code
    assert [b"", SENDER, SENDER] == sorted(message.sender for message in crm.sink.messages)


@pytest.mark.soak
@pytest.mark.timeout(300)
async def test_K1_what_a_worker_that_hangs_had_under_way_is_unknown_after_its_term(
    start_crm: StartCrm, store_url: str
) -> None:
    crm = await start_crm(TWO_WORKERS, store_url=store_url, wrapper=IMPATIENT)
    crm.sink.fault("dot", hang(), times=1)
    reached = crm.person()
    sending = asyncio.create_task(crm.send([reached], mail("Nieuws", bulk=True)))
    await crm.sink.wait_for(1)
    await wait_until(lambda: bool(journal(crm.database)), "the message")
    hung = worker_of(crm, newest(crm).id)
    os.kill(hung, signal.SIGSTOP)
    try:
        await wait_until(lambda: is_settled(crm), "what it had to be settled", 150)
        while_it_hangs = states(newest(crm))
    finally:
        os.kill(hung, signal.SIGCONT)
    with pytest.raises(NothingCame):
        await sending
    replies = [(await crm.send([reached])).end.code for _ in range(8)]

    assert {reached.address: "unknown by gateway"} == while_it_hangs
    assert [250] * 8 == replies
    assert hung in crm.gateway.processes()


async def test_P11_what_was_to_be_sent_before_a_crash_is_sent_after_it(
    start_crm: StartCrm,
) -> None:
    crm = await start_crm(roles=("smtp",))
    left_out, reached = crm.person(NO_BULK), crm.person()
    await crm.send([left_out, reached], BULK)
    await wait_until(lambda: is_due(crm), "a notice that is due")
    await crm.gateway.kill()
    crm.gateway.roles = ("smtp", "sender")
    await crm.gateway.start()
    await crm.sink.wait_for(2, timeout=30)

    assert [SENDER, b""] == [message.sender for message in crm.sink.accepted]


async def test_K1_what_is_at_the_dot_is_finished_when_the_supervisor_is_killed(
    start_crm: StartCrm,
) -> None:
    crm = await start_crm(roles=("smtp",))
    crm.sink.fault("dot", delay(1.0), times=1)
    reached = crm.person()
    sending = asyncio.create_task(crm.send([reached]))
    await crm.sink.wait_for(1)
    children = crm.gateway.processes()[1:]
    os.kill(crm.gateway.pid, signal.SIGKILL)
    sent = await sending
    await wait_until(lambda: not any(map(is_running, children)), "the end of all processes", 30)
    await crm.gateway.kill()
    await crm.gateway.start()
    again = await crm.send([reached])

    assert (250, 250) == (sent.end.code, again.end.code)
    assert ["relayed by relay"] * 2 == [
        states(one)[reached.address] for one in await crm.records(2, to=reached.address)
    ]


def newest(crm: Crm) -> Message:
    """Return the newest message of the journal as it is now."""
    known = journal(crm.database)
    return known[max(known)]


def worker_of(crm: Crm, message: int) -> int:
    """Return the id of the process that has a message under way."""
    query = select(workers.c.holder).join(messages, messages.c.worker == workers.c.number)
    with crm.database.reading() as connection:
        holder = connection.scalar(query.where(messages.c.id == message))
    return int(str(holder).split()[1].partition(".")[0])


def is_settled(crm: Crm) -> bool:
    """Whether the journal has messages, and an outcome for each."""
    known = journal(crm.database).values()
    ended = [one.state is not State.SENDING for message in known for one in message.deliveries]
    return bool(ended) and all(ended)


def is_due(crm: Crm) -> bool:
    """Whether the outbox holds something that may be sent."""
    rows = [row for one in journal(crm.database).values() for row in crm.notices(one)]
    return any(row.next_at is not None for row in rows)


def is_running(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    return False
