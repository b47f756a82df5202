"""Counts of the stored activities of a campaign."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, func, select, type_coerce

from gateway.core.campaigns.campaign_report import KeptCounts, Link, Tally
from gateway.core.campaigns.precedence import ActivityType
from gateway.store.schema import activities
from gateway.store.schema.columns import moment

_A = activities.c
_LINKS = 10  #: The best ones.


def kept(connection: Connection, campaign: int) -> KeptCounts:
    """Count what members did; links are the most clicked ten."""
    opened = _of_type(ActivityType.OPENED)
    bounced = _of_type(ActivityType.BOUNCED)
    clicked = _of_type(ActivityType.CLICKED)
    clicks, members = func.count().label("clicks"), func.count(_A.recipient.distinct())
    clicked_links = (
        select(func.max(_A.url).label("url"), clicks, members.label("members"))
        .where(_A.campaign == campaign, clicked, _A.url != "")
        .group_by(_A.link)
        .order_by(clicks.desc(), func.max(_A.url))
        .limit(_LINKS)
    )
    return KeptCounts(
        hard=_tally(connection, campaign, bounced, _A.bounce != "soft"),
        soft=_tally(connection, campaign, bounced, _A.bounce == "soft"),
        opened=_tally(connection, campaign, opened),
        opened_by_people=_tally(connection, campaign, opened, ~_A.machine),
        clicked=_tally(connection, campaign, clicked),
        unsubscribed=_tally(connection, campaign, _of_type(ActivityType.UNSUBSCRIBED)),
        links=tuple(
            Link(url=row.url, clicks=row.clicks, members=row.members)
            for row in connection.execute(clicked_links)
        ),
    )


def last(connection: Connection, campaign: int) -> datetime | None:
    """Return the time of the latest activity."""
    latest: datetime | None = connection.scalar(
        select(func.max(_A.at)).where(_A.campaign == campaign)
    )
    return latest


def over_time(
    connection: Connection, campaign: int, width: timedelta
) -> dict[str, list[tuple[datetime, int]]]:
    """Return how many activities of each type fell into each interval, by the interval's end.

    `people` counts the opens that no machine made.
    """
    stretch = int(width / timedelta(microseconds=1))
    bucket = type_coerce(_A.at, BigInteger) // stretch
    query = (
        select(_A.type, _A.machine, bucket.label("bucket"), func.count().label("number"))
        .where(_A.campaign == campaign)
        .group_by(_A.type, _A.machine, bucket)
    )
    entries: dict[str, list[tuple[datetime, int]]] = {}
    for row in connection.execute(query):
        entry = moment((row.bucket + 1) * stretch), row.number
        entries.setdefault(row.type, []).append(entry)
        if row.type == ActivityType.OPENED and not row.machine:
            entries.setdefault("people", []).append(entry)
    return entries


def _of_type(kind: ActivityType) -> ColumnElement[bool]:
    return _A.type == kind.value


def _tally(connection: Connection, campaign: int, *which: Any) -> Tally:
    query = select(func.count(), func.count(_A.recipient.distinct()))
    times, members = connection.execute(query.where(_A.campaign == campaign, *which)).one()
    return Tally(times=times, members=members)
