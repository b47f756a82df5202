"""Everything about an address nobody in the CRM has: what keeps mail away, what happened."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from gateway.core.decision.prospects import MailProspect, prospects
from gateway.core.people.people import Suppression
from gateway.store.bounces import bounces
from gateway.store.campaigns import opt_outs
from gateway.store.campaigns.opt_outs import Refusal
from gateway.store.journal import received
from gateway.store.people import suppression, topic_opt_outs
from gateway.store.people.suppression import Standings, SuppressionEntry
from gateway.store.people.topic_opt_outs import TopicOptOut
from gateway.store.views.timeline import (
    TimelineEvent,
    TimelinePart,
    TimelineQuery,
    TimelineType,
    of_bounces,
    of_messages,
    of_suppressions,
    of_topic_opt_outs,
    part_of,
)

#: The event types that an address without a person can have.
SORTS = (TimelineType.MESSAGE, TimelineType.BOUNCE, TimelineType.SUPPRESSION)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressPage:
    """An address in lookup form, with everything known about it."""

    address: str
    prospect: MailProspect  #: What would happen to mail sent to it now.
    suppressions: tuple[Suppression, ...]
    refusals: tuple[Refusal, ...]  #: If Mailchimp itself sends no campaigns to it.
    topic_opt_outs: tuple[TopicOptOut, ...]  #: Including past ones.
    timeline: TimelinePart
    is_known: bool  #: Whether there is, or was, anything at all.


def page_of(
    connection: Connection, standings: Standings, address: str, timeline_query: TimelineQuery
) -> AddressPage:
    """Return everything known about an address; of the timeline, only what is requested."""
    erased = standings.names_if_erased(connection, address)
    entries = suppression.history(connection, address, erased=erased)
    declined = topic_opt_outs.history(connection, address, erased=erased)
    refusals = tuple(opt_outs.refusals(connection, [address]))
    [prospect] = prospects([address], standings.within(connection, [address]))
    standing = prospect.standing
    of_holders = (entry for holder in standing.holders for entry in holder.suppressions)
    return AddressPage(
        address=address,
        prospect=prospect,
        suppressions=tuple(dict.fromkeys((*standing.own, *of_holders))),
        refusals=refusals,
        topic_opt_outs=tuple(declined),
        timeline=part_of(
            _events(connection, address, timeline_query, entries, declined), timeline_query
        ),
        is_known=bool(entries or declined or refusals) or _had_mail(connection, address),
    )


def _events(
    connection: Connection,
    address: str,
    timeline_query: TimelineQuery,
    entries: Sequence[SuppressionEntry],
    declined: Sequence[TopicOptOut],
) -> Iterator[TimelineEvent]:
    """Yield at least the requested events of each type, in a stable order."""
    since, until, limit = timeline_query.since, timeline_query.latest, timeline_query.at_most
    if TimelineType.MESSAGE in timeline_query.types:
        mails = received.at_addresses(
            connection, [address], None, since=since, until=until, limit=limit
        )
        yield from of_messages(mails)
    if TimelineType.BOUNCE in timeline_query.types:
        came_back = bounces.of_address(connection, address, since=since, until=until, limit=limit)
        yield from of_bounces(came_back)
    if TimelineType.SUPPRESSION in timeline_query.types:
        yield from of_suppressions((), entries)
        yield from of_topic_opt_outs(declined)


def _had_mail(connection: Connection, address: str) -> bool:
    mails = received.at_addresses(connection, [address], None, since=None, until=None, limit=1)
    return bool(mails) or bool(
        bounces.of_address(connection, address, since=None, until=None, limit=1)
    )
