"""What happens to applications, told to a running gateway: the mail is at the relay at once."""

import time
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.rig.gateway import GatewayProcess, gateway_config
from tests.rig.process import LOOPBACK, wait_until
from tests.rig.sink import RawSink

pytestmark = pytest.mark.system

TRIGGER = 'event = "status_changed"\nstatus = "accepted"\ntemplate = "accepted"\n'
FEED = {
    "staff": "crm_id,name,email,language\ns1,Eva Bos,eva@crm.example,fr\n",
    "people": "crm_id,first_name,emails,language\n17,Ann,ann@example.org,de\n",
    "applications": "reference,person,title\n4711,17,Teacher\n",
}


@pytest.fixture
async def gateway(sink: RawSink, tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    """A gateway whose quiet hours never end, with a CRM and a trigger."""
    changes: dict[str, Any] = {
        "notices": {"from": "Office <office@example.org>"},
        "triggers": {"quiet_hours": "00:00-23:59"},
        "log": {"level": "info", "format": "json"},
    }
    config = gateway_config(
        store_url=f"sqlite:///{tmp_path}/gateway.db", relay_port=sink.port, changes=changes
    )
    gateway = GatewayProcess(tmp_path / "gateway", config, roles=("sender", "api"))
    template = gateway.folder / "templates" / "accepted"
    template.mkdir(parents=True)
    (template / "de.txt").write_text("Subject: Willkommen {{ person.first_name }}\n\nHallo\n")
    (gateway.folder / "triggers").mkdir()
    (gateway.folder / "triggers" / "accepted.toml").write_text(TRIGGER)
    async with gateway:
        for kind, text in FEED.items():
            await gateway.feed(kind, text)
        await gateway.wait_for_log("started", count=2, timeout=60)
        yield gateway


def subjects(sink: RawSink) -> list[str]:
    mails = (message_from_bytes(one.content, policy=policy.default) for one in sink.messages)
    return [str(mail["Subject"]) for mail in mails]


async def test_a_submission_and_a_changed_status_are_at_the_relay_at_once(
    gateway: GatewayProcess, sink: RawSink
) -> None:
    await gateway.do("applications", "submit", "4711")
    began = time.monotonic()
    await sink.wait_for(1, timeout=20)
    waited = time.monotonic() - began
    token = (await gateway.do("tokens", "create", "--scope", "events")).split()
    secret = next(word for word in token if word.startswith("gw_"))
    answer = httpx.post(
        f"http://{LOOPBACK}:{gateway.api_port}/applications/status",
        json={"references": ["4711"], "status": "accepted", "by": "s1", "confirmed": True},
        headers={"authorization": f"Bearer {secret}"},
        timeout=30,
        trust_env=False,
    )
    await sink.wait_for(2, timeout=20)

    assert waited < 10
    assert 200 == answer.status_code
    assert "4711" in subjects(sink)[0]
    assert "Willkommen Ann" == subjects(sink)[1]
    page = await gateway.cli_json("person", "show", "candidate:17")
    types = {one["type"] for one in page["timeline"]}
    assert "trigger_mail" in types
    await wait_until(lambda: len(sink.messages) == 2, "two mails and no more")
