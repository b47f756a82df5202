"""A gateway that is told to stop, or to read its config again, in the middle of mail."""

import asyncio
import contextlib
import ssl
import time
from typing import Any

import pytest

from tests.conftest import StartGateway
from tests.rig.certificates import Certificates, Pair
from tests.rig.client import RawClient
from tests.rig.faults import delay
from tests.rig.gateway import GatewayProcess
from tests.rig.process import LOOPBACK, free_port, has_listener, wait_until
from tests.rig.sink import RawSink
from tests.smtp_proxy.crm import INDIVIDUAL, SENDER, Crm, mail, states
from tests.system.conftest import StartCrm
from tests.system.traffic import Traffic, accounted, journal

GRACE = 30.0  #: Seconds from SIGTERM to SIGKILL.

pytestmark = pytest.mark.system


async def at_the_dot(crm: Crm, seconds: float) -> "asyncio.Task[Any]":
    """Send a mail for whose verdict the relay takes some seconds."""
    crm.sink.fault("dot", delay(seconds), times=1)
    before = len(crm.sink.messages)
    sending = asyncio.create_task(crm.send([b"dot@example.org"]))
    await crm.sink.wait_for(before + 1)
    return sending


async def in_the_content(crm: Crm) -> RawClient:
    """Begin a large mail and stop in the middle of its content, some of which the relay has."""
    client = await crm.client()
    for line in (b"MAIL FROM:<%s>" % SENDER, b"RCPT TO:<half@example.org>", b"DATA"):
        await client.command(line)
    await client.send(INDIVIDUAL + b"0123456789 abcdef\r\n" * 10_000)
    await crm.sink.wait_until(lambda: any(one.has_data for one in crm.sink.transactions))
    return client


# K2, SIGTERM


async def test_K2_a_stop_lets_an_open_transaction_come_to_its_dot(start_crm: StartCrm) -> None:
    crm = await start_crm(roles=("smtp",))
    idle, named = await crm.client(), await crm.client()
    await named.command(b"MAIL FROM:<%s>" % SENDER)
    await named.command(b"RCPT TO:<first@example.org>")
    stopping = asyncio.create_task(crm.gateway.stop(GRACE + 5))
    told = await idle.reply()  # The stop has begun.
    second = await named.command(b"RCPT TO:<second@example.org>")
    go_ahead = await named.command(b"DATA")
    await named.send(INDIVIDUAL + b"\r\n.\r\n")
    verdict, end = await named.reply(), await named.reply()
    await stopping
    became = {
        name: state for one in journal(crm.database).values() for name, state in states(one).items()
    }

    assert [421, 250, 354, 250, 421] == [
        reply.code for reply in (told, second, go_ahead, verdict, end)
    ]
    assert {"first@example.org", "second@example.org"} == became.keys()
    assert {"relayed by relay"} == set(became.values())


async def test_K2_a_stop_finishes_what_is_at_the_dot_and_says_421_to_the_rest(
    start_crm: StartCrm,
) -> None:
    crm = await start_crm(roles=("smtp",))
    idle, named = await crm.client(), await crm.client()
    await named.command(b"MAIL FROM:<%s>" % SENDER)
    await named.command(b"RCPT TO:<named@example.org>")
    half = await in_the_content(crm)
    sending = await at_the_dot(crm, 1.0)
    began = time.monotonic()
    stopping = asyncio.create_task(crm.gateway.stop(GRACE + 5))
    replies = [await client.reply() for client in (idle, named, half)]
    ends = [await client.rest() for client in (idle, named, half)]
    sent, code = await sending, await stopping
    seconds = time.monotonic() - began
    kept = journal(crm.database).values()
    became = {name: state for one in kept for name, state in states(one).items()}

    assert ([421] * 3, [b""] * 3) == ([reply.code for reply in replies], ends)
    assert (250, 0) == (sent.end.code, code)
    assert {
        "dot@example.org": "relayed by relay",
        "half@example.org": "aborted by gateway",
        "named@example.org": "aborted by gateway",
    } == became
    assert ["dot@example.org"] == [one.recipients[0].decode() for one in crm.sink.messages]
    assert seconds < GRACE


async def test_K2_nobody_is_taken_in_any_more_while_the_last_ones_finish(
    start_crm: StartCrm,
) -> None:
    crm = await start_crm(roles=("smtp",))
    sending = await at_the_dot(crm, 2.0)
    stopping = asyncio.create_task(crm.gateway.stop(GRACE + 5))
    await wait_until(lambda: refuses(crm.gateway), "no more banner")
    is_still_sending = not sending.done()
    await asyncio.gather(sending, stopping)

    assert is_still_sending


async def refuses(gateway: GatewayProcess) -> bool:
    """Whether a new client gets no banner within a moment."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(0.2):
            reader, writer = await asyncio.open_connection(LOOPBACK, gateway.port)
            with contextlib.closing(writer):
                return not (await reader.readline()).startswith(b"220")
    return True


@pytest.mark.soak
async def test_K2_a_relay_that_never_answers_does_not_hold_up_the_end(
    start_crm: StartCrm,
) -> None:
    crm = await start_crm(roles=("smtp",))
    sending = await at_the_dot(crm, 600.0)
    began = time.monotonic()
    code = await crm.gateway.stop(GRACE + 10)
    with contextlib.suppress(AssertionError):
        await sending
    (left,) = await crm.records()

    assert time.monotonic() - began < GRACE + 5
    assert {"dot@example.org": "unknown by gateway"} == states(left)
    assert code == 0


async def test_K2_a_restart_under_traffic_loses_nothing_and_sends_nothing_twice(
    start_crm: StartCrm,
) -> None:
    crm = await start_crm({"smtp": {"workers": 2}}, roles=("smtp",), listeners={"crm": {}})
    async with Traffic(lambda: crm.gateway.port) as traffic:
        for _ in range(2):
            await traffic.go_on()
            await crm.gateway.stop()
            await crm.gateway.start()
        await traffic.go_on()
        await traffic.finish()
    found = await accounted(traffic, crm.sink, crm.database)

    assert (frozenset(), frozenset(), 0) == (found.lost, found.unlogged, found.left)
    assert len(crm.sink.messages) == len(traffic.taken)


# Reload


async def reload(gateway: GatewayProcess, changes: Any, event: str = "reloaded") -> None:
    """Change the config and wait until supervisor and worker have taken it, or refused it."""
    before = len(gateway.log_lines(event))
    gateway.change(changes)
    gateway.reload()
    await gateway.wait_for_log(event, before + (2 if event == "reloaded" else 1))


async def test_a_reload_counts_from_the_next_message_on_and_drops_no_session(
    start_crm: StartCrm, start_sink: Any
) -> None:
    crm = await start_crm(roles=("smtp",))
    other = await start_sink()
    client = await crm.client()
    rule = {"name": "newsletter", "kind": "bulk", "header": "X-Newsletter"}
    news = mail("Nieuws", "X-Newsletter: 1")
    kinds = []
    changes = {"ann@example.org": {}, "ben@example.org": {"rules": [rule], "relays": relays(other)}}
    for address, change in changes.items():
        await reload(crm.gateway, change)
        sent = await client.transaction(SENDER, [address.encode()], news)
        kept = await crm.record(address)
        kinds.append((sent.end.code, kept.kind, kept.rule))

    assert [(250, "individual", "default"), (250, "bulk", "newsletter")] == kinds
    assert (1, 1) == (len(crm.sink.messages), len(other.messages))


def relays(sink: RawSink) -> list[dict[str, Any]]:
    return [{"name": "relay", "host": LOOPBACK, "port": sink.port}]


async def test_a_message_on_its_way_ends_by_the_settings_it_began_with(
    start_crm: StartCrm, start_sink: Any
) -> None:
    crm = await start_crm(roles=("smtp",))
    other = await start_sink()
    half = await in_the_content(crm)
    sending = await at_the_dot(crm, 1.0)
    await reload(crm.gateway, {"relays": relays(other)})
    await half.send(b".\r\n")
    replies = [(await sending).end.code, (await half.reply()).code]

    assert ([250, 250], 2, 0) == (replies, len(crm.sink.messages), len(other.messages))


async def test_a_bad_config_keeps_the_old_one(start_crm: StartCrm) -> None:
    crm = await start_crm(roles=("smtp",))
    good = crm.gateway.file.read_text()
    for broken in ("[smtp]\nworkers = 'many'\n", "no toml", good + '\n[nonsense]\nx = "y"\n'):
        before = len(crm.gateway.log_lines("reload_refused"))
        crm.gateway.file.write_text(broken)
        crm.gateway.reload()
        await crm.gateway.wait_for_log("reload_refused", before + 1)
    sent = await crm.send([b"ann@example.org"])

    assert 250 == sent.end.code


async def test_a_reload_opens_new_doors_and_closes_old_ones(start_crm: StartCrm) -> None:
    crm = await start_crm(roles=("smtp",), listeners={"crm": {}, "old": {}})
    first, old = crm.gateway.config["smtp"]["listeners"]
    new = {**old, "name": "new", "bind": f"{LOOPBACK}:{free_port()}"}
    before = len(crm.gateway.log_lines("reloaded"))
    crm.gateway.change({"smtp": {"listeners": [first, new]}})
    crm.gateway.reload()
    await crm.gateway.wait_for_log("reloaded", before + 1, timeout=30)
    sent = [await crm.send([b"ann@example.org"], listener=listener) for listener in ("crm", "new")]
    old_port = int(str(old["bind"]).rpartition(":")[2])

    assert [250, 250] == [one.end.code for one in sent]
    assert not await has_listener(old_port)


async def test_a_reload_takes_a_new_certificate(
    start_gateway: StartGateway, sink: RawSink, certificates: Certificates
) -> None:
    shown = certificates.server.cert.parent / "shown.pem"
    key = certificates.server.cert.parent / "shown.key"
    listeners = [
        {"name": name, "bind": f"{LOOPBACK}:{port}", "tls": name, "cert": str(shown),
         "key": str(key)}
        for name, port in (("starttls", free_port()), ("implicit", free_port()))
    ]  # fmt: skip
    put(certificates.server, shown, key)
    gateway = await start_gateway(sink.port, changes={"smtp": {"listeners": listeners}})
    before = [await certificate(gateway, n, certificates) for n in range(2)]
    put(certificates.renewed, shown, key)
    await reload(gateway, {})
    after = [await certificate(gateway, n, certificates) for n in range(2)]

    assert [der(certificates.server)] * 2 == before
    assert [der(certificates.renewed)] * 2 == after


def put(pair: Pair, cert: Any, key: Any) -> None:
    cert.write_bytes(pair.cert.read_bytes())
    key.write_bytes(pair.key.read_bytes())


def der(pair: Pair) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pair.cert.read_text())


async def certificate(gateway: GatewayProcess, number: int, known: Certificates) -> bytes:
    """Return what the STARTTLS listener (0) or the one with implicit TLS (1) shows."""
    context = known.client_context()
    tls = context if number == 1 else None
    async with await RawClient.connect(gateway.ports[number], tls=tls) as client:
        await client.ehlo()
        if tls is None:
            await client.starttls(context)
        found: bytes = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return found
