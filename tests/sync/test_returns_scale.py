"""The way back of a large campaign: issue 4, "Numbers"."""

import random
import time
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core.people.people import PersonKind, PersonRef
from gateway.sandbox import contacts
from gateway.store.engine.database import Database
from tests.rig.sandbox import ScriptedSandbox
from tests.sync.api import START
from tests.sync.returning import Crm, address

MEMBERS, FRESH = 100_000, 30_000
SECONDS = 60.0


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_thirty_thousand_fresh_events_are_mirrored_within_a_minute(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/gateway.db")
    database.prepare()
    dice = random.Random(3)
    with ScriptedSandbox(start=START) as sandbox:
        crm = Crm(database, sandbox)
        refs = [PersonRef(PersonKind.CANDIDATE, f"p{n}") for n in range(MEMBERS)]
        crm.tell(*refs)
        fill(sandbox, crm.audience, refs)
        campaign = crm.campaign(*refs)
        crm.sync()
        for _ in range(FRESH):
            sandbox.account.clock.advance(timedelta(milliseconds=20))
            who = address(dice.choice(refs))
            if dice.random() < 0.7:
                sandbox.open(campaign.mailchimp_id, who, proxy=dice.random() < 0.3)
            else:
                sandbox.click(campaign.mailchimp_id, who)
        began = time.monotonic()

        calls = crm.sync()

        seconds = time.monotonic() - began
        crm.close()
    kept = crm.kept(campaign)
    database.close()
    assert FRESH == kept["opened"] + kept["clicked"]
    assert len(calls) < 300
    assert seconds < SECONDS


def fill(sandbox: ScriptedSandbox, audience: str, refs: list[PersonRef]) -> None:
    """Put everybody into the audience at once."""
    with sandbox.account.lock:
        there = sandbox.account.audience(audience)
        writer = contacts.Writer(
            account=sandbox.account, audience=there, source="user", lenient=True
        )
        for ref in refs:
            writer.create(address(ref), {"merge_fields": {}}, "subscribed")
