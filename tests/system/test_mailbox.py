"""Whole gateways with a mailbox at a real Dovecot."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.inbound.mails import EVA, SERVER, forward, with_file
from tests.rig.dovecot import PASSWORD, Dovecot
from tests.rig.gateway import GatewayProcess, gateway_config
from tests.rig.process import LOOPBACK, wait_until
from tests.rig.sink import RawSink

pytestmark = pytest.mark.system

FEED = {
    "staff": f"crm_id,name,email,roles,language\ns1,Eva Bos,{EVA},personnel_manager,de\n",
    "people": "crm_id,first_name,last_name,emails,owner\n17,Ann,Müller,ann@example.org,s1\n",
    "programmes": "crm_id,name\np1,Lehrkräfte\n",
    "applications": "reference,person,programme,responsible\n4711,17,p1,s1\n",
}


def mailbox(dovecot: Dovecot, user: str, **changes: object) -> dict[str, Any]:
    """Return the settings of a user's mailbox."""
    return {
        "name": "replies",
        "host": LOOPBACK,
        "port": dovecot.port,
        "tls": "none",
        "username": user,
        "password": PASSWORD,
        "trust": "authentication-results",
        "authserv_id": SERVER,
        **changes,
    }


@pytest.fixture
async def gateway(
    sink: RawSink, dovecot: Dovecot, user: str, tmp_path: Path
) -> AsyncIterator[GatewayProcess]:
    """A gateway that watches a mailbox for a small CRM."""
    changes: dict[str, Any] = {
        "inbound": {"mailboxes": [mailbox(dovecot, user)]},
        "notices": {"from": "gateway@office.example"},
    }
    config = gateway_config(
        store_url=f"sqlite:///{tmp_path}/gateway.db", relay_port=sink.port, changes=changes
    )
    gateway = GatewayProcess(tmp_path / "gateway", config, roles=("inbound", "sender", "api"))
    for kind, text in FEED.items():
        await gateway.feed(kind, text)
    async with gateway:
        await gateway.wait_for_log("mailbox_opened", timeout=30)
        yield gateway


async def test_a_forwarded_reply_is_filed_within_a_second(
    gateway: GatewayProcess, dovecot: Dovecot, user: str, sink: RawSink
) -> None:
    mail = with_file(forward(), "Anschreiben.pdf").as_bytes()
    dovecot.deliver(user, mail)

    await gateway.wait_for_log("reply_filed")
    await wait_until(lambda: dovecot.mails(user, "Imported") == [mail], "the mail in Imported")
    await wait_until(lambda: len(sink.messages) == 1, "the notice")

    assert [] == dovecot.mails(user)
    person = await gateway.cli_json("person", "show", "candidate:17")
    assert {"reply", "document"} <= {one["type"] for one in person["timeline"]}
    documents = await gateway.cli_json("documents", "list", "candidate:17")
    assert ["cover_letter"] == [one["type"] for one in documents]
