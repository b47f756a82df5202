"""The connections to a relay: reused, limited in number and in messages a minute."""

import asyncio

import pytest

from gateway.core.mail.reply import Reply
from gateway.delivery import accepted, full_relay
from gateway.delivery import pool as pool_module
from gateway.delivery.connection import RelayConnection, RelayLost, RelayRefuses
from gateway.delivery.pool import Pool, RelayBusy, is_one_too_many
from gateway.delivery.rate_limit import RateLimit
from tests.conftest import StartSink
from tests.delivery.relays import BOB, Observed, begun, make_pool, relay_settings, served
from tests.rig import faults
from tests.rig.certificates import Certificates
from tests.rig.process import LOOPBACK, free_port, wait_until
from tests.rig.sink import RawSink


@pytest.fixture
def observed() -> Observed:
    return Observed()


@pytest.fixture
async def pool(sink: RawSink, observed: Observed) -> Pool:
    return make_pool(relay_settings(sink.port), observe=observed)


async def has_places(pool: Pool, count: int) -> bool:
    """Whether so many connections can be had at once, and not one more."""
    taken = [await pool.acquire(2) for _ in range(count)]
    try:
        with pytest.raises(RelayBusy):
            await pool.acquire(0.05)
    finally:
        for connection in taken:
            pool.release(connection)
    return True


async def test_a_released_connection_is_used_again(pool: Pool, sink: RawSink) -> None:
    for _ in range(3):
        pool.release(await pool.acquire(2))

    assert 1 == len(sink.connections)


async def test_every_opening_is_observed(pool: Pool, sink: RawSink, observed: Observed) -> None:
    pool.release(await pool.acquire(2))
    pool.close()
    sink.fault("banner", faults.reply(b"554 5.7.1 go away"), times=1)
    with pytest.raises(RelayRefuses):
        await pool.acquire(2)
    sink.refuse()
    with pytest.raises(RelayLost):
        await pool.acquire(2)
    pool.report_refusal("RCPT", Reply.of("530 5.7.0 log in"))

    assert [RelayConnection, RelayRefuses, RelayLost, RelayRefuses] == list(
        map(type, observed.seen)
    )


async def test_the_limit_holds_and_whoever_waits_is_served_in_turn(
    pool: Pool, sink: RawSink
) -> None:
    first, second = [await pool.acquire(2) for _ in range(2)]
    waiting = [asyncio.create_task(pool.acquire(2)) for _ in range(2)]
    await asyncio.sleep(0)
    pool.release(second)
    assert second is await waiting[0]
    assert not waiting[1].done()
    pool.discard(first)
    third = await waiting[1]

    assert third not in (first, second)
    assert 3 == len(sink.connections)


async def test_a_wait_for_a_place_ends_busy(pool: Pool) -> None:
    taken = [await pool.acquire(2) for _ in range(2)]

    with pytest.raises(RelayBusy):
        await pool.acquire(0.05)

    pool.release(taken[0])
    assert taken[0] is await pool.acquire(0.05)


@pytest.mark.parametrize("stage", ["banner", "EHLO"])
@pytest.mark.parametrize(
    "action",
    [faults.reply(b"421 busy"), faults.disconnect(), faults.hang(), faults.garbage()],
    ids=["421", "disconnect", "hang", "garbage"],
)
async def test_a_failed_opening_gives_its_place_back(
    pool: Pool, sink: RawSink, stage: faults.Stage, action: faults.Action
) -> None:
    sink.fault(stage, action, times=3)
    for _ in range(3):
        with pytest.raises((RelayLost, RelayRefuses)):
            await pool.acquire(0.2)

    await sink.wait_until(lambda: sink.open_connections == 0)
    assert await has_places(pool, 2)


async def test_a_cancelled_wait_gives_its_place_back(pool: Pool, sink: RawSink) -> None:
    taken = [await pool.acquire(2) for _ in range(2)]
    waiting = [asyncio.create_task(pool.acquire(2)) for _ in range(4)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    pool.release(taken[0])
    waiting[1].cancel()
    pool.release(taken[1])
    await asyncio.gather(*waiting[:2], return_exceptions=True)
    for task in waiting[2:]:
        pool.release(await task)

    assert await has_places(pool, 2)


async def test_a_cancelled_opening_gives_its_place_back(pool: Pool, sink: RawSink) -> None:
    sink.fault("EHLO", faults.hang(), times=1)
    task = asyncio.create_task(pool.acquire(2))
    await sink.wait_until(lambda: any(one.commands for one in sink.connections))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await has_places(pool, 2)


async def test_waiting_and_opening_share_the_time(pool: Pool, sink: RawSink) -> None:
    taken = [await pool.acquire(2) for _ in range(2)]
    sink.fault("banner", faults.hang())
    loop = asyncio.get_running_loop()
    loop.call_later(0.9, pool.discard, taken[0])
    began = loop.time()

    with pytest.raises(RelayLost):
        await pool.acquire(1.2)

    assert loop.time() - began < 1.8  # 2.1 if each had all of it.


async def test_R8_a_connection_the_relay_has_closed_is_not_handed_out(
    pool: Pool, sink: RawSink
) -> None:
    connection = await pool.acquire(2)
    pool.release(connection)
    sink.drop_connections()
    await sink.wait_until(lambda: sink.open_connections == 0)
    while connection.is_usable:
        await asyncio.sleep(0)

    assert connection is not await pool.acquire(2)


async def test_a_connection_with_an_unread_reply_is_closed_not_pooled(
    pool: Pool, sink: RawSink
) -> None:
    sink.fault("NOOP", faults.hang())
    connection = await pool.acquire(2)
    with pytest.raises(RelayLost):
        await connection.command(b"NOOP\r\n", 0.05)
    pool.release(connection)
    await sink.wait_until(lambda: sink.open_connections == 0)

    assert await has_places(pool, 2)


async def test_a_fresh_connection_takes_the_place_of_an_idle_one(pool: Pool, sink: RawSink) -> None:
    first, second = [await pool.acquire(2) for _ in range(2)]
    pool.release(first)
    pool.release(second)

    fresh = await pool.acquire(2, fresh=True)

    assert fresh not in (first, second)
    await sink.wait_until(lambda: sink.open_connections == 2)


async def test_R8_what_is_idle_too_long_is_closed(
    pool: Pool, sink: RawSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool.release(await pool.acquire(2))
    pool.sweep()
    assert 1 == sink.open_connections
    monkeypatch.setattr(accepted, "IDLE_SECONDS", 0.0)

    pool.sweep()

    await sink.wait_until(lambda: sink.open_connections == 0)
    assert b"QUIT" == sink.connections[0].commands[-1]


async def test_an_old_connection_makes_room_for_a_new_one(
    pool: Pool, sink: RawSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "MAX_TRANSACTIONS", 2)
    for _ in range(4):
        pool.release(await pool.acquire(2))

    await sink.wait_until(lambda: sink.open_connections == 0)
    assert 2 == len(sink.connections)


async def test_exim_gets_no_more_over_a_connection_than_it_delivers_at_once(
    start_sink: StartSink,
) -> None:
    """By its banner, or by an extension of its own where the banner is another one."""
    by_banner = await start_sink()
    by_banner.fault("banner", faults.reply(b"220 mx.example ESMTP Exim 4.96 Mon, 30 Nov 2026"))
    by_extension = await start_sink(extensions=[b"PIPELINING", b"PIPECONNECT"])
    for exim in (by_banner, by_extension):
        pool = make_pool(relay_settings(exim.port))

        for _ in range(11):
            pool.release(await pool.acquire(2))

        assert 2 == len(exim.connections)
        pool.close()


async def test_a_connection_that_refused_five_in_a_row_is_not_used_again(
    pool: Pool, sink: RawSink
) -> None:
    """Postfix keeps whoever had ten refusals waiting; a mail it takes begins the count anew."""
    sink.fault("RCPT", faults.reply(b"550 5.1.1 no such user"), address=b"dead@example.org")

    async def mail(to: bytes) -> None:
        relay = await pool.acquire(2)
        rcpt = b"RCPT TO:<" + to + b">\r\n"
        _, answer = await relay.commands([b"MAIL FROM:<ann@example.org>\r\n", rcpt], 2)
        if answer.code == 250:
            await relay.command(b"DATA\r\n", 2)
            await relay.end_content(b"Subject: Hello\r\n\r\n.\r\n", 2)
        else:
            await relay.command(b"RSET\r\n", 2)
        pool.release(relay)

    for to in (*[b"dead@example.org"] * 4, b"bob@example.org", *[b"dead@example.org"] * 5):
        await mail(to)
    assert 1 == len(sink.connections)

    await mail(b"bob@example.org")
    assert 2 == len(sink.connections)


async def test_a_connection_that_took_no_mail_in_ten_transactions_is_not_used_again(
    pool: Pool, sink: RawSink
) -> None:
    """Exim closes at the twelfth RSET, Postfix counts an error for each after a hundred."""

    async def give_up(times: int) -> None:
        for _ in range(times):
            pool.release(await pool.acquire(2), unused=True)

    await give_up(9)
    relay = await pool.acquire(2)
    await relay.commands([b"MAIL FROM:<ann@example.org>\r\n", b"RCPT TO:<bob@example.org>\r\n"], 2)
    await relay.command(b"DATA\r\n", 2)
    await relay.end_content(b"Subject: Hello\r\n\r\n.\r\n", 2)
    pool.release(relay)
    await give_up(10)
    assert 1 == len(sink.connections)

    await give_up(1)
    assert 2 == len(sink.connections)


@pytest.mark.parametrize(
    "greeting",
    [faults.reply(b"421 Too many concurrent SMTP connections"), faults.disconnect()],
    ids=["as Exim and Postfix", "as Courier"],
)
async def test_who_is_one_too_many_for_the_relay_gets_the_next_that_is_released(
    sink: RawSink, observed: Observed, greeting: faults.Action
) -> None:
    pool = make_pool(relay_settings(sink.port), connections=3, observe=observed)
    first = await pool.acquire(2)
    sink.fault("banner", greeting)
    second = asyncio.create_task(pool.acquire(2))
    await wait_until(lambda: len(sink.connections) == 2, "the second connection")
    await wait_until(lambda: pool.is_crowded, "somebody who waits")
    with pytest.raises(RelayBusy):
        await pool.acquire(0.05)
    pool.release(first)

    assert first is await second
    assert not pool.is_crowded
    assert [RelayConnection] == list(map(type, observed.seen))
    assert 2 == len(sink.connections)


async def test_who_is_one_too_many_is_not_refused_while_the_first_is_greeted(
    pool: Pool, sink: RawSink
) -> None:
    """Exim refuses at once, and greets a little later."""
    greets = asyncio.Event()
    sink.fault("banner", faults.hold(greets), times=1)
    first = asyncio.create_task(pool.acquire(2))
    await wait_until(lambda: len(sink.connections) == 1, "the first connection")
    sink.fault("banner", faults.reply(b"421 Too many concurrent SMTP connections"))
    second = asyncio.create_task(pool.acquire(2))
    await wait_until(lambda: len(sink.connections) == 2, "the second connection")
    greets.set()
    pool.release(await first)

    assert first.result() is await second


@pytest.mark.parametrize(
    "answer",
    [b"421 relay.example: Too many concurrent SMTP connections\r\n", b""],
    ids=["as Exim", "as Courier"],
)
async def test_who_is_one_too_many_gets_no_tls_where_it_is_implicit(
    certificates: Certificates, answer: bytes
) -> None:
    async def answered(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(answered, LOOPBACK, 0) as relay:
        port = relay.sockets[0].getsockname()[1]
        context = certificates.client_context()
        settings = relay_settings(port, tls="implicit", context=context)
        with pytest.raises((RelayLost, RelayRefuses)) as turned_away:
            await RelayConnection.open(settings)

    error = turned_away.value
    assert isinstance(error, RelayLost | RelayRefuses)
    assert is_one_too_many(error)


async def test_a_relay_that_refuses_all_is_waited_for_by_nobody(pool: Pool, sink: RawSink) -> None:
    sink.fault("banner", faults.reply(b"421 4.3.2 closing for maintenance"))

    seen = await asyncio.gather(pool.acquire(2), pool.acquire(2), return_exceptions=True)
    sink.faults.clear()

    assert [RelayRefuses, RelayRefuses] == list(map(type, seen))
    assert await has_places(pool, 2)


async def test_where_none_is_released_the_relay_is_asked_again(
    pool: Pool, sink: RawSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(full_relay, "CROWDED_SECONDS", 0.05)
    first = await pool.acquire(2)
    sink.fault("banner", faults.reply(b"421 Too many concurrent SMTP connections"), times=3)

    second = await pool.acquire(2)

    assert first is not second
    assert 5 == len(sink.connections)


async def test_where_another_ended_the_relay_is_asked_again(pool: Pool, sink: RawSink) -> None:
    first = await pool.acquire(2)
    sink.fault("banner", faults.reply(b"421 Too many concurrent SMTP connections"), times=1)
    second = asyncio.create_task(pool.acquire(0.9))
    await wait_until(lambda: pool.is_crowded, "somebody who waits")
    pool.discard(first)

    assert (await second).is_usable


async def test_waiting_for_one_that_the_relay_accepts_has_an_end(pool: Pool, sink: RawSink) -> None:
    await pool.acquire(2)
    sink.fault("banner", faults.reply(b"421 Too many concurrent SMTP connections"))

    with pytest.raises(RelayBusy):
        await pool.acquire(0.1)
    assert not pool.is_crowded


async def test_a_closed_pool_keeps_no_connection_that_comes_back(pool: Pool, sink: RawSink) -> None:
    busy, idle = [await pool.acquire(2) for _ in range(2)]
    pool.release(idle)
    pool.close()
    pool.release(busy)

    await sink.wait_until(lambda: sink.open_connections == 0)


async def test_R1_a_relay_that_is_down_is_told_at_once() -> None:
    pool = make_pool(relay_settings(free_port()))

    with pytest.raises(RelayLost) as lost:
        await pool.acquire(30)

    assert not isinstance(lost.value, RelayBusy)


# Pace


async def test_messages_a_minute_are_held_to_after_the_first() -> None:
    pace = RateLimit(600)  # one in 0.1 s
    loop = asyncio.get_running_loop()
    began = loop.time()
    passed = 0
    while loop.time() - began < 0.55:
        await pace.wait()
        passed += 1

    handful = 11
    assert handful + 3 <= passed <= handful + 7


async def test_a_cancelled_turn_is_given_back() -> None:
    pace = RateLimit(60)
    await pace.wait()
    await asyncio.wait_for(pace.wait(), 5)
    for _ in range(20):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pace.wait(), 0.001)

    async with asyncio.timeout(3):
        await pace.wait()


async def test_who_gets_no_turn_in_time_hears_busy(sink: RawSink) -> None:
    pool = make_pool(relay_settings(sink.port), per_minute=1)
    pool.release(await pool.acquire(1))

    with pytest.raises(RelayBusy):
        await pool.acquire(0.05)

    assert 1 == len(sink.connections)


async def test_a_wait_for_a_connection_in_vain_costs_no_message_of_the_minute(
    sink: RawSink,
) -> None:
    pool = make_pool(relay_settings(sink.port), connections=1, per_minute=60)
    relay = await pool.acquire(1)
    with pytest.raises(RelayBusy):
        await pool.acquire(0.02)
    pool.release(relay)

    assert relay is await pool.acquire(0.2)


async def test_a_relay_that_refuses_costs_no_message_of_the_minute(sink: RawSink) -> None:
    pool = make_pool(relay_settings(sink.port), per_minute=60)
    sink.fault("banner", faults.reply(b"554 5.7.1 go away"), times=2)
    for _ in range(2):
        with pytest.raises(RelayRefuses):
            await pool.acquire(0.2)

    assert (await pool.acquire(0.2)).is_usable


async def test_a_transaction_without_content_costs_no_message_of_the_minute(sink: RawSink) -> None:
    """A suppressed recipient, or a client that stalls, takes nobody else's turn."""
    pool = make_pool(relay_settings(sink.port), per_minute=1)
    for _ in range(5):
        transaction = begun(pool)
        assert [250] == [reply.code for reply in await transaction.add([BOB])]
        await transaction.end()
    await served(pool)
    pool.close()

    assert 1 == len(sink.accepted)


@pytest.mark.parametrize(
    "action",
    [faults.disconnect(), faults.reply(b"452 4.5.3 Too many messages sent")],
    ids=["closed", "no more mails over it"],
)
async def test_a_mail_said_again_on_a_new_connection_costs_one_message_of_the_minute(
    sink: RawSink, action: faults.Action
) -> None:
    pool = make_pool(relay_settings(sink.port, budget=0.5), per_minute=60)
    await served(pool)
    sink.fault("MAIL", action, times=1)
    await served(pool)
    pool.close()

    assert (2, 2) == (len(sink.accepted), len(sink.connections))


async def test_a_relay_that_takes_no_mail_now_is_asked_over_one_more_connection_a_mail(
    pool: Pool, sink: RawSink
) -> None:
    await served(pool)
    sink.fault("MAIL", faults.reply(b"452 4.3.1 Insufficient system storage"))
    for mails in range(1, 8):
        transaction = begun(pool)
        assert [452, 452] == [reply.code for reply in await transaction.add([BOB, BOB])]
        assert [452] == [reply.code for reply in await transaction.add([BOB])]
        await transaction.end()
        assert 1 + mails == len(sink.connections)

    assert await has_places(pool, 2)
