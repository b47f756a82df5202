"""One round of syncing with Mailchimp: campaign states, what members did, and who left."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gateway.core.campaigns.cadence import DAILY, next_sync
from gateway.core.campaigns.campaigns import CampaignState
from gateway.core.campaigns.counters import Counters, CountersToRead, due_reading
from gateway.store.campaigns import audiences, campaign_syncs, campaigns
from gateway.store.campaigns.audiences import Audience
from gateway.store.campaigns.campaign_syncs import Synced
from gateway.sync.campaign_at_mailchimp import is_off_schedule, update_from_mailchimp
from gateway.sync.departures import Departed, Departures
from gateway.sync.mailchimp.errors import (
    MailchimpError,
    MailchimpNotFound,
    MailchimpRefused,
    NotAuthorised,
    UnreadableAnswer,
    UnusableKey,
)
from gateway.sync.mailchimp_session import CampaignBusy, MailchimpSession, claimed
from gateway.sync.mirror import Mirror, Mirrored
from gateway.sync.reading import AudienceGone

#: After Mailchimp could not be reached, or while another process has the campaign.
PUT_OFF = timedelta(minutes=5)
#: How soon to check a campaign after its scheduled time, or again while it is being sent or may be
#: scheduled there again.
LEAVING = timedelta(minutes=10)
_NOT_THERE = (CampaignState.DRAFT, CampaignState.DELETED)
#: Reports are requested from this long before the oldest campaign was sent: clocks differ.
_MARGIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CampaignMoved:
    """A campaign's state changed at Mailchimp."""

    campaign: int
    state: CampaignState


@dataclass(frozen=True, slots=True)
class ActivitiesRead:
    """A campaign's activities were read."""

    campaign: int
    mirrored: Mirrored


@dataclass(frozen=True, slots=True)
class AudienceSynced:
    """An audience's departures were read."""

    audience: str
    departed: Departed


@dataclass(frozen=True, slots=True)
class PutOff:
    """Something could not be read now; it is retried."""

    campaign: int | None  #: None: the whole round.
    reason: str
    busy: bool = False  #: Another process has it.


@dataclass(frozen=True, slots=True)
class NothingMoved:
    """Campaigns without any change."""

    number: int


RoundResult = CampaignMoved | ActivitiesRead | AudienceSynced | PutOff | NothingMoved


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """Checks what is due; for a thread."""

    session: MailchimpSession
    new_id: Callable[[], int]
    from_sending: bool = False  #: A campaign's age counts from its sending.
    on_result: Callable[[RoundResult], None] = field(default=lambda _: None)

    def run(self, *, everything: bool = False) -> None:
        """Check everything that is due, or everything there is.

        Counters are read first: one call covers all campaigns without any change. Raise
        NotAuthorised, UnusableKey or AudienceGone if nothing can be read until somebody fixes it;
        everything else is reported and retried.
        """
        now = self.session.clock()
        with self.session.database.reading() as connection:
            all_campaigns = campaign_syncs.at_mailchimp(connection)
            all_audiences = audiences.list_audiences(connection)
        due = [synced for synced in all_campaigns if everything or has_come(synced.next_sync, now)]
        ids = {synced.campaign.audience for synced in due}
        due_audiences = [
            audience
            for audience in all_audiences
            if everything or audience.id in ids or has_come(audience.next_sync, now)
        ]
        try:
            self.read_campaigns(due, all_campaigns, now)
            for audience in due_audiences:
                self.try_audience(audience)
        except MailchimpError as error:
            # What was done already has its next time; what is still due waits a while.
            late_at = self.session.clock()
            with self.session.database.writing() as connection:
                times = {
                    synced.campaign.id: synced.next_sync
                    for synced in campaign_syncs.at_mailchimp(connection)
                }
                late = [
                    synced.campaign.id
                    for synced in due
                    if synced.campaign.id in times and has_come(times[synced.campaign.id], late_at)
                ]
                campaign_syncs.put_off(connection, late, late_at + PUT_OFF)
                for audience in due_audiences:
                    audiences.change(connection, audience.id, next_sync=late_at + PUT_OFF)
            if isinstance(error, NotAuthorised | UnusableKey | AudienceGone):
                raise
            self.on_result(PutOff(None, str(error)))

    def sync_campaign(self, number: int) -> None:
        """Check one campaign and its audience now; raise MailchimpError, CampaignBusy."""
        with self.session.database.reading() as connection:
            synced = campaign_syncs.by_id(connection, number)
            all_audiences = audiences.list_audiences(connection)
        if synced is None or not synced.campaign.mailchimp_id:
            return
        synced = self.update_state(synced)
        if synced is None or not synced.is_sent:
            return
        report = self.session.client.report(synced.campaign.mailchimp_id)
        self.copy(synced, Counters.of_report(report))
        for audience in all_audiences:
            if audience.id == synced.campaign.audience:
                self.read_audience(audience)

    def read_campaigns(
        self, due: Sequence[Synced], all_campaigns: Sequence[Synced], now: datetime
    ) -> None:
        """Read the results of campaigns that are due; note which of the others are idle."""
        current = [synced if synced.is_sent else self._updated(synced) for synced in due]
        readable = [synced for synced in current if synced is not None]
        sent = {synced.campaign.id: synced for synced in readable if synced.is_sent}
        self._note([synced for synced in readable if not synced.is_sent])
        if not sent:
            return
        # The counters of all reports since the oldest of these campaigns: if they are unchanged,
        # nothing happened, even with campaigns that are not due yet.
        times = [synced.campaign.sent_at for synced in sent.values()]
        oldest = min((at for at in times if at), default=None)
        since = oldest - _MARGIN if oldest and all(times) else None
        reports = self.all_counters(since)

        def is_idle(synced: Synced) -> bool:
            counters = reports.get(synced.campaign.mailchimp_id)
            return counters is not None and not self._reading(synced, counters, now)

        others = (
            synced for synced in all_campaigns if synced.is_sent and synced.campaign.id not in sent
        )
        idle = [synced for synced in others if is_idle(synced)]
        for synced in sent.values():
            if is_idle(synced):
                idle.append(synced)
            else:
                self._read_sent(synced, reports.get(synced.campaign.mailchimp_id))
        self._note(idle)
        if idle:
            self.on_result(NothingMoved(len(idle)))

    def all_counters(self, since: datetime | None) -> dict[str, Counters]:
        """Return the counters of all campaigns sent since then, by their Mailchimp ids.

        If they can't be read, none: then each campaign's own report is requested, so that one with
        an odd report doesn't hold up the others.
        """
        try:
            return {
                str(report["id"]): Counters.of_report(report)
                for page in self.session.client.reports(sent_since=since)
                for report in page
            }
        except UnreadableAnswer as error:
            self.on_result(PutOff(None, str(error)))
            return {}

    def _read_sent(self, synced: Synced, counters: Counters | None) -> None:
        """Read a campaign's results; without `counters` its own report is requested."""
        try:
            if counters is None:
                report = self.session.client.report(synced.campaign.mailchimp_id)
                counters = Counters.of_report(report)
            self.copy(synced, counters)
        except MailchimpNotFound:  # its report is missing: it may have been deleted
            still_there = self._updated(synced)
            self._note([still_there] if still_there else [])
        except (NotAuthorised, AudienceGone):
            raise
        except (CampaignBusy, MailchimpRefused, UnreadableAnswer) as error:
            self._delay(synced, error)

    def _reading(self, synced: Synced, counters: Counters, now: datetime) -> CountersToRead:
        sent_at = synced.campaign.sent_at or now
        return due_reading(synced.counters, counters, sent_at=sent_at, at=now)

    def copy(self, synced: Synced, counters: Counters) -> None:
        """Read what members did since the last check, if the counters show any activity."""
        now = self.session.clock()
        reading = self._reading(synced, counters, now)
        if not reading:
            self._note([synced])
            return
        with claimed(self.session, synced.campaign.id) as session:
            mirror = Mirror(
                database=session.database,
                client=session.client,
                new_id=self.new_id,
                clock=session.clock,
                may_write=lambda: session.beat("", 0, 0),
                on_page=lambda rows: session.beat("read", rows, 0),
            )
            mirrored = mirror.copy(
                synced.mailing, counters, reading, until=synced.until, gaps=synced.gaps
            )
            with session.database.writing() as connection:
                campaign_syncs.record_sync(
                    connection,
                    synced.campaign.id,
                    counters=counters,
                    gaps=mirrored.gaps,
                    until=mirrored.until,
                    synced_at=now,
                    before=synced.next_sync,
                    next_sync=next_check(synced, from_sending=self.from_sending, now=now),
                )
        self.on_result(ActivitiesRead(synced.campaign.id, mirrored))

    def _updated(self, synced: Synced) -> Synced | None:
        try:
            return self.update_state(synced)
        except (NotAuthorised, AudienceGone):
            raise
        except (CampaignBusy, MailchimpRefused, UnreadableAnswer) as error:
            self._delay(synced, error)
            return None

    def update_state(self, synced: Synced) -> Synced | None:
        """Record changes to a campaign made at Mailchimp; None: it is gone.

        The campaign is locked meanwhile: a schedule that is just being made is not undone.
        """
        number = synced.campaign.id
        with claimed(self.session, number) as session:
            with session.database.reading() as connection:
                before = campaigns.by_id(connection, number)
            after = update_from_mailchimp(session, before)
        if after.state is not before.state:
            self.on_result(CampaignMoved(number, after.state))
        return None if after.state in _NOT_THERE else replace(synced, campaign=after)

    def try_audience(self, audience: Audience) -> None:
        """Read an audience's departures; if its answers can't be read, others don't wait for it."""
        try:
            self.read_audience(audience)
        except UnreadableAnswer as error:
            late_at = self.session.clock() + PUT_OFF
            with self.session.database.writing() as connection:
                audiences.change(connection, audience.id, next_sync=late_at)
            self.on_result(PutOff(None, str(error)))

    def read_audience(self, audience: Audience) -> None:
        """Read an audience's departures.

        Raise AudienceGone if the one in use is gone; one used earlier may be, and is checked daily.
        """
        session = self.session
        departures = Departures(
            database=session.database,
            client=session.client,
            new_id=self.new_id,
            clock=session.clock,
            may_write=lambda: session.beat("", 0, 0),
        )
        try:
            departed = departures.read(audience)
        except MailchimpNotFound as error:
            with session.database.reading() as connection:
                used = audiences.active(connection)
            if used is None or used.id == audience.id:
                raise AudienceGone(audience.name) from error
            with session.database.writing() as connection:
                audiences.change(connection, audience.id, next_sync=session.clock() + DAILY)
            return
        now = session.clock()
        with session.database.writing() as connection:
            audiences.record_reading(connection, audience, now=now, next_sync=now + DAILY)
        self.on_result(AudienceSynced(audience.id, departed))

    def _note(self, synced_campaigns: Sequence[Synced]) -> None:
        """Record that campaigns were checked, and that nothing had changed."""
        if synced_campaigns:
            now = self.session.clock()
            times = [
                (synced, next_check(synced, from_sending=self.from_sending, now=now))
                for synced in synced_campaigns
            ]
            with self.session.database.writing() as connection:
                campaign_syncs.record_unchanged(connection, times, now)

    def _delay(self, synced: Synced, error: CampaignBusy | MailchimpError) -> None:
        number = synced.campaign.id
        with self.session.database.writing() as connection:
            campaign_syncs.put_off(connection, [number], self.session.clock() + PUT_OFF)
        self.on_result(PutOff(number, str(error), busy=isinstance(error, CampaignBusy)))


def next_check(synced: Synced, *, from_sending: bool, now: datetime) -> datetime:
    """Return when to check a campaign next: by its age, and soon after its scheduled time.

    Also soon while it is being sent, or if it was unscheduled, in its first thirty days.
    `from_sending`: its age counts from its sending, otherwise from its creation at Mailchimp.
    """
    campaign = synced.campaign
    due = next_sync(age_from=synced.age_from(sending=from_sending) or now, synced_at=now)
    leaves_at = campaign.scheduled_for
    match campaign.state:
        case CampaignState.SENDING:
            return min(due, now + LEAVING)
        case CampaignState.SCHEDULED if leaves_at is not None:
            return min(due, max(leaves_at, now) + LEAVING)
        case CampaignState.OPENED if is_off_schedule(campaign) and due < now + DAILY:
            return now + LEAVING
        case _:
            return due


def has_come(at: datetime | None, now: datetime) -> bool:
    """Whether a time has come; without a time it is due at once."""
    return at is None or at <= now
