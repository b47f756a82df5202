"""The page of a campaign: its numbers, its members, and the result of what was done."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from fastapi import Request, Response

from gateway.api.console.access import ConsoleUser, text_for
from gateway.api.console.acts import doing
from gateway.api.console.pages import campaign_words as words
from gateway.api.console.rendering import render, see_other
from gateway.api.json_response import on_page, wrap_cursor
from gateway.api.person_cursors import member_before
from gateway.api.problems import Problem
from gateway.api.services import ApiServices, CampaignActions, NotDone, Told
from gateway.api.threads import in_turn
from gateway.core import ids
from gateway.core.campaigns.campaigns import GONE_STATES, OPEN_STATES
from gateway.documents.campaigns import MemberDoings, campaign_document, known_numbers
from gateway.store.campaigns import activities, campaign_members, campaign_syncs, campaigns
from gateway.store.campaigns.campaign_members import WhichMembers
from gateway.store.campaigns.campaigns import NoSuchCampaign
from gateway.store.engine.database import StoreTransaction

_AT_ONCE = 50
_QUARTER = timedelta(minutes=15)


async def show_campaign(
    request: Request,
    using: ApiServices,
    number: int,
    *,
    which: str = WhichMembers.ALL,
    cursor: str | None = None,
    problem: str = "",
    people_text: str = "",
    asks: str = "",
    question: Mapping[str, Any] | None = None,
    prepared: Mapping[str, Any] | None = None,
    status: int = 200,
) -> Response:
    """Show a campaign with a page of its members; `problem`: why an action was refused.

    `asks` names the question to show (`send`, `delete`, `confirm`, with `question` as its details);
    `prepared` is the result of `prepare`. Raises `Problem` (404) if there is no such campaign.
    """
    which_members = WhichMembers(which) if which in set(WhichMembers) else WhichMembers.ALL
    after = member_before(cursor)
    machines = using.count_machine_opens()

    def load(connection: StoreTransaction) -> dict[str, Any]:
        campaign = campaigns.by_id(connection, number)
        members = campaign_members.some_members(
            connection, number, which=which_members, after=after, limit=_AT_ONCE + 1
        )
        addresses = [member.address for member in members if member.address]
        doings = MemberDoings(activities.of_recipients(connection, number, addresses), machines)
        has_left = campaign.state in GONE_STATES
        synced = campaign_syncs.by_id(connection, number) if has_left else None
        return {
            "campaign": campaign,
            "document": campaign_document(campaign, campaign_members.tally(connection, number)),
            "members": [(member, doings.status(member)) for member in members],
            "numbers": known_numbers(
                connection,
                number,
                count_machine_opens=machines,
                counted_campaigns=using.campaign_counts,
            )
            if has_left
            else None,
            "as_of": None if synced is None else synced.synced_at,
            "groups": campaign_members.all_groups(connection)
            if campaign.state in OPEN_STATES
            else [],
        }

    try:
        values = await using.database.read(load)
    except NoSuchCampaign:
        raise Problem(404, text_for(request, "There is no such campaign.")) from None
    members = values.pop("members")
    shown_members, following = on_page(
        members, _AT_ONCE, lambda row: wrap_cursor([str(row[0].ref)])
    )
    return await render(
        request,
        "campaign.html",
        {
            **values,
            "members": shown_members,
            "following": following,
            "which": which_members,
            "which_names": words.which_names(request),
            "state_names": words.state_names(request),
            "reason_names": words.reason_names(request),
            "activity_names": words.activity_names(request),
            "is_filled": values["campaign"].state in OPEN_STATES,
            "has_left": values["campaign"].state in GONE_STATES,
            "next_quarter": _next_quarter(using),
            "problem": problem,
            "named": people_text,
            "asks": asks,
            "question": question,
            "prepared": prepared,
            "in_words": lambda text: words.in_words_of_the_page(request, text),
            "detail_in_words": lambda detail: words.detail_in_words(request, detail),
        },
        status=status,
    )


async def carry_out(
    request: Request,
    using: ApiServices,
    user: ConsoleUser,
    number: int,
    *,
    act: str,
    work: Callable[[CampaignActions], Told],
    sentence: str = "",
    detail: Callable[[Any], list[str]] | None = None,
    fields: Mapping[str, str] | None = None,
    people_text: str = "",
) -> Response:
    """Carry out an action on a campaign, and show the result, or why it was refused.

    `people_text` are the people in the form, which keeps them if one is unknown.
    """
    try:
        async with doing(request, user, f"campaign.{act}", about=ids.show(number)):
            done = await in_turn(work, using.campaigns)
    except NotDone as error:
        return await show_refusal(
            request, using, number, error, action=act, fields=fields, people_text=people_text
        )
    said_of_it = " ".join([sentence] if detail is None else detail(done))
    return await see_other(
        request,
        f"/console/campaigns/{ids.show(number)}",
        words.with_remarks(request, said_of_it, done),
    )


async def show_refusal(
    request: Request,
    using: ApiServices,
    number: int,
    error: NotDone,
    *,
    action: str,
    fields: Mapping[str, str] | None = None,
    people_text: str = "",
) -> Response:
    """Show why it was refused; if confirmation is enough, ask for it."""
    if error.status == 404:
        raise error
    if not error.more.get("needs_confirmed"):
        why = words.in_words_of_the_page(request, str(error))
        return await show_campaign(
            request, using, number, problem=why, people_text=people_text, status=error.status
        )
    return await show_campaign(
        request,
        using,
        number,
        asks="confirm",
        question={
            "action": action,
            "fields": {"sure": "yes", **(fields or {})},
            "dropped": error.more.get("dropped", 0),
            "of": error.more.get("dropped_of", 0),
        },
        status=error.status,
    )


def _next_quarter(using: ApiServices) -> str:
    """Return the first quarter of an hour from this time tomorrow, in the browser's format."""
    local = using.clock().astimezone(using.zone()) + timedelta(days=1)
    start = local.replace(minute=local.minute // 15 * 15, second=0, microsecond=0) + _QUARTER
    return f"{start:%Y-%m-%dT%H:%M}"
