"""Relays that are away, come back, or say odd things: what the CRM hears and what is delivered."""

import asyncio
import itertools

import pytest

from gateway.core import ids
from tests.rig import faults
from tests.rig.client import Reply
from tests.rig.faultproxy import HangingPort
from tests.rig.faults import Action
from tests.rig.process import free_port, wait_until
from tests.smtp_proxy.crm import INDIVIDUAL, NO_BULK, SENDER, mail, states
from tests.system.relay.side import BUDGET, RelaySide

pytestmark = pytest.mark.system

_numbers = itertools.count(1)
BOB, EVE = b"bob@example.org", b"eve@example.org"


def short(reply: Reply | None) -> str:
    return f"{reply.code} {reply.enhanced}" if reply else "nothing"


# R1: relays that can't be reached


@pytest.mark.parametrize(
    "where",
    [{"port": free_port()}, {"host": "no-such-host.invalid"}],
    ids=["refused", "no address"],
)
async def test_R1_a_relay_that_is_not_there_is_451_at_once(
    side: RelaySide, where: dict[str, object]
) -> None:
    await side.use(where)
    began = asyncio.get_running_loop().time()
    conversation = await side.crm.send([BOB])

    assert "451 4.4.1" == short(conversation.end)
    assert asyncio.get_running_loop().time() - began < BUDGET


async def test_R1_a_relay_that_hangs_on_connecting_is_451_within_the_budget(
    side: RelaySide,
) -> None:
    with HangingPort() as hanging:
        await side.use({"port": hanging.port})
        conversation = await side.crm.send([BOB])

    assert "451 4.4.1" == short(conversation.end)


async def test_R1_the_crm_is_served_again_as_soon_as_the_relay_is(side: RelaySide) -> None:
    client = await side.crm.client()
    side.sink.refuse()
    side.sink.drop_connections()
    away = await client.transaction(SENDER, [BOB], INDIVIDUAL)
    await side.sink.listen()
    back = await client.transaction(SENDER, [BOB], INDIVIDUAL)

    assert ["451 4.4.1", "250 2.0.0"] == [short(away.end), short(back.end)]
    assert 1 == len(side.sink.messages)


# R2: greetings and replies that are none


@pytest.mark.parametrize(
    ("action", "heard"),
    [
        (faults.reply(b"554 5.7.1 go away"), "451 4.3.5"),
        (faults.reply(b"421 4.3.2 busy"), "451 4.3.5"),
        (faults.reply(b"250 hello"), "451 4.3.5"),
        (faults.reply(b"220"), "250 2.0.0"),
        (faults.many_lines(b"220", 100), "250 2.0.0"),
        (faults.huge_line(b"220"), "451 4.4.1"),
        (faults.endless_lines(b"220"), "451 4.4.1"),
    ],
    ids=["554", "421", "250", "no text", "100 lines", "1 MB line", "endless"],
)
async def test_R2_a_bad_greeting(side: RelaySide, action: faults.Action, heard: str) -> None:
    side.sink.fault("banner", action)
    conversation = await side.crm.send([BOB])

    assert heard == short(conversation.end)


@pytest.mark.parametrize("stage", ["EHLO", "MAIL", "RCPT", "DATA", "dot"])
@pytest.mark.parametrize(
    "action", [faults.huge_line(), faults.endless_lines()], ids=["1 MB line", "endless"]
)
async def test_R2_replies_without_end_cost_little_memory(
    side: RelaySide, stage: faults.Stage, action: faults.Action
) -> None:
    before = side.gateway.resident_memory()
    side.sink.fault(stage, action)
    conversation = await side.crm.send([BOB])
    await wait_until(lambda: side.sink.open_connections == 0, "the end of the connection")

    assert 451 == conversation.end.code
    assert side.gateway.resident_memory() - before < 20_000_000


# R6: disconnects in the middle


@pytest.mark.parametrize("octets", [0, 10, 50_000])
@pytest.mark.parametrize("cut", [faults.disconnect, faults.reset])
async def test_R6_a_relay_that_leaves_in_the_content_has_nothing(
    side: RelaySide, cut: object, octets: int
) -> None:
    to = f"cut-{octets}@example.org"
    action = faults.reset(octets) if cut is faults.reset else faults.disconnect(octets=octets)
    side.sink.fault("content", action, times=1)
    # More than sockets hold: the final dot is not on its way when the relay leaves.
    content = mail("Groot", body=b"0123456789\r\n" * 700_000)
    lost = await side.crm.send([to.encode()], content)
    record = await side.crm.record(to)
    again = await side.crm.send([to.encode()], content)

    assert ["451 4.4.1", "250 2.0.0"] == [short(lost.end), short(again.end)]
    assert {to: "deferred by relay"} == states(record)
    assert 1 == len(side.sink.messages)


@pytest.mark.parametrize("last", [b"x" * 100_000 + b"\r\n", b"\r\n"], ids=["much left", "the end"])
@pytest.mark.parametrize(
    ("line", "heard", "state"),
    [
        (b"552 5.3.4 too large", "552 5.3.4 too large", "rejected by relay"),
        (b"452 4.3.1 disk full", "452 4.3.1 disk full", "deferred by relay"),
        (b"421 4.4.2 too slow", "451 4.4.2 too slow", "deferred by relay"),
        (b"250 2.0.0 taken", "451 4.4.1", "deferred by relay"),
    ],
)
@pytest.mark.parametrize("closes", [True, False])
async def test_R5_what_the_relay_says_in_a_slow_content_is_its_verdict(
    side: RelaySide, line: bytes, heard: str, state: str, last: bytes, closes: bool
) -> None:
    action = (
        faults.disconnect(line, octets=70_000)
        if closes
        else Action(send=line + b"\r\n", octets=70_000)
    )
    to = f"slow-{next(_numbers)}@example.org"
    side.sink.fault("content", action, times=1)
    client = await side.crm.client()
    await client.pipeline(b"MAIL FROM:<%s>" % SENDER, b"RCPT TO:<%s>" % to.encode(), b"DATA")
    await client.send(mail("Groot", body=b"x" * 80_000 + b"\r\n"))
    await wait_until(lambda: side.sink.open_connections == 0, "the end of the relay's connection")
    await client.send(last + b".\r\n")
    end = await client.reply()
    again = await client.transaction(SENDER, [BOB], INDIVIDUAL)
    record = await side.crm.record(to)

    assert f"{end.code} {end.text}".startswith(heard)
    assert {to: state} == states(record)
    assert 250 == again.end.code
    assert 1 == len(side.sink.messages)
    assert [] == side.gateway.log_lines("relay_refuses_gateway")


async def test_R6_a_relay_that_leaves_between_rcpt_and_data_has_nothing(side: RelaySide) -> None:
    client = await side.crm.client()
    await client.pipeline(b"MAIL FROM:<ann@crm.example>", b"RCPT TO:<bob@example.org>")
    side.sink.drop_connections()
    await wait_until(lambda: side.sink.open_connections == 0, "the end of the connection")
    await client.command(b"DATA")
    await client.send(INDIVIDUAL + b".\r\n")

    assert "451 4.4.1" == short(await client.reply())
    assert [] == side.sink.messages


# R3, R4: one recipient among others


async def test_R4_5xx_for_one_recipient_leaves_the_others_alone(side: RelaySide) -> None:
    side.sink.fault("RCPT", faults.reply(b"550 5.1.1 nobody here"), address=EVE)
    conversation = await side.crm.send([b"dan@example.org", EVE, BOB])
    record = await side.crm.record("eve@example.org")

    assert ["250 2.1.5", "550 5.1.1", "250 2.1.5"] == list(map(short, conversation.recipients))
    assert [[b"dan@example.org", BOB]] == [one.recipients for one in side.sink.accepted]
    assert {
        "dan@example.org": "relayed by relay",
        "eve@example.org": "rejected by relay",
        "bob@example.org": "relayed by relay",
    } == states(record)


async def test_R5_content_for_nobody_is_refused_here(side: RelaySide) -> None:
    side.sink.fault("RCPT", faults.reply(b"550 5.1.1 nobody here"))
    side.sink.fault("DATA", faults.reply(b"354 go ahead all the same"))
    client = await side.crm.client()
    replies = await client.pipeline(
        b"MAIL FROM:<ann@crm.example>", b"RCPT TO:<bob@example.org>", b"DATA"
    )

    assert ["250 2.1.0", "550 5.1.1", "550 5.1.1"] == list(map(short, replies))
    assert not any(b"DATA" in connection.commands for connection in side.sink.connections)


# R8: connections kept


async def test_R8_one_connection_serves_many_mails(side: RelaySide) -> None:
    for _ in range(5):
        await side.crm.send([BOB])

    assert (5, 1) == (len(side.sink.accepted), len(side.sink.connections))


@pytest.mark.parametrize(
    "action",
    [faults.disconnect(), faults.disconnect(b"421 4.4.2 idle too long"), faults.reset()],
    ids=["closed", "421", "reset"],
)
async def test_R8_a_kept_connection_that_ends_costs_the_crm_nothing(
    side: RelaySide, action: faults.Action
) -> None:
    await side.crm.send([BOB])
    side.sink.fault("MAIL", action, times=1)
    conversation = await side.crm.send([EVE])

    assert "250 2.0.0" == short(conversation.end)
    assert [[BOB], [EVE]] == [message.recipients for message in side.sink.messages]
    assert 2 == len(side.sink.connections)


async def test_R8_what_idles_is_closed_before_the_relay_does_it(side: RelaySide) -> None:
    await side.crm.send([BOB])
    await wait_until(lambda: side.sink.open_connections == 0, "the end of the idle one", 15)

    assert b"QUIT" == side.sink.connections[0].commands[-1]


# R9, R13


async def test_R9_greylisting_is_passed_on_and_the_second_try_passes(side: RelaySide) -> None:
    side.sink.fault("RCPT", faults.reply(b"450 4.7.1 greylisted"), times=1)
    first = await side.crm.send([BOB])
    tried = len(side.sink.transactions)
    second = await side.crm.send([BOB])

    assert ["450 4.7.1", "250 2.0.0"] == [short(first.end), short(second.end)]
    assert (1, 1) == (tried, len(side.sink.accepted))


async def test_R13_a_relay_that_restarts_between_two_mails(side: RelaySide) -> None:
    first = await side.crm.send([BOB])
    await side.sink.restart()
    second = await side.crm.send([BOB])

    assert ["250 2.0.0"] * 2 == [short(first.end), short(second.end)]
    assert 2 == len(side.sink.accepted)


async def test_R13_a_relay_that_is_down_does_not_hold_up_another(side: RelaySide) -> None:
    domains = {"match": {"sender_domain": "other.example"}}
    await side.use({"name": "down", "port": free_port(), **domains}, {})
    client = await side.crm.client()
    down = await client.transaction(b"ann@other.example", [BOB], INDIVIDUAL)
    up = await client.transaction(SENDER, [BOB], INDIVIDUAL)

    assert ["451 4.4.1", "250 2.0.0"] == [short(down.end), short(up.end)]


# R14


async def test_R14_a_reply_comes_out_harmless(side: RelaySide) -> None:
    side.sink.fault("dot", faults.reply(b"550 5.7.1 \xc3\xa9\x00\r\x1b[2J\xff" + b"x" * 3000))
    conversation = await side.crm.send([BOB])
    record = await side.crm.record("bob@example.org")
    text = conversation.end.lines[0]

    assert "550 5.7.1" == short(conversation.end)
    assert text.startswith(b"5.7.1 ????[2J?xxx")
    assert len(text) <= 500
    assert record.deliveries[0].reply.isprintable()
    assert "x" in await side.gateway.do("messages", "show", ids.show(record.id))


@pytest.mark.parametrize(("count", "kept"), [(20, 20), (150, 20)])
async def test_R14_a_long_reply_keeps_its_class_and_20_lines(
    side: RelaySide, count: int, kept: int
) -> None:
    side.sink.fault("RCPT", faults.many_lines(b"550", count))
    conversation = await side.crm.send([BOB])

    assert (550, kept) == (conversation.end.code, len(conversation.end.lines))


async def test_P8_what_the_gateway_knows_of_its_faults_stays_in_the_log(side: RelaySide) -> None:
    await side.use({"port": free_port()})
    conversation = await side.crm.send([BOB])

    assert (
        b"4.4.1 The relay can't be reached just now; try again later" == (conversation.end.lines[0])
    )
    assert "refused" in side.gateway.log_lines("relay_unusable")[-1]["reason"]


# The relay's connection while a client thinks


async def test_a_client_that_stalls_gives_its_relay_connection_back(side: RelaySide) -> None:
    await side.use({"max_connections": 2})  # one for the proxy, one in reserve
    stalled = await side.crm.client()
    await stalled.pipeline(b"MAIL FROM:<ann@crm.example>", b"RCPT TO:<eve@example.org>")
    served = await side.crm.send([BOB])
    await stalled.command(b"DATA")
    await stalled.send(INDIVIDUAL + b".\r\n")

    assert "250 2.0.0" == short(served.end)
    assert b"RSET" in side.sink.connections[0].commands
    assert 250 == (await stalled.reply()).code
    assert [[BOB], [EVE]] == [message.recipients for message in side.sink.accepted]
    assert 1 == len(side.sink.connections)


async def test_a_client_that_stalls_in_the_header_gives_it_back_too(side: RelaySide) -> None:
    await side.use({"max_connections": 2})
    stalled = await side.crm.client()
    await stalled.pipeline(b"MAIL FROM:<ann@crm.example>", b"RCPT TO:<eve@example.org>", b"DATA")
    await stalled.send(INDIVIDUAL[:20])
    await wait_until(lambda: b"RSET" in side.sink.connections[0].commands, "RSET", 15)
    served = await side.crm.send([BOB])
    await stalled.send(INDIVIDUAL[20:] + b".\r\n")

    assert "250 2.0.0" == short(served.end)
    assert 250 == (await stalled.reply()).code
    assert [[BOB], [EVE]] == [message.recipients for message in side.sink.accepted]


async def test_a_relay_that_thinks_long_about_a_recipient_is_no_stalled_client(
    side: RelaySide,
) -> None:
    await side.use({"budget": "20s"})
    side.sink.fault("RCPT", faults.delay(7), address=EVE)
    conversation = await side.crm.send([BOB, EVE])

    assert ["250 2.1.5"] * 2 == list(map(short, conversation.recipients))
    assert [[BOB, EVE]] == [message.recipients for message in side.sink.accepted]
    assert 1 == len(side.sink.connections)


async def test_P3_nothing_refused_in_the_session_is_bounced(side: RelaySide) -> None:
    out = side.crm.person(NO_BULK)
    side.sink.fault("dot", faults.reply(b"550 5.7.1 spam"))
    await side.crm.send([out, b"bob@example.org"], mail("Mailing", bulk=True))
    record = await side.crm.record(out)

    assert [] == side.crm.notices(record)
    assert {out.address: "send_failed by gateway", "bob@example.org": "rejected by relay"} == (
        states(record)
    )
