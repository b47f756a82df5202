"""How far the activities of each campaign are known, and when it is next checked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson
from sqlalchemy import ColumnElement, Connection, bindparam, case, literal, or_, select, update

from gateway.core.campaigns.campaigns import READ_STATES, Campaign, CampaignState
from gateway.core.campaigns.counters import Counters
from gateway.store.campaigns.activities import ActivityCampaign
from gateway.store.campaigns.campaigns import from_row
from gateway.store.schema.campaigns import audiences, campaigns

#: Minimum interval between two syncs of a campaign, whatever webhooks report.
_APART = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """A campaign, and how far its activities are known."""

    campaign: Campaign
    until: datetime | None  #: The newest known activity, by Mailchimp's clock.
    counters: Counters | None  #: As last read; None if never read.
    gaps: Mapping[str, int] = field(default_factory=dict)  #: Counted by Mailchimp but never shown.
    synced_at: datetime | None
    next_sync: datetime | None

    @property
    def mailing(self) -> ActivityCampaign:
        """The campaign in the form its activities are stored under."""
        campaign = self.campaign
        return ActivityCampaign(
            id=campaign.id,
            mailchimp_id=campaign.mailchimp_id,
            audience=campaign.audience,
            name=campaign.name,
        )

    @property
    def is_sent(self) -> bool:
        """Whether it has a report."""
        return self.campaign.state is CampaignState.SENT

    def age_from(self, *, sending: bool) -> datetime | None:
        """Return when its age starts: when it was sent or, if it wasn't, created."""
        campaign = self.campaign
        return (campaign.sent_at if sending else None) or campaign.opened_at


def at_mailchimp(connection: Connection) -> list[Synced]:
    """Return all campaigns that exist in some form at Mailchimp, oldest first."""
    return _synced_campaigns(
        connection, campaigns.c.state.in_(READ_STATES), campaigns.c.mailchimp_id != ""
    )


def by_id(connection: Connection, number: int) -> Synced | None:
    """Return a campaign."""
    return next(iter(_synced_campaigns(connection, campaigns.c.id == number)), None)


def by_ids(connection: Connection, numbers: Sequence[int]) -> dict[int, Synced]:
    """Return up to a few hundred campaigns by number, leaving out those that don't exist."""
    return {
        synced.campaign.id: synced
        for synced in _synced_campaigns(connection, campaigns.c.id.in_(numbers))
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTimes:
    """When Mailchimp was last read, and when it will next be, over everything there is to read."""

    campaigns: int
    last: datetime | None  #: None if nothing was ever read.
    next: datetime | None  #: In the past if something is due; None if there is nothing to read.


def reads(connection: Connection) -> ReadTimes:
    """Return when campaigns were last read, and when one will next be."""
    synced_campaigns = [synced.campaign for synced in at_mailchimp(connection)]
    return ReadTimes(
        campaigns=len(synced_campaigns),
        last=max(
            (synced.synced_at for synced in synced_campaigns if synced.synced_at), default=None
        ),
        next=min(
            (synced.next_read for synced in synced_campaigns if synced.next_read), default=None
        ),
    )


def is_due(connection: Connection, now: datetime) -> bool:
    """Whether anything is due to be checked."""
    c, a = campaigns.c, audiences.c
    is_at_mailchimp = (c.state.in_(READ_STATES), c.mailchimp_id != "")
    of_campaigns = select(c.id).where(
        *is_at_mailchimp, or_(c.next_sync.is_(None), c.next_sync <= now)
    )
    of_audiences = select(a.id).where(or_(a.next_sync.is_(None), a.next_sync <= now))
    return any(
        connection.execute(query.limit(1)).first() is not None
        for query in (of_campaigns, of_audiences)
    )


def record_sync(
    connection: Connection,
    number: int,
    *,
    counters: Counters,
    gaps: Mapping[str, int],
    until: datetime | None,
    synced_at: datetime,
    before: datetime | None,
    next_sync: datetime,
) -> None:
    """Record how far the activities of a campaign are known, and when it is next checked.

    `before` is its `next_sync` when reading began. If that has changed meanwhile, something
    happened that may have been missed (`bring_forward`), so it is checked again in a minute.
    """
    document = orjson.dumps({"counters": counters.document(), "gaps": dict(gaps)}).decode()
    values = {"counters": document, "activity_until": until}
    query = update(campaigns).where(campaigns.c.id == number)
    kept_due = campaigns.c.next_sync
    due = case(
        (kept_due.is_not_distinct_from(before), literal(next_sync, kept_due.type)),
        else_=literal(min(next_sync, synced_at + _APART), kept_due.type),
    )
    connection.execute(query.values(**values, synced_at=synced_at, next_sync=due))


def record_unchanged(
    connection: Connection, times: Iterable[tuple[Synced, datetime]], now: datetime
) -> None:
    """Record that nothing changed in these campaigns, and when to check each again.

    The campaigns are given as they were when checking began: see `record_sync`.
    """
    c = campaigns.c
    is_as_before = c.next_sync.is_not_distinct_from(bindparam("before", type_=c.next_sync.type))
    due = case(
        (is_as_before, bindparam("next_at", type_=c.next_sync.type)),
        else_=bindparam("at_latest", type_=c.next_sync.type),
    )
    query = (
        update(campaigns).where(c.id == bindparam("number")).values(synced_at=now, next_sync=due)
    )
    rows = [
        {
            "number": synced.campaign.id,
            "before": synced.next_sync,
            "next_at": at,
            "at_latest": min(at, now + _APART),
        }
        for synced, at in times
    ]
    if rows:
        connection.execute(query, rows)


def put_off(connection: Connection, numbers: Iterable[int], until: datetime) -> None:
    """Postpone the next check of campaigns to a time."""
    query = update(campaigns).where(campaigns.c.id.in_(list(numbers)))
    connection.execute(query.values(next_sync=until))


def bring_forward(connection: Connection, audience: str, mailchimp_id: str, now: datetime) -> None:
    """Check an audience now and, if one is named, a campaign a minute after its last check.

    That way a large campaign isn't read over and over, however much happens. It may be being read
    right now, already past what happened, whether it is due or not; so its time is changed in any
    case, for `mark` to notice.
    """
    connection.execute(update(audiences).where(audiences.c.id == audience).values(next_sync=now))
    c = campaigns.c
    is_meant = (c.mailchimp_id == mailchimp_id, c.audience == audience, c.mailchimp_id != "")
    for number, synced_at, due in connection.execute(
        select(c.id, c.synced_at, c.next_sync).where(*is_meant)
    ).all():
        sooner = max(now, synced_at + _APART) if synced_at else now
        at = now if due is None or due <= now else min(sooner, due)
        put_off(connection, [number], at if at != due else at + timedelta(microseconds=1))


def _synced_campaigns(connection: Connection, *which: ColumnElement[bool]) -> list[Synced]:
    rows = connection.execute(select(campaigns).where(*which).order_by(campaigns.c.id))
    synced = []
    for row in rows:
        document = orjson.loads(row.counters) if row.counters else {}
        counters = document.get("counters")
        synced.append(
            Synced(
                campaign=from_row(row),
                until=row.activity_until,
                counters=Counters.of_document(counters) if counters else None,
                gaps=document.get("gaps") or {},
                synced_at=row.synced_at,
                next_sync=row.next_sync,
            )
        )
    return synced
