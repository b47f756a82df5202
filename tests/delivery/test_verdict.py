"""The end of a transaction: the budget, the final dot, and what is said to it or isn't."""

import asyncio

import pytest

from gateway.core.mail.reply import Reply
from gateway.delivery import replies
from gateway.delivery.pool import Pool
from gateway.delivery.transaction import Lost
from tests.conftest import StartProxy
from tests.delivery.relays import (
    BOB,
    CONTENT,
    EVE,
    begun,
    make_pool,
    relay_settings,
    sent,
    served,
)
from tests.rig import faults
from tests.rig.faultproxy import Cut
from tests.rig.sink import RawSink

# R7, R12, P4: the budget and the verdict


async def test_P4_R12_the_budget_is_one_for_the_whole_way_to_the_verdict(
    pool: Pool, sink: RawSink
) -> None:
    transaction = begun(pool)
    await transaction.add([BOB, EVE])
    sink.fault("RSET", faults.delay(0.3))
    sink.fault("DATA", faults.delay(0.3))
    assert await transaction.keep([BOB]) is None

    assert replies.TRY_LATER == await transaction.begin_content()
    await sink.wait_until(lambda: sink.open_connections == 0)
    assert [] == sink.messages


async def test_P4_no_dot_goes_out_when_the_budget_is_spent(
    start_proxy: StartProxy, sink: RawSink
) -> None:
    proxy = await start_proxy(sink.port)
    transaction = begun(make_pool(relay_settings(proxy.port, budget=0.3)))
    await transaction.add([BOB])
    await transaction.begin_content()
    proxy.cut_all(Cut.BLACKHOLE)

    verdict = await transaction.finish(b"x" * 20_000_000 + b"\r\n")

    assert replies.TRY_LATER == verdict
    assert not transaction.is_open


async def test_P4_a_dot_that_never_left_is_no_reason_for_doubt(
    start_proxy: StartProxy, sink: RawSink
) -> None:
    proxy = await start_proxy(sink.port)
    transaction = begun(make_pool(relay_settings(proxy.port, budget=0.3)))
    await transaction.add([BOB])
    await transaction.begin_content()
    proxy.cut_all(Cut.BLACKHOLE)
    connection = transaction._connection
    assert connection is not None
    while not connection.has_unsent:  # until all buffers between here and there are full
        transaction.write(b"x" * 10_000)
        await asyncio.sleep(0)

    assert replies.TRY_LATER == await transaction.finish(b"\r\n")
    assert not transaction.is_open


@pytest.mark.parametrize(
    "action", [faults.disconnect(), faults.reset(), faults.garbage()], ids=lambda one: one.then.name
)
async def test_R7_no_answer_to_the_dot_is_unknown(
    pool: Pool, sink: RawSink, action: faults.Action
) -> None:
    sink.fault("dot", action)
    verdict = await sent(pool)

    assert isinstance(verdict, Lost)
    assert not verdict.may_come
    assert 1 == len(sink.messages)


async def test_R7_an_explicit_421_after_the_dot_is_a_refusal(pool: Pool, sink: RawSink) -> None:
    sink.fault("dot", faults.disconnect(b"421 4.3.2 shutting down"))

    assert Reply.of("421 4.3.2 shutting down") == await sent(pool)


async def test_R7_a_verdict_that_comes_late_is_heard(pool: Pool, sink: RawSink) -> None:
    sink.fault("dot", faults.delay(0.8))
    transaction = begun(pool)
    await transaction.add([BOB])
    await transaction.begin_content()
    lost = await transaction.finish(CONTENT)
    late = await transaction.late_verdict(5)

    assert isinstance(lost, Lost)
    assert lost.may_come
    assert "250 2.0.0 taken as 1" == (late.text if late else "")
    await sink.wait_until(lambda: sink.open_connections == 0)


@pytest.mark.parametrize("ends", ["in time", "by the relay"])
async def test_R7_waiting_for_a_late_verdict_has_an_end(
    pool: Pool, sink: RawSink, ends: str
) -> None:
    sink.fault("dot", faults.hang())
    transaction = begun(pool)
    await transaction.add([BOB])
    await transaction.begin_content()
    await transaction.finish(CONTENT)
    if ends == "by the relay":
        asyncio.get_running_loop().call_later(0.05, sink.drop_connections)

    assert await transaction.late_verdict(0.2 if ends == "in time" else 60) is None
    await sink.wait_until(lambda: sink.open_connections == 0)


async def test_a_relay_that_hangs_at_the_dot_keeps_no_place_of_the_pool(sink: RawSink) -> None:
    pool = make_pool(relay_settings(sink.port, budget=0.2), connections=1)
    sink.fault("dot", faults.hang(), times=1)
    transaction = begun(pool)
    await transaction.add([BOB])
    await transaction.begin_content()
    await transaction.finish(CONTENT)
    late = asyncio.create_task(transaction.late_verdict(60))
    await asyncio.sleep(0)

    await served(pool)

    late.cancel()
    await asyncio.gather(late, return_exceptions=True)
    await sink.wait_until(lambda: sink.open_connections == 1)
