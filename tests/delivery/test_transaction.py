"""One transaction at a relay: what the client hears, and what the relay got."""

import asyncio

import pytest

from gateway.core.reply import Reply
from gateway.delivery import replies
from gateway.delivery.connection import RelayRefuses
from gateway.delivery.pool import Pool
from gateway.delivery.transaction import Lost, RelayTransaction
from tests.conftest import StartProxy, StartSink
from tests.delivery.relays import Observed, make_pool, recipient, relay_settings, sender
from tests.rig import faults
from tests.rig.faultproxy import Cut
from tests.rig.process import free_port
from tests.rig.sink import RawSink

BOB, EVE, DAN = (recipient(b"<%s@example.org>" % name) for name in (b"bob", b"eve", b"dan"))
CONTENT = b"Subject: x\r\n\r\nx\r\n"


@pytest.fixture
async def pool(sink: RawSink) -> Pool:
    return make_pool(relay_settings(sink.port, budget=0.5))


def begun(pool: Pool, argument: bytes = b"<ann@crm.example>") -> RelayTransaction:
    return RelayTransaction(pool, sender(argument))


async def sent(pool: Pool) -> Reply | Lost:
    """Send a whole message; return the last reply."""
    transaction = begun(pool)
    try:
        [heard] = await transaction.add([BOB])
        refused = await transaction.begin_content() if heard.positive else heard
        return refused or await transaction.finish(CONTENT)
    finally:
        transaction.hang_up()


async def served(pool: Pool) -> None:
    """Leave an idle connection behind that has been used."""
    verdict = await sent(pool)
    assert isinstance(verdict, Reply)
    assert verdict.positive


# The straight way


async def test_P5_octets_and_order_of_mail_and_rcpt_are_kept(pool: Pool, sink: RawSink) -> None:
    transaction = begun(pool, b" <Ann@crm.EXAMPLE> size=10 Body=8bitmime")
    odd = [recipient(b'<"a b"@example.org> notify=NEVER'), recipient(b" <BOB@example.org>")]
    await transaction.add(odd)
    await transaction.begin_content()
    verdict = await transaction.finish(CONTENT)

    (message,) = sink.accepted
    assert "250 2.0.0 taken as 1" == (verdict.text if isinstance(verdict, Reply) else verdict.why)
    assert b"FROM: <Ann@crm.EXAMPLE> size=10 Body=8bitmime" == message.mail
    assert [b'TO:<"a b"@example.org> notify=NEVER', b"TO: <BOB@example.org>"] == message.rcpts
    assert CONTENT == message.wire


async def test_each_recipient_gets_the_relays_own_reply(pool: Pool, sink: RawSink) -> None:
    sink.fault("RCPT", faults.reply(b"550 5.1.1 nobody"), address=b"eve@example.org")
    sink.fault("RCPT", faults.reply(b"450 4.7.1 greylisted"), address=b"dan@example.org")
    transaction = begun(pool)

    answers = await transaction.add([BOB, EVE, DAN])

    assert [250, 550, 450] == [reply.code for reply in answers]
    assert [BOB] == transaction.recipients
    transaction.hang_up()


@pytest.mark.parametrize("extensions", [[b"PIPELINING"], []], ids=["pipelining", "one by one"])
@pytest.mark.parametrize("line", [b"550 5.7.1 not you", b"450 4.7.1 later"])
async def test_a_refusal_of_mail_is_given_at_each_rcpt(
    start_sink: StartSink, line: bytes, extensions: list[bytes]
) -> None:
    sink = await start_sink(extensions=extensions)
    sink.fault("MAIL", faults.reply(line), times=1)
    transaction = begun(make_pool(relay_settings(sink.port)))

    refused = await transaction.add([BOB, EVE])
    taken = await transaction.add([BOB])

    assert [line.decode()] * 2 == [reply.text for reply in refused]
    assert [250] == [reply.code for reply in taken]
    transaction.hang_up()


async def test_those_who_drop_out_never_reach_the_relays_message(pool: Pool, sink: RawSink) -> None:
    transaction = begun(pool)
    await transaction.add([BOB, EVE])
    await transaction.add([DAN])
    assert await transaction.keep([EVE]) is None
    assert await transaction.begin_content() is None
    await transaction.finish(CONTENT)

    assert [[b"eve@example.org"]] == [message.recipients for message in sink.accepted]
    assert 1 == len(sink.connections)


@pytest.mark.parametrize(
    ("lines", "heard"),
    [
        ([b"450 4.2.1 later", b"550 5.1.1 no"], "450 4.2.1 later"),
        ([b"550 5.1.1 no", b"450 4.2.1 later"], "450 4.2.1 later"),
        ([b"550 5.1.1 no", b"550 5.1.1 no"], "550 5.1.1 no"),
        ([b"550 5.1.1 no", b"250 ok"], replies.TRY_LATER.text),
    ],
)
async def test_a_refusal_when_asked_again_is_never_final_for_who_is_still_taken(
    pool: Pool, sink: RawSink, lines: list[bytes], heard: str
) -> None:
    transaction = begun(pool)
    await transaction.add([BOB, EVE, DAN])
    for line, address in zip(lines, (b"bob@example.org", b"eve@example.org"), strict=True):
        sink.fault("RCPT", faults.reply(line), address=address)

    refused = await transaction.keep([BOB, EVE])

    assert heard == (refused.text if refused else "")
    transaction.hang_up()


# A client that stalls


async def test_a_stalled_client_gives_its_connection_back_and_goes_on_later(
    pool: Pool, sink: RawSink
) -> None:
    transaction = begun(pool)
    await transaction.add([BOB])
    await transaction.end()
    assert not transaction.open
    await served(pool)
    await transaction.add([EVE])
    await transaction.end()
    assert await transaction.begin_content() is None
    verdict = await transaction.finish(CONTENT)

    assert isinstance(verdict, Reply)
    assert verdict.positive
    assert [b"bob@example.org", b"eve@example.org"] == sink.accepted[-1].recipients
    assert 1 == len(sink.connections)
    assert b"RSET" in sink.connections[0].commands


async def test_nobody_promised_is_left_out_when_the_relay_changes_its_mind(
    pool: Pool, sink: RawSink
) -> None:
    transaction = begun(pool)
    await transaction.add([BOB])
    await transaction.end()
    sink.fault("RCPT", faults.reply(b"450 4.7.1 greylisted"), address=b"bob@example.org")

    [eve] = await transaction.add([EVE])
    refused = await transaction.begin_content()

    assert 250 == eve.code
    assert "450 4.7.1 greylisted" == (refused.text if refused else "")
    assert [] == sink.messages
    transaction.hang_up()


async def test_a_client_that_goes_on_during_the_reset_gets_another_connection(
    pool: Pool, sink: RawSink
) -> None:
    transaction = begun(pool)
    await transaction.add([BOB])
    sink.fault("RSET", faults.delay(0.1), times=1)
    ending = asyncio.create_task(transaction.end())
    await asyncio.sleep(0)

    [eve] = await transaction.add([EVE])
    await ending
    assert await transaction.begin_content() is None
    await transaction.finish(CONTENT)

    assert 250 == eve.code
    assert [b"bob@example.org", b"eve@example.org"] == sink.accepted[0].recipients


@pytest.mark.parametrize(
    "action", [faults.reply(b"421 bye"), faults.disconnect(), faults.garbage()]
)
async def test_a_connection_that_can_not_be_reset_is_not_used_again(
    pool: Pool, sink: RawSink, action: faults.Action
) -> None:
    sink.fault("RSET", action, times=1)
    transaction = begun(pool)
    await transaction.add([BOB])
    await transaction.end()
    await served(pool)

    assert 2 == len(sink.connections)


# R8: connections that were idle


@pytest.mark.parametrize(
    "action",
    [
        faults.disconnect(),
        faults.reset(),
        faults.reply(b"421 4.4.2 idle for too long"),
        faults.disconnect(b"421 4.4.2 idle for too long"),
    ],
    ids=["closed", "reset", "421", "421 and closed"],
)
async def test_R8_a_reused_connection_that_ends_is_replaced_once(
    pool: Pool, sink: RawSink, action: faults.Action
) -> None:
    await served(pool)
    sink.fault("MAIL", action, times=1)
    await served(pool)

    assert (2, 2) == (len(sink.accepted), len(sink.connections))


async def test_R8_a_relay_that_goes_on_closing_is_not_asked_for_ever(
    pool: Pool, sink: RawSink
) -> None:
    await served(pool)
    sink.fault("MAIL", faults.disconnect(b"421 4.3.2 shutting down"))

    verdict = await sent(pool)

    assert Reply.of("451 4.3.2 shutting down") == verdict
    assert 2 == len(sink.connections)


async def test_R8_nothing_is_tried_again_after_data(pool: Pool, sink: RawSink) -> None:
    await served(pool)
    sink.fault("DATA", faults.disconnect(), times=1)

    assert replies.TRY_LATER == await sent(pool)
    assert (1, 1) == (len(sink.messages), len(sink.connections))


@pytest.mark.parametrize("stage", ["MAIL", "RCPT"])
async def test_a_relay_that_leaves_with_421_keeps_its_words(
    pool: Pool, sink: RawSink, stage: faults.Stage
) -> None:
    sink.fault(stage, faults.disconnect(b"421 4.3.2 shutting down"))
    transaction = begun(pool)

    answers = await transaction.add([BOB, EVE])

    assert [Reply.of("451 4.3.2 shutting down")] * 2 == answers
    assert not transaction.open


async def test_421_at_one_recipient_does_not_cost_the_others(pool: Pool, sink: RawSink) -> None:
    sink.fault("RCPT", faults.reply(b"421 4.7.0 too fast"), address=b"eve@example.org")
    transaction = begun(pool)

    answers = await transaction.add([BOB, EVE])
    assert await transaction.begin_content() is None
    await transaction.finish(CONTENT)

    assert [250, 451] == [reply.code for reply in answers]
    assert [[b"bob@example.org"]] == [message.recipients for message in sink.accepted]


# R5: replies that come too early or belong to something else


@pytest.mark.parametrize("line", [b"250 2.0.0 taken already", b"550 5.0.0 refused already"])
async def test_R5_a_reply_before_the_dot_ends_the_transaction(
    pool: Pool, sink: RawSink, line: bytes
) -> None:
    sink.fault("DATA", faults.early_reply(line))

    assert replies.TRY_LATER == await sent(pool)
    await sink.wait_until(lambda: sink.open_connections == 0)
    assert [] == sink.messages


@pytest.mark.parametrize("line", [b"250 2.0.0 go ahead", b"334 what", b"503 5.5.1 no"])
async def test_R5_only_354_begins_the_content(pool: Pool, sink: RawSink, line: bytes) -> None:
    sink.fault("DATA", faults.reply(line))
    verdict = await sent(pool)

    assert isinstance(verdict, Reply)
    assert (451, "4.3.5") == (verdict.code, verdict.enhanced)
    await sink.wait_until(lambda: sink.open_connections == 0)


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
    assert not transaction.open


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
    while not connection.unsent:  # until all buffers between here and there are full
        transaction.write(b"x" * 10_000)
        await asyncio.sleep(0)

    assert replies.TRY_LATER == await transaction.finish(b"\r\n")
    assert not transaction.open


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


# Before MAIL


async def test_R1_R3_trouble_before_mail_is_temporary_for_the_client(sink: RawSink) -> None:
    heard = {}
    for text in (b"554 5.7.1 go away", b"421 4.3.2 busy", b"535 5.7.8 wrong"):
        sink.fault("banner", faults.reply(text), times=1)
        [reply] = await begun(make_pool(relay_settings(sink.port))).add([BOB])
        heard[text] = (reply.code, reply.enhanced)
    [reply] = await begun(make_pool(relay_settings(free_port()))).add([BOB])

    assert {(451, "4.3.5")} == set(heard.values())
    assert replies.TRY_LATER == reply


async def test_a_busy_pool_is_temporary_for_the_client(sink: RawSink) -> None:
    pool = make_pool(relay_settings(sink.port, budget=0.1), connections=1)
    first = begun(pool)
    await first.add([BOB])

    assert [replies.BUSY] == await begun(pool).add([BOB])
    first.hang_up()
    await served(pool)


async def test_R10_what_the_relay_no_longer_offers_is_temporary_once(start_sink: StartSink) -> None:
    sink = await start_sink(extensions=[b"PIPELINING"])
    transaction = begun(make_pool(relay_settings(sink.port)), b"<ann@crm.example> BODY=8BITMIME")

    assert [replies.NO_LONGER_OFFERED] == await transaction.add([BOB])
    await transaction.end()
    assert [] == sink.transactions
    await sink.wait_until(lambda: sink.open_connections == 1)


# Our fault


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("line", [b"530 5.7.0 log in", b"554 5.7.1 Relay access denied"])
async def test_a_refusal_of_the_gateway_itself_raises_the_alarm_at_every_stage(
    sink: RawSink, stage: faults.Stage, line: bytes
) -> None:
    observed = Observed()
    settings = relay_settings(sink.port, our_fault=["Relay access denied"])
    sink.fault(stage, faults.reply(line))

    verdict = await sent(make_pool(settings, observe=observed))

    assert isinstance(verdict, Reply)
    assert (451, "4.3.5") == (verdict.code, verdict.enhanced)
    complaint = observed.seen[-1]
    assert isinstance(complaint, RelayRefuses)
    assert line.decode() == complaint.reply.text


async def test_a_refusal_of_the_mail_raises_no_alarm(sink: RawSink) -> None:
    observed = Observed()
    sink.fault("RCPT", faults.reply(b"550 5.1.1 nobody"))

    await sent(make_pool(relay_settings(sink.port), observe=observed))

    assert not any(isinstance(seen, RelayRefuses) for seen in observed.seen)
