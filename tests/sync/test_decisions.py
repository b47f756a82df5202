"""What the sync decides without asking anybody."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.core.campaigns.campaigns import Campaign, CampaignState, PendingCall
from gateway.store.campaigns.campaign_syncs import Synced
from gateway.sync.activation import NAME, choose_audience
from gateway.sync.campaign_at_mailchimp import UNSCHEDULED, stays_unscheduled
from gateway.sync.refresh import LastCheck, is_due
from gateway.sync.sync_round import next_check

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
CAMPAIGN = Campaign(
    id=1,
    name="Vacatures",
    state=CampaignState.SCHEDULED,
    template=1,
    template_name="Nieuwsbrief",
    from_name="CRM",
    from_address="office@crm.test",
    audience="a1",
)
OURS = {"id": "a1", "name": NAME}
OTHER = {"id": "b2", "name": "Klanten"}
#: Bears the id of another one as its name.
MISLEADING = {"id": "c3", "name": "b2"}


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


@pytest.mark.parametrize(
    ("lists", "wished", "active", "may_make", "chosen"),
    [
        pytest.param([OURS, OTHER], "b2", "a1", False, OTHER, id="wished for by its id"),
        pytest.param([OURS, OTHER], "Klanten", "", True, OTHER, id="wished for by its name"),
        pytest.param([MISLEADING, OTHER], "b2", "", True, OTHER, id="an id before a name"),
        pytest.param([OURS], "Anders", "a1", False, None, id="no other than was wished for"),
        pytest.param([OURS, OTHER], "", "b2", True, OTHER, id="the one in use"),
        pytest.param([OURS, OTHER], "", "gone", True, OURS, id="in use is gone, ours is there"),
        pytest.param([OTHER, OURS], "", "", False, OURS, id="ours by its name"),
        pytest.param([OTHER], "", "", False, OTHER, id="the only one there is"),
        pytest.param([OTHER], "", "", True, None, id="rather one of our own, if it may be made"),
        pytest.param([OTHER, MISLEADING], "", "", False, None, id="nobody can say which"),
        pytest.param([], "", "", True, None, id="an empty account"),
    ],
)
def test_the_audience_is_chosen_by_wish_then_use_then_name(
    lists: list[dict[str, str]],
    wished: str,
    active: str,
    may_make: bool,
    chosen: dict[str, str] | None,
) -> None:
    assert chosen == choose_audience(lists, wished=wished, active=active, may_make=may_make)


@pytest.mark.parametrize(
    ("fields", "looked", "due"),
    [
        pytest.param({}, None, False, id="it has no time"),
        pytest.param({"scheduled_for": NOW + minutes(20)}, None, True, id="20 minutes before"),
        pytest.param({"scheduled_for": NOW + minutes(20.1)}, None, False, id="earlier than that"),
        pytest.param({"scheduled_for": NOW + minutes(5)}, NOW - minutes(1), True, id="each minute"),
        pytest.param(
            {"scheduled_for": NOW + minutes(5)}, NOW - minutes(0.9), False, id="no more often"
        ),
        pytest.param({"scheduled_for": NOW - minutes(20)}, None, True, id="whether it left"),
        pytest.param({"scheduled_for": NOW - minutes(20.1)}, None, False, id="long ago"),
        pytest.param({"sent_at": NOW - minutes(20)}, None, True, id="sent at once"),
        pytest.param(
            {"scheduled_for": NOW + minutes(1)}, NOW, True, id="each time in the last minute"
        ),
        pytest.param(
            {"pending_call": PendingCall.REFRESH}, NOW, True, id="a refresh was broken off"
        ),
    ],
)
def test_a_scheduled_campaign_is_looked_after_around_its_time(
    fields: dict[str, Any], looked: datetime | None, due: bool
) -> None:
    before = LastCheck(looked, None) if looked else None
    assert due == is_due(replace(CAMPAIGN, **fields), before, NOW)


@pytest.mark.parametrize(
    ("fields", "looked", "due"),
    [
        pytest.param({}, None, True, id="never yet"),
        pytest.param({}, NOW - minutes(9.9), False, id="no more often"),
        pytest.param({}, NOW - minutes(10), True, id="every ten minutes"),
        pytest.param({"opened_at": NOW - minutes(43_200)}, NOW - minutes(600), False, id="later"),
        pytest.param(
            {"opened_at": NOW - minutes(43_200)}, NOW - minutes(1_440), True, id="once a day"
        ),
        pytest.param({"state": CampaignState.SENDING}, NOW - minutes(1_440), False, id="it left"),
    ],
)
def test_an_opened_campaign_is_looked_after_all_the_time(
    fields: dict[str, Any], looked: datetime | None, due: bool
) -> None:
    opened: dict[str, Any] = {"state": CampaignState.OPENED, "opened_at": NOW - minutes(1_440)}
    before = LastCheck(looked, None) if looked else None
    assert due == is_due(replace(CAMPAIGN, **(opened | fields)), before, NOW)


def test_a_campaign_that_somebody_unscheduled_is_looked_after_until_its_time_is_past() -> None:
    campaign = replace(CAMPAIGN, state=CampaignState.OPENED, scheduled_for=None)
    looked = LastCheck(NOW - minutes(1), NOW)

    assert is_due(campaign, looked, NOW)
    assert not is_due(campaign, looked, NOW + minutes(20.1))


@pytest.mark.parametrize(
    ("fields", "after"),
    [
        pytest.param({"state": CampaignState.OPENED}, minutes(60), id="by its age"),
        pytest.param(
            {"state": CampaignState.OPENED, "trouble": UNSCHEDULED}, minutes(10), id="unscheduled"
        ),
        pytest.param(
            {"state": CampaignState.OPENED, "trouble": stays_unscheduled("x")},
            minutes(10),
            id="unscheduled by the gateway",
        ),
        pytest.param(
            {
                "state": CampaignState.OPENED,
                "trouble": UNSCHEDULED,
                "opened_at": NOW - timedelta(days=30),
            },
            timedelta(days=1),
            id="unscheduled long ago",
        ),
        pytest.param({"state": CampaignState.SENDING}, minutes(10), id="it leaves now"),
        pytest.param({"scheduled_for": NOW + minutes(30)}, minutes(40), id="it leaves before that"),
        pytest.param({"scheduled_for": NOW + minutes(90)}, minutes(60), id="it leaves later"),
        pytest.param({"scheduled_for": NOW - minutes(5)}, minutes(10), id="it should have left"),
        pytest.param({"scheduled_for": None}, minutes(60), id="nobody knows when it leaves"),
    ],
)
def test_a_campaign_is_looked_at_again_by_its_age_and_soon_once_it_leaves(
    fields: dict[str, Any], after: timedelta
) -> None:
    campaign = replace(CAMPAIGN, **{"opened_at": NOW - timedelta(hours=3), **fields})
    synced = Synced(campaign=campaign, until=None, counters=None, synced_at=None, next_sync=None)

    assert NOW + after == next_check(synced, from_sending=False, now=NOW)
