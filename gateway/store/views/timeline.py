"""Everything that happened with a person, in order of time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from gateway.core import ids
from gateway.core.bounces.bounce import BounceKind, KeptBounce
from gateway.core.campaigns.precedence import Activity, ActivityType
from gateway.core.decision.journal import Message
from gateway.core.kinds import State
from gateway.core.people.applications import KnownApplication
from gateway.core.people.history import HistoryEntry
from gateway.core.people.people import ENTRY_SOURCES, PersonRef, Suppression, SuppressionSource
from gateway.core.triggers.occurrence import TRIGGERS_LISTENER, Occurrence
from gateway.core.triggers.unread_fields import UnreadField
from gateway.store.bounces import bounces
from gateway.store.campaigns import activities, opt_outs
from gateway.store.campaigns.activities import MemberActivity
from gateway.store.campaigns.opt_outs import OptOut, Refusal
from gateway.store.feed import open_references, unread
from gateway.store.journal import messages
from gateway.store.people import applications, history, people, suppression, topic_opt_outs
from gateway.store.people.people import PersonRecord
from gateway.store.people.suppression import Standings, SuppressionEntry
from gateway.store.people.topic_opt_outs import TopicOptOut
from gateway.store.triggers import ledger

ADDED = "added"
RELEASED = "released"
FILED = "filed"
#: Sources of which a person is shown entries: of who was erased there is nobody to show.
_KEPT = tuple(source for source in ENTRY_SOURCES if source is not SuppressionSource.ERASED)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEvent:
    """One thing that happened."""

    at: datetime
    type: str  #: message, bounce, reply, document, activity, opt_out …
    id: str  #: As people see it; empty where it has none.
    summary: str
    state: str
    reference: str = ""  #: Of the application it is about.


@dataclass(frozen=True, slots=True)
class PersonPage:
    """A person, with all that is known."""

    record: PersonRecord
    suppressions: tuple[Suppression, ...]
    applications: tuple[KnownApplication, ...]
    timeline: tuple[TimelineEvent, ...]  #: The newest first.
    refusals: tuple[Refusal, ...]  #: Where Mailchimp itself sends no campaigns to.
    unread: tuple[UnreadField, ...] = ()  #: Fields that could not be read; their values are old.
    #: Kinds of reference and what they name that isn't known.
    leads_nowhere: tuple[tuple[str, str], ...] = ()
    #: Topics that the person, or whoever has an address of theirs, wants no mailings of, with those
    #: of the past.
    topic_opt_outs: tuple[TopicOptOut, ...] = ()


def pages(
    connection: Connection, standings: Standings, wanted: PersonRef | str
) -> tuple[PersonPage, ...]:
    """Return the person of that key, or everybody with that address (in lookup form)."""
    return tuple(_page(connection, standings, person) for person in people.find(connection, wanted))


def suppressions_of(
    connection: Connection, standings: Standings, record: PersonRecord
) -> tuple[Suppression, ...]:
    """Return all that suppresses a person, also where no address is known of them."""
    known = standings.within(connection, record.every_address)
    of_staff = standings.of_staff(connection, record.person.ref)
    return tuple(dict.fromkeys((*people.suppressions_of(record, known), *of_staff)))


def _page(connection: Connection, standings: Standings, record: PersonRecord) -> PersonPage:
    ref = record.person.ref
    suppressions = suppressions_of(connection, standings, record)
    blocked: tuple[PersonRef | str, ...] = (ref, *record.every_address)
    entries = [
        entry
        for whose in blocked
        for entry in suppression.history(
            connection, whose, erased=standings.names_if_erased(connection, whose)
        )
    ]
    declined = [
        entry
        for whose in blocked
        for entry in topic_opt_outs.history(
            connection, whose, erased=standings.names_if_erased(connection, whose)
        )
    ]
    mail = messages.of_person(connection, ref)
    events = [
        *of_messages(record, mail),
        *of_bounces(record, bounces.of_messages(connection, [message.id for message in mail])),
        *of_triggers(ledger.of_person(connection, ref)),
        *of_suppressions(suppressions, entries),
        *of_topic_opt_outs(declined),
        *of_replies(history.of_person(connection, ref)),
        *of_campaigns(activities.of_person(connection, ref), opt_outs.of_person(connection, ref)),
    ]
    return PersonPage(
        record,
        suppressions,
        applications.of_person(connection, ref),
        tuple(sorted(events, key=lambda event: event.at, reverse=True)),
        tuple(opt_outs.refusals(connection, record.every_address)),
        unread.of_person(connection, ref),
        open_references.of_person(connection, ref),
        tuple(declined),
    )


def of_messages(record: PersonRecord, messages: Iterable[Message]) -> Iterator[TimelineEvent]:
    """Tell of mail through the proxy; that of triggers is told of by the ledger."""
    addresses = set(record.every_address)
    for message in messages:
        if message.listener == TRIGGERS_LISTENER:
            continue
        theirs = (
            delivery.state for delivery in message.deliveries if delivery.address in addresses
        )
        state, number = next(theirs, State.UNKNOWN), ids.show(message.id)
        yield TimelineEvent(
            at=message.at, type="message", id=number, summary=message.subject, state=state
        )


def of_bounces(record: PersonRecord, kept: Iterable[KeptBounce]) -> Iterator[TimelineEvent]:
    """Tell of what came back of mail to the person, whatever sent it."""
    addresses = set(record.every_address)
    for bounce in kept:
        if bounce.address in addresses and bounce.kind is not BounceKind.DELIVERED:
            text = ": ".join(filter(None, (bounce.address, bounce.reason, bounce.diagnostic)))
            number = "" if bounce.message is None else ids.show(bounce.message)
            yield TimelineEvent(
                at=bounce.at, type="bounce", id=number, summary=text, state=bounce.kind
            )


def of_triggers(occurrences: Iterable[Occurrence]) -> Iterator[TimelineEvent]:
    """Tell of mail on events, sent or not."""
    for occurrence in occurrences:
        said = f"{occurrence.trigger}: {occurrence.subject or occurrence.reason}".removesuffix(": ")
        yield TimelineEvent(
            at=occurrence.settled_at or occurrence.at,
            type="trigger_mail",
            id=ids.show(occurrence.id if occurrence.message is None else occurrence.message),
            summary=f"{said} ({occurrence.reason})"
            if occurrence.subject and occurrence.reason
            else said,
            state=occurrence.state,
            reference=occurrence.about,
        )


def of_suppressions(
    suppressions: Iterable[Suppression], entries: Iterable[SuppressionEntry]
) -> Iterator[TimelineEvent]:
    """Tell of what groups and the status brought, of what staff said, and of its end.

    `suppressions` are those in force, `entries` all that staff ever said.
    """
    for in_force in suppressions:
        if (
            in_force.person is not None
            and in_force.since is not None
            and in_force.source not in _KEPT
        ):
            summary = f'{in_force.source} "{in_force.name}": {in_force.scope.covers}'
            yield TimelineEvent(
                at=in_force.since, type="suppression", id="", summary=summary, state=ADDED
            )
    for entry in entries:
        yield from _of_suppression(entry, f"{entry.address}: {entry.scope.covers}")


def of_topic_opt_outs(declined: Iterable[TopicOptOut]) -> Iterator[TimelineEvent]:
    """Tell of mailings of a topic that somebody wants no more of, and of those undone."""
    for opt_out in declined:
        yield from _of_suppression(opt_out, f"{opt_out.whose}: no mailings of {opt_out.topic}")


def _of_suppression(kept: SuppressionEntry | TopicOptOut, what: str) -> Iterator[TimelineEvent]:
    """Tell that mail is not to be sent since a moment, and again where that was released."""
    number = ids.show(kept.id)
    summary = f"{what} ({kept.remark})" if kept.remark else what
    yield TimelineEvent(at=kept.since, type="suppression", id=number, summary=summary, state=ADDED)
    if kept.released_at is not None:
        at = kept.released_at
        yield TimelineEvent(at=at, type="suppression", id=number, summary=what, state=RELEASED)


def of_replies(replies: Iterable[HistoryEntry]) -> Iterator[TimelineEvent]:
    """Tell of what was filed, and of the documents that came with it."""
    for reply in replies:
        sender = reply.sender_name or reply.sender
        yield TimelineEvent(
            at=reply.at,
            type="reply",
            id=ids.show(reply.id),
            summary=f"{sender}: {reply.subject}",
            state=FILED,
            reference=reply.reference,
        )
        for document in reply.documents:
            yield TimelineEvent(
                at=reply.at,
                type="document",
                id=ids.show(document.id),
                summary=document.filename,
                state=document.type,
                reference=reply.reference,
            )


def of_campaigns(acts: Iterable[MemberActivity], left: Iterable[OptOut]) -> Iterator[TimelineEvent]:
    """Tell of what the person did with campaigns, of opt-outs, and of those that staff undid."""
    for act in acts:
        activity = act.act.activity
        yield TimelineEvent(
            at=activity.at,
            type="activity",
            id=ids.show(act.campaign),
            summary=f'"{act.title}": {described(activity)}',
            state=activity.type.value,
        )
    for opt_out in left:
        through = f' through "{opt_out.title}"' if opt_out.title else " at Mailchimp"
        number = "" if opt_out.campaign is None else ids.show(opt_out.campaign)
        what = f"{opt_out.address} unsubscribed{through}"
        yield TimelineEvent(at=opt_out.at, type="opt_out", id=number, summary=what, state=ADDED)
        if opt_out.lifted_at is not None:
            undone = f"{what}: undone by {opt_out.lifted_by}"
            yield TimelineEvent(
                at=opt_out.lifted_at, type="opt_out", id=number, summary=undone, state=RELEASED
            )


def described(activity: Activity) -> str:
    """Return an activity in words."""
    match activity.type:
        case ActivityType.BOUNCED:
            return f"bounced ({activity.bounce})" if activity.bounce else "bounced"
        case ActivityType.OPENED:
            return "opened by a machine" if activity.machine else "opened"
        case ActivityType.CLICKED:
            return f"clicked {activity.url}".strip()
        case ActivityType.UNSUBSCRIBED:
            return f"unsubscribed ({activity.reason})" if activity.reason else "unsubscribed"
