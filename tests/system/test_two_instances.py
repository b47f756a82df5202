"""Two gateways on one store: each mail once, each notice once."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.rig.client import RawClient
from tests.rig.gateway import GatewayProcess, gateway_config
from tests.smtp_proxy.crm import NO_BULK, SENDER, mail
from tests.system.conftest import StartCrm
from tests.system.traffic import journal

MAILS = 12

pytestmark = pytest.mark.system


async def test_K10_two_gateways_on_one_store_send_each_notice_once(
    start_crm: StartCrm, store_url: str, tmp_path: Path, cleanup: AsyncExitStack
) -> None:
    crm = await start_crm({"notices": {"from": "gateway@crm.example"}}, store_url=store_url)
    config = gateway_config(store_url=store_url, relay_port=crm.sink.port, changes={"rules": []})
    twin = GatewayProcess(tmp_path / "twin", config, roles=("smtp", "sender"))
    await cleanup.enter_async_context(twin)
    left_out, reached = crm.person(NO_BULK), crm.person()
    to = [left_out.mailbox, reached.mailbox]

    async def send(number: int) -> int:
        port = (crm.gateway, twin)[number % 2].port
        async with await RawClient.connect(port) as client:
            await client.ehlo()
            content = mail(f"Nieuws {number}", f"Message-ID: <{number}@crm>", bulk=True)
            return (await client.transaction(SENDER, to, content)).end.code

    heard = await asyncio.gather(*map(send, range(MAILS)))
    await crm.sink.wait_for(2 * MAILS, timeout=30)
    await twin.stop()
    await crm.gateway.stop()
    told = [len(crm.notices(one)) for one in journal(crm.database).values()]

    assert [250] * MAILS == heard
    assert {SENDER: MAILS, b"": MAILS} == Counter(one.sender for one in crm.sink.accepted)
    assert [1] * MAILS == told
