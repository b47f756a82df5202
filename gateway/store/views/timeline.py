"""A person's timeline: everything that happened, in order of time, a part at a time."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from gateway.core import ids
from gateway.core.bounces.bounce import KeptBounce
from gateway.core.campaigns.precedence import Activity, ActivityType
from gateway.core.decision.prospects import MailProspect, prospects
from gateway.core.feed.unread_fields import UnreadField
from gateway.core.people.applications import KnownApplication
from gateway.core.people.history import Document, ReplyHead
from gateway.core.people.people import ENTRY_SOURCES, RefOrAddress, Suppression, SuppressionSource
from gateway.core.triggers.occurrence import Occurrence
from gateway.store.bounces import bounces
from gateway.store.campaigns import activities, opt_outs
from gateway.store.campaigns.activities import MemberActivity
from gateway.store.campaigns.opt_outs import OptOut, Refusal
from gateway.store.feed import unread
from gateway.store.feed.references import open_references
from gateway.store.journal import received
from gateway.store.journal.received import ReceivedMessage
from gateway.store.people import applications, history, people, suppression, topic_opt_outs
from gateway.store.people.people import PersonRecord
from gateway.store.people.suppression import Standings, SuppressionEntry
from gateway.store.people.topic_opt_outs import TopicOptOut
from gateway.store.triggers import ledger

MOST_EVENTS = 1000  #: How many events of a person are shown at once; the rest comes part by part.

ADDED = "added"
RELEASED = "released"
FILED = "filed"
#: Sources whose entries are shown for a person: an erased person can't be shown.
_KEPT = tuple(source for source in ENTRY_SOURCES if source is not SuppressionSource.ERASED)


class TimelineType(StrEnum):
    """A type of event."""

    MESSAGE = "message"
    BOUNCE = "bounce"
    REPLY = "reply"
    DOCUMENT = "document"
    ACTIVITY = "activity"
    OPT_OUT = "opt_out"
    TRIGGER_MAIL = "trigger_mail"
    SUPPRESSION = "suppression"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEvent:
    """An event in a timeline."""

    at: datetime
    type: str  #: A `TimelineType`.
    id: str  #: As displayed; empty if it has none.
    summary: str
    state: str
    reference: str = ""  #: Of the application it is about.


@dataclass(frozen=True, slots=True)
class TimelinePlace:
    """Where a part of a timeline ends; new events don't shift older ones."""

    at: datetime  #: Of the last event shown.
    shown_count: int  #: Number of events at just that moment shown so far.


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineQuery:
    """Which part of a timeline is requested."""

    types: Collection[TimelineType] = frozenset(TimelineType)
    since: datetime | None = None  #: Inclusive.
    until: datetime | None = None  #: Inclusive.
    after: TimelinePlace | None = None  #: Where the previous part ended.
    limit: int = MOST_EVENTS

    @property
    def latest(self) -> datetime | None:
        """The latest time requested."""
        moments = [self.until, None if self.after is None else self.after.at]
        return min((moment for moment in moments if moment is not None), default=None)

    @property
    def at_most(self) -> int:
        """How many events of one type are enough for the part, and to see if there is another."""
        return self.limit + 1 + (self.after.shown_count if self.after else 0)


@dataclass(frozen=True, slots=True)
class TimelinePart:
    """A part of a timeline, newest first."""

    events: tuple[TimelineEvent, ...]
    end: TimelinePlace | None  #: None: nothing is older.


@dataclass(frozen=True, slots=True)
class PersonPage:
    """A person, with everything known."""

    record: PersonRecord
    suppressions: tuple[Suppression, ...]
    applications: tuple[KnownApplication, ...]
    timeline: tuple[TimelineEvent, ...]  #: Newest first.
    refusals: tuple[Refusal, ...]  #: Addresses to which Mailchimp itself sends no campaigns.
    unread: tuple[UnreadField, ...] = ()  #: Fields that could not be read; their values are old.
    #: Kinds of references that lead nowhere, each with what it names.
    leads_nowhere: tuple[tuple[str, str], ...] = ()
    #: Topics of which the person, or whoever has an address of theirs, wants no mailings, including
    #: past opt-outs.
    topic_opt_outs: tuple[TopicOptOut, ...] = ()
    timeline_end: TimelinePlace | None = None  #: Where the timeline continues.
    prospects: tuple[MailProspect, ...] = ()  #: What would happen to mail to each address now.


def pages(
    connection: Connection,
    standings: Standings,
    ref_or_address: RefOrAddress,
    timeline_query: TimelineQuery = TimelineQuery(),
) -> tuple[PersonPage, ...]:
    """Return the person with that key, or everybody with that address (in lookup form).

    Each has the requested part of the timeline; by default the newest thousand events.
    """
    records = people.find(connection, ref_or_address)
    return tuple(_page(connection, standings, record, timeline_query) for record in records)


def part(
    connection: Connection,
    standings: Standings,
    record: PersonRecord,
    timeline_query: TimelineQuery,
) -> TimelinePart:
    """Return a part of a person's timeline, reading a bounded number of rows."""
    return _part(connection, record, _choices_of(connection, standings, record), timeline_query)


def suppressions_of(
    connection: Connection, standings: Standings, record: PersonRecord
) -> tuple[Suppression, ...]:
    """Return everything that suppresses a person, even if they have no known address."""
    by_address = standings.within(connection, record.every_address)
    of_staff = standings.of_staff(connection, record.person.ref)
    return tuple(dict.fromkeys((*people.suppressions_of(record, by_address), *of_staff)))


@dataclass(frozen=True, slots=True)
class _ChoicesOfPerson:
    """All current suppressions of a person, and all choices by them or by staff, even undone."""

    suppressions: tuple[Suppression, ...]
    entries: Sequence[SuppressionEntry]
    declined: Sequence[TopicOptOut]


def _choices_of(
    connection: Connection, standings: Standings, record: PersonRecord
) -> _ChoicesOfPerson:
    refs_or_addresses: tuple[RefOrAddress, ...] = (record.person.ref, *record.every_address)
    erased = {
        ref_or_address: standings.names_if_erased(connection, ref_or_address)
        for ref_or_address in refs_or_addresses
    }
    entries = [
        entry
        for ref_or_address in refs_or_addresses
        for entry in suppression.history(connection, ref_or_address, erased=erased[ref_or_address])
    ]
    declined = [
        entry
        for ref_or_address in refs_or_addresses
        for entry in topic_opt_outs.history(
            connection, ref_or_address, erased=erased[ref_or_address]
        )
    ]
    return _ChoicesOfPerson(suppressions_of(connection, standings, record), entries, declined)


def _page(
    connection: Connection,
    standings: Standings,
    record: PersonRecord,
    timeline_query: TimelineQuery,
) -> PersonPage:
    ref = record.person.ref
    choices = _choices_of(connection, standings, record)
    timeline = _part(connection, record, choices, timeline_query)
    return PersonPage(
        record,
        choices.suppressions,
        applications.of_person(connection, ref),
        timeline.events,
        tuple(opt_outs.refusals(connection, record.every_address)),
        unread.of_people(connection, [ref]).get(ref, ()),
        open_references.of_person(connection, ref),
        tuple(choices.declined),
        timeline.end,
        prospects(record.addresses, standings.within(connection, record.addresses)),
    )


def _part(
    connection: Connection,
    record: PersonRecord,
    choices: _ChoicesOfPerson,
    timeline_query: TimelineQuery,
) -> TimelinePart:
    ref, since, until, most = (
        record.person.ref,
        timeline_query.since,
        timeline_query.latest,
        timeline_query.at_most,
    )

    def events() -> Iterator[TimelineEvent]:
        """Yield at least the requested events of each type, in a stable order."""
        types = timeline_query.types
        if TimelineType.MESSAGE in types:
            yield from of_messages(received.by_person(connection, ref, since, until, most))
        if TimelineType.BOUNCE in types:
            yield from of_bounces(bounces.of_person(connection, record, since, until, most))
        if TimelineType.TRIGGER_MAIL in types:
            yield from of_triggers(ledger.of_person(connection, ref, MOST_EVENTS))
        if TimelineType.SUPPRESSION in types:
            yield from of_suppressions(choices.suppressions, choices.entries)
            yield from of_topic_opt_outs(choices.declined)
        if TimelineType.REPLY in types:
            yield from of_replies(history.heads_of(connection, ref, since, until, most))
        if TimelineType.DOCUMENT in types:
            yield from of_documents(history.newest_documents(connection, ref, since, until, most))
        if TimelineType.ACTIVITY in types:
            yield from of_activities(
                activities.newest_of_person(connection, ref, since, until, most)
            )
        if TimelineType.OPT_OUT in types:
            yield from of_opt_outs(opt_outs.of_person(connection, ref))

    return part_of(events(), timeline_query)


def part_of(events: Iterable[TimelineEvent], timeline_query: TimelineQuery) -> TimelinePart:
    """Return the requested part of a timeline.

    For each type, `events` has at least the newest `timeline_query.at_most` up to
    `timeline_query.latest`, in a stable order.
    """
    since, until = timeline_query.since, timeline_query.latest
    within = (
        event
        for event in events
        if (since is None or event.at >= since) and (until is None or event.at <= until)
    )
    newest = sorted(within, key=lambda event: event.at, reverse=True)
    start = (
        timeline_query.after.shown_count
        if timeline_query.after and until == timeline_query.after.at
        else 0
    )
    page = tuple(newest[start : start + timeline_query.limit])
    if len(newest) <= start + timeline_query.limit or not page:
        return TimelinePart(page, None)
    last = page[-1].at
    so_far = sum(event.at == last for event in newest[: start + timeline_query.limit])
    return TimelinePart(page, TimelinePlace(last, so_far))


def of_messages(messages: Iterable[ReceivedMessage]) -> Iterator[TimelineEvent]:
    """Yield mail through the proxy; triggered mail comes from the ledger."""
    for message in messages:
        yield TimelineEvent(
            at=message.at,
            type=TimelineType.MESSAGE,
            id=ids.show(message.id),
            summary=message.subject,
            state=message.state,
        )


def of_bounces(kept_bounces: Iterable[KeptBounce]) -> Iterator[TimelineEvent]:
    """Yield bounces of mail to the person, whatever sent it."""
    for bounce in kept_bounces:
        text = ": ".join(filter(None, (bounce.address, bounce.reason, bounce.diagnostic)))
        number = "" if bounce.message is None else ids.show(bounce.message)
        yield TimelineEvent(
            at=bounce.at, type=TimelineType.BOUNCE, id=number, summary=text, state=bounce.kind
        )


def of_triggers(occurrences: Iterable[Occurrence]) -> Iterator[TimelineEvent]:
    """Yield mail on events, sent or not."""
    for occurrence in occurrences:
        text = f"{occurrence.trigger}: {occurrence.subject or occurrence.reason}".removesuffix(": ")
        yield TimelineEvent(
            at=occurrence.settled_at or occurrence.at,
            type=TimelineType.TRIGGER_MAIL,
            id=ids.show(occurrence.id if occurrence.message is None else occurrence.message),
            summary=f"{text} ({occurrence.reason})"
            if occurrence.subject and occurrence.reason
            else text,
            state=occurrence.state,
            reference=occurrence.about,
        )


def of_suppressions(
    suppressions: Iterable[Suppression], entries: Iterable[SuppressionEntry]
) -> Iterator[TimelineEvent]:
    """Yield suppressions by groups, by the status and by staff, and their ends.

    `suppressions` are those in force, `entries` all that staff ever made.
    """
    for in_force in suppressions:
        if (
            in_force.person is not None
            and in_force.since is not None
            and in_force.source not in _KEPT
        ):
            summary = f'{in_force.source} "{in_force.name}": {in_force.scope.covers}'
            yield TimelineEvent(
                at=in_force.since,
                type=TimelineType.SUPPRESSION,
                id="",
                summary=summary,
                state=ADDED,
            )
    for entry in entries:
        yield from _of_suppression(entry, f"{entry.address}: {entry.scope.covers}")


def of_topic_opt_outs(declined: Iterable[TopicOptOut]) -> Iterator[TimelineEvent]:
    """Yield opt-outs from topics, and those undone."""
    for opt_out in declined:
        yield from _of_suppression(
            opt_out, f"{opt_out.ref_or_address}: no mailings of {opt_out.topic}"
        )


def _of_suppression(entry: SuppressionEntry | TopicOptOut, what: str) -> Iterator[TimelineEvent]:
    """Yield the start of a suppression, and its end if it was released."""
    number = ids.show(entry.id)
    summary = f"{what} ({entry.remark})" if entry.remark else what
    yield TimelineEvent(
        at=entry.since, type=TimelineType.SUPPRESSION, id=number, summary=summary, state=ADDED
    )
    if entry.released_at is not None:
        at = entry.released_at
        why = entry.released_remark if isinstance(entry, SuppressionEntry) else ""
        what = f"{what} ({why})" if why else what
        yield TimelineEvent(
            at=at, type=TimelineType.SUPPRESSION, id=number, summary=what, state=RELEASED
        )


def of_replies(replies: Iterable[ReplyHead]) -> Iterator[TimelineEvent]:
    """Yield what was filed."""
    for reply in replies:
        sender = reply.sender_name or reply.sender
        yield TimelineEvent(
            at=reply.at,
            type=TimelineType.REPLY,
            id=ids.show(reply.id),
            summary=f"{sender}: {reply.subject}",
            state=FILED,
            reference=reply.reference,
        )


def of_documents(filed: Iterable[Document]) -> Iterator[TimelineEvent]:
    """Yield the documents that came with what was filed, at the time of filing."""
    for document in filed:
        yield TimelineEvent(
            at=ids.moment_of(document.entry),
            type=TimelineType.DOCUMENT,
            id=ids.show(document.id),
            summary=document.filename,
            state=document.type,
            reference=document.reference,
        )


def of_activities(acts: Iterable[MemberActivity]) -> Iterator[TimelineEvent]:
    """Yield the person's activities in campaigns."""
    for act in acts:
        activity = act.act.activity
        yield TimelineEvent(
            at=activity.at,
            type=TimelineType.ACTIVITY,
            id=ids.show(act.campaign),
            summary=f'"{act.title}": {activity_in_words(activity)}',
            state=activity.type.value,
        )


def of_opt_outs(left: Iterable[OptOut]) -> Iterator[TimelineEvent]:
    """Yield opt-outs, and those undone by staff."""
    for opt_out in left:
        through = f' through "{opt_out.title}"' if opt_out.title else " at Mailchimp"
        number = "" if opt_out.campaign is None else ids.show(opt_out.campaign)
        what = f"{opt_out.address} unsubscribed{through}"
        undone = (opt_out.lifted_at, f"{what}: undone by {opt_out.lifted_by}", RELEASED)
        for at, summary, state in ((opt_out.at, what, ADDED), undone):
            if at is not None:
                yield TimelineEvent(
                    at=at, type=TimelineType.OPT_OUT, id=number, summary=summary, state=state
                )


def activity_in_words(activity: Activity) -> str:
    """Return a description of an activity."""
    match activity.type:
        case ActivityType.BOUNCED:
            return f"bounced ({activity.bounce})" if activity.bounce else "bounced"
        case ActivityType.OPENED:
            return "opened by a machine" if activity.machine else "opened"
        case ActivityType.CLICKED:
            return f"clicked {activity.url}".strip()
        case ActivityType.UNSUBSCRIBED:
            return f"unsubscribed ({activity.reason})" if activity.reason else "unsubscribed"
