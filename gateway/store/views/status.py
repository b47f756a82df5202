"""The status of the store, for health, metrics and the people who run the gateway."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from sqlalchemy import Connection, func, select, tuple_, union

from gateway.core.ids import moment_of
from gateway.core.kinds import TAG_SCOPES, State
from gateway.core.replies.inbox import InboxState
from gateway.core.written import counted
from gateway.store.feed import feed_faults, unread
from gateway.store.feed.feed_faults import KindState
from gateway.store.feed.references import open_references
from gateway.store.journal.messages import in_state
from gateway.store.schema.feed import addresses, feeds, groups, memberships, people, statuses
from gateway.store.schema.host import pauses
from gateway.store.schema.inbound import inbox
from gateway.store.schema.outbox import outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The store at one moment."""

    feeds: Mapping[str, datetime]  #: When each source last brought anything.
    outbox: Mapping[str, int]  #: Entries by state.
    sending: int  #: Deliveries without an outcome so far.
    inbox: Mapping[str, int]  #: Mails for the importer by state.
    waiting_since: datetime | None  #: Of the oldest mail a listener accepted and nobody has read.
    paused: tuple[str, ...]  #: `bulk`, `all`
    kinds: tuple[KindState, ...] = ()  #: The state of each source's feed of each kind.
    #: Rows that name something unknown, by kind of reference.
    references: Mapping[str, int] = field(default_factory=dict)
    unread: Mapping[str, int] = field(default_factory=dict)  #: Fields, by kind of record.


def snapshot(connection: Connection) -> Snapshot:
    """Read the current status."""
    ages = select(feeds.c.source, func.max(feeds.c.at).label("at")).group_by(feeds.c.source)
    states = select(outbox.c.state, func.count().label("entries")).group_by(outbox.c.state)
    sending = select(func.count()).where(in_state(State.SENDING))
    mails = select(inbox.c.state, func.count().label("mails")).group_by(inbox.c.state)
    oldest = select(func.min(inbox.c.id)).where(inbox.c.state == InboxState.WAITING)
    first = connection.scalar(oldest)
    return Snapshot(
        feeds={row.source: row.at for row in connection.execute(ages)},
        outbox={row.state: row.entries for row in connection.execute(states)},
        inbox={row.state: row.mails for row in connection.execute(mails)},
        waiting_since=None if first is None else moment_of(first),
        sending=connection.scalar(sending) or 0,
        paused=tuple(connection.scalars(select(pauses.c.what).order_by(pauses.c.what))),
        kinds=feed_faults.states(connection),
        references=open_references.counts(connection),
        unread=unread.count(connection),
    )


def tags(connection: Connection) -> tuple[str, ...]:
    """Return every tag a group or status has, whether or not it has an effect."""
    carried = union(select(groups.c.tag), select(statuses.c.tag)).subquery()
    query = select(carried.c.tag).where(carried.c.tag != "").order_by(carried.c.tag)
    return tuple(connection.scalars(query))


def finance_statuses(connection: Connection) -> dict[str, int]:
    """Return every finance status in use, with its number of active people."""
    c = people.c
    rows = select(c.finance_status, func.count().label("people")).where(
        c.active, c.finance_status != ""
    )
    grouped = rows.group_by(c.finance_status).order_by(c.finance_status)
    return {row.finance_status: row.people for row in connection.execute(grouped)}


def fed_at(connection: Connection) -> datetime | None:
    """Return when any source last sent anything."""
    latest: datetime | None = connection.scalar(select(func.max(feeds.c.at)))
    return latest


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """Records of the feed without effect, over all imports."""

    #: People whom a group or status keeps from mail, but without an address to recognise them by.
    protected_without_address: int
    references_to_nothing: Mapping[str, int]  #: Rows by kind of reference, without waiting ones.
    unread_fields: Mapping[str, int]  #: By kind of record.
    unread_since: datetime | None
    oldest_unread: Mapping[str, Sequence[str]]  #: Some of them, by kind of record.

    def lines(self, zone: tzinfo) -> Iterator[str]:
        """Yield a line for each sort that occurs; days are in the given time zone."""
        if self.protected_without_address:
            people = counted(
                self.protected_without_address,
                "person is in a group or has",
                "people are in a group or have",
            )
            yield (
                f"{people} a status that keeps mail away, and "
                f"{'has' if self.protected_without_address == 1 else 'have'} no usable address"
            )
        if self.references_to_nothing:
            waiting = ", ".join(
                f"{name} {rows}" for name, rows in self.references_to_nothing.items()
            )
            count = sum(self.references_to_nothing.values())
            yield f"{counted(count, 'reference')} to nothing: {waiting} (gateway import waiting)"
        if self.unread_fields:
            waiting = ", ".join(map(self._in_short, self.unread_fields))
            since = ""
            if self.unread_since is not None:
                since = f" since {self.unread_since.astimezone(zone):%Y-%m-%d}"
            yield f"{counted(sum(self.unread_fields.values()), 'field')} unread{since}: {waiting}"

    def _in_short(self, what: str) -> str:
        """Return a kind of record with how many fields are unread, and which, in short."""
        count, fields = self.unread_fields[what], self.oldest_unread[what]
        more = ", …" if count > len(fields) else ""
        return f"{what} {count} ({', '.join(fields)}{more})"


def shortfall(connection: Connection) -> Shortfall:
    """Return the shortfall."""
    return Shortfall(
        protected_without_address=protected_without_address(connection),
        references_to_nothing=open_references.faults(connection),
        unread_fields=unread.count(connection),
        unread_since=unread.unread_since(connection),
        oldest_unread=unread.oldest(connection),
    )


def protected_without_address(connection: Connection) -> int:
    """Count people whom a group or status keeps from mail, but who have no address.

    An inactive group has no effect.
    """
    c, tags = people.c, list(TAG_SCOPES)
    a = addresses.c
    # Not `*`: SQLite would also read the row its index leads to.
    has_address = select(a.person).where(a.kind == c.kind, a.person == c.crm_id).exists()
    # Starts from the few statuses and groups that keep mail away: scanning a million people, each
    # with address, status and groups, took seconds.
    suppressing = select(statuses.c.kind, statuses.c.crm_id).where(statuses.c.tag.in_(tags))
    quiet = select(groups.c.kind, groups.c.crm_id).where(groups.c.active, groups.c.tag.in_(tags))
    of_quiet = tuple_(memberships.c.kind, memberships.c.group_id).in_(quiet)
    members = select(memberships.c.kind, memberships.c.person).where(of_quiet)
    protected = union(
        select(c.kind, c.crm_id).where(tuple_(c.kind, c.status).in_(suppressing), ~has_address),
        select(c.kind, c.crm_id).where(tuple_(c.kind, c.crm_id).in_(members), ~has_address),
    )
    return connection.scalar(select(func.count()).select_from(protected.subquery())) or 0
