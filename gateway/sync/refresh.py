"""Scheduled campaigns shortly before their time: once more brought up to date, or taken back.

Mailchimp may have frozen who gets a campaign when it was scheduled (MAILCHIMP 4.15). So where
somebody must drop out it is unscheduled, the segment trimmed, and scheduled again for its time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gateway.core.campaigns.campaigns import Campaign, CampaignState, PendingCall
from gateway.core.errors import GatewayError
from gateway.store.campaigns import campaign_members, campaign_segments, campaigns
from gateway.store.engine.database import StoreUnavailable
from gateway.sync import campaign_calls
from gateway.sync.campaigns import uploader_for
from gateway.sync.errors import MailchimpError, MailchimpRefused
from gateway.sync.mailchimp_session import Busy, MailchimpSession, claimed, in_silence
from gateway.sync.preparation import PreparationPlan, guard, judge_members, prepare
from gateway.sync.settle import keep, look

#: So long before its time a campaign is brought up to date once more.
BEFORE = timedelta(minutes=20)
#: From then on who must drop out is looked for, in the store alone, as often as this.
AGAIN = timedelta(minutes=1)
#: So late it is left as it is: what is unscheduled now may miss its time.
TOO_LATE = timedelta(minutes=1)
#: So long after its time it is looked at whether it left.
LEAVES_WITHIN = timedelta(minutes=20)


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A campaign was brought up to date."""

    campaign: int
    updated: int  #: Members whose data changed.
    left_out: int  #: Members who dropped out.


@dataclass(frozen=True, slots=True)
class Unscheduled:
    """A campaign is not on its way any more though it was scheduled."""

    campaign: int
    reason: str


@dataclass(frozen=True, slots=True)
class RefreshFailed:
    """A campaign could not be brought up to date; it is tried again, and goes out as it is."""

    campaign: int
    reason: str


Heard = Refreshed | Unscheduled | RefreshFailed


@dataclass(slots=True, kw_only=True)
class Refresher:
    """Looks after all scheduled campaigns; made for a thread."""

    session: MailchimpSession
    heard: Callable[[Heard], None]
    looked: dict[int, datetime] = field(default_factory=dict)  #: When each was looked at last.

    def run(self) -> None:
        """Do what is due; one campaign's trouble doesn't keep the others waiting."""
        now = self.session.clock()
        with self.session.database.reading() as connection:
            states = (CampaignState.SCHEDULED, CampaignState.OPENED, CampaignState.SENDING)
            found = campaigns.listed(connection, states=states)
        for campaign in found:
            if self._is_due(campaign, now):
                self._tend(campaign, now)

    def _is_due(self, campaign: Campaign, now: datetime) -> bool:
        if campaign.asked is PendingCall.REFRESH:
            return True
        at = campaign.scheduled_for or campaign.sent_at
        looked = self.looked.get(campaign.id)
        if at is None or (looked is not None and now - looked < AGAIN):
            return False
        return at - BEFORE <= now <= at + LEAVES_WITHIN

    def _tend(self, campaign: Campaign, now: datetime) -> None:
        try:
            with claimed(self.session, campaign.id) as session:
                self.looked[campaign.id] = now
                with session.database.reading() as connection:
                    current = campaigns.one(connection, campaign.id)
                _Refresh(session, current, self.heard).run()
        except Busy:
            return
        except StoreUnavailable:
            raise
        except (MailchimpError, GatewayError) as error:
            self.heard(RefreshFailed(campaign.id, str(error)))


@dataclass(slots=True)
class _Refresh:
    """What one campaign needs now."""

    session: MailchimpSession
    campaign: Campaign
    heard: Callable[[Heard], None]

    def run(self) -> None:
        at, now = self.campaign.scheduled_for, self.session.clock()
        if self.campaign.asked is PendingCall.REFRESH:
            self._go_on()
        elif at is None or now > at:
            look(self.session, self.campaign)
        elif self.campaign.state is CampaignState.SCHEDULED and now < at - TOO_LATE:
            self._bring_up_to_date(at)

    def _bring_up_to_date(self, at: datetime) -> None:
        refreshed = self.campaign.refreshed_at
        if refreshed is None or refreshed < at - BEFORE or self._somebody_left():
            self._look()
            if self.campaign.state is CampaignState.SCHEDULED:
                self._refresh(at)

    def _somebody_left(self) -> bool:
        judge_members(self.session, self.campaign)
        with self.session.database.reading() as connection:
            return campaign_segments.has_left_segment(connection, self.campaign.id)

    def _look(self) -> None:
        before = self.campaign
        self.campaign = look(self.session, before)
        if self.campaign.state in {CampaignState.OPENED, CampaignState.DELETED}:
            reason = self.campaign.trouble or "it was deleted at Mailchimp"
            self.heard(Unscheduled(before.id, reason))

    def _refresh(self, at: datetime) -> None:
        plan = prepare(self.session, self.campaign)
        try:
            guard(plan)
        except GatewayError as error:
            self._take_back(str(error))
            return
        if plan.from_segment:
            self._trim(plan, at)
        if self.campaign.state is CampaignState.SCHEDULED:
            self._finish(plan)

    def _go_on(self) -> None:
        """Finish a refresh that was broken off, perhaps between unscheduling and scheduling."""
        self.campaign = look(self.session, self.campaign)
        at = self.campaign.scheduled_for
        if self.campaign.state not in {CampaignState.OPENED, CampaignState.SCHEDULED} or at is None:
            keep(self.session, self.campaign, asked=PendingCall.NOTHING)
        elif at <= self.session.clock():
            self._give_up("it could not be scheduled again before its time")
        else:
            plan = prepare(self.session, self.campaign)
            self._trim(plan, at)
            self._finish(plan)

    def _trim(self, plan: PreparationPlan, at: datetime) -> None:
        # Nobody ends this halfway: what is unscheduled is scheduled again.
        session = replace(self.session, beat=in_silence)
        self.campaign = keep(
            session, self.campaign, asked=PendingCall.REFRESH, asked_at=session.clock()
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
        keep(self.session, self.campaign, refreshed_at=self.session.clock())
        self.heard(Refreshed(self.campaign.id, plan.changed, len(plan.from_segment)))

    def _take_back(self, reason: str) -> None:
        """Unschedule for good: a person has to look."""
        campaign = campaign_calls.unschedule(self.session, self.campaign)
        if campaign.state is CampaignState.OPENED:
            self.campaign = campaign
            self._give_up(reason)

    def _give_up(self, reason: str) -> None:
        self.campaign = look(self.session, self.campaign)
        if self.campaign.state is CampaignState.SCHEDULED:
            self.campaign = campaign_calls.unschedule(
                self.session, keep(self.session, self.campaign, asked=PendingCall.NOTHING)
            )
        if self.campaign.state is not CampaignState.OPENED:
            return
        text = f"it was unscheduled and stays so: {reason}"
        self.campaign = keep(
            self.session, self.campaign, asked=PendingCall.NOTHING, scheduled_for=None, trouble=text
        )
        self.heard(Unscheduled(self.campaign.id, reason))
