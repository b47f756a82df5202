"""Counts of the stored activities of a campaign."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    case,
    func,
    literal,
    select,
    type_coerce,
    union_all,
)

from gateway.core.campaigns.campaign_report import ActivityTally, CampaignLink, KeptCounts
from gateway.core.campaigns.precedence import ActivityType
from gateway.store.schema.activities import activities
from gateway.store.schema.campaigns import campaigns
from gateway.store.schema.columns import moment

_A = activities.c
_C = campaigns.c
_LINKS = 10  #: The most clicked.
_REMEMBERED = 2_000  #: Campaigns.


def kept_counts(connection: Connection, campaign: int) -> KeptCounts:
    """Count what members did; `links` are the ten most clicked."""
    clicked = _A.type == ActivityType.CLICKED.value
    clicks, members = func.count().label("clicks"), func.count(_A.recipient.distinct())
    clicked_links = (
        select(func.max(_A.url).label("url"), clicks, members.label("members"))
        .where(_A.campaign == campaign, clicked, _A.url != "")
        .group_by(_A.link)
        .order_by(clicks.desc(), func.max(_A.url))
        .limit(_LINKS)
    )
    links = tuple(
        CampaignLink(url=row.url, clicks=row.clicks, members=row.members)
        for row in connection.execute(clicked_links)
    )
    return replace(kept_counts_of(connection, [campaign])[campaign], links=links)


def kept_counts_of(connection: Connection, numbers: Sequence[int]) -> dict[int, KeptCounts]:
    """Count what the members of up to a few hundred campaigns did, without links, in one query.

    A member's activities are next to each other in the table, so they are first added up by member,
    without building a set of members for each count.
    """
    of_member = (
        select(
            *(_A.campaign, _A.type, func.count().label("times")),
            func.sum(case((_A.machine, 0), else_=1)).label("by_people"),
            func.sum(case((_A.bounce == "soft", 1), else_=0)).label("soft"),
        )
        .where(_A.campaign.in_(numbers))
        .group_by(_A.campaign, _A.recipient, _A.type)
        .subquery()
    )
    m = of_member.c
    sums = select(
        *(m.campaign, m.type),
        *_tally_columns("all", m.times),
        *_tally_columns("by_people", m.by_people),
        *_tally_columns("soft", m.soft),
        *_tally_columns("hard", m.times - m.soft),
    ).group_by(m.campaign, m.type)
    counts = dict.fromkeys(numbers, KeptCounts())
    for row in connection.execute(sums):
        tallies: dict[str, Any]
        match ActivityType(row.type):
            case ActivityType.OPENED:
                tallies = {
                    "opened": _tally(row, "all"),
                    "opened_by_people": _tally(row, "by_people"),
                }
            case ActivityType.CLICKED:
                tallies = {"clicked": _tally(row, "all")}
            case ActivityType.UNSUBSCRIBED:
                tallies = {"unsubscribed": _tally(row, "all")}
            case ActivityType.BOUNCED:
                tallies = {"hard": _tally(row, "hard"), "soft": _tally(row, "soft")}
        counts[row.campaign] = replace(counts[row.campaign], **tallies)
    return counts


class CountedCampaigns:
    """Counts of campaigns as in `kept_counts_of`, recounted only for campaigns that changed.

    Counting the activities of twenty thousand members takes longer than a page may.
    """

    def __init__(self) -> None:
        self._marked_counts: dict[int, tuple[object, KeptCounts]] = {}

    def counts_of(self, connection: Connection, numbers: Sequence[int]) -> dict[int, KeptCounts]:
        """Return the counts of up to a few hundred campaigns."""
        marks = _marks(connection, numbers)
        entries = {number: self._marked_counts.get(number) for number in numbers}
        counts = {
            number: entry[1]
            for number, entry in entries.items()
            if entry is not None and entry[0] == marks[number]
        }
        changed = [number for number in numbers if number not in counts]
        if not changed:
            return counts
        counted = kept_counts_of(connection, changed)
        if len(self._marked_counts) > _REMEMBERED:
            self._marked_counts = {}
        self._marked_counts |= {number: (marks[number], counted[number]) for number in changed}
        return counts | counted


def _marks(connection: Connection, numbers: Sequence[int]) -> dict[int, object]:
    """Return a mark for each campaign that changes whenever its activities change.

    Activities are added, are marked as a machine's, and are deleted with people who are erased.
    """
    machines = func.sum(case((_A.machine, 1), else_=0))
    counted = select(_A.campaign, func.count(), machines).where(_A.campaign.in_(numbers))
    activity_counts = {
        campaign: (count, int(of_machines))
        for campaign, count, of_machines in connection.execute(counted.group_by(_A.campaign))
    }
    synced = select(_C.id, _C.synced_at).where(_C.id.in_(numbers))
    at = {row.id: row.synced_at for row in connection.execute(synced)}
    return {number: (at.get(number), activity_counts.get(number)) for number in numbers}


def _tally_columns(name: str, times: ColumnElement[int]) -> Sequence[ColumnElement[int]]:
    members = func.sum(case((times > 0, 1), else_=0))
    return func.sum(times).label(f"{name}_times"), members.label(f"{name}_members")


def _tally(row: Row[Any], name: str) -> ActivityTally:
    values = row._mapping
    return ActivityTally(times=int(values[f"{name}_times"]), members=int(values[f"{name}_members"]))


def last_activity_at(connection: Connection, campaign: int) -> datetime | None:
    """Return the time of the last activity."""
    latest: datetime | None = connection.scalar(
        select(func.max(_A.at)).where(_A.campaign == campaign)
    )
    return latest


def over_time(
    connection: Connection, campaign: int, width: timedelta
) -> dict[str, list[tuple[datetime, int]]]:
    """Return how many members did each thing for the first time in each interval, by its end.

    In total these are the members that `kept_counts` counts. `people` are those who opened it,
    without machines.
    """
    stretch = int(width / timedelta(microseconds=1))
    at = type_coerce(_A.at, BigInteger)
    by_person = case((_A.machine, None), else_=at)
    of_member = (
        select(_A.type, func.min(at).label("first"), func.min(by_person).label("first_by_person"))
        .where(_A.campaign == campaign)
        .group_by(_A.recipient, _A.type)
        .cte()
    )
    m = of_member.c
    opened = m.type == ActivityType.OPENED.value
    firsts = union_all(
        select(m.type.label("name"), (m.first // stretch).label("bucket")),
        select(literal("people"), m.first_by_person // stretch).where(
            opened, m.first_by_person.is_not(None)
        ),
    ).subquery()
    f = firsts.c
    query = select(f.name, f.bucket, func.count().label("number")).group_by(f.name, f.bucket)
    entries: dict[str, list[tuple[datetime, int]]] = {}
    for row in connection.execute(query):
        entry = moment((row.bucket + 1) * stretch), row.number
        entries.setdefault(row.name, []).append(entry)
    return entries
