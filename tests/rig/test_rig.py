"""The rig does what tests that use it rely on."""

import asyncio

import pytest

from tests.conftest import Connect, StartSink
from tests.rig import faults
from tests.rig.certificates import Certificates
from tests.rig.client import ConnectionGone, NothingCame, RawClient, Reply, stuff
from tests.rig.process import wait_until
from tests.rig.sink import RawSink

CONTENT = b"Subject: Hello\r\n\r\n.dot\r\n..two\r\n\x00\xff bare\nlf\rcr\r\n"


@pytest.fixture
async def client(sink: RawSink, connect: Connect) -> RawClient:
    client = await connect(sink.port)
    await client.ehlo(b"crm.example")
    return client


# Client and sink


async def test_the_sink_keeps_every_octet(sink: RawSink, client: RawClient) -> None:
    recipients = [b"bob@example.org", b'"a b"@example.org']
    replies = await client.transaction(
        b"ann@crm.example", recipients, CONTENT, parameters=b"SIZE=10 BODY=8BITMIME"
    )

    (message,) = await sink.wait_for(1)
    assert [250, 250, 250, 354, 250] == [
        replies.mail.code,
        *(reply.code for reply in replies.recipients),
        replies.data and replies.data.code,
        replies.end.code,
    ]
    assert b"crm.example" == message.connection.ehlo
    assert b"FROM:<ann@crm.example> SIZE=10 BODY=8BITMIME" == message.mail
    assert b"ann@crm.example" == message.sender
    assert recipients == message.recipients
    assert stuff(CONTENT) == message.wire + b".\r\n"
    assert CONTENT == message.content
    assert message.is_accepted


@pytest.mark.parametrize("content", [b"", b"\r\n", b".", b".\r\n", b"a\r\n.\r\n", b"\r\n.\n.\r\n"])
async def test_any_content_arrives_and_ends_where_it_should(
    sink: RawSink, client: RawClient, content: bytes
) -> None:
    for _ in range(2):
        await client.transaction(b"a@x", [b"b@x"], content)

    ended = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
    assert [ended, ended] == [message.content for message in sink.messages]


async def test_one_octet_at_a_time_and_split_ends_are_one_message(
    sink: RawSink, client: RawClient
) -> None:
    opening = b"MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n"
    await client.send_bytewise(opening)
    assert [250, 250, 354] == [reply.code for reply in await client.replies(3)]
    await client.send_split(b"x\r\n.\r\n", 1, 2, 3, 4, 5)
    assert 250 == (await client.reply()).code

    assert [b"x\r\n"] == [message.wire for message in sink.messages]


async def test_only_crlf_ends_a_line_or_a_message(sink: RawSink, client: RawClient) -> None:
    await client.pipeline(b"MAIL FROM:<a@x>", b"RCPT TO:<b@x>", b"DATA")
    await client.send(b"x\n.\nMAIL FROM:<evil@x>\r\n\n.\r\n.\r\n")
    await client.reply()

    assert [b"x\n.\nMAIL FROM:<evil@x>\r\n\n.\r\n"] == [m.wire for m in sink.messages]


async def test_a_reply_keeps_its_lines_and_its_enhanced_code(
    sink: RawSink, client: RawClient
) -> None:
    sink.fault("MAIL", faults.reply(b"451-4.7.1 later\r\n451 4.7.1 please"))

    reply = await client.command(b"MAIL FROM:<a@x>")

    assert Reply(451, (b"4.7.1 later", b"4.7.1 please")) == reply
    assert "4.7.1" == reply.enhanced


@pytest.mark.parametrize(
    ("stage", "line"),
    [
        ("EHLO", b"EHLO x"),
        ("MAIL", b"MAIL FROM:<a@x>"),
        ("RSET", b"RSET"),
        ("NOOP", b"NOOP"),
        ("QUIT", b"QUIT"),
    ],
)
async def test_a_fault_strikes_its_stage_as_often_as_told(
    sink: RawSink, client: RawClient, stage: faults.Stage, line: bytes
) -> None:
    sink.fault(stage, faults.reply(b"450 4.0.0 later"), times=1, skip=1)
    codes = [reply.code for reply in await client.pipeline(b"NOOP", b"NOOP", b"RSET", b"RSET")]
    expected = {"RSET": [250, 250, 250, 450], "NOOP": [250, 450, 250, 250]}

    assert expected.get(stage, [250, 250, 250, 250]) == codes
    if stage in ("EHLO", "MAIL"):
        replies = [await client.command(one) for one in (line, b"RSET", line)]
        assert [250, 250, 450] == [reply.code for reply in replies]


async def test_a_refused_recipient_is_noted_and_the_others_pass(
    sink: RawSink, client: RawClient
) -> None:
    sink.fault("RCPT", faults.reply(b"550 5.1.1 nobody"), address=b"bob@x")

    replies = await client.transaction(b"a@x", [b"bob@x", b"eve@x"], b"x")

    assert [550, 250] == [reply.code for reply in replies.recipients]
    assert [b"eve@x"] == sink.messages[0].recipients
    assert [b"TO:<bob@x>"] == sink.messages[0].refused


@pytest.mark.parametrize("action", [faults.disconnect(), faults.reset()])
async def test_a_message_without_an_answer_is_kept_but_not_accepted(
    sink: RawSink, client: RawClient, action: faults.Action
) -> None:
    sink.fault("dot", action)

    with pytest.raises(ConnectionGone):
        await client.transaction(b"a@x", [b"b@x"], b"x")

    assert 1 == len(sink.messages)
    assert [] == sink.accepted
    await sink.wait_until(lambda: sink.open_connections == 0)


async def test_a_hanging_sink_is_silent_and_ends_with_its_client(
    sink: RawSink, client: RawClient
) -> None:
    sink.fault("DATA", faults.hang())
    client.timeout = 0.1

    with pytest.raises(NothingCame, match="DATA"):
        await client.transaction(b"a@x", [b"b@x"], b"x")

    await client.close()
    await sink.wait_until(lambda: sink.open_connections == 0)


async def test_content_cut_short_is_kept_without_a_dot(sink: RawSink, client: RawClient) -> None:
    await client.pipeline(b"MAIL FROM:<a@x>", b"RCPT TO:<b@x>", b"DATA")
    await client.send(b"half a li")
    await client.reset()

    await sink.wait_until(lambda: sink.transactions[0].ended is not None)
    assert [] == sink.messages
    assert b"half a li" == sink.transactions[0].wire


async def test_the_sink_can_leave_in_the_middle_of_the_content(
    sink: RawSink, client: RawClient
) -> None:
    sink.fault("content", faults.disconnect(octets=4))
    await client.pipeline(b"MAIL FROM:<a@x>", b"RCPT TO:<b@x>", b"DATA")
    await client.send(b"abc")
    assert await client.is_silent(0.05)
    await client.send(b"def")

    assert b"" == await client.rest()


async def test_an_early_reply_comes_before_the_dot(sink: RawSink, client: RawClient) -> None:
    sink.fault("DATA", faults.early_reply())

    replies = await client.pipeline(b"MAIL FROM:<a@x>", b"RCPT TO:<b@x>", b"DATA")

    assert [250, 250, 354, 250] == [reply.code for reply in [*replies, await client.reply()]]


async def test_huge_and_many_and_endless_replies(sink: RawSink, connect: Connect) -> None:
    sink.fault("NOOP", faults.endless_lines())
    sink.fault("NOOP", faults.many_lines(count=20), times=1)
    sink.fault("NOOP", faults.huge_line(size=500_000), times=1)
    client = await connect(sink.port)

    huge, many = [await client.command(b"NOOP") for _ in range(2)]

    assert 500_000 == len(huge.lines[0]) + 6
    assert 20 == len(many.lines)
    await client.send(b"NOOP\r\n")
    assert 1_000_000 == len(await client.reader.readexactly(1_000_000))


async def test_a_delay_comes_before_the_reply(sink: RawSink, client: RawClient) -> None:
    sink.fault("NOOP", faults.delay(0.2, faults.reply(b"250 slow")))
    await client.send(b"NOOP\r\n")

    with pytest.raises(NothingCame):
        await client.reply(0.05)
    assert "slow" == (await client.reply()).text


async def test_a_client_that_does_not_read_closes_the_window(
    sink: RawSink, connect: Connect
) -> None:
    sink.fault("NOOP", faults.huge_line(size=20_000_000))
    client = await connect(sink.port, receive_buffer=4096)
    client.stop_reading()
    await client.send(b"NOOP\r\n")
    await sink.wait_until(lambda: sink.connections[0].commands == [b"NOOP"], "NOOP")
    (session,) = sink._sessions
    await wait_until(lambda: session.transport.get_write_buffer_size() > 0, "a full window")
    client.read_again()

    assert 20_000_000 == len(await client.reader.readexactly(20_000_000))


async def test_a_half_closed_client_still_reads(sink: RawSink, connect: Connect) -> None:
    client = await connect(sink.port)
    client.half_close()

    assert b"" == await client.rest()


async def test_a_restarted_sink_has_the_same_port(sink: RawSink, connect: Connect) -> None:
    client = await connect(sink.port)
    await sink.restart()

    assert b"" == await client.rest()
    assert 250 == (await (await connect(sink.port)).ehlo()).code


async def test_waiting_says_what_was_awaited(sink: RawSink) -> None:
    with pytest.raises(AssertionError, match="3 messages; the sink saw 0 connections"):
        await sink.wait_for(3, timeout=0.05)


async def test_ten_thousand_messages_are_counted(sink: RawSink, connect: Connect) -> None:
    async def send(count: int) -> None:
        client = await connect(sink.port)
        await client.ehlo()
        one = b"MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\nx\r\n.\r\n"
        for _ in range(count):
            await client.send(one * 100)
            await client.replies(400)

    await asyncio.gather(*(send(25) for _ in range(4)))

    assert 10_000 == len(sink.accepted)


# TLS and AUTH


async def test_starttls_shows_both_certificates(
    start_sink: StartSink, connect: Connect, certificates: Certificates
) -> None:
    context = certificates.server_context(asks=True)
    sink = await start_sink(tls="starttls", context=context)
    client = await connect(sink.port)
    assert b"STARTTLS" in (await client.ehlo()).lines

    await client.starttls(certificates.client_context(certificates.client))
    after = await client.ehlo()
    await client.transaction(b"a@x", [b"b@x"], b"x")

    assert b"STARTTLS" not in after.lines
    assert sink.connections[0].is_encrypted
    assert "crm-gateway" in str(sink.connections[0].certificate)
    assert 1 == len(sink.accepted)


async def test_implicit_tls(
    start_sink: StartSink, connect: Connect, certificates: Certificates
) -> None:
    sink = await start_sink(tls="implicit", context=certificates.server_context())
    client = await connect(sink.port, tls=certificates.client_context())

    assert 250 == (await client.ehlo()).code


@pytest.mark.parametrize("state", ["wrong_name", "expired", "stranger"])
async def test_a_bad_certificate_is_refused_by_a_careful_client(
    start_sink: StartSink, connect: Connect, certificates: Certificates, state: str
) -> None:
    context = certificates.server_context(getattr(certificates, state))
    sink = await start_sink(tls="implicit", context=context)

    with pytest.raises(OSError, match="certificate verify failed"):
        await connect(sink.port, tls=certificates.client_context())


async def test_the_sink_knows_its_logins(start_sink: StartSink, connect: Connect) -> None:
    sink = await start_sink(credentials={b"crm": b"pw"}, auth_required=True)
    client = await connect(sink.port)
    refused = await client.command(b"MAIL FROM:<a@x>")
    wrong = await client.login("crm", "no")
    asked = [await client.command(line) for line in (b"AUTH LOGIN", b"Y3Jt", b"cHc=")]

    assert [530, 535] == [refused.code, wrong.code]
    assert [334, 334, 235] == [reply.code for reply in asked]
    assert b"crm" == sink.connections[0].login
