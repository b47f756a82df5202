"""A thousand mails in a mailbox: how long they take, and what they cost in memory."""

import asyncio
import random
import time
from pathlib import Path
from typing import Any

import pytest

from tests.inbound.mails import forward, with_file
from tests.rig.dovecot import Dovecot
from tests.rig.gateway import GatewayProcess, gateway_config
from tests.rig.process import resident_memory
from tests.system.test_mailbox import FEED, mailbox

pytestmark = [pytest.mark.system, pytest.mark.soak]

MAILS = 1000
SECONDS = 60.0  #: On a machine that has nothing else to do.
MEMORY = 150_000_000  #: Octets, of the largest process.


@pytest.mark.timeout(600)
async def test_a_thousand_mails_of_200_kb_take_less_than_a_minute_and_little_memory(
    dovecot: Dovecot, user: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(7)
    dovecot.deliver(user, *(_mail(number, chance.randbytes(200_000)) for number in range(MAILS)))
    changes: dict[str, Any] = {
        "inbound": {"mailboxes": [mailbox(dovecot, user)]},
        "log": {"level": "info"},
    }
    url = f"sqlite:///{tmp_path}/gateway.db"
    config = gateway_config(store_url=url, relay_port=1, changes=changes)
    gateway = GatewayProcess(tmp_path / "gateway", config, roles=("inbound",))
    for kind, text in FEED.items():
        await gateway.feed(kind, text)
    async with gateway:
        await gateway.wait_for_log("mailbox_opened", timeout=60)
        began, most = time.monotonic(), 0
        while len(gateway.log_lines("reply_filed")) < MAILS:
            most = max(most, *map(resident_memory, gateway.processes()))
            await asyncio.sleep(0.1)
            assert time.monotonic() - began < 300
        took = time.monotonic() - began
    with capsys.disabled():
        print(f"\n{MAILS} mails in {took:.1f} s, {most / 1e6:.0f} MB in the largest process")  # noqa: T201

    assert took < SECONDS
    assert most < MEMORY


def _mail(number: int, content: bytes) -> bytes:
    mail = forward(said=f"Antwort {number}.", message_id=f"<{number}@x.example>")
    return with_file(mail, content=content).as_bytes()
