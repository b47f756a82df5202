"""The `sync` and `api` roles between an account of Mailchimp's and the store, and killed."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text

from gateway.sandbox import Options
from tests.conftest import StartGateway
from tests.rig.gateway import COMMAND, GatewayProcess
from tests.rig.process import LOOPBACK, free_port, launch, signal_group, wait_until
from tests.rig.sandbox import ScriptedSandbox
from tests.rig.sink import RawSink

pytestmark = pytest.mark.system

KEY = "0123456789abcdef-us1"
PEOPLE = "kind,crm_id,emails\n" + "".join(f"candidate,p{n},p{n}@crm.test\n" for n in range(1200))


@asynccontextmanager
async def campaigning(
    start_gateway: StartGateway, sink: RawSink, sandbox: ScriptedSandbox, *roles: str
) -> AsyncIterator[GatewayProcess]:
    """A gateway with an activated account, and people; without roles it isn't started."""
    port = free_port()
    settings = {
        "api": {"bind": f"{LOOPBACK}:{port}"},
        "mailchimp": {
            "api_key": KEY,
            "base_url": sandbox.url,
            "public_url": f"http://{LOOPBACK}:{port}",
        },
    }
    gateway = await start_gateway(
        sink.port, changes=settings, roles=roles or ("smtp",), is_started=bool(roles)
    )
    await gateway.feed("people", PEOPLE)
    yield gateway


async def health(gateway: GatewayProcess) -> Any:
    async with httpx.AsyncClient(timeout=60) as client:
        try:
            return (await client.get(f"http://{LOOPBACK}:{gateway.api_port}/health")).json()
        except httpx.HTTPError:
            return {}


async def campaign(
    gateway: GatewayProcess, sandbox: ScriptedSandbox, *people: str
) -> tuple[str, str]:
    """Send a campaign; return its id here and there."""
    template = (await gateway.cli_json("mailchimp", "templates"))[0]["id"]
    made = await gateway.cli_json(
        *("campaigns", "create", "Vacatures", "--template", str(template)),
        *("--from-name", "CRM", "--from-address", "office@crm.test"),
    )
    file = gateway.folder / "members.csv"
    file.write_text("kind,crm_id\n" + "".join(f"candidate,{each}\n" for each in people))
    await gateway.do("campaigns", "add", made["id"], "--file", str(file))
    sent = await gateway.cli_json("campaigns", "send", made["id"])
    await asyncio.to_thread(sandbox.advance, minutes=2)
    return made["id"], sent["mailchimp_id"]


async def test_m6_m9_webhooks_bring_the_sync_forward_and_a_revoked_key_is_an_alarm(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    options = Options(signs_webhooks=True, doubles_webhooks=True, sending_takes=timedelta(0))
    with ScriptedSandbox(options=options) as sandbox:
        sandbox.furnish()
        async with campaigning(start_gateway, sink, sandbox, "sync", "api") as gateway:
            await wait_until(lambda: health(gateway), "the api")
            await gateway.do("mailchimp", "activate")
            _, there = await campaign(gateway, sandbox, "p1", "p2")
            await logged(gateway, "campaign_synced")

            sandbox.unsubscribe(there, "p1@crm.test")
            await wait_until(lambda: opted_out(gateway, "p1"), "the opt-out", 60)
            well = await health(gateway)
            sandbox.revoke_key()
            before = len(sandbox.calls)
            sandbox.unsubscribe(there, "p2@crm.test")
            await logged(gateway, "sync_stopped")
            ill = await health(gateway)
            asked = len(sandbox.calls) - before

    assert ("ok", "up") == (well["status"], well["mailchimp"])
    assert ("failing", "refused") == (ill["status"], ill["mailchimp"])
    assert "mailchimp_hint_repeated" in gateway.log_text()
    assert asked < 5


async def logged(gateway: GatewayProcess, event: str) -> None:
    """Wait until an event is in the log."""

    async def is_there() -> bool:
        return f'"{event}"' in gateway.log_text()

    await wait_until(is_there, event, 60)


async def opted_out(gateway: GatewayProcess, person: str) -> bool:
    """Say whether a person is in an opt-out group by Mailchimp's word."""
    return rows(gateway, "SELECT person FROM memberships WHERE source = 'mailchimp'")[person] == 1


def rows(gateway: GatewayProcess, query: str) -> Counter[str]:
    """Return the values of a query and how often each comes."""
    engine = create_engine(gateway.config["store"]["url"])
    with engine.connect() as connection:
        found = Counter(connection.execute(text(query)).scalars())
    engine.dispose()
    return found


async def activated(gateway: GatewayProcess) -> None:
    """Activate where no API answers the check of the webhook's address."""
    done = await gateway.cli("mailchimp", "activate")
    assert "webhook" in done.stdout + done.stderr


@pytest.mark.soak
async def test_m8_syncs_killed_again_and_again_lose_and_double_nothing(
    start_gateway: StartGateway, sink: RawSink
) -> None:
    dice = random.Random(8)
    with ScriptedSandbox(options=Options(latency=0.02)) as sandbox:
        sandbox.furnish()
        async with campaigning(start_gateway, sink, sandbox) as gateway:
            await activated(gateway)
            names = [f"p{n}" for n in range(1200)]
            number, there = await campaign(gateway, sandbox, *names)
            acts = 0
            for _kill in range(40):
                for _ in range(300):
                    name = dice.choice(names)
                    sandbox.open(there, f"{name}@crm.test", proxy=dice.random() < 0.3)
                    acts += 1
                sandbox.advance(seconds=30)
                before = len(sandbox.calls)
                wanted = before + dice.randint(1, 9)
                process = launch(
                    [str(COMMAND), "campaigns", "sync", number],
                    gateway.folder / "sync.log",
                    environment={"GATEWAY_CONFIG": str(gateway.file)},
                    folder=gateway.folder,
                )
                while process.poll() is None and len(sandbox.calls) < wanted:
                    await asyncio.sleep(0.005)
                await asyncio.sleep(dice.random() * 0.2)
                signal_group(process.pid, signal.SIGKILL)
                await asyncio.to_thread(process.wait)
            for name in names[:50]:
                sandbox.unsubscribe(there, f"{name}@crm.test")
            await gateway.do("campaigns", "sync", number)
            report = await gateway.cli_json("campaigns", "report", number)
            told = rows(gateway, "SELECT type FROM events")

    assert acts == report["opens"]["times"]
    assert {"campaign.activity": acts + 50, "person.opted_out": 50} == told
