"""The members of a campaign: people from the CRM and the data for their mails."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, assert_never

from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    union_all,
    update,
)

from gateway.core.campaigns.membership import DroppedMembers, LeftOutReason, MemberOut
from gateway.core.feed.unread_fields import OF_RECIPIENT, PEOPLE
from gateway.core.mail.address import lookup_form
from gateway.core.people.people import Group, PersonKind, PersonRef
from gateway.store.campaigns.opt_outs import TAG
from gateway.store.engine.bulk_rows import insert_rows
from gateway.store.schema.campaigns import campaign_members, campaigns
from gateway.store.schema.columns import UtcTime, microseconds
from gateway.store.schema.feed import groups, memberships, people, unread_fields

_M = campaign_members.c


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignMember:
    """A person in a campaign, as last prepared."""

    ref: PersonRef
    name: str
    address: str  #: In lookup form.
    included: bool
    reason: str  #: Why they are out.
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberToDecide:
    """A member to decide on, with the CRM's current data."""

    ref: PersonRef
    added_at: datetime
    is_known: bool
    email: str  #: The primary address as in the CRM; empty if none.
    address: str  #: The same in lookup form.
    has_unusable: bool
    opted_out: bool
    unread: str  #: Fields that could not be read, separated by commas.
    former_address: str = ""  #: The address decided on before, in lookup form.
    segmented: bool = False  #: That address was put into the campaign's segment.

    @property
    def has_left_address(self) -> bool:
        """Whether the segment has an address that is not this person's any more."""
        return self.segmented and self.address != self.former_address


def add(connection: Connection, campaign: int, refs: Sequence[PersonRef], now: datetime) -> int:
    """Add up to a few thousand people to a campaign; return how many were not in it."""
    before = 0
    for kind in sorted({ref.kind for ref in refs}):
        crm_ids = [ref.crm_id for ref in refs if ref.kind == kind]
        of_people = and_(_M.campaign == campaign, _M.kind == kind.value, _M.person.in_(crm_ids))
        query = select(func.count()).select_from(campaign_members).where(of_people)
        before += connection.scalar(query) or 0
    at = microseconds(now)
    rows = [(campaign, ref.kind.value, ref.crm_id, at) for ref in refs]
    columns = ("campaign", "kind", "person", "added_at")
    insert_rows(connection, campaign_members, columns, rows, conflict="DO NOTHING")
    return len(set(refs)) - before


def remove(connection: Connection, campaign: int, ref: PersonRef) -> bool:
    """Remove a person from a campaign; False if they were not in it."""
    of_person = (_M.campaign == campaign, _M.kind == ref.kind.value, _M.person == ref.crm_id)
    return connection.execute(delete(campaign_members).where(*of_person)).rowcount == 1


def copy(connection: Connection, campaign: int, other: int, now: datetime) -> int:
    """Copy the members of a campaign to another one; return how many."""
    names = ["campaign", "kind", "person", "added_at"]
    members = select(literal(other), _M.kind, _M.person, literal(now, UtcTime()))
    copied = insert(campaign_members).from_select(names, members.where(_M.campaign == campaign))
    return connection.execute(copied).rowcount


def count(connection: Connection, campaign: int) -> int:
    """Count the people in a campaign, whether in or out."""
    query = select(func.count()).select_from(campaign_members).where(_M.campaign == campaign)
    return connection.scalar(query) or 0


def tally(connection: Connection, campaign: int) -> dict[str, int]:
    """Return how many are in (under the empty reason) and how many out for each reason."""
    return tallies(connection, [campaign])[campaign]


def tallies(connection: Connection, numbers: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return the same for up to a few hundred campaigns, in one query."""
    of_them = _M.campaign.in_(numbers)
    # Counting everybody uses an index; only those who are out, usually few, are sorted by reason.
    everybody = select(_M.campaign, literal(""), func.count()).where(of_them)
    out = select(_M.campaign, _M.reason, func.count()).where(of_them, _M.reason != "")
    query = union_all(everybody.group_by(_M.campaign), out.group_by(_M.campaign, _M.reason))
    counted: dict[int, dict[str, int]] = {number: {} for number in numbers}
    for campaign, reason, number in connection.execute(query):
        counted[campaign][reason] = number
    return {campaign: _told_apart(tallied) for campaign, tallied in counted.items()}


def _told_apart(tallied: Mapping[str, int]) -> dict[str, int]:
    """Return how many are in and out, given the total under the empty reason."""
    out = {reason: tallied[reason] for reason in sorted(tallied) if reason}
    into = tallied.get("", 0) - sum(out.values())
    return {"": into, **out} if into else out


def known_people(connection: Connection, refs: Sequence[PersonRef]) -> set[PersonRef]:
    """Return which of up to a few thousand people are in the CRM."""
    known_refs: set[PersonRef] = set()
    for kind in {ref.kind for ref in refs}:
        crm_ids = [ref.crm_id for ref in refs if ref.kind == kind]
        query = select(people.c.crm_id).where(people.c.kind == kind.value)
        rows = connection.scalars(query.where(people.c.crm_id.in_(crm_ids)))
        known_refs |= {PersonRef(kind, crm_id) for crm_id in rows}
    return known_refs


def find_groups(connection: Connection, name: str) -> list[Group]:
    """Return the groups with this crm_id or, if there is none, with this name."""
    c = groups.c
    for column in (c.crm_id, c.name):
        rows = connection.execute(select(groups).where(column == name).order_by(c.kind)).all()
        if rows:
            return [_group(row) for row in rows]
    return []


def all_groups(connection: Connection) -> list[tuple[Group, int]]:
    """Return all groups by name, each with its number of people."""
    m, c = memberships.c, groups.c
    counted = select(m.kind, m.group_id, func.count().label("number")).group_by(m.kind, m.group_id)
    counts = counted.subquery()
    same = and_(counts.c.kind == c.kind, counts.c.group_id == c.crm_id)
    query = select(groups, counts.c.number).select_from(groups.outerjoin(counts, same))
    by_name = query.order_by(c.name, c.kind, c.crm_id)
    return [(_group(row), row.number or 0) for row in connection.execute(by_name)]


def _group(row: Row[Any]) -> Group:
    return Group(
        kind=PersonKind(row.kind),
        crm_id=row.crm_id,
        name=row.name,
        tag=row.tag,
        active=row.active,
    )


def people_in(connection: Connection, group: Group) -> list[PersonRef]:
    """Return the people in a group who are in the CRM."""
    c = memberships.c
    joined = and_(people.c.kind == c.kind, people.c.crm_id == c.person)
    query = select(c.person).join(people, joined).distinct().order_by(c.person)
    crm_ids = connection.scalars(
        query.where(c.kind == group.kind.value, c.group_id == group.crm_id)
    )
    return [PersonRef(group.kind, person) for person in crm_ids]


def members(connection: Connection, campaign: int) -> Iterator[CampaignMember]:
    """Yield the members of a campaign, candidates first."""
    same = and_(people.c.kind == _M.kind, people.c.crm_id == _M.person)
    query = (
        select(campaign_members, people.c.first_name, people.c.last_name)
        .outerjoin(people, same)
        .where(_M.campaign == campaign)
        .order_by(_M.kind, _M.person)
        .execution_options(yield_per=1000)
    )
    # Closed even if only the first rows are read: until then PostgreSQL keeps the rest for us.
    with connection.execute(query) as rows:
        yield from map(_member, rows)


class WhichMembers(StrEnum):
    """A selection of the members of a campaign, as last prepared."""

    ALL = "all"
    IN = "in"
    OUT = "out"
    #: Was in when last reviewed or added, but isn't now.
    DROPPED = "dropped"
    #: Is in now, but wasn't before.
    JOINED = "joined"


def some_members(
    connection: Connection,
    campaign: int,
    *,
    which: WhichMembers,
    reason: str = "",
    after: PersonRef | None,
    limit: int,
) -> list[CampaignMember]:
    """Return `limit` members after a given one, candidates first; `reason`: why they are out."""
    same = and_(people.c.kind == _M.kind, people.c.crm_id == _M.person)
    query = (
        select(campaign_members, people.c.first_name, people.c.last_name)
        .outerjoin(people, same)
        .where(_M.campaign == campaign)
        .order_by(_M.kind, _M.person)
        .limit(limit)
    )
    match which:
        case WhichMembers.IN:
            query = query.where(_M.included)
        case WhichMembers.OUT:
            query = query.where(~_M.included)
        case WhichMembers.DROPPED:
            query = query.where(_M.expected, ~_M.included)
        case WhichMembers.JOINED:
            query = query.where(_M.included, ~_M.expected)
        case WhichMembers.ALL:
            pass
        case _:
            assert_never(which)
    if reason:
        query = query.where(_M.reason == reason)
    if after is not None:
        query = query.where(tuple_(_M.kind, _M.person) > (after.kind.value, after.crm_id))
    return [_member(row) for row in connection.execute(query)]


# Judging.


def candidates(
    connection: Connection, campaign: int, *, after: PersonRef | None, limit: int
) -> list[MemberToDecide]:
    """Return up to `limit` members after a given one, with the CRM's current data."""
    member, group, unread = memberships.c, groups.c, unread_fields.c
    its_group = and_(group.kind == member.kind, group.crm_id == member.group_id)
    in_groups: Select[Any] = select(member.person).join(groups, its_group)
    is_same_person = and_(member.kind == _M.kind, member.person == _M.person)
    is_opted_out = exists(
        in_groups.where(is_same_person, group.active, group.tag == TAG).correlate(campaign_members)
    )
    # Unread fields that decide whether somebody is mailed, and at which address.
    is_of_member = and_(unread.what == PEOPLE, unread.kind == _M.kind, unread.key == _M.person)
    unread_names = (
        select(func.aggregate_strings(unread.field, ", "))
        .where(is_of_member, unread.field.in_(sorted(OF_RECIPIENT)))
        .correlate(campaign_members)
        .scalar_subquery()
    )
    same = and_(people.c.kind == _M.kind, people.c.crm_id == _M.person)
    query = (
        select(
            *(_M.kind, _M.person, _M.added_at, people.c.emails, people.c.unusable),
            *(_M.address, _M.segmented),
            is_opted_out.label("opted_out"),
            unread_names.label("unread"),
        )
        .outerjoin(people, same)
        .where(_M.campaign == campaign)
        .order_by(_M.kind, _M.person)
        .limit(limit)
    )
    if after is not None:
        kind, person = after.kind.value, after.crm_id
        query = query.where(or_(_M.kind > kind, and_(_M.kind == kind, _M.person > person)))
    members = []
    for row in connection.execute(query):
        email = next(filter(None, (row.emails or "").split(";")), "")
        members.append(
            MemberToDecide(
                ref=_ref(row),
                added_at=row.added_at,
                is_known=row.emails is not None,
                email=email,
                address=lookup_form(email) if email else "",
                has_unusable=bool(row.unusable),
                opted_out=row.opted_out,
                unread=row.unread or "",
                former_address=row.address,
                segmented=row.segmented,
            )
        )
    return members


def keep_decisions(
    connection: Connection,
    campaign: int,
    decided: Sequence[tuple[MemberToDecide, MemberOut | None]],
) -> None:
    """Store who is in and who is out, and with which address.

    If somebody's address has changed, the segment has the former one, and the campaign has to be
    prepared again before it is sent.
    """
    rows = [
        (
            campaign,
            candidate.ref.kind.value,
            candidate.ref.crm_id,
            microseconds(candidate.added_at),
            candidate.address,
            out is None,
            out.reason.value if out else "",
            out.detail if out else "",
        )
        for candidate, out in decided
    ]
    renewed = ("address", "included", "reason", "detail")
    columns = ("campaign", "kind", "person", "added_at", *renewed)
    changes = ", ".join(f"{name} = excluded.{name}" for name in renewed)
    still_segmented = "campaign_members.segmented AND campaign_members.address = excluded.address"
    conflict = f"(campaign, kind, person) DO UPDATE SET {changes}, segmented = {still_segmented}"
    insert_rows(connection, campaign_members, columns, rows, conflict=conflict)
    if any(candidate.has_left_address for candidate, _ in decided):
        connection.execute(
            update(campaigns).where(campaigns.c.id == campaign).values(refreshed_at=None)
        )


def leave_out_duplicates(connection: Connection, campaign: int) -> int:
    """If several members share an address, keep only the first added; return how many are out."""
    order = (_M.added_at, _M.kind, _M.person)
    place = func.row_number().over(partition_by=_M.address, order_by=order).label("place")
    ranked = select(_M.kind, _M.person, place).where(_M.campaign == campaign, _M.included)
    ranks = ranked.subquery()
    later = select(ranks.c.kind, ranks.c.person).where(ranks.c.place > 1)
    query = update(campaign_members).where(
        _M.campaign == campaign, tuple_(_M.kind, _M.person).in_(later)
    )
    return connection.execute(query.values(included=False, reason=LeftOutReason.DUPLICATE)).rowcount


def leave_out_latecomers(connection: Connection, campaign: int, detail: str) -> None:
    """Leave out everybody whose address isn't in the segment: the campaign does not reach them."""
    query = update(campaign_members).where(_M.campaign == campaign)
    is_late = or_(and_(_M.included, ~_M.segmented), _M.reason == LeftOutReason.TOO_LATE)
    values = {"included": False, "reason": LeftOutReason.TOO_LATE, "detail": detail}
    connection.execute(query.where(is_late).values(**values))


def dropped_members(connection: Connection, campaign: int) -> DroppedMembers:
    """Return how many expected members are out, other than by opt-out or as duplicates."""
    excused = (LeftOutReason.OPT_OUT.value, LeftOutReason.DUPLICATE.value)
    is_dropped = and_(~_M.included, _M.reason.not_in(excused))
    sums = select(func.count(), func.sum(case((is_dropped, 1), else_=0)))
    query = sums.where(_M.campaign == campaign, _M.expected)
    before, dropped = connection.execute(query).one()
    return DroppedMembers(before=before, dropped=dropped or 0)


def expect(connection: Connection, campaign: int) -> None:
    """Set the guard's baseline to the members as they are now."""
    change = update(campaign_members).where(_M.campaign == campaign)
    connection.execute(change.values(expected=_M.included))


def expect_new(connection: Connection, campaign: int, since: datetime) -> None:
    """Add the members added at a given time, as they are now, to the guard's baseline."""
    change = update(campaign_members).where(_M.campaign == campaign, _M.added_at == since)
    connection.execute(change.values(expected=_M.included))


def exclude(connection: Connection, campaign: int, outs: Iterable[tuple[str, MemberOut]]) -> None:
    """Take out addresses (in lookup form) that were in until Mailchimp reported otherwise."""
    for address, out in outs:
        change = update(campaign_members).where(
            _M.campaign == campaign, _M.address == address, _M.included
        )
        connection.execute(
            change.values(included=False, reason=out.reason.value, detail=out.detail)
        )


def _member(row: Row[Any]) -> CampaignMember:
    return CampaignMember(
        ref=_ref(row),
        name=f"{row.first_name or ''} {row.last_name or ''}".strip(),
        address=row.address,
        included=row.included,
        reason=row.reason,
        detail=row.detail,
    )


def _ref(row: Row[Any]) -> PersonRef:
    return PersonRef(PersonKind(row.kind), row.person)
