"""Whole gateways with a mailbox at a real Dovecot."""

import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.inbound.mails import EVA, SERVER, forward, with_file
from tests.rig.dovecot import Dovecot
from tests.rig.gateway import GatewayProcess, gateway_config
from tests.rig.mailboxes import PASSWORD, Mailboxes
from tests.rig.process import LOOPBACK, wait_until
from tests.rig.records import Transaction
from tests.rig.sink import RawSink, SinkSettings

pytestmark = pytest.mark.system

USER = "replies"
FEED = {
    "staff": f"crm_id,name,email,roles,language\ns1,Eva Bos,{EVA},personnel_manager,de\n",
    "people": "crm_id,first_name,last_name,emails,owner\n17,Ann,Müller,ann@example.org,s1\n",
    "programmes": "crm_id,name\np1,Lehrkräfte\n",
    "applications": "reference,person,programme,responsible\n4711,17,p1,s1\n",
}


def mailbox(server: Mailboxes, user: str, **changes: object) -> dict[str, Any]:
    """Return the settings of a user's mailbox."""
    return {
        "name": "replies",
        "host": LOOPBACK,
        "port": server.port,
        "tls": "none",
        "username": user,
        "password": PASSWORD,
        "trust": "authentication-results",
        "authserv_id": SERVER,
        **changes,
    }


class Site:
    """A gateway that watches a mailbox for a small CRM."""

    def __init__(self, gateway: GatewayProcess, dovecot: Dovecot, sink: RawSink) -> None:
        self.gateway = gateway
        self.sink = sink
        self.user = USER
        self.dovecot = dovecot

    def deliver(self, mail: bytes) -> None:
        self.dovecot.deliver(USER, mail)

    async def has(self, mail: bytes, folder: str) -> None:
        """Wait until a folder has a mail."""
        await wait_until(lambda: mail in self.dovecot.mails(USER, folder), f"it in {folder}", 30)

    async def sent(self, count: int = 1) -> list[Transaction]:
        """Wait for what the gateway sends to staff, and forget it."""
        await wait_until(lambda: len(self.sink.messages) >= count, "mail to staff", 30)
        sent = list(self.sink.messages)
        self.sink.forget()
        return sent


@pytest.fixture(scope="module")
async def site(dovecot: Dovecot, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """One for all tests here."""
    folder = tmp_path_factory.mktemp("site")
    changes: dict[str, Any] = {
        "inbound": {"mailboxes": [mailbox(dovecot, USER)]},
        "notices": {"from": "gateway@office.example"},
    }
    url = f"sqlite:///{folder}/gateway.db"
    async with RawSink(SinkSettings()) as sink:
        config = gateway_config(store_url=url, relay_port=sink.port, changes=changes)
        gateway = GatewayProcess(folder, config, roles=("inbound", "sender", "api"))
        for kind, text in FEED.items():
            await gateway.feed(kind, text)
        async with gateway:
            await gateway.wait_for_log("mailbox_opened", timeout=60)
            yield Site(gateway, dovecot, sink)


async def test_a_forwarded_reply_is_filed_and_told_and_moved(site: Site) -> None:
    mail = with_file(forward(said="Eins."), "Anschreiben.pdf").as_bytes()
    site.deliver(mail)

    await site.has(mail, "Imported")
    sent = await site.sent()

    assert [EVA.encode()] == sent[0].recipients
    person = await site.gateway.cli_json("person", "show", "candidate:17")
    assert {"reply", "document"} <= {one["type"] for one in person["timeline"]}
    documents = await site.gateway.cli_json("documents", "list", "candidate:17")
    assert ["cover_letter"] == [one["type"] for one in documents]


async def test_what_can_not_be_filed_waits_and_its_sender_hears_what_to_do(site: Site) -> None:
    mail = forward(subject="Ihre Bewerbung 4711", said="Zwei.").as_bytes()
    site.deliver(mail)

    await site.has(mail, "Needs attention")
    sent = await site.sent()
    waiting = await site.gateway.cli_json("inbox", "list")

    assert [EVA.encode()] == sent[0].recipients
    assert ["no_reference"] == [one["reason"] for one in waiting]
    await site.gateway.do("inbox", "assign", waiting[0]["id"], "4711")
    assert b"Zwei" in (await site.sent())[0].content


async def test_P16_a_notice_that_comes_back_to_the_mailbox_is_ignored(site: Site) -> None:
    site.deliver(forward(said="Drei.").as_bytes())
    notice = (await site.sent())[0].content

    site.deliver(notice)

    await wait_until(lambda: site.dovecot.count(USER, "Ignored") == 1, "it in Ignored", 30)
    await site.gateway.wait_for_log("reply_ignored")
    assert [] == site.sink.messages


async def test_P17_marks_of_other_servers_mean_nothing(site: Site) -> None:
    fields = {"X-MS-Exchange-Organization-AuthAs": "Internal", "X-Gateway-Reference": "4711"}
    forged = b"Authentication-Results: evil.example; dmarc=pass header.from=office.example\r\n"
    mail = forged + forward(fields=fields, said="Vier.").as_bytes()
    site.deliver(mail)

    await site.has(mail, "Needs attention")

    waiting = await site.gateway.cli_json("inbox", "list")
    assert "untrusted_origin" in [one["reason"] for one in waiting]
    assert [] == site.sink.messages


async def test_a_mailbox_that_can_not_be_read_is_told_and_a_reload_mends_it(site: Site) -> None:
    gateway = site.gateway
    await wait_until(lambda: _mailboxes(gateway) == {"replies": "up"}, "good health", 30)
    gateway.change({"inbound": {"mailboxes": [mailbox(site.dovecot, USER, password="wrong")]}})
    gateway.reload()
    await wait_until(lambda: _mailboxes(gateway) == {"replies": "down"}, "bad health", 30)
    assert '"failing"' in _get(gateway, "/health")

    gateway.change({"inbound": {"mailboxes": [mailbox(site.dovecot, USER, imported="Abgelegt")]}})
    gateway.reload()
    await wait_until(lambda: _mailboxes(gateway) == {"replies": "up"}, "good health again", 30)
    mail = forward(said="Fünf.").as_bytes()
    site.deliver(mail)
    await site.has(mail, "Abgelegt")

    metrics = _get(gateway, "/metrics")
    assert 'gateway_inbound_mails_total{origin="replies",outcome="filed"}' in metrics
    assert 'gateway_mailbox_up{mailbox="replies"} 1.0' in metrics
    assert 'gateway_mailbox_success{mailbox="replies"}' in metrics


def _mailboxes(gateway: GatewayProcess) -> object:
    return json.loads(_get(gateway, "/health")).get("mailboxes")


def _get(gateway: GatewayProcess, path: str) -> str:
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{gateway.api_port}{path}") as answer:
            return str(answer.read(), "utf-8")
    except urllib.error.HTTPError as error:
        with error:
            return str(error.read(), "utf-8")
    except OSError:
        return "{}"
