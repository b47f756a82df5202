"""A connection to a relay: greeting, TLS, login, replies, and every wait with an end."""

import asyncio
import base64
from collections.abc import Callable

import pytest
import uvloop

from gateway.delivery import connection
from gateway.delivery.connection import RelayConnection, RelayLost, RelayRefuses, ReplyTimer
from gateway.delivery.settings import RelaySettings
from tests.conftest import StartProxy, StartSink
from tests.delivery.relays import relay_settings
from tests.rig import faults
from tests.rig.certificates import Certificates
from tests.rig.faultproxy import Cut, Flow, HangingPort
from tests.rig.process import free_port
from tests.rig.sink import RawSink

NO_REPLIES = {
    "garbage": faults.garbage(),
    "no code": faults.garbage(b"welcome\r\n"),
    "a code of two digits": faults.garbage(b"25 ok\r\n"),
    "1 MB in one line": faults.huge_line(b"220"),
    "lines without end": faults.endless_lines(b"220"),
    "300 lines": faults.many_lines(b"220", 300),
    "nothing": faults.disconnect(),
    "a reset": faults.reset(),
}


async def opened(settings: RelaySettings) -> RelayConnection:
    return await RelayConnection.open(settings)


# The greeting


async def test_the_helo_name_is_said_and_the_extensions_are_learnt(sink: RawSink) -> None:
    relay = await opened(relay_settings(sink.port))

    assert b"gateway.example" == sink.connections[0].ehlo
    assert "104857600" == relay.extensions["SIZE"]
    assert {"PIPELINING", "8BITMIME", "SMTPUTF8", "DSN"} <= relay.extensions.keys()
    assert relay.can_pipeline
    assert relay.is_usable
    relay.quit()
    await sink.wait_until(lambda: sink.open_connections == 0)
    assert b"QUIT" == sink.connections[0].commands[-1]


async def test_a_relay_without_ehlo_hears_helo_and_offers_nothing(sink: RawSink) -> None:
    sink.fault("EHLO", faults.reply(b"502 5.5.1 what"), times=1)
    relay = await opened(relay_settings(sink.port))

    assert [b"EHLO gateway.example", b"HELO gateway.example"] == sink.connections[0].commands
    assert {} == relay.extensions
    relay.abort()


@pytest.mark.parametrize("stage", ["banner", "EHLO"])
@pytest.mark.parametrize("line", [b"421 4.3.2 busy", b"450 4.0.0 later", b"554 5.7.1 go away"])
async def test_R2_R3_a_refusal_before_mail_names_its_stage(
    sink: RawSink, stage: faults.Stage, line: bytes
) -> None:
    sink.fault(stage, faults.reply(line))

    with pytest.raises(RelayRefuses) as refused:
        await opened(relay_settings(sink.port))

    assert ("greeting" if stage == "banner" else "EHLO") == refused.value.stage
    assert line.decode() == refused.value.reply.text
    await sink.wait_until(lambda: sink.open_connections == 0)


@pytest.mark.parametrize("action", NO_REPLIES.values(), ids=NO_REPLIES.keys())
@pytest.mark.parametrize("stage", ["banner", "EHLO"])
async def test_R2_what_is_no_reply_ends_the_connection(
    sink: RawSink, stage: faults.Stage, action: faults.Action
) -> None:
    sink.fault(stage, action)

    with pytest.raises(RelayLost):
        await opened(relay_settings(sink.port))

    await sink.wait_until(lambda: sink.open_connections == 0)


async def test_R1_a_refused_connection_says_so() -> None:
    with pytest.raises(RelayLost, match=r"Connect call failed|refused"):
        await opened(relay_settings(free_port()))


async def test_R1_a_host_without_an_address_says_so() -> None:
    with pytest.raises(RelayLost, match="relay: "):
        await opened(relay_settings(25, host="no-such-host.invalid"))


async def test_R1_connecting_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 0.2)
    with HangingPort() as hanging, pytest.raises(RelayLost, match="no connection within"):
        await opened(relay_settings(hanging.port))


async def test_R1_waiting_for_the_banner_has_an_end(
    sink: RawSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "GREETING_SECONDS", 0.2)
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 0.2)
    sink.fault("banner", faults.hang())

    with pytest.raises(RelayLost, match="no answer"):
        await opened(relay_settings(sink.port))

    await sink.wait_until(lambda: sink.open_connections == 0)


# TLS


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_tls_verifies_the_relay_and_shows_our_certificate(
    start_sink: StartSink, certificates: Certificates, tls: str
) -> None:
    sink = await start_sink(tls=tls, context=certificates.server_context(asks=True))
    context = certificates.client_context(certificates.client)

    relay = await opened(relay_settings(sink.port, tls=tls, context=context))

    assert sink.connections[0].is_encrypted
    assert "crm-gateway" in str(sink.connections[0].certificate)
    assert "PIPELINING" in relay.extensions
    assert 250 == (await relay.command(b"NOOP\r\n", 5)).code
    relay.abort()


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("state", ["expired", "wrong_name", "stranger"])
async def test_R11_a_certificate_that_is_no_good_is_a_refusal_of_tls(
    start_sink: StartSink, certificates: Certificates, state: str, tls: str
) -> None:
    pair = getattr(certificates, state)
    sink = await start_sink(tls=tls, context=certificates.server_context(pair))
    settings = relay_settings(sink.port, tls=tls, context=certificates.client_context())

    with pytest.raises(RelayRefuses, match="certificate verify failed") as refused:
        await opened(settings)

    assert "TLS" == refused.value.stage
    assert "4.7.5" == refused.value.reply.enhanced
    assert not sink.transactions


async def test_P20_R11_a_vanished_starttls_is_never_done_without(
    sink: RawSink, certificates: Certificates
) -> None:
    settings = relay_settings(sink.port, tls="starttls", context=certificates.client_context())

    with pytest.raises(RelayRefuses) as refused:
        await opened(settings)

    assert "STARTTLS" == refused.value.stage
    assert [b"EHLO gateway.example"] == sink.connections[0].commands


@pytest.mark.parametrize("line", [b"454 4.7.0 no TLS just now", b"501 5.5.4 syntax"])
async def test_P20_a_refused_starttls_is_never_done_without(
    start_sink: StartSink, certificates: Certificates, line: bytes
) -> None:
    sink = await start_sink(tls="starttls", context=certificates.server_context())
    sink.fault("STARTTLS", faults.reply(line))

    with pytest.raises(RelayRefuses) as refused:
        await opened(
            relay_settings(sink.port, tls="starttls", context=certificates.client_context())
        )

    assert line.decode() == refused.value.reply.text
    assert b"STARTTLS" == sink.connections[0].commands[-1]


@pytest.mark.parametrize("injected", [b"250 all is well\r\n", b"250-half a li"])
async def test_P20_what_comes_in_the_clear_behind_starttls_ends_the_connection(
    start_sink: StartSink, certificates: Certificates, injected: bytes
) -> None:
    sink = await start_sink(tls="starttls", context=certificates.server_context())
    sink.fault("STARTTLS", faults.Action(send=b"220 go ahead\r\n", more=injected))

    with pytest.raises(RelayLost):
        await opened(
            relay_settings(sink.port, tls="starttls", context=certificates.client_context())
        )


async def test_a_relay_that_speaks_no_tls_is_a_refusal_of_tls(
    sink: RawSink, certificates: Certificates
) -> None:
    settings = relay_settings(sink.port, tls="implicit", context=certificates.client_context())

    with pytest.raises(RelayRefuses) as refused:
        await opened(settings)

    assert "TLS" == refused.value.stage


# AUTH


@pytest.mark.parametrize("mechanism", ["plain", "login", "xoauth2"])
async def test_the_gateway_logs_in_by_each_mechanism(
    start_sink: StartSink, certificates: Certificates, mechanism: str
) -> None:
    sink = await start_sink(
        tls="starttls",
        context=certificates.server_context(),
        credentials={b"crm": b"sec\xc3\xb6ret"},
        auth_required=True,
    )
    settings = relay_settings(
        sink.port,
        tls="starttls",
        context=certificates.client_context(),
        auth=mechanism,
        password="secöret",
    )

    relay = await opened(settings)

    assert b"crm" == sink.connections[0].login
    relay.abort()


@pytest.mark.parametrize("mechanism", ["plain", "login", "xoauth2"])
async def test_R3_a_refused_login_is_a_refusal_of_the_gateway(
    start_sink: StartSink, mechanism: str
) -> None:
    sink = await start_sink(credentials={b"crm": b"right"})

    with pytest.raises(RelayRefuses) as refused:
        await opened(relay_settings(sink.port, auth=mechanism, password="wrong"))

    assert ("AUTH", 535) == (refused.value.stage, refused.value.reply.code)


async def test_the_error_xoauth2_tells_in_a_challenge_is_heard_out(start_sink: StartSink) -> None:
    sink = await start_sink(credentials={b"crm": b"token"})
    challenge = base64.b64encode(b'{"status":"400"}')
    sink.fault("AUTH", faults.reply(b"334 " + challenge))

    with pytest.raises(RelayRefuses, match="AUTH"):
        await opened(relay_settings(sink.port, auth="xoauth2", password="token"))

    assert b"" == sink.connections[0].commands[-1]


# Replies


async def test_commands_go_in_one_write_where_the_relay_allows_it(start_sink: StartSink) -> None:
    lines = [b"NOOP\r\n", b"RSET\r\n", b"NOOP\r\n"]
    codes = []
    for extensions in ([b"PIPELINING"], []):
        sink = await start_sink(extensions=extensions)
        relay = await opened(relay_settings(sink.port))
        codes.append([reply.code for reply in await relay.commands(lines, 5)])
        assert relay.can_pipeline == bool(extensions)
        relay.abort()

    assert [[250] * 3] * 2 == codes


async def test_replies_arrive_octet_by_octet(sink: RawSink, start_proxy: StartProxy) -> None:
    proxy = await start_proxy(sink.port)
    proxy.to_client = Flow(is_chopped=True)
    sink.fault("NOOP", faults.many_lines(count=3))
    relay = await opened(relay_settings(proxy.port))

    reply = await relay.command(b"NOOP\r\n", 5)

    assert ("line 1", "line 2", "line 3") == reply.lines
    relay.abort()


async def test_R14_a_reply_is_made_harmless(sink: RawSink) -> None:
    sink.fault("NOOP", faults.many_lines(b"450", 25), times=1)
    sink.fault("NOOP", faults.reply(b"550 5.1.1 \xc3\xa9\x00\r\x1b[31m \xff" + b"x" * 600), times=1)
    relay = await opened(relay_settings(sink.port))

    hostile, long = [await relay.command(b"NOOP\r\n", 5) for _ in range(2)]

    assert (550, "5.1.1 ????[31m ?xxx") == (hostile.code, hostile.lines[0][:19])
    assert len(hostile.lines[0]) <= 500
    assert "5.1.1" == hostile.enhanced
    assert (450, 20, "line 1", "line 20") == (
        long.code,
        len(long.lines),
        long.lines[0],
        long.lines[-1],
    )
    assert relay.is_usable
    relay.abort()


@pytest.mark.parametrize("action", NO_REPLIES.values(), ids=NO_REPLIES.keys())
async def test_R2_a_command_without_a_reply_ends_the_connection(
    sink: RawSink, action: faults.Action
) -> None:
    sink.fault("NOOP", action)
    relay = await opened(relay_settings(sink.port))

    with pytest.raises(RelayLost):
        await relay.command(b"NOOP\r\n", 5)

    assert not relay.is_usable
    await sink.wait_until(lambda: sink.open_connections == 0)


async def test_a_silent_relay_costs_no_more_than_the_time_given(sink: RawSink) -> None:
    sink.fault("NOOP", faults.hang())
    relay = await opened(relay_settings(sink.port))

    with pytest.raises(RelayLost, match="no answer"):
        await relay.command(b"NOOP\r\n", 0.1)

    assert not relay.is_usable
    relay.abort()


async def test_R12_many_slow_replies_share_the_time_given(sink: RawSink) -> None:
    sink.fault("NOOP", faults.delay(0.2))
    relay = await opened(relay_settings(sink.port))

    with pytest.raises(RelayLost, match="no answer"):
        async with asyncio.timeout(2):
            await relay.commands([b"NOOP\r\n"] * 50, 0.5)

    relay.abort()


async def test_a_reply_nobody_asked_for_ends_the_connection(sink: RawSink) -> None:
    sink.fault("NOOP", faults.early_reply())
    relay = await opened(relay_settings(sink.port))
    await relay.command(b"NOOP\r\n", 5)

    await sink.wait_until(lambda: sink.open_connections == 0)

    assert not relay.is_usable
    with pytest.raises(RelayLost, match="nobody asked"):
        await relay.command(b"NOOP\r\n", 5)


async def test_a_relay_that_reads_nothing_ends_the_wait(
    sink: RawSink, start_proxy: StartProxy
) -> None:
    proxy = await start_proxy(sink.port)
    relay = await opened(relay_settings(proxy.port))
    proxy.cut_all(Cut.BLACKHOLE)
    for _ in range(20):
        relay.write(b"x" * 1_000_000)

    with pytest.raises(RelayLost, match="takes no more"):
        await relay.drain(0.1)

    relay.abort()


async def test_a_lost_connection_takes_what_is_written_and_says_so_when_asked(
    sink: RawSink,
) -> None:
    relay = await opened(relay_settings(sink.port))
    sink.drop_connections()
    await sink.wait_until(lambda: sink.open_connections == 0)
    for _ in range(100):
        relay.write(b"NOOP\r\n")
        await asyncio.sleep(0)

    with pytest.raises(RelayLost):
        await relay.drain(1)
    with pytest.raises(RelayLost):
        await relay.command(b"NOOP\r\n", 1)


async def test_a_cancelled_opening_leaves_no_connection(sink: RawSink) -> None:
    sink.fault("EHLO", faults.hang())
    task = asyncio.create_task(opened(relay_settings(sink.port)))
    await sink.wait_until(lambda: bool(sink.connections and sink.connections[0].commands))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await sink.wait_until(lambda: sink.open_connections == 0)


# The deadline of replies


@pytest.mark.parametrize("loop_of", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("spent", [0.0, -1.0, 0.0001])
def test_a_budget_that_is_spent_is_set_again_in_either_loop(
    loop_of: Callable[[], asyncio.AbstractEventLoop], spent: float
) -> None:
    async def has_rung_early() -> bool:
        rang = asyncio.Event()
        timer = ReplyTimer(asyncio.get_running_loop(), rang.set)
        timer.set(spent)
        timer.set(60.0)
        await asyncio.sleep(0.01)
        is_early = rang.is_set()
        timer.set(spent)
        async with asyncio.timeout(5):
            await rang.wait()
        timer.close()
        return is_early

    with asyncio.Runner(loop_factory=loop_of) as runner:
        assert not runner.run(has_rung_early())
