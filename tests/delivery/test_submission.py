"""The gateway's own mail on its way to a relay: sent once, and what is known of it then."""

import asyncio

import pytest

from gateway.core.sending.outbox import AttemptResult, Deferred, Refused, Sent, Unknown
from gateway.delivery import submission
from gateway.delivery.pool import Pool
from gateway.delivery.submission import submit
from tests.conftest import StartSink
from tests.delivery.relays import make_pool, relay_settings
from tests.rig import faults
from tests.rig.process import free_port
from tests.rig.sink import RawSink

CONTENT = b"Subject: x\r\n\r\n.dot\r\n..two\r\n"
STAGES: list[faults.Stage] = ["banner", "EHLO", "MAIL", "RCPT", "DATA"]


@pytest.fixture
async def pool(sink: RawSink) -> Pool:
    return make_pool(relay_settings(sink.port, budget=0.5), connections=1)


async def send(pool: Pool, content: bytes = CONTENT, to: str = "bob@example.org") -> AttemptResult:
    return await submit(pool, sender="", recipient=to, content=content)


async def test_a_mail_arrives_whole_from_the_null_sender(pool: Pool, sink: RawSink) -> None:
    assert Sent("250 2.0.0 taken as 1") == await send(pool)

    (message,) = sink.accepted
    assert (b"", [b"bob@example.org"]) == (message.sender, message.recipients)
    assert CONTENT == message.content


@pytest.mark.parametrize("content", [b".", b".\r\n", b"a\r\n.\r\nb", b"", b"\r\n.\r\n"])
async def test_any_content_ends_where_it_should(pool: Pool, sink: RawSink, content: bytes) -> None:
    await send(pool, content)
    await send(pool, CONTENT)

    ended = content if content.endswith(b"\r\n") else content + b"\r\n"
    assert [ended, CONTENT] == [message.content for message in sink.messages]
    assert 1 == len(sink.connections)


async def test_what_needs_an_extension_asks_for_it(pool: Pool, sink: RawSink) -> None:
    await send(pool, "Subject: grün\r\n\r\n".encode())
    await send(pool, to="jörg@bücher.example")

    assert [b"FROM:<> BODY=8BITMIME", b"FROM:<> SMTPUTF8"] == [one.mail for one in sink.accepted]


async def test_R10_a_relay_without_the_extension_is_a_reason_to_try_again(
    start_sink: StartSink,
) -> None:
    sink = await start_sink(extensions=[])

    result = await send(make_pool(relay_settings(sink.port)), "Subject: grün\r\n\r\n".encode())

    assert isinstance(result, Deferred)


@pytest.mark.parametrize("stage", STAGES)
async def test_a_refusal_for_now_is_a_reason_to_try_again(
    pool: Pool, sink: RawSink, stage: faults.Stage
) -> None:
    sink.fault(stage, faults.reply(b"451 4.3.0 later"))

    result = await send(pool)

    assert isinstance(result, Deferred)
    assert "later" in result.reason


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "dot"])
async def test_a_refusal_for_good_is_final(pool: Pool, sink: RawSink, stage: faults.Stage) -> None:
    sink.fault(stage, faults.reply(b"550 5.7.1 no"))

    assert Refused("550 5.7.1 no") == await send(pool)


@pytest.mark.parametrize("line", [b"501 5.1.3 bad", b"501 bob: address must contain a domain"])
async def test_a_refusal_of_the_address_is_final_whatever_its_code(
    pool: Pool, sink: RawSink, line: bytes
) -> None:
    sink.fault("RCPT", faults.reply(line))

    assert Refused(line.decode()) == await send(pool)


@pytest.mark.parametrize("stage", [*STAGES, "dot"])
async def test_a_refusal_of_the_gateway_itself_is_a_reason_to_try_again(
    pool: Pool, sink: RawSink, stage: faults.Stage
) -> None:
    sink.fault(stage, faults.reply(b"530 5.7.0 log in"))

    assert isinstance(await send(pool), Deferred)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("action", [faults.disconnect(), faults.hang(), faults.garbage()])
async def test_what_was_surely_not_sent_is_tried_again(
    pool: Pool, sink: RawSink, stage: faults.Stage, action: faults.Action
) -> None:
    sink.fault(stage, action, times=1)
    first = await send(pool)

    assert isinstance(first, Deferred)
    assert isinstance(await send(pool), Sent)
    assert 1 == len(sink.messages)


async def test_an_unreachable_relay_is_a_reason_to_try_again() -> None:
    assert isinstance(await send(make_pool(relay_settings(free_port()))), Deferred)


async def test_R7_a_lost_answer_is_unknown(pool: Pool, sink: RawSink) -> None:
    sink.fault("dot", faults.disconnect(), times=1)

    assert isinstance(await send(pool), Unknown)
    assert isinstance(await send(pool), Sent)


@pytest.mark.parametrize(
    ("line", "result"),
    [(b"250 2.0.0 ok", Sent("250 2.0.0 ok")), (b"550 5.7.1 no", Refused("550 5.7.1 no"))],
)
async def test_R7_a_late_answer_counts(
    pool: Pool, sink: RawSink, line: bytes, result: AttemptResult
) -> None:
    sink.fault("dot", faults.delay(0.7, faults.reply(line)))

    assert result == await send(pool)


async def test_R7_an_answer_that_never_comes_is_unknown(
    pool: Pool, sink: RawSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "LATE_SECONDS", 0.1)
    sink.fault("dot", faults.hang())

    assert isinstance(await send(pool), Unknown)
    await sink.wait_until(lambda: sink.open_connections == 0)


@pytest.mark.parametrize("stage", ["EHLO", "MAIL", "DATA", "dot"])
async def test_a_cancelled_attempt_leaves_the_relay_free_for_the_next(
    pool: Pool, sink: RawSink, stage: faults.Stage
) -> None:
    sink.fault(stage, faults.hang(), times=1)
    attempt = asyncio.create_task(send(pool))
    verb = stage.encode()
    await sink.wait_until(
        lambda: (
            bool(sink.messages)
            if stage == "dot"
            else any(line.startswith(verb) for one in sink.connections for line in one.commands)
        )
    )
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt

    assert isinstance(await send(pool), Sent)
    await sink.wait_until(lambda: sink.open_connections == 1)
