"""Campaigns before they are sent: who must drop out is taken out of their segments.

Scheduled ones are updated once more shortly before their time, or taken back. Opened ones may be
sent by somebody at Mailchimp at any moment.

Mailchimp may have frozen a campaign's recipients when it was scheduled (MAILCHIMP 4.15). So if
anybody must drop out, it is unscheduled, the segment trimmed, and the campaign scheduled again for
its time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gateway.core.campaigns.cadence import DAILY
from gateway.core.campaigns.campaigns import Campaign, CampaignState, PendingCall
from gateway.core.errors import GatewayError
from gateway.store.campaigns import campaign_members, campaign_segments, campaigns
from gateway.store.engine.database import StoreUnavailable
from gateway.sync import campaign_calls
from gateway.sync.campaign_at_mailchimp import (
    OTHER_RECIPIENTS,
    change_campaign,
    stays_unscheduled,
    update_from_mailchimp,
)
from gateway.sync.campaign_processing import uploader_for
from gateway.sync.mailchimp.errors import MailchimpError, MailchimpRefused
from gateway.sync.mailchimp_session import CampaignBusy, MailchimpSession, claimed, no_progress
from gateway.sync.preparation import (
    PreparationPlan,
    SegmentGone,
    decide_members,
    guard,
    leave_out_latecomers,
    must_somebody_leave,
    prepare,
    read_segment,
)

#: How often to check whom an opened campaign must leave out, and how often after its first days.
OPENED_EVERY = timedelta(minutes=10)
OPENED_DAYS = timedelta(days=30)
#: How long before its time a campaign is updated again.
BEFORE = timedelta(minutes=20)
#: How long before its time that is done for the last time: only this shows whether somebody has
#: since added people to its segment at Mailchimp.
ONCE_MORE = timedelta(minutes=5)
#: How often in between Mailchimp is asked about it, and the store for people who must drop out.
AGAIN = timedelta(minutes=1)
#: From this long before its time it isn't changed any more, as unscheduling it now would make it
#: miss its time. Each round still checks for other recipients: then it must not be sent at all.
TOO_LATE = timedelta(minutes=1)
#: For how long after its time to check whether it was sent.
LEAVES_WITHIN = timedelta(minutes=20)


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A campaign was updated."""

    campaign: int
    updated: int  #: Members whose data changed.
    left_out: int  #: Members who dropped out.


@dataclass(frozen=True, slots=True)
class Unscheduled:
    """A campaign that was scheduled no longer is."""

    campaign: int
    reason: str


@dataclass(frozen=True, slots=True)
class RefreshFailed:
    """A campaign could not be updated; it is retried, and sent as it is."""

    campaign: int
    reason: str


RefreshResult = Refreshed | Unscheduled | RefreshFailed


@dataclass(frozen=True, slots=True)
class LastCheck:
    """When a campaign was last checked, and the last known time for which it was scheduled.

    That time is kept because somebody who unscheduled it at Mailchimp may schedule it there again.
    """

    at: datetime
    leaves_at: datetime | None


@dataclass(slots=True, kw_only=True)
class Refresher:
    """Looks after all opened and scheduled campaigns; for a thread."""

    session: MailchimpSession
    on_result: Callable[[RefreshResult], None]
    last_checks: dict[int, LastCheck] = field(default_factory=dict)  #: By campaign id.

    def run(self) -> None:
        """Do what is due; trouble with one campaign doesn't delay the others."""
        now = self.session.clock()
        with self.session.database.reading() as connection:
            states = (CampaignState.SCHEDULED, CampaignState.OPENED, CampaignState.SENDING)
            unsent_campaigns = campaigns.list_campaigns(connection, states=states)
        # Opened ones with many members take seconds; those about to leave can't wait for them.
        unsent_campaigns.sort(key=lambda campaign: campaign.state is CampaignState.OPENED)
        for campaign in unsent_campaigns:
            last_check = self.last_checks.get(campaign.id)
            if not is_due(campaign, last_check, now):
                continue
            try:
                with claimed(self.session, campaign.id) as session:
                    self.last_checks[campaign.id] = LastCheck(
                        now, leaving_time(campaign, last_check)
                    )
                    with session.database.reading() as connection:
                        current = campaigns.by_id(connection, campaign.id)
                    is_leaving = is_about_to_leave(campaign, last_check, now)
                    _Refresh(session, current, self.on_result, is_leaving).run()
            except CampaignBusy:
                continue
            except StoreUnavailable:
                raise
            except (MailchimpError, GatewayError) as error:
                self.on_result(RefreshFailed(campaign.id, str(error)))


def is_due(campaign: Campaign, last_check: LastCheck | None, now: datetime) -> bool:
    """Whether to check a campaign now; `last_check`: when this process last did.

    Always if its refresh was interrupted; an opened one every ten minutes, and after thirty days
    once a day.
    """
    if campaign.pending_call is PendingCall.REFRESH or is_about_to_leave(campaign, last_check, now):
        return True
    if campaign.state is not CampaignState.OPENED:
        return False
    is_young = campaign.opened_at is not None and now - campaign.opened_at < OPENED_DAYS
    return last_check is None or now - last_check.at >= (OPENED_EVERY if is_young else DAILY)


def is_about_to_leave(campaign: Campaign, last_check: LastCheck | None, now: datetime) -> bool:
    """Whether to ask Mailchimp about a campaign now because of its time.

    That is once a minute from 20 minutes before it to 20 minutes after it, and every time in the
    last minute.
    """
    at = leaving_time(campaign, last_check)
    if at is None or not at - BEFORE <= now <= at + LEAVES_WITHIN:
        return False
    is_leaving = at - TOO_LATE <= now <= at
    return is_leaving or last_check is None or now - last_check.at >= AGAIN


def leaving_time(campaign: Campaign, last_check: LastCheck | None) -> datetime | None:
    """Return when a campaign is or was to be sent, even if somebody unscheduled it."""
    before = last_check.leaves_at if last_check else None
    return campaign.scheduled_for or campaign.sent_at or before


@dataclass(slots=True)
class _Refresh:
    """What one campaign needs now; `campaign` is its known state after each step.

    Take one for 10:00. At 09:40 it is updated: members are decided on again, and their data is
    updated. If somebody dropped out, the segment is trimmed: a pending REFRESH is noted, the
    campaign unscheduled, the segment trimmed, the campaign scheduled for 10:00 again. Then each
    minute Mailchimp is asked whether it still goes to the segment, and the store whether anybody
    else dropped out. If so, all of it is repeated, and also at 09:55. From 09:59 on only its
    recipients are checked, and after 10:00 whether it was sent. If a process ends between
    unscheduling and scheduling, the REFRESH stays pending, and the next process continues there. A
    campaign that can't be scheduled again stays unscheduled and says why.
    """

    session: MailchimpSession
    campaign: Campaign
    on_result: Callable[[RefreshResult], None]
    is_leaving: bool  #: Mailchimp has to be asked about it because of its time.

    def run(self) -> None:
        if self.campaign.pending_call is PendingCall.REFRESH:
            self._go_on()
            return
        if self.campaign.state is CampaignState.OPENED:
            self._trim_opened()
        if not self.is_leaving:
            return
        was_scheduled = self.campaign.state is CampaignState.SCHEDULED
        self.campaign = update_from_mailchimp(self.session, self.campaign)
        if was_scheduled and self.campaign.state in {CampaignState.OPENED, CampaignState.DELETED}:
            reason = self.campaign.trouble or "it was deleted at Mailchimp"
            self.on_result(Unscheduled(self.campaign.id, reason))
        if self.campaign.state is not CampaignState.SCHEDULED:
            return
        if self.campaign.trouble == OTHER_RECIPIENTS:
            self._give_up(OTHER_RECIPIENTS)
            return
        at, now = self.campaign.scheduled_for, self.session.clock()
        if at is None or not at - BEFORE <= now < at - TOO_LATE:
            return

        refreshed = self.campaign.refreshed_at
        since = at - (ONCE_MORE if now >= at - ONCE_MORE else BEFORE)
        if refreshed is not None and refreshed >= since:
            decide_members(self.session, self.campaign)
            with self.session.database.reading() as connection:
                self.campaign = campaigns.by_id(connection, self.campaign.id)
                somebody_left = campaign_segments.has_left_segment(connection, self.campaign.id)
            # Without that time the segment has, for example, somebody's former address.
            if self.campaign.refreshed_at is not None and not somebody_left:
                leave_out_latecomers(self.session, self.campaign)
                return

        plan = prepare(self.session, self.campaign, may_add=False)
        try:
            guard(plan)
        except GatewayError as error:
            # So many drop out that a person must look into it: it stays unscheduled.
            campaign = campaign_calls.unschedule(self.session, self.campaign)
            if campaign.state is CampaignState.OPENED:
                self.campaign = campaign
                self._give_up(str(error))
            return
        if plan.from_segment:
            self._trim(plan, at)
        self._finish(plan)

    def _trim_opened(self) -> None:
        """Take out of an opened campaign's segment whom it must leave out by now.

        Mailchimp is asked only if there is somebody. Nobody is added: sending it by a command
        does that.
        """
        if self.campaign.segment is None:
            return
        is_known = self.campaign.refreshed_at is not None
        if is_known and not must_somebody_leave(self.session, self.campaign):
            return
        self.campaign = update_from_mailchimp(self.session, self.campaign)
        if self.campaign.state is not CampaignState.OPENED:
            return
        decide_members(self.session, self.campaign)
        try:
            leaving = read_segment(self.session, self.campaign)
        except SegmentGone as error:
            # Told once; it can't be sent any more.
            if self.campaign.trouble != str(error):
                change_campaign(self.session, self.campaign, trouble=str(error))
                raise
            return
        uploader_for(self.session, self.campaign).segment(leaving, may_add=False)
        refreshed_at = self.campaign.refreshed_at or self.session.clock()
        self.campaign = change_campaign(self.session, self.campaign, refreshed_at=refreshed_at)
        if leaving:
            self.on_result(Refreshed(self.campaign.id, updated=0, left_out=len(leaving)))

    def _go_on(self) -> None:
        """Finish a refresh that was interrupted, perhaps between unscheduling and scheduling."""
        self.campaign = update_from_mailchimp(self.session, self.campaign)
        at = self.campaign.scheduled_for
        if self.campaign.state not in {CampaignState.OPENED, CampaignState.SCHEDULED} or at is None:
            change_campaign(self.session, self.campaign, pending_call=PendingCall.NOTHING)
        elif at <= self.session.clock():
            self._give_up("it could not be scheduled again before its time")
        elif self.campaign.trouble == OTHER_RECIPIENTS:
            self._give_up(OTHER_RECIPIENTS)
        else:
            plan = prepare(self.session, self.campaign, may_add=False)
            self._trim(plan, at)
            self._finish(plan)

    def _trim(self, plan: PreparationPlan, at: datetime) -> None:
        # Nothing ends this halfway: what is unscheduled is scheduled again.
        session = replace(self.session, beat=no_progress)
        self.campaign = change_campaign(
            session, self.campaign, pending_call=PendingCall.REFRESH, pending_since=session.clock()
        )
        try:
            if self.campaign.state is CampaignState.SCHEDULED:
                self.campaign = campaign_calls.unschedule(session, self.campaign)
            if self.campaign.state is CampaignState.OPENED:
                uploader_for(session, self.campaign).segment(plan.from_segment, may_add=False)
                self.campaign = campaign_calls.schedule(session, self.campaign, at)
        except (campaign_calls.CannotBeSent, MailchimpRefused) as error:
            self._give_up(str(error))

    def _finish(self, plan: PreparationPlan) -> None:
        if self.campaign.state is not CampaignState.SCHEDULED:
            return
        uploader_for(self.session, self.campaign).members(may_add=False)
        with self.session.database.writing() as connection:
            campaign_members.expect(connection, self.campaign.id)
        change_campaign(self.session, self.campaign, refreshed_at=self.session.clock())
        self.on_result(Refreshed(self.campaign.id, plan.changed, len(plan.from_segment)))

    def _give_up(self, reason: str) -> None:
        self.campaign = update_from_mailchimp(self.session, self.campaign)
        if self.campaign.state is CampaignState.SCHEDULED:
            self.campaign = campaign_calls.unschedule(
                self.session,
                change_campaign(self.session, self.campaign, pending_call=PendingCall.NOTHING),
            )
        if self.campaign.state is not CampaignState.OPENED:
            return
        self.campaign = change_campaign(
            self.session,
            self.campaign,
            pending_call=PendingCall.NOTHING,
            scheduled_for=None,
            trouble=stays_unscheduled(reason),
        )
        self.on_result(Unscheduled(self.campaign.id, reason))
