"""What members of campaigns did, stored once however often Mailchimp reports it."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, or_, select, tuple_, update

from gateway.core.batches import batched
from gateway.core.campaigns.activity import ReportedRecipient
from gateway.core.campaigns.precedence import Activity, ActivityType
from gateway.core.mail.address import lookup_form
from gateway.core.people.people import PersonKind, PersonRef
from gateway.store.engine.upsert import insert_into
from gateway.store.schema.activities import activities
from gateway.store.schema.campaigns import audience_members, campaign_members, campaigns

_KEY = (
    activities.c.recipient,
    activities.c.type,
    activities.c.at,
    activities.c.link,
    activities.c.nth,
)
_AT_ONCE = 500  #: Rows per statement: SQLite takes no more than 32,766 values.


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityCampaign:
    """The campaign activities belong to."""

    id: int
    mailchimp_id: str
    audience: str
    name: str  #: Title of its activities.


@dataclass(frozen=True, slots=True)
class RecipientActivity:
    """An activity and who did it."""

    recipient: str  #: The address the campaign went to, in lookup form.
    activity: Activity


@dataclass(frozen=True, slots=True)
class MemberActivity:
    """An activity of a person, with its campaign."""

    campaign: int
    title: str
    act: RecipientActivity


def keep(
    connection: Connection,
    mailing: ActivityCampaign,
    contacts: Sequence[ReportedRecipient],
    *,
    now: datetime,
) -> list[RecipientActivity]:
    """Store activities and return the new ones.

    A known open may later be marked as a machine's, but is never unmarked.
    """
    recipients = recipients_of(connection, mailing, contacts)
    _forget_strangers(connection, mailing, recipients)
    acts = {
        _key(act): act
        for contact in contacts
        for act in (
            RecipientActivity(recipients[contact.email_id, contact.email], activity)
            for activity in contact.activities
        )
    }
    statement = insert_into(connection, activities).on_conflict_do_nothing().returning(*_KEY)
    new: dict[tuple[Any, ...], RecipientActivity] = {}
    for chunk in batched(list(acts.values()), _AT_ONCE):
        rows = [
            {
                "campaign": mailing.id,
                "recipient": act.recipient,
                "type": act.activity.type.value,
                "at": act.activity.at,
                "link": _link(act.activity.url),
                "nth": act.activity.nth,
                "url": act.activity.url,
                "bounce": act.activity.bounce,
                "machine": act.activity.machine,
                "reason": act.activity.reason,
                "seen_at": now,
            }
            for act in chunk
        ]
        for inserted in connection.execute(statement, rows):
            new[tuple(inserted)] = acts[tuple(inserted)]
    machines = [key for key, act in acts.items() if key not in new and act.activity.machine]
    human = and_(activities.c.campaign == mailing.id, ~activities.c.machine)
    for keys in batched(machines, _AT_ONCE):
        has_recipient = activities.c.recipient.in_({key[0] for key in keys})
        query = select(*_KEY).where(human, has_recipient)
        unmarked = {tuple(row) for row in connection.execute(query)}
        for key in unmarked.intersection(keys):
            same = (column == value for column, value in zip(_KEY, key, strict=True))
            connection.execute(update(activities).where(human, *same).values(machine=True))
    return list(new.values())


def _forget_strangers(
    connection: Connection, mailing: ActivityCampaign, recipients: Mapping[tuple[str, str], str]
) -> None:
    """Delete what was stored under the new address of a member whose contact was not known then.

    It would be there twice. What isn't reported now is missed by the counters, and read again.
    """
    c = activities.c
    present = {lookup_form(email): recipient for (_, email), recipient in recipients.items()}
    moved = sorted(address for address, recipient in present.items() if address != recipient)
    for chunk in batched(moved, _AT_ONCE):
        connection.execute(
            delete(activities).where(c.campaign == mailing.id, c.recipient.in_(chunk))
        )


def recipients_of(
    connection: Connection, mailing: ActivityCampaign, contacts: Iterable[ReportedRecipient]
) -> dict[tuple[str, str], str]:
    """Return the address the campaign went to, by contact id and Mailchimp's current address.

    People who have changed their address since are found by their contact; if that is unknown, the
    current address is used.
    """
    addresses = {
        (contact.email_id, contact.email): lookup_form(contact.email) for contact in contacts
    }
    members = _members_among(connection, mailing.id, addresses.values())
    strangers = {key for key, address in addresses.items() if address not in members}
    moved = _moved_addresses(connection, mailing, {email_id for email_id, _ in strangers})
    return addresses | {key: moved[key[0]] for key in strangers if key[0] in moved}


def unknown_contacts(
    connection: Connection, mailing: ActivityCampaign, contacts: Iterable[ReportedRecipient]
) -> list[str]:
    """Return the ids of recipients whose address and contact are both unknown."""
    addresses = {
        contact.email_id: lookup_form(contact.email) for contact in contacts if contact.email_id
    }
    members = _members_among(connection, mailing.id, addresses.values())
    strangers = [email_id for email_id, address in addresses.items() if address not in members]
    c = audience_members.c
    known_ids: set[str] = set()
    for chunk in batched(strangers, _AT_ONCE):
        is_in_chunk = (c.audience == mailing.audience, c.email_id.in_(chunk))
        known_ids.update(connection.scalars(select(c.email_id).where(*is_in_chunk)))
    return [email_id for email_id in strangers if email_id not in known_ids]


def _members_among(connection: Connection, campaign: int, addresses: Iterable[str]) -> set[str]:
    c, members = campaign_members.c, set[str]()
    for chunk in batched(sorted(set(addresses) - {""}), _AT_ONCE):
        is_in_chunk = (c.campaign == campaign, c.address.in_(chunk))
        members.update(connection.scalars(select(c.address).where(*is_in_chunk).distinct()))
    return members


def _moved_addresses(
    connection: Connection, mailing: ActivityCampaign, email_ids: Collection[str]
) -> dict[str, str]:
    """Return the members' addresses of contacts whose address has changed since (M7)."""
    c = audience_members.c
    in_audience = c.audience == mailing.audience
    moved: dict[str, str] = {}
    for chunk in batched(sorted(email_ids - {""}), _AT_ONCE):  # type: ignore[operator]
        rows = connection.execute(
            select(c.email_id, c.contact_id, c.address).where(in_audience, c.email_id.in_(chunk))
        ).all()
        contacts = {row.contact_id: row.email_id for row in rows if row.contact_id}
        addresses = {row.address: row.email_id for row in rows}
        if contacts:
            same = select(c.address, c.contact_id).where(in_audience, c.contact_id.in_(contacts))
            addresses |= {a: contacts[contact] for a, contact in connection.execute(same)}
        for address in _members_among(connection, mailing.id, addresses):
            moved[addresses[address]] = address
    return moved


def _key(act: RecipientActivity) -> tuple[Any, ...]:
    activity = act.activity
    return act.recipient, activity.type.value, activity.at, _link(activity.url), activity.nth


def _link(url: str) -> int:
    """Return a number for a URL, as the URL itself may be too long for an index; 0 if none."""
    if not url:
        return 0
    return int.from_bytes(hashlib.sha256(url.encode(errors="replace")).digest()[:7]) + 1


def members_by_address(
    connection: Connection, campaign: int, addresses: Collection[str]
) -> dict[str, list[PersonRef | None]]:
    """Return the members of a campaign with these addresses; several may share one."""
    c, members = campaign_members.c, dict[str, list[PersonRef | None]]()
    for chunk in batched(sorted(addresses), _AT_ONCE):
        is_in_chunk = (c.campaign == campaign, c.address.in_(chunk))
        rows = connection.execute(select(c.address, c.kind, c.person).where(*is_in_chunk))
        for address, kind, person in rows.all():
            members.setdefault(address, []).append(PersonRef(PersonKind(kind), person))
    return members


def counts(connection: Connection, campaign: int) -> dict[str, int]:
    """Return how many activities of each type are stored; `machine` counts machine opens."""
    c = activities.c
    query = select(c.type, c.machine, func.count()).where(c.campaign == campaign)
    numbers: dict[str, int] = {}
    for kind, machine, number in connection.execute(query.group_by(c.type, c.machine)):
        numbers[kind] = numbers.get(kind, 0) + number
        if machine:
            numbers["machine"] = numbers.get("machine", 0) + number
    return numbers


def of_campaign(connection: Connection, campaign: int) -> Iterator[RecipientActivity]:
    """Yield the activities of a campaign, by recipient and time."""
    c = activities.c
    query = select(activities).where(c.campaign == campaign)
    in_order = query.order_by(c.recipient, c.at, c.type, c.link, c.nth)
    # Closed even if only the first rows are read: until then PostgreSQL keeps the rest for us.
    with connection.execute(in_order.execution_options(yield_per=1000)) as rows:
        for row in rows:
            yield RecipientActivity(row.recipient, _activity(row))


@dataclass(frozen=True, slots=True)
class ActivityPlace:
    """The place of an activity in its campaign's list."""

    at: datetime
    recipient: str
    type: str
    link: int
    nth: int


def list_activities(
    connection: Connection,
    campaign: int,
    *,
    type: ActivityType | None = None,  # noqa: A002
    after: ActivityPlace | None = None,
    limit: int,
) -> list[tuple[ActivityPlace, RecipientActivity]]:
    """Return the activities of a campaign, newest first, each with its place in the list."""
    c = activities.c
    query = select(activities).where(c.campaign == campaign)
    if type is not None:
        query = query.where(c.type == type.value)
    if after is not None:
        later = tuple_(c.recipient, c.type, c.link, c.nth) > tuple_(
            after.recipient, after.type, after.link, after.nth
        )
        query = query.where(or_(c.at < after.at, and_(c.at == after.at, later)))
    order = (c.at.desc(), c.recipient, c.type, c.link, c.nth)
    return [
        (
            ActivityPlace(row.at, row.recipient, row.type, row.link, row.nth),
            RecipientActivity(row.recipient, _activity(row)),
        )
        for row in connection.execute(query.order_by(*order).limit(limit))
    ]


def by_recipient(connection: Connection, campaign: int) -> dict[str, list[Activity]]:
    """Return the activities of a campaign, by recipient and in chronological order."""
    activities_of: dict[str, list[Activity]] = {}
    for act in of_campaign(connection, campaign):
        activities_of.setdefault(act.recipient, []).append(act.activity)
    return activities_of


def of_recipients(
    connection: Connection, campaign: int, recipients: Sequence[str]
) -> dict[str, list[Activity]]:
    """Return what up to a few hundred recipients did with a campaign, in chronological order."""
    c = activities.c
    query = select(activities).where(c.campaign == campaign, c.recipient.in_(recipients))
    doings: dict[str, list[Activity]] = {}
    for row in connection.execute(query.order_by(c.at, c.type, c.link, c.nth)):
        doings.setdefault(row.recipient, []).append(_activity(row))
    return doings


def newest_of_person(
    connection: Connection,
    ref: PersonRef,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> list[MemberActivity]:
    """Return the newest activities of a person in campaigns within a period."""
    m, c = campaign_members.c, activities.c
    same = and_(c.campaign == m.campaign, c.recipient == m.address)
    query = (
        select(activities, campaigns.c.name)
        .select_from(campaign_members.join(activities, same))
        .join(campaigns, campaigns.c.id == m.campaign)
        .where(m.kind == ref.kind.value, m.person == ref.crm_id)
    )
    if since is not None:
        query = query.where(c.at >= since)
    if until is not None:
        query = query.where(c.at <= until)
    order = (c.at.desc(), c.type, c.link, c.nth, c.campaign, c.recipient)
    rows = connection.execute(query.order_by(*order).limit(limit))
    return [
        MemberActivity(row.campaign, row.name, RecipientActivity(row.recipient, _activity(row)))
        for row in rows
    ]


def _activity(row: Row[Any]) -> Activity:
    return Activity(
        type=ActivityType(row.type),
        at=row.at,
        url=row.url,
        bounce=row.bounce,
        machine=row.machine,
        reason=row.reason,
        nth=row.nth,
    )
