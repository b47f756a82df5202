"""One transaction at a relay: what the client hears, and what the relay got."""

import asyncio

import pytest

from gateway.core.mail.reply import Reply
from gateway.delivery import replies
from gateway.delivery.connection import RelayConnection, RelayRefuses
from gateway.delivery.pool import Pool
from tests.conftest import StartSink
from tests.delivery.relays import (
    BOB,
    CONTENT,
    DAN,
    EVE,
    Observed,
    begun,
    make_pool,
    recipient,
    relay_settings,
    sent,
    served,
)
from tests.rig import faults
from tests.rig.process import free_port
from tests.rig.sink import RawSink

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
    assert not transaction.is_open
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
        faults.reply(b"452 4.5.3 Too many messages sent"),
    ],
    ids=["closed", "reset", "421", "421 and closed", "no more mails over it"],
)
async def test_R8_a_reused_connection_that_ends_is_replaced_once(
    pool: Pool, sink: RawSink, action: faults.Action
) -> None:
    await served(pool)
    sink.fault("MAIL", action, times=1)
    await served(pool)

    assert (2, 2) == (len(sink.accepted), len(sink.connections))


async def test_a_connection_in_place_of_a_spent_one_may_be_spent_as_well(
    sink: RawSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the next one released is taken, and has carried as many mails."""
    pool = make_pool(relay_settings(sink.port), connections=3)
    for connection in [await pool.acquire(2) for _ in range(3)]:
        pool.release(connection)
    sink.fault("MAIL", faults.reply(b"452 4.5.3 Too many messages sent"), times=3)
    acquire = pool.acquire

    async def released(seconds: float, *, fresh: bool = False) -> RelayConnection:
        return pool.idle_now() or await acquire(seconds, fresh=fresh)

    monkeypatch.setattr(pool, "acquire", released)
    transaction = begun(pool)

    assert [250] == [reply.code for reply in await transaction.add([BOB])]
    transaction.hang_up()


async def test_a_sender_the_relay_does_not_take_is_not_offered_over_every_connection(
    sink: RawSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a crowd, in which there is always one that others have used."""
    pool = make_pool(relay_settings(sink.port), connections=8)
    for connection in [await pool.acquire(2) for _ in range(8)]:
        pool.release(connection)
    sink.fault("MAIL", faults.reply(b"451 4.1.8 Domain of sender address does not resolve"))
    acquire = pool.acquire

    async def released(seconds: float, *, fresh: bool = False) -> RelayConnection:
        return pool.idle_now() or await acquire(seconds, fresh=fresh)

    monkeypatch.setattr(pool, "acquire", released)
    [reply] = await begun(pool).add([BOB])

    assert "451 4.1.8 Domain of sender address does not resolve" == reply.text
    assert 4 == sum(b"MAIL" in b" ".join(seen.commands) for seen in sink.connections)


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
    assert not transaction.is_open


async def test_421_at_one_recipient_does_not_cost_the_others(pool: Pool, sink: RawSink) -> None:
    sink.fault("RCPT", faults.reply(b"421 4.7.0 too fast"), address=b"eve@example.org")
    transaction = begun(pool)

    answers = await transaction.add([BOB, EVE])
    assert await transaction.begin_content() is None
    await transaction.finish(CONTENT)

    assert [250, 451] == [reply.code for reply in answers]
    assert [[b"bob@example.org"]] == [message.recipients for message in sink.accepted]


# R5: replies that come too early or belong to something else


@pytest.mark.parametrize(
    ("line", "heard"),
    [
        (b"250 2.0.0 taken already", replies.TRY_LATER.text),
        (b"354 go on", replies.TRY_LATER.text),
        (b"550 5.0.0 refused already", "550 5.0.0 refused already"),
        (b"452 4.3.1 disk full", "452 4.3.1 disk full"),
        (b"421 4.4.2 too slow", "421 4.4.2 too slow"),
    ],
)
async def test_R5_before_the_dot_a_no_is_the_verdict_and_a_yes_is_none(
    pool: Pool, sink: RawSink, line: bytes, heard: str
) -> None:
    sink.fault("DATA", faults.early_reply(line))

    verdict = await sent(pool)

    assert isinstance(verdict, Reply)
    assert heard == verdict.text
    await sink.wait_until(lambda: sink.open_connections == 0)
    assert [] == sink.messages


@pytest.mark.parametrize("line", [b"250 2.0.0 go ahead", b"334 what", b"503 5.5.1 no"])
async def test_R5_only_354_begins_the_content(pool: Pool, sink: RawSink, line: bytes) -> None:
    sink.fault("DATA", faults.reply(line))
    verdict = await sent(pool)

    assert isinstance(verdict, Reply)
    assert (451, "4.3.5") == (verdict.code, verdict.enhanced)
    await sink.wait_until(lambda: sink.open_connections == 0)


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


@pytest.mark.parametrize(
    ("stage", "line"),
    [
        ("MAIL", b"501 5.1.7 Bad sender address syntax"),
        ("MAIL", b"501 ann: sender address must contain a domain"),
        ("RCPT", b"550 5.1.1 nobody"),
        ("RCPT", b"501 5.1.3 Bad recipient address syntax"),
        ("RCPT", b"504 5.5.2 <bob>: Recipient address rejected: need fully-qualified address"),
    ],
)
async def test_a_refusal_of_the_mail_is_passed_on_and_raises_no_alarm(
    sink: RawSink, stage: faults.Stage, line: bytes
) -> None:
    observed = Observed()
    sink.fault(stage, faults.reply(line))

    verdict = await sent(make_pool(relay_settings(sink.port), observe=observed))

    assert Reply.of(line.decode()) == verdict
    assert not any(isinstance(seen, RelayRefuses) for seen in observed.seen)
