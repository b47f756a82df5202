"""The role `sync`, as a process of its own, looks after a scheduled campaign."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.core import ids
from gateway.store.engine.database import Database
from gateway.sync import campaigns as sync_campaigns
from tests.conftest import StartGateway
from tests.rig.process import wait_until
from tests.rig.sandbox import ScriptedSandbox
from tests.sync.contract import contract
from tests.sync.mailchimp_rig import KEY, MailchimpRig, candidate, email

QUARTER = timedelta(minutes=15)
ANN, BOB = candidate("ann"), candidate("bob")


def next_quarter() -> datetime:
    """Return a quarter hour three to eighteen minutes ahead."""
    soon = datetime.now(UTC) + timedelta(minutes=3)
    past = (soon - datetime(1970, 1, 1, tzinfo=UTC)) % QUARTER
    return soon - past + QUARTER


def scheduled(folder: Path, sandbox: ScriptedSandbox, at: datetime) -> str:
    """Schedule a campaign to Ann and Bob, and let Bob opt out; return its id."""
    database = Database(f"sqlite:///{folder}/gateway.db")
    database.prepare()
    rig = MailchimpRig(database, sandbox)
    rig.activate()
    rig.people(ANN, BOB)
    number = rig.campaign(ANN, BOB)
    sync_campaigns.schedule(rig.session, number, at, yes=False)
    rig.opt_out(BOB)
    rig.close()
    database.close()
    return ids.show(number)


@pytest.mark.system
async def test_who_opts_out_while_a_campaign_waits_is_left_out_by_the_sync(
    start_gateway: StartGateway, cleanup: AsyncExitStack
) -> None:
    sandbox = cleanup.enter_context(ScriptedSandbox(check=contract()))
    account = {"api_key": KEY, "base_url": sandbox.url}
    gateway = await start_gateway(
        1, changes={"mailchimp": account}, roles=("sync",), is_started=False
    )
    at = next_quarter()
    number = await asyncio.to_thread(scheduled, gateway.folder, sandbox, at)

    await gateway.start(is_ready=False)
    (audience,) = sandbox.account.audiences.values()
    (segment,) = audience.segments.values()
    (campaign,) = sandbox.account.campaigns.values()

    def is_trimmed() -> bool:
        return len(segment.members) == 1 and campaign.status == "schedule"

    await wait_until(is_trimmed, "the segment without Bob, scheduled again", timeout=90)
    assert campaign.scheduled_for == at
    assert {audience.members[each].address for each in segment.members} == {email("ann")}
    await gateway.wait_for_log("campaign_refreshed")
    (line,) = gateway.log_lines("campaign_refreshed")
    assert (line["campaign"], line["left_out"]) == (number, 1)
    assert not sandbox.violations
