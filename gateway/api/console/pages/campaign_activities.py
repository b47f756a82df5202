"""The members' activities in a campaign: who, when, and what."""

from dataclasses import astuple
from datetime import UTC, datetime
from typing import Any

from fastapi import Request, Response

from gateway.api.console.access import text_for
from gateway.api.console.pages import campaign_words as words
from gateway.api.console.rendering import render
from gateway.api.json_response import on_page, unknown_cursor, unwrap_cursor, wrap_cursor
from gateway.api.problems import Problem
from gateway.api.services import ApiServices
from gateway.core.campaigns.precedence import ActivityType
from gateway.store.campaigns import activities, campaigns
from gateway.store.campaigns.activities import ActivityPlace
from gateway.store.campaigns.campaigns import NoSuchCampaign
from gateway.store.engine.database import StoreTransaction

_AT_ONCE = 50


async def show_activities(
    request: Request, using: ApiServices, number: int, *, sort: str, cursor: str | None
) -> Response:
    """Show a page of the list, optionally of one type only.

    Raises `Problem`: 404 if there is no such campaign, 422 for an invalid cursor.
    """
    activity_type = ActivityType(sort) if sort in set(ActivityType) else None
    after = None if cursor is None else _place(cursor)

    def load(connection: StoreTransaction) -> dict[str, Any]:
        campaign = campaigns.by_id(connection, number)
        listed = activities.list_activities(
            connection, number, type=activity_type, after=after, limit=_AT_ONCE + 1
        )
        recipients = {act.recipient for _, act in listed}
        people = activities.members_by_address(connection, number, recipients)
        return {"campaign": campaign, "listed": listed, "people": people}

    try:
        values = await using.database.read(load)
    except NoSuchCampaign:
        raise Problem(404, text_for(request, "There is no such campaign.")) from None
    listed, people = values.pop("listed"), values.pop("people")
    shown_rows, following = on_page(listed, _AT_ONCE, lambda row: wrap_cursor(_texts(row[0])))
    rows = [
        {
            "recipient": act.recipient,
            "activity": act.activity,
            "people": [ref for ref in people.get(act.recipient, ()) if ref is not None],
        }
        for _, act in shown_rows
    ]
    return await render(
        request,
        "campaign_activities.html",
        {
            **values,
            "rows": rows,
            "following": following,
            "chosen": activity_type,
            "activity_names": words.activity_names(request),
            "bounce_names": words.bounce_names(request),
        },
    )


def _texts(place: ActivityPlace) -> list[str]:
    at, *others = astuple(place)
    return [at.isoformat(), *map(str, others)]


def _place(cursor: str) -> ActivityPlace:
    at, recipient, sort, link, nth = unwrap_cursor(cursor, 5)
    try:
        moment = datetime.fromisoformat(at).astimezone(UTC)
        place = ActivityPlace(moment, recipient, sort, int(link), int(nth))
    except (ValueError, OverflowError):
        place = None
    if place is None or max(abs(place.link), abs(place.nth)) >= 2**62:
        raise unknown_cursor()
    return place
