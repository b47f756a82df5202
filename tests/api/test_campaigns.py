"""Campaigns over HTTP, in the shape the command line prints."""

from datetime import UTC, datetime

from gateway.api.json_response import wrap_cursor
from gateway.core import ids
from gateway.core.campaigns.campaigns import Campaign, CampaignState
from gateway.core.campaigns.membership import LeftOutReason, MemberOut
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


async def test_members_come_page_by_page_and_by_what_became_of_them(api: Served) -> None:
    people = [PersonRef(PersonKind.CANDIDATE, crm_id) for crm_id in ("17", "18", "19", "20")]
    news = campaign("News")
    with api.database.writing() as connection:
        campaigns.put(connection, news)
        campaign_members.add(connection, news.id, people, datetime.now(UTC))
        members = campaign_members.candidates(connection, news.id, after=None, limit=10)
        out = MemberOut(LeftOutReason.NO_ADDRESS, "")
        # 17 and 18 were in; now 17 and 19 are.
        decisions = [(member, None if member.ref.crm_id in "17 18" else out) for member in members]
        campaign_members.keep_decisions(connection, news.id, decisions)
        campaign_members.expect(connection, news.id)
        decisions = [(member, None if member.ref.crm_id in "17 19" else out) for member in members]
        campaign_members.keep_decisions(connection, news.id, decisions)
    path = f"/campaigns/{ids.show(news.id)}/members"

    async def asked(**which: object) -> list[str]:
        return [member["person"][-2:] for member in (await api.get(path, **which))["items"]]

    first = await api.get(path, limit=3)
    second = await api.get(path, limit=3, cursor=first["next"])

    assert ["17", "18", "19"] == [member["person"][-2:] for member in first["items"]]
    assert (["candidate:20"], None) == ([one["person"] for one in second["items"]], second["next"])
    assert ["17", "19"] == await asked(which="in")
    assert ["18", "20"] == await asked(which="out")
    assert ["18"] == await asked(which="dropped")
    assert ["19"] == await asked(which="joined")
    assert ["18", "20"] == await asked(reason="no_address")
    assert [] == await asked(reason="opt_out")
    assert (
        422 == (await api.ask("GET", path, params={"cursor": wrap_cursor(["nobody"])})).status_code
    )
    assert 404 == (await api.ask("GET", "/campaigns/0000000000001/members")).status_code
