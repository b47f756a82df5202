"""Campaigns over HTTP, in the shape the command line prints."""

from datetime import UTC, datetime

from gateway.core import ids
from gateway.core.campaigns.campaigns import Campaign, CampaignState
from gateway.core.people.people import PersonKind, PersonRef
from gateway.documents.campaigns import campaign_whole_document
from gateway.store.campaigns import campaign_members, campaigns
from tests.api.served import IDS, Served

ANN = PersonRef(PersonKind.CANDIDATE, "17")


def campaign(name: str) -> Campaign:
    return Campaign(
        id=IDS.next(),
        name=name,
        state=CampaignState.DRAFT,
        template=7,
        from_name="Office",
        from_address="office@example.org",
    )


async def test_campaigns_are_listed_in_pages_and_shown_with_their_members(api: Served) -> None:
    await api.feed("people", '{"crm_id":"17","emails":"ann@example.org","first_name":"Ann"}')
    news, jobs = campaign("News"), campaign("Jobs")
    with api.database.writing() as connection:
        campaigns.put(connection, news)
        campaigns.put(connection, jobs)
        campaign_members.add(connection, news.id, [ANN], datetime.now(UTC))

    first = await api.get("/campaigns", limit=1)
    second = await api.get("/campaigns", limit=1, cursor=first["next"])
    shown = await api.get(f"/campaigns/{ids.show(news.id)}")
    short = await api.get(f"/campaigns/{ids.show(news.id)}", members=False)
    with api.database.reading() as connection:
        told = campaign_whole_document(connection, news.id, count_machine_opens=True)

    assert ["Jobs", "News"] == [page["items"][0]["name"] for page in (first, second)]
    assert second["next"] is None
    assert told == shown
    assert ["candidate:17"] == [one["person"] for one in shown["members"]]
    assert {**short, "members": shown["members"]} == shown
    assert 404 == (await api.ask("GET", "/campaigns/0000000000001")).status_code
