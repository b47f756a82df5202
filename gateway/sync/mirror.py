"""Copying one campaign's activities from Mailchimp's reports into the store."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.core.campaigns.activity import (
    ReportedRecipient,
    of_email_activity,
    of_open_details,
    of_unsubscribed,
)
from gateway.core.campaigns.counters import (
    ALL,
    OVERLAP,
    Counters,
    CountersToRead,
    is_worse,
    missing_counts,
)
from gateway.core.campaigns.membership import KnownContact
from gateway.core.campaigns.precedence import Activity, ActivityType
from gateway.core.mail.address import lookup_form
from gateway.documents.campaigns import campaign_activity_events, opted_out_events
from gateway.store.campaigns import activities, audiences, departures
from gateway.store.campaigns.activities import ActivityCampaign
from gateway.store.campaigns.departures import Departure
from gateway.store.engine.database import Database, StoreTransaction
from gateway.store.people import people
from gateway.store.sending import events
from gateway.sync.mailchimp.client import MailchimpClient
from gateway.sync.mailchimp.errors import MailchimpNotFound
from gateway.sync.mailchimp.transport import MailchimpJson
from gateway.sync.reading import known_member

_IN_ONE_COMMIT = 500  #: Activities per commit, so that other writers don't wait long.
_LOOKED_UP = 50  #: Unknown recipients are looked up one by one, at most this many per sync.
_AGAIN = 10  #: How often everything is read again while that finds what was missing.


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrored:
    """The results of syncing one campaign."""

    new: int
    opted_out: int
    until: datetime | None  #: The newest known activity; None: read all of it the next time.
    gaps: Mapping[str, int]  #: What Mailchimp counts but doesn't show.


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """Copies what members did; each commit is complete, and reading again adds nothing."""

    database: Database
    client: MailchimpClient
    new_id: Callable[[], int]
    clock: Callable[[], datetime]
    #: Called before every commit; raises if another process has taken over.
    may_write: Callable[[], None] = lambda: None
    #: Called with the number of rows on each page.
    on_page: Callable[[int], None] = lambda _: None

    def copy(
        self,
        mailing: ActivityCampaign,
        counters: Counters,
        reading: CountersToRead,
        *,
        until: datetime | None,
        gaps: Mapping[str, int],
    ) -> Mirrored:
        """Read what is new, with an overlap; everything if more is missing than in `gaps`."""
        run = _Run(self, mailing, until)
        run.read(reading, until and until - OVERLAP)
        gap = self._gap(mailing, counters)
        for _ in range(_AGAIN):
            if not is_worse(gap, gaps):
                break
            run.read(ALL, None)
            before, gap = gap, self._gap(mailing, counters)
            if gap == before:
                break
        known_until = None if run.has_more_to_look_up else run.until
        return Mirrored(new=run.new, opted_out=run.opted_out, until=known_until, gaps=gap)

    def _gap(self, mailing: ActivityCampaign, counters: Counters) -> dict[str, int]:
        with self.database.reading() as connection:
            return missing_counts(counters, activities.counts(connection, mailing.id))


class _Run:
    """One reading of one campaign."""

    def __init__(self, mirror: Mirror, mailing: ActivityCampaign, until: datetime | None) -> None:
        self._mirror = mirror
        self._mailing = mailing
        self._looked_up = 0
        self._found = 0
        self._left_over = 0  #: Unknown recipients that were not looked up.
        self.until = until
        self.new = 0
        self.opted_out = 0

    def read(self, reading: CountersToRead, since: datetime | None) -> None:
        """Read the reports; for opens, first the one that identifies machines."""
        client, campaign = self._mirror.client, self._mailing.mailchimp_id
        # Unsubscribes come first, so that no opt-out waits for an unreadable report.
        if reading.unsubscribed:
            self._take(client.unsubscribed(campaign), of_unsubscribed)
        if reading.opens:
            self._take(client.open_details(campaign, since=since), of_open_details)
        if reading.activity:
            self._take(client.email_activity(campaign, since=since), of_email_activity)

    @property
    def has_more_to_look_up(self) -> bool:
        """Whether the next sync should go on with unknown recipients, reading from the start.

        Contacts that Mailchimp deleted stay unknown: if none was found, it is of no use.
        """
        return bool(self._left_over and self._found)

    def _take(
        self,
        pages: Iterable[list[MailchimpJson]],
        read: Callable[[Iterable[MailchimpJson]], Iterator[ReportedRecipient]],
    ) -> None:
        waiting: list[ReportedRecipient] = []
        number = 0
        for page in pages:
            self._mirror.on_page(len(page))
            for contact in read(page):
                waiting.append(contact)
                number += len(contact.activities)
                if number >= _IN_ONE_COMMIT:
                    self._keep(waiting)
                    waiting, number = [], 0
        self._keep(waiting)

    def _keep(self, reported_recipients: Sequence[ReportedRecipient]) -> None:
        if not reported_recipients:
            return
        self._look_up(reported_recipients)
        self._mirror.may_write()
        with self._mirror.database.writing() as connection:
            mirror, mailing, now = self._mirror, self._mailing, self._mirror.clock()
            new = activities.keep(connection, mailing, reported_recipients, now=now)
            events.put(
                connection, campaign_activity_events(connection, mailing, new, mirror.new_id)
            )
            left = list(_leavings(connection, mailing, reported_recipients))
            opted_out = departures.opt_out(connection, left, now=now)
            events.put(connection, opted_out_events(connection, opted_out, mirror.new_id))
        self.new += len(new)
        self.opted_out += len(opted_out)
        # The newest time of the types limited by `since`; unsubscribes aren't among them.
        times = [
            activity.at
            for contact in reported_recipients
            for activity in contact.activities
            if activity.type is not ActivityType.UNSUBSCRIBED
        ]
        self.until = max(filter(None, [self.until, *times]), default=None)

    def _look_up(self, reported_recipients: Sequence[ReportedRecipient]) -> None:
        """Look up unknown recipients: they may be members under another address now."""
        mirror, mailing = self._mirror, self._mailing
        with mirror.database.reading() as connection:
            unknown = activities.unknown_contacts(connection, mailing, reported_recipients)
        contacts: list[KnownContact] = []
        allowed = _LOOKED_UP - self._looked_up
        for email_id in unknown[:allowed]:
            self._looked_up += 1
            try:
                contacts.append(known_member(mirror.client.member(mailing.audience, email_id)))
            except (MailchimpNotFound, ValueError):
                continue
        self._found += len(contacts)
        self._left_over += max(0, len(unknown) - allowed)
        if contacts:
            mirror.may_write()
            with mirror.database.writing() as connection:
                audiences.take_in(connection, mailing.audience, contacts)


def _leavings(
    connection: StoreTransaction,
    mailing: ActivityCampaign,
    reported_recipients: Iterable[ReportedRecipient],
) -> Iterator[Departure]:
    """Yield everybody affected by an unsubscribe: who has the address, and who was mailed."""
    left = [
        contact for contact in reported_recipients if any(map(_is_unsubscribe, contact.activities))
    ]
    if not left:
        return
    recipients = activities.recipients_of(connection, mailing, left)
    members = activities.members_by_address(connection, mailing.id, set(recipients.values()))
    for contact in left:
        recipient = recipients[contact.email_id, contact.email]
        addresses = dict.fromkeys((recipient, lookup_form(contact.email)))
        holders = [ref for address in addresses for ref in people.holders(connection, address)]
        refs = dict.fromkeys([*holders, *members.get(recipient, ())])
        for ref in refs:
            for act in filter(_is_unsubscribe, contact.activities):
                if ref is not None:
                    yield Departure(
                        person=ref,
                        audience=mailing.audience,
                        address=recipient,
                        at=act.at,
                        campaign=mailing.id,
                        reason=act.reason,
                    )


def _is_unsubscribe(activity: Activity) -> bool:
    return activity.type is ActivityType.UNSUBSCRIBED
