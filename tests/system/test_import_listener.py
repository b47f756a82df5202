"""Mail that a server delivers straight into the importer, over SMTP and LMTP."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Connect
from tests.inbound.mails import EVA, SERVER, forward, with_file
from tests.rig.client import RawClient, stuff
from tests.rig.gateway import GatewayProcess, gateway_config
from tests.rig.process import LOOPBACK, free_port, wait_until
from tests.rig.sink import RawSink

pytestmark = pytest.mark.system

TRUST = {"purpose": "import", "trust": "authentication-results", "authserv_id": SERVER}
FEED = {
    "staff": f"crm_id,name,email,roles,language\ns1,Eva Bos,{EVA},personnel_manager,de\n",
    "people": "crm_id,first_name,last_name,emails,owner\n17,Ann,Müller,ann@example.org,s1\n",
    "programmes": "crm_id,name\np1,Lehrkräfte\n",
    "applications": "reference,person,programme,responsible\n4711,17,p1,s1\n",
}


@pytest.fixture
async def gateway(sink: RawSink, tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    """A gateway with two import listeners in front of a small CRM."""
    listeners = [
        {"name": "import", "bind": f"{LOOPBACK}:{free_port()}", **TRUST},
        {"name": "lmtp", "bind": f"{LOOPBACK}:{free_port()}", "protocol": "lmtp", **TRUST},
        {"name": "crm", "bind": f"{LOOPBACK}:{free_port()}"},
    ]
    changes: dict[str, Any] = {
        "smtp": {"listeners": listeners},
        "inbound": {"max_size": "1MB"},
        "notices": {"from": "gateway@office.example"},
    }
    config = gateway_config(
        store_url=f"sqlite:///{tmp_path}/gateway.db", relay_port=sink.port, changes=changes
    )
    gateway = GatewayProcess(tmp_path / "gateway", config, roles=("smtp", "inbound", "sender"))
    async with gateway:
        for kind, text in FEED.items():
            await gateway.feed(kind, text)
        yield gateway


async def send(client: RawClient, mail: bytes, *recipients: str, lmtp: bool = False) -> list[int]:
    """Send a mail; return the codes of the final replies."""
    await (client.lhlo() if lmtp else client.ehlo())
    for line in (f"MAIL FROM:<{EVA}>", *(f"RCPT TO:<{one}>" for one in recipients)):
        assert 250 == (await client.command(line.encode())).code
    assert 354 == (await client.command(b"DATA")).code
    await client.send(stuff(mail))
    return [reply.code for reply in await client.replies(len(recipients) if lmtp else 1)]


async def test_what_is_delivered_over_smtp_is_filed_and_told_within_seconds(
    gateway: GatewayProcess, sink: RawSink, connect: Connect
) -> None:
    client = await connect(gateway.ports[0])

    replies = await send(client, with_file(forward()).as_bytes(), "import@office.example")
    await wait_until(lambda: len(sink.messages) == 1, "the notice at the relay")

    assert [250] == replies
    person = await gateway.cli_json("person", "show", "candidate:17")
    assert [("4711", "Lehrkräfte")] == [
        (o["reference"], o["title"]) for o in person["applications"]
    ]
    assert {"reply", "document"} == {one["type"] for one in person["timeline"]}
    entry = next(one["id"] for one in person["timeline"] if one["type"] == "reply")
    shown = await gateway.cli_json("history", "show", entry)
    assert "Ann Müller" == shown["sender_name"]
    assert ["cv"] == [one["type"] for one in shown["documents"]]
    assert [EVA] == [one.decode() for one in sink.messages[0].recipients]


async def test_lmtp_answers_for_each_recipient_and_keeps_the_octets(
    gateway: GatewayProcess, connect: Connect
) -> None:
    mail = forward(text=".\r\n..\r\nEin Punkt.\r\n").as_bytes()
    client = await connect(gateway.ports[1])

    replies = await send(client, mail, "a@office.example", "b@office.example", lmtp=True)
    await gateway.wait_for_log("reply_filed")

    assert [250, 250] == replies
    person = await gateway.cli_json("person", "show", "candidate:17")
    entry = next(one["id"] for one in person["timeline"] if one["type"] == "reply")
    shown = await gateway.cli_json("history", "show", entry)
    assert hashlib.sha256(mail).hexdigest() == shown["raw_sha256"]


async def test_I7_a_mail_over_the_limit_is_refused_to_the_server_that_brings_it(
    gateway: GatewayProcess, connect: Connect
) -> None:
    client = await connect(gateway.ports[0])

    replies = await send(client, b"Subject: x\r\n\r\n" + b"x" * 1_100_000 + b"\r\n", "a@b.example")

    assert [552] == replies


async def test_while_the_store_is_away_the_server_keeps_the_mail(
    gateway: GatewayProcess, connect: Connect, tmp_path: Path
) -> None:
    client = await connect(gateway.ports[0])
    (tmp_path / "gateway.db").rename(tmp_path / "away.db")

    replies = await send(client, forward().as_bytes(), "import@office.example")
    (tmp_path / "away.db").rename(tmp_path / "gateway.db")
    again = await send(client, forward().as_bytes(), "import@office.example")
    await gateway.wait_for_log("reply_filed", timeout=20)

    assert ([451], [250]) == (replies, again)


async def test_the_same_mail_delivered_twice_is_filed_once(
    gateway: GatewayProcess, connect: Connect, sink: RawSink
) -> None:
    client = await connect(gateway.ports[0])

    for _ in range(2):
        assert [250] == await send(client, forward().as_bytes(), "import@office.example")
    await gateway.wait_for_log("outbox_sent")

    person = await gateway.cli_json("person", "show", "candidate:17")
    assert 1 == len([one for one in person["timeline"] if one["type"] == "reply"])
    assert ["sent"] == [entry["state"] for entry in await gateway.cli_json("outbox", "list")]
    assert 1 == len(sink.messages)


async def test_what_was_taken_survives_a_kill(
    gateway: GatewayProcess, connect: Connect, sink: RawSink
) -> None:
    for number in range(10):
        client = await connect(gateway.ports[0])
        mail = forward(said=f"Antwort {number}.", message_id=f"<{number}@office.example>")
        assert [250] == await send(client, mail.as_bytes(), "import@office.example")
    await gateway.kill()

    await gateway.start()
    await wait_until(lambda: len(sink.messages) >= 10, "ten notices", 60)

    person = await gateway.cli_json("person", "show", "candidate:17")
    assert 10 == len([one for one in person["timeline"] if one["type"] == "reply"])
