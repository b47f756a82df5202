"""Clients that hurry, dawdle, vanish or come in crowds."""

import asyncio
import contextlib

import pytest

from gateway.core.kinds import State
from tests.conftest import StartGateway
from tests.rig import faults
from tests.rig.client import RawClient, stuff
from tests.rig.process import LOOPBACK, program, wait_until
from tests.rig.sink import RawSink
from tests.smtp_proxy.conftest import StartCrm
from tests.smtp_proxy.crm import INDIVIDUAL, SENDER, Crm, Person, as_sent, mail, states

pytestmark = pytest.mark.system

MAIL = b"MAIL FROM:<%s>" % SENDER
RCPT = b"RCPT TO:<bob@example.org>"
WHOLE = b"\r\n".join((b"EHLO crm.example", MAIL, RCPT, b"DATA", b""))


async def at_the_dot(crm: Crm, to: Person, content: bytes = INDIVIDUAL) -> RawClient:
    """Send everything but the final dot."""
    client = await crm.client()
    await client.pipeline(MAIL, b"RCPT TO:<%s>" % to.mailbox, b"DATA")
    await client.send(content)
    return client


# Hurry


async def test_S15_a_client_that_speaks_before_the_banner_is_answered_in_order(crm: Crm) -> None:
    client = await crm.raw(greeted=False)

    await client.send(WHOLE + stuff(INDIVIDUAL) + b"QUIT\r\n")
    replies = await client.replies(7)

    assert [220, 250, 250, 250, 354, 250, 221] == [reply.code for reply in replies]
    assert [INDIVIDUAL] == [as_sent(message) for message in crm.sink.messages]


async def test_S15_two_messages_in_one_segment_are_two_messages(crm: Crm) -> None:
    client = await crm.client()
    second = mail("second")

    await client.send(
        b"\r\n".join((MAIL, RCPT, b"DATA", stuff(INDIVIDUAL)))
        + b"\r\n".join((MAIL, b"RCPT TO:<eve@example.org>", b"DATA", stuff(second)))
        + b"NOOP\r\n"
    )
    replies = await client.replies(9)

    assert [250, 250, 354, 250, 250, 250, 354, 250, 250] == [reply.code for reply in replies]
    assert [INDIVIDUAL, second] == [as_sent(message) for message in crm.sink.messages]
    assert [[b"bob@example.org"], [b"eve@example.org"]] == [
        message.recipients for message in crm.sink.messages
    ]


async def test_S15_a_whole_session_octet_by_octet_is_one_message(crm: Crm) -> None:
    client = await crm.raw()

    await client.send_bytewise(WHOLE + stuff(INDIVIDUAL) + b"QUIT\r\n")
    replies = await client.replies(6)

    assert [250, 250, 250, 354, 250, 221] == [reply.code for reply in replies]
    assert [INDIVIDUAL] == [as_sent(message) for message in crm.sink.messages]


async def test_S15_content_that_follows_a_refused_data_is_refused_and_is_no_command(
    crm: Crm,
) -> None:
    crm.sink.fault("RCPT", faults.reply(b"550 5.1.1 no such user"))
    client = await crm.client()

    content = (b"Subject: x", b"", b"NOOP", b"..", b".")
    await client.send(b"\r\n".join((MAIL, RCPT, b"DATA", *content, b"RSET", b"")))
    replies = await client.replies(5)

    assert [250, 550, 550, 550, 250] == [reply.code for reply in replies]
    assert [] == crm.sink.messages


# Leaving


@pytest.mark.parametrize("way", ["FIN", "RST"])
async def test_S33_who_leaves_in_the_middle_of_the_content_has_sent_nothing(
    each_crm: Crm, way: str
) -> None:
    person = each_crm.person()
    client = await at_the_dot(each_crm, person)

    await (client.close() if way == "FIN" else client.reset())

    record = await each_crm.record(person)
    assert {person.address: "aborted by client"} == states(record)
    assert [] == each_crm.sink.messages


async def test_S33_who_leaves_after_rcpt_has_sent_nothing(crm: Crm) -> None:
    person = crm.person()
    client = await crm.client()
    await client.pipeline(MAIL, b"RCPT TO:<%s>" % person.mailbox)

    await client.close()

    record = await crm.record(person)
    assert {person.address: "aborted by client"} == states(record)


async def test_P4_S33_who_leaves_right_after_the_dot_has_sent_all_or_nothing(crm: Crm) -> None:
    """What the journal says is what the relay has."""
    for _ in range(10):
        person = crm.person()
        client = await at_the_dot(crm, person)
        await client.send(b".\r\n")
        await client.reset()

        record = await crm.record(person)

        relayed = [mail for mail in crm.relayed if person.mailbox in mail.recipients]
        expected = "relayed" if relayed else "aborted"
        assert [expected] == [delivery.state for delivery in record.deliveries]


@pytest.mark.parametrize("way", ["FIN", "RST", "half-close"])
async def test_S33_who_leaves_while_the_relay_thinks_has_sent_it(each_crm: Crm, way: str) -> None:
    each_crm.sink.fault("dot", faults.delay(0.5), times=1)
    person = each_crm.person()
    client = await at_the_dot(each_crm, person)
    await client.send(b".\r\n")
    await each_crm.sink.wait_for(1)

    match way:
        case "FIN":
            await client.close()
        case "RST":
            await client.reset()
        case _:
            client.half_close()

    record = await each_crm.record(person)
    assert {person.address: "relayed by relay"} == states(record)
    assert 1 == len(each_crm.relayed)
    if way == "half-close":
        assert 250 == (await client.reply()).code


async def test_S33_a_half_closed_client_hears_the_answer_to_what_it_sent(crm: Crm) -> None:
    client = await crm.client()
    await client.pipeline(MAIL, RCPT, b"DATA")
    await client.send(INDIVIDUAL + b".\r\nQUIT\r\n")

    client.half_close()
    replies = await client.replies(2)

    assert replies[0].code in (250, 451)
    assert (replies[0].code == 250) == bool(crm.relayed)


async def test_a_lost_answer_is_given_to_the_retry_without_a_second_delivery(
    each_crm: Crm,
) -> None:
    each_crm.sink.fault("dot", faults.delay(0.5), times=1)
    person = each_crm.person()
    content = mail("Once", f"Message-ID: <{person.address}>")
    client = await at_the_dot(each_crm, person, content)
    await client.send(b".\r\n")
    await each_crm.sink.wait_for(1)
    await client.close()
    first = await each_crm.record(person)

    again = (await each_crm.send([person], content)).end

    second, _ = await each_crm.records(count=2, to=person.address)
    assert 250 == again.code
    assert 1 == len(each_crm.relayed)
    assert first.id == second.attempt_of


# Dawdling


async def taken_back(crm: Crm) -> None:
    """Wait until the relay is told to forget the transaction of a client that stalls."""
    (transaction,) = crm.sink.transactions
    commands = transaction.connection.commands
    await crm.sink.wait_until(lambda: commands[-1] == b"RSET", "a reset at the relay")


async def test_S32_a_client_that_stalls_after_rcpt_gives_the_relay_connection_back(
    crm: Crm,
) -> None:
    client = await crm.client()
    await client.pipeline(MAIL, RCPT)

    await taken_back(crm)
    data = await client.command(b"DATA")
    await client.send(stuff(INDIVIDUAL))
    end = await client.reply()

    assert [354, 250] == [data.code, end.code]
    assert [b"bob@example.org"] == crm.relayed[0].recipients


async def test_S32_a_client_back_from_a_stall_finds_its_transaction_while_it_is_taken_back(
    crm: Crm,
) -> None:
    crm.sink.fault("RSET", faults.delay(0.5), times=1)
    client = await crm.client()
    await client.pipeline(MAIL, RCPT)
    await taken_back(crm)

    await client.send(b"DATA\r\n")
    data = await client.reply()
    await client.send(stuff(INDIVIDUAL))
    end = await client.reply()

    assert [354, 250] == [data.code, end.code]


async def test_S32_five_hundred_idle_clients_keep_nobody_waiting(crm: Crm) -> None:
    async with contextlib.AsyncExitStack() as idle:
        opening = (RawClient.connect(crm.port("crm"), timeout=30) for _ in range(500))
        for client in await asyncio.gather(*opening):
            await idle.enter_async_context(client)

        client = await crm.client(timeout=1.0)
        reply = (await client.transaction(SENDER, [b"bob@example.org"], INDIVIDUAL)).end

    assert 250 == reply.code


async def test_S34_a_client_that_reads_no_replies_costs_no_memory_and_is_recorded(
    crm: Crm,
) -> None:
    person = crm.person()
    client = await crm.client(receive_buffer=4096)
    client.stop_reading()
    before = crm.gateway.resident_memory()

    rcpt = b"RCPT TO:<%s>\r\n" % person.mailbox
    with contextlib.suppress(AssertionError):
        await client.send(MAIL + b"\r\n" + rcpt * 250 + b"DATA\r\n" + stuff(INDIVIDUAL))
        await client.send(b"NOOP\r\n" * 900)
    record = await crm.record(person)

    assert {"relayed"} == {delivery.state for delivery in record.deliveries}
    assert crm.gateway.resident_memory() - before < 20_000_000
    assert 250 == (await crm.send([b"next@example.org"])).end.code


# Crowds


async def test_P9_where_no_more_clients_fit_they_hear_421(start_crm: StartCrm) -> None:
    wrapper = (program("prlimit", "util-linux"), "--nofile=120:120")
    crm = await start_crm(roles=("smtp",), wrapper=wrapper)

    async with contextlib.AsyncExitStack() as stack:
        greetings = []
        for _ in range(45):
            client = await stack.enter_async_context(await RawClient.connect(crm.port("crm")))
            assert client.greeting is not None
            greetings.append(client.greeting.code)
        admitted = await crm.client() if 220 in greetings[-1:] else None

    assert {220, 421} == set(greetings)
    assert sorted(greetings) == greetings
    assert admitted is None
    await wait_until(lambda: takes_mail(crm), "room for a client again")


async def takes_mail(crm: Crm) -> bool:
    client = await crm.raw()
    return client.greeting is not None and client.greeting.code == 220


async def test_nothing_is_left_over_of_clients_that_are_gone(crm: Crm) -> None:
    await crm.send([b"warm@example.org"])
    before = crm.gateway.open_sockets()  # Files of the store are opened when first needed.

    for _ in range(50):
        client = await crm.client()
        await client.pipeline(MAIL, RCPT, b"DATA")
        await client.reset()

    await wait_until(lambda: crm.gateway.open_sockets() <= before, "all sockets to be closed")
    assert [[b"warm@example.org"]] == [message.recipients for message in crm.relayed]
    assert State.ABORTED == (await crm.records())[0].deliveries[0].state


async def test_who_comes_before_a_relay_was_ever_seen_is_greeted_as_soon_as_it_is(
    start_gateway: StartGateway,
) -> None:
    async with await RawSink.start() as relay:
        relay.refuse()
        gateway = await start_gateway(relay.port, is_started=False)
        await gateway.start(is_ready=False)
        await wait_until(lambda: bool(gateway.log_lines("started")), "a listener without a relay")
        early, gone = [await RawClient.connect(gateway.port, greeted=False) for _ in range(2)]
        await gone.close()
        await relay.listen()

        assert 220 == (await early.reply()).code
        await early.close()
        assert [] == gateway.log_lines("session_failed")


async def test_a_relay_that_is_away_is_told_once_and_not_at_every_try(
    start_gateway: StartGateway,
) -> None:
    tries = 0

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tries
        tries += 1
        writer.write(b"421 4.3.2 not now\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, LOOPBACK, 0) as relay:
        gateway = await start_gateway(relay.sockets[0].getsockname()[1], is_started=False)
        await gateway.start(is_ready=False)
        await wait_until(lambda: tries >= 3, "three tries to reach the relay")

        unseen = gateway.log_lines("relay_not_seen_yet")
        assert ["relay"] == [line["relay"] for line in unseen if "relay" in line]
        assert 1 == len(gateway.log_lines("relay_unusable"))
