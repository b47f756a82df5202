"""The person being erased: what in the store is theirs alone, and what mentions them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    false,
    or_,
    select,
    true,
)

from gateway.core.batches import batched
from gateway.core.people.erased_names import PREFIX
from gateway.core.people.mentions import Mentions
from gateway.core.people.people import PersonRef, RefOrAddress
from gateway.core.replies.inbox import InboxState
from gateway.core.sending.outbox import OutboxState
from gateway.store.console.console_acts import about_application
from gateway.store.schema.activities import activities, opt_outs
from gateway.store.schema.bounces import bounces
from gateway.store.schema.campaigns import audience_members, campaign_members
from gateway.store.schema.feed import (
    addresses,
    applications,
    closings,
    memberships,
    people,
    qualifications,
)
from gateway.store.schema.inbound import history, inbox
from gateway.store.schema.journal import deliveries, messages
from gateway.store.schema.outbox import outbox
from gateway.store.schema.suppressions import suppressions
from gateway.store.schema.triggers import occurrences

_AT_ONCE = 400  #: Keys per statement.
_LOOKED_AT_ONCE = 5000  #: Rows without bodies per query.


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureSubject:
    """The person being erased, and the words that identify them."""

    ref: PersonRef | None  #: None: an address nobody has.
    addresses: tuple[str, ...]  #: In lookup form; only those nobody else has.
    shared: tuple[str, ...] = ()  #: Addresses others have too: they keep them.
    spellings: tuple[str, ...] = ()  #: Addresses as they were written.
    names: tuple[str, ...] = ()
    references: tuple[str, ...] = ()  #: Of the person's applications.
    qualifications: tuple[str, ...] = ()
    closings: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Return the text whose hash replaces the person."""
        return str(self.ref) if self.ref else self.addresses[0]

    @property
    def acted_on(self) -> tuple[str, ...]:
        """Return the `about` of acts in the console that were on this person."""
        about_applications = tuple(map(about_application, self.references))
        return (*about_applications, str(self.ref)) if self.ref else about_applications

    def certain_mentions(self, replacement: str) -> Mentions:
        """Return the finder for words that belong to nobody else."""
        own = (*self.addresses, *self.spellings, *self.references)
        return Mentions((*own, str(self.ref)) if self.ref else own, replacement)

    def likely_mentions(self, replacement: str) -> Mentions:
        """Return the finder for these and the names, which others may share."""
        own = (*self.addresses, *self.spellings, *self.references, *self.names)
        return Mentions((*own, str(self.ref)) if self.ref else own, replacement)


def subject_of(connection: Connection, ref_or_address: RefOrAddress) -> ErasureSubject | None:
    """Return the subject for a key, or for an address (in lookup form) with one holder at most.

    None if several have it. A person no longer in the feed is still found by key.
    """
    if isinstance(ref_or_address, str):
        rows = connection.execute(
            select(addresses.c.kind, addresses.c.person).where(
                addresses.c.address == ref_or_address
            )
        ).all()
        if len(rows) > 1:
            return None
        if not rows:
            return ErasureSubject(ref=None, addresses=(ref_or_address,))
        ref = PersonRef.parse(f"{rows[0].kind}:{rows[0].person}")
    else:
        ref = ref_or_address
    kind, crm_id = ref.kind.value, ref.crm_id
    a = addresses.c
    their_addresses = list(
        connection.scalars(
            select(a.address).where(a.kind == kind, a.person == crm_id).order_by(a.position.desc())
        )
    )
    # A person deleted by the feed is still known by the addresses their mail went to.
    their_addresses = list(dict.fromkeys([*their_addresses, *_mailed(connection, ref)]))
    also = others_too(connection, ref, their_addresses)
    row = connection.execute(
        select(people).where(people.c.kind == kind, people.c.crm_id == crm_id)
    ).first()

    def keys(table: Table, column: str) -> tuple[str, ...]:
        of_person = (table.c.kind == kind, table.c.person == crm_id)
        return tuple(connection.scalars(select(table.c[column]).where(*of_person)))

    spellings = [] if row is None else [*row.emails.split(";"), *row.unusable.split(";")]
    names = [] if row is None else [f"{row.first_name} {row.last_name}", row.last_name]
    if row is not None and row.first_name:
        names.append(f"{row.last_name}, {row.first_name}")
    replied = connection.scalars(
        select(history.c.sender_name).where(history.c.kind == kind, history.c.person == crm_id)
    )
    return ErasureSubject(
        ref=ref,
        addresses=tuple(address for address in their_addresses if address not in also),
        shared=tuple(address for address in their_addresses if address in also),
        spellings=tuple(
            spelling for spelling in map(str.strip, spellings) if spelling and spelling not in also
        ),
        names=tuple(dict.fromkeys(filter(None, map(str.strip, [*names, *replied])))),
        references=keys(applications, "reference"),
        qualifications=keys(qualifications, "crm_id"),
        closings=keys(closings, "crm_id"),
    )


def others_too(
    connection: Connection, ref: PersonRef | None, their_addresses: Iterable[str]
) -> frozenset[str]:
    """Return which of some addresses (in lookup form) anybody but a person has."""
    a, shared = addresses.c, set()
    others = or_(a.kind != ref.kind.value, a.person != ref.crm_id) if ref else true()
    for chunk in batched(their_addresses, _AT_ONCE):
        shared |= set(connection.scalars(select(a.address).where(a.address.in_(chunk), others)))
    return frozenset(shared)


def _mailed(connection: Connection, ref: PersonRef) -> Iterator[str]:
    """Yield the addresses at which only this person was mailed, or from which they answered."""
    kind, crm_id = ref.kind.value, ref.crm_id
    went = select(deliveries.c.address).where(deliveries.c.persons == str(ref)).distinct()
    places = [went] + [
        select(column).where(table.c.kind == kind, table.c.person == crm_id).distinct()
        for table, column in (
            (campaign_members, campaign_members.c.address),
            (occurrences, occurrences.c.mailbox),
            (opt_outs, opt_outs.c.address),
        )
    ]
    for query in places:
        for address in connection.scalars(query):
            if address and not address.startswith(PREFIX):
                yield address


@dataclass(slots=True)
class FoundRows:
    """Rows of the large tables that may mention a person, found before the transaction.

    Scanning a million rows takes seconds, during which nobody else could write.
    """

    #: The ids of the rows, by table.
    ids: dict[str, set[int]] = field(default_factory=dict)
    upto: dict[str, int] = field(default_factory=dict)  #: The last id scanned.


def look_through(
    reading: Callable[[], AbstractContextManager[Connection]], subject: ErasureSubject
) -> FoundRows:
    """Scan the large tables, a few rows in each read transaction.

    What may still change (waiting mail) counts as found: it is examined again.
    """
    found_rows, mentions = FoundRows(), subject.likely_mentions("")
    m, i, o, b, d = messages.c, inbox.c, outbox.c, bounces.c, deliveries.c
    texts: tuple[tuple[Table, ColumnElement[int], ColumnElement[bool], Any], ...] = (
        (messages, m.id, false(), (m.subject, m.sender, m.message_id)),
        (bounces, b.inbox, false(), (b.recipient, b.diagnostic)),
        (
            *(inbox, i.id, i.state == InboxState.WAITING),
            (i.sender, i.subject, i.detail, i.envelope_sender, i.envelope_recipients),
        ),
        (
            *(outbox, o.id, o.state.in_((OutboxState.QUEUED, OutboxState.SENDING))),
            (o.recipient, o.sender, o.error, o.lane, o.body),
        ),
    )
    for table, number, may_change, columns in texts:
        numbers, last, step = found_rows.ids.setdefault(table.name, set()), 0, _LOOKED_AT_ONCE
        if table is outbox:
            step = _AT_ONCE  # Bodies are large.
        rows: list[Any] = [None]
        while rows:
            # Several recipients of a mail may have bounced: these are examined together.
            query = select(number, may_change, *columns).where(number > last).order_by(number)
            with reading() as connection:
                rows = list(connection.execute(query.limit(step)))
                if rows and table is bounces:
                    rest = select(number, may_change, *columns).where(number == rows[-1][0])
                    rows += connection.execute(rest)
            for row in rows:
                row_text = "\n".join(text for text in row[2:] if isinstance(text, str))
                octets = (content for content in row[2:] if isinstance(content, bytes))
                if row[1] or mentions.are_in(row_text) or any(map(mentions.are_in, octets)):
                    numbers.add(row[0])
            last = rows[-1][0] if rows else last
        found_rows.upto[table.name] = last
    if subject.ref is not None:
        with reading() as connection:
            their_messages = select(d.message).where(
                d.persons.contains(str(subject.ref), autoescape=True)
            )
            found_rows.ids["deliveries"] = set(connection.scalars(their_messages))
            # Later deliveries belong to messages after the last one.
            found_rows.upto["deliveries"] = found_rows.upto["messages"]
    return found_rows


def unfiled_mail(connection: Connection, after: int, limit: int) -> list[tuple[int, str]]:
    """Return mail in the inbox, with its blob, that was filed to nobody, after an id."""
    c = inbox.c
    waiting = select(c.id, c.content).where(c.entry.is_(None), c.id > after)
    return [
        (row.id, row.content) for row in connection.execute(waiting.order_by(c.id).limit(limit))
    ]


def known_addresses(connection: Connection) -> Iterator[str]:
    """Yield every address (in lookup form) in the store."""
    for column in (
        *(addresses.c.address, deliveries.c.address, suppressions.c.address, inbox.c.address),
        *(bounces.c.address, activities.c.recipient, audience_members.c.address),
        *(opt_outs.c.address, campaign_members.c.address, occurrences.c.mailbox),
    ):
        yield from connection.scalars(select(column).where(column != "").distinct())


def known_people(connection: Connection) -> Iterator[PersonRef]:
    """Yield every person in the store."""
    for table, crm_id in (
        (people, people.c.crm_id),
        *((table, table.c.person) for table in (history, memberships, applications, occurrences)),
    ):
        for row in connection.execute(select(table.c.kind, crm_id).distinct()):
            if not row[1].startswith(PREFIX) and row[0]:
                yield PersonRef.parse(f"{row[0]}:{row[1]}")
