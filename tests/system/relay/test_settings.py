"""Every setting of a relay, in force after a reload: TLS, login, name, limits, match, our fault."""

import asyncio
import json
import urllib.request
from typing import Any

import pytest

from gateway.store.engine.database import Database
from gateway.store.journal import relay_offers
from tests.conftest import StartGateway, StartSink
from tests.rig import faults
from tests.rig.certificates import Certificates
from tests.rig.client import RawClient, Reply
from tests.rig.process import LOOPBACK, wait_until
from tests.rig.sink import RawSink
from tests.smtp_proxy.crm import INDIVIDUAL, NO_BULK, SENDER, mail
from tests.system.relay.side import BUDGET, RelaySide

pytestmark = pytest.mark.system

BOB = b"bob@example.org"


def short(reply: Reply) -> str:
    return f"{reply.code} {reply.enhanced}"


# TLS


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_tls_with_a_client_certificate(
    side: RelaySide, start_sink: StartSink, certificates: Certificates, tls: str
) -> None:
    sink = await start_sink(tls=tls, context=certificates.server_context(asks=True))
    pair = certificates.client
    own = {"cert": str(pair.cert), "key": str(pair.key)}
    await side.use({"port": sink.port, "tls": tls, "ca": str(certificates.ca), **own})
    conversation = await side.crm.send([BOB])

    assert "250 2.0.0" == short(conversation.end)
    assert sink.connections[-1].is_encrypted
    assert "crm-gateway" in str(sink.connections[-1].certificate)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("state", ["expired", "wrong_name", "stranger"])
async def test_R11_P20_a_bad_certificate_is_451_and_never_plain_text(
    side: RelaySide, start_sink: StartSink, certificates: Certificates, state: str, tls: str
) -> None:
    context = certificates.server_context(getattr(certificates, state))
    sink = await start_sink(tls=tls, context=context)
    await side.use({"port": sink.port, "tls": tls, "ca": str(certificates.ca)})
    conversation = await side.crm.send([BOB])

    assert (
        b"4.7.5 The relay's TLS failed; the operator has been told" == (conversation.end.lines[0])
    )
    assert "certificate verify failed" in side.gateway.log_lines("relay_unusable")[-1]["reason"]
    assert [] == sink.transactions


async def test_R11_P20_starttls_that_vanishes_is_451_and_never_plain_text(
    side: RelaySide, start_sink: StartSink, certificates: Certificates
) -> None:
    sink = await start_sink(tls="starttls", context=certificates.server_context())
    await side.use({"port": sink.port, "tls": "starttls", "ca": str(certificates.ca)})
    before = await side.crm.send([BOB])
    sink.settings.tls = "none"
    await sink.restart()
    after = await side.crm.send([b"eve@example.org"])

    assert ["250 2.0.0", "451 4.7.5"] == [short(before.end), short(after.end)]
    assert [[BOB]] == [transaction.recipients for transaction in sink.transactions]
    assert b"MAIL" not in b"".join(sink.connections[-1].commands)


# AUTH and the name


@pytest.mark.parametrize("mechanism", ["plain", "login", "xoauth2"])
async def test_the_gateway_logs_in(side: RelaySide, start_sink: StartSink, mechanism: str) -> None:
    sink = await start_sink(credentials={b"crm": b"secret"}, auth_required=True)
    login = {"auth": mechanism, "username": "crm"}
    await side.use({"port": sink.port, **login, "password": "secret"})
    good = await side.crm.send([BOB])
    await side.use({"port": sink.port, **login, "password": "forgotten"})
    bad = await side.crm.send([BOB])

    assert ["250 2.0.0", "451 4.3.5"] == [short(good.end), short(bad.end)]
    assert b"crm" in {connection.login for connection in sink.connections}
    assert "secret" not in side.gateway.log_text()


async def test_the_gateway_greets_with_its_helo_name(side: RelaySide) -> None:
    await side.use({"helo_name": "gateway.crm.example"})
    await side.crm.send([BOB])

    assert b"gateway.crm.example" == side.sink.connections[-1].ehlo


# Limits


async def test_no_more_connections_than_allowed_and_the_others_wait(side: RelaySide) -> None:
    await side.use({"max_connections": 3})
    side.sink.fault("dot", faults.delay(0.1))
    mails = [mail(f"{number}") for number in range(10)]
    ends = await asyncio.gather(
        *(side.crm.send([BOB], each, listener="personal") for each in mails)
    )

    assert {"250 2.0.0"} == {short(conversation.end) for conversation in ends}
    assert 2 == len(side.sink.connections)


async def test_who_waits_longer_than_the_budget_for_a_connection_hears_451(
    side: RelaySide,
) -> None:
    await side.use({"max_connections": 2})
    side.sink.fault("dot", faults.delay(BUDGET * 0.6))
    mails = [mail(f"{number}") for number in range(5)]
    ends = await asyncio.gather(*(side.crm.send([BOB], each) for each in mails))
    heard = [short(conversation.end) for conversation in ends]

    assert {"250 2.0.0", "451 4.3.2"} == set(heard)
    assert heard.count("250 2.0.0") == len(side.sink.accepted)


async def test_messages_a_minute_queue_inside_the_budget_then_hear_451(side: RelaySide) -> None:
    await side.use({"messages_per_minute": 60})
    mails = [mail(f"{number}") for number in range(6)]
    ends = await asyncio.gather(*(side.crm.send([BOB], each) for each in mails))
    heard = sorted(short(conversation.end) for conversation in ends)

    assert {"250 2.0.0", "451 4.3.2"} == set(heard)
    assert 2 <= heard.count("250 2.0.0") <= 4
    assert heard.count("250 2.0.0") == len(side.sink.accepted)


# Several relays


async def test_each_mail_goes_to_the_relay_that_matches(
    side: RelaySide, start_sink: StartSink
) -> None:
    mass, other = [await start_sink() for _ in range(2)]
    await side.use(
        {"name": "mass", "port": mass.port, "match": {"listener": "mailings"}},
        {"name": "other", "port": other.port, "match": {"sender_domain": "BÜCHER.example"}},
        {},
    )
    records = []
    for listener, sender in (
        ("mailings", b"recruiter@crm.example"),
        ("crm", b"ann@xn--bcher-kva.example"),
        ("crm", b"recruiter@crm.example"),
    ):
        await side.crm.send([BOB], listener=listener, sender=sender)
        records += await side.crm.records()

    assert [1, 1, 1] == [len(one.accepted) for one in (mass, other, side.sink)]
    assert ["mass", "other", "relay"] == [record.relay for record in records]


# What is offered


async def offered(side: RelaySide, listener: str = "crm") -> set[bytes]:
    client = await side.crm.raw(listener)
    return {line.split()[0] for line in (await client.ehlo()).lines[1:]}


async def test_P5_R10_what_the_relay_stops_to_offer_is_451_once_and_no_longer_offered(
    side: RelaySide,
) -> None:
    await side.crm.send([BOB])
    assert {b"8BITMIME", b"SMTPUTF8", b"DSN", b"SIZE"} <= await offered(side)
    side.sink.settings.extensions = [b"PIPELINING", b"SIZE 5000"]
    try:
        await side.sink.restart()
        gone = await side.crm.send([BOB], parameters=b"BODY=8BITMIME")
        later = await side.crm.send([BOB], parameters=b"BODY=8BITMIME")
        foreign = await side.crm.send(["jörg@example.org".encode()])
        client = await side.crm.raw()
        words = (await client.ehlo()).lines[1:]
        plain = await side.crm.send([BOB])
    finally:
        side.sink.settings.extensions = RawSink().settings.extensions
        await side.sink.restart()
        await side.crm.send([BOB])

    assert ["451 4.3.0", "555 5.5.4", "553 5.6.7", "250 2.0.0"] == [
        short(one.end) for one in (gone, later, foreign, plain)
    ]
    assert (b"PIPELINING", b"SIZE 5000") == words
    assert {b"8BITMIME", b"SMTPUTF8", b"DSN", b"SIZE"} <= await offered(side)


async def test_P5_a_listener_offers_what_all_its_relays_take(
    side: RelaySide, start_sink: StartSink
) -> None:
    small = await start_sink(extensions=[b"PIPELINING", b"8BITMIME", b"SIZE 1000"])
    few = {"name": "few", "port": small.port, "match": {"listener": "mailings"}}
    await side.use(few, {})
    await side.crm.send([BOB], listener="mailings")

    async def is_learnt() -> bool:
        return b"DSN" not in await offered(side, "mailings")

    await wait_until(is_learnt, "the offer of the second relay")
    assert {b"8BITMIME", b"SIZE", b"PIPELINING"} == await offered(side, "mailings")
    assert b"DSN" in await offered(side, "crm")


async def test_R10_offers_outlive_a_restart_and_nothing_is_offered_before_the_first(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    sink.refuse()
    gateway = await start_gateway(sink.port, is_started=False)
    await gateway.start(is_ready=False)

    async def says_421() -> bool:
        try:
            async with await RawClient.connect(gateway.port) as client:
                assert client.greeting is not None
                return short(client.greeting) == "421 4.3.2"
        except OSError:
            return False

    await wait_until(says_421, "the banner", 30)
    await sink.listen()
    await wait_until(gateway._is_ready, "220 once the relay is seen", 30)
    database = Database(f"sqlite:///{gateway.folder}/gateway.db")
    await wait_until(lambda: _has_offer(database), "the offer in the store")
    database.close()
    sink.refuse()
    sink.drop_connections()
    await gateway.stop()
    await gateway.start()
    async with await RawClient.connect(gateway.port) as client:
        assert b"8BITMIME" in (await client.ehlo()).lines


def _has_offer(database: Database) -> bool:
    with database.reading() as connection:
        return bool(relay_offers.stored_offers(connection))


# Our fault


async def test_a_relay_that_refuses_the_gateway_is_an_alarm_and_health_turns_red(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    relay = {"name": "relay", "host": LOOPBACK, "port": sink.port}
    ours = {"relays": [{**relay, "our_fault": ["(?i)relay access denied"]}]}
    gateway = await start_gateway(sink.port, changes=ours, roles=("smtp", "api"))

    def health() -> Any:
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{gateway.api_port}/health") as answer:
                return json.load(answer)
        except OSError as error:
            return json.loads(error.read()) if hasattr(error, "read") else {}

    async def is_health(word: str) -> None:
        async def says_so() -> bool:
            found = await asyncio.to_thread(health)
            return bool(found) and found["relays"] == {"relay": word}

        await wait_until(says_so, f"a relay that is {word}")

    heard = []
    async with await RawClient.connect(gateway.port) as client:
        await client.ehlo()
        for stage, line in (
            ("RCPT", b"554 5.7.1 <bob@example.org>: Relay access denied"),
            ("MAIL", b"530 5.7.0 Must issue STARTTLS first"),
            ("dot", b"535 5.7.8 who are you"),
        ):
            sink.fault(stage, faults.reply(line), times=1)  # type: ignore[arg-type]
            refused = await client.transaction(SENDER, [BOB], INDIVIDUAL)
            heard.append(short(refused.end))
            await is_health("our_fault")
            heard.append(short((await client.transaction(SENDER, [BOB], INDIVIDUAL)).end))
            await is_health("up")

    assert ["451 4.3.5", "250 2.0.0"] * 3 == heard


# Mail of the gateway's own


async def test_a_relay_that_refuses_the_null_sender_gets_notices_from_our_address(
    side: RelaySide,
) -> None:
    await side.use({"null_sender": False})
    out = side.crm.person(NO_BULK)
    await side.crm.send([out, BOB], mail("Mailing", bulk=True))
    await side.sink.wait_until(lambda: len(side.sink.accepted) == 2, "the notice")

    (notice,) = [one for one in side.sink.accepted if one.recipients == [SENDER]]
    assert b"gateway@crm.example" == notice.sender


async def test_a_reload_leaves_no_connection_to_the_relay_behind(side: RelaySide) -> None:
    client = await side.crm.client()
    await client.pipeline(b"MAIL FROM:<ann@crm.example>", b"RCPT TO:<bob@example.org>")
    await side.use({"helo_name": "another.crm.example"})
    await client.command(b"DATA")
    await client.send(INDIVIDUAL + b".\r\n")
    first = await client.reply()
    second = await client.transaction(SENDER, [BOB], INDIVIDUAL)

    assert ["250 2.0.0"] * 2 == [short(first), short(second.end)]
    await side.sink.wait_until(lambda: side.sink.open_connections == 1)
    assert b"another.crm.example" == side.sink.connections[-1].ehlo
