"""Calls to Mailchimp about a whole campaign: create, send, schedule, delete.

Every request is noted before it is made. If an answer is lost, or the process ended before it came,
Mailchimp's state is checked before anything is repeated.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.core.campaigns.campaigns import GONE_STATES, Campaign, CampaignState, PendingCall, mark
from gateway.core.errors import GatewayError
from gateway.sync.campaign_at_mailchimp import (
    change_campaign,
    created_fields,
    update_from_mailchimp,
)
from gateway.sync.mailchimp.errors import (
    AnswerLost,
    MailchimpError,
    MailchimpNotFound,
    MailchimpRefused,
    NotAllowed,
)
from gateway.sync.mailchimp.transport import MailchimpJson
from gateway.sync.mailchimp_session import MailchimpSession
from gateway.sync.readiness import NotReady, missing_for_sending

ROUNDS = 3  #: How often a request is made at most, each after a check.
LOOKS = 3  #: Changes may show late.
BETWEEN = 3.0  #: Seconds.
MADE_ANEW = ". What can't be sent is best made again: gateway campaigns recreate"


class Unclear(GatewayError):
    """Nobody knows whether Mailchimp did what was requested."""


class CannotBeSent(NotReady):
    """Mailchimp won't send or schedule the campaign as it is."""


def create(session: MailchimpSession, campaign: Campaign) -> Campaign:
    """Create the campaign at Mailchimp, once: an existing one is found by its title's mark."""
    campaign = find_created(session, campaign)
    if campaign.mailchimp_id:
        return campaign
    campaign = change_campaign(
        session, campaign, pending_call=PendingCall.CREATE, pending_since=session.clock()
    )
    body: MailchimpJson = {
        "type": "regular",
        "recipients": {
            "list_id": campaign.audience,
            "segment_opts": {"saved_segment_id": campaign.segment},
        },
        "settings": {
            "subject_line": campaign.name,
            "title": campaign.title,
            "from_name": campaign.from_name,
            "reply_to": campaign.from_address,
            "template_id": campaign.template,
        },
        "tracking": {"opens": True, "html_clicks": True},
    }
    reason = ""
    for _ in range(ROUNDS):
        try:
            campaign = _keep_created(session, campaign, session.client.create_campaign(body))
        except AnswerLost as error:
            reason = str(error)
            for _ in range(LOOKS):
                session.pause(BETWEEN)
                campaign = find_created(session, campaign)
                if campaign.mailchimp_id:
                    break
        if campaign.mailchimp_id:
            # A template given at creation brings its content; setting it again changes nothing.
            session.client.set_template(campaign.mailchimp_id, campaign.template)
            return campaign
    raise Unclear(
        f"Mailchimp gave no answer and does not show the campaign ({reason}): try again later; the "
        "gateway looks for it before it creates it again"
    )


def find_created(session: MailchimpSession, campaign: Campaign) -> Campaign:
    """Return a campaign with Mailchimp's data about it, if its creation was requested and happened.

    All campaigns in the account are searched: a recent one may have an earlier time there.
    """
    if campaign.pending_call is not PendingCall.CREATE:
        return campaign
    for document in session.client.campaigns():
        title = str((document.get("settings") or {}).get("title") or "")
        if title.endswith(mark(campaign.id)):
            return _keep_created(session, campaign, document)
    return campaign


def _keep_created(
    session: MailchimpSession, campaign: Campaign, document: MailchimpJson
) -> Campaign:
    link = session.client.link(document) if document.get("web_id") else ""
    return change_campaign(session, campaign, **created_fields(document, link, session.clock()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Act:
    """A request, how to see that it was done, and the campaign's state after that or a refusal."""

    call: Callable[[], None]
    is_done: Callable[[Campaign], bool]
    done: Mapping[str, Any]
    refused: Mapping[str, Any]
    advice: str = ""


def send(session: MailchimpSession, campaign: Campaign) -> Campaign:
    """Send the campaign now, once."""
    campaign = change_campaign(
        session, campaign, pending_call=PendingCall.SEND, pending_since=session.clock(), trouble=""
    )
    act = _Act(
        call=lambda: session.client.send(campaign.mailchimp_id),
        is_done=_is_gone,
        done={"state": CampaignState.SENDING, "sent_at": session.clock()},
        refused={},
        advice=MADE_ANEW,
    )
    campaign = _do(session, campaign, act)
    try:
        current = update_from_mailchimp(session, campaign)
    except MailchimpError:
        return campaign  # It was sent; the sync reads how far it is.
    return (
        current
        if _is_gone(current)
        else change_campaign(session, current, state=CampaignState.SENDING)
    )


def schedule(session: MailchimpSession, campaign: Campaign, at: datetime) -> Campaign:
    """Schedule the campaign for a quarter hour (aware, UTC), once."""
    wish = (
        campaign.pending_call
        if campaign.pending_call is PendingCall.REFRESH
        else PendingCall.SCHEDULE
    )
    values = {
        "pending_call": wish,
        "pending_since": session.clock(),
        "scheduled_for": at,
        "trouble": "",
    }
    campaign = change_campaign(session, campaign, **values)

    def is_done(current: Campaign) -> bool:
        is_scheduled = current.state is CampaignState.SCHEDULED and current.scheduled_for == at
        return is_scheduled or _is_gone(current)

    act = _Act(
        call=lambda: session.client.schedule(campaign.mailchimp_id, at),
        is_done=is_done,
        done={"state": CampaignState.SCHEDULED, "scheduled_for": at},
        refused={"scheduled_for": None},
        advice=MADE_ANEW,
    )
    return _do(session, campaign, act)


def unschedule(session: MailchimpSession, campaign: Campaign) -> Campaign:
    """Remove the campaign from Mailchimp's schedule; it may have been sent before that.

    One that is being refreshed keeps the time for which it will be scheduled again.
    """
    done: dict[str, Any] = {"state": CampaignState.OPENED}
    if campaign.pending_call is not PendingCall.REFRESH:
        campaign = change_campaign(
            session, campaign, pending_call=PendingCall.UNSCHEDULE, pending_since=session.clock()
        )
        done["scheduled_for"] = None
    act = _Act(
        call=lambda: session.client.unschedule(campaign.mailchimp_id),
        is_done=lambda current: current.state is not CampaignState.SCHEDULED,
        done=done,
        refused={},
    )
    return _do(session, campaign, act)


def _is_gone(campaign: Campaign) -> bool:
    return campaign.state in GONE_STATES


def delete(session: MailchimpSession, campaign: Campaign) -> Campaign:
    """Delete the campaign, at Mailchimp first; one that is gone there is only deleted here."""
    if campaign.mailchimp_id:
        campaign = change_campaign(
            session, campaign, pending_call=PendingCall.DELETE, pending_since=session.clock()
        )
        try:
            session.client.delete_campaign(campaign.mailchimp_id)
        except MailchimpNotFound:
            pass
        except MailchimpError:
            change_campaign(session, campaign, pending_call=PendingCall.NOTHING)
            raise
    return change_campaign(
        session,
        campaign,
        state=CampaignState.DELETED,
        pending_call=PendingCall.NOTHING,
        scheduled_for=None,
    )


def _do(session: MailchimpSession, campaign: Campaign, act: _Act) -> Campaign:
    """Make the request and check the effect; repeat only if there is none and no answer came.

    Raise CannotBeSent if Mailchimp refuses, with the missing items of its checklist, and Unclear if
    it never answers and shows no change.
    """
    reason = ""
    for _ in range(ROUNDS):
        try:
            act.call()
        except AnswerLost as error:
            reason = str(error)
            for _ in range(LOOKS):
                session.pause(BETWEEN)
                current = update_from_mailchimp(session, campaign)
                if act.is_done(current):
                    return _finish(session, current, act)
        except MailchimpRefused as error:
            current = update_from_mailchimp(session, campaign)
            if current.mailchimp_id and act.is_done(current):
                return _finish(session, current, act)
            texts = [str(error)]
            if isinstance(error, NotAllowed):
                texts = [f"{error} (scheduling needs a paid plan, Essentials or higher)"]
            if current.state is CampaignState.OPENED:
                texts += missing_for_sending(session.client, campaign.mailchimp_id, lambda _: None)
            text = "; ".join(texts)
            change_campaign(
                session, current, **act.refused, pending_call=PendingCall.NOTHING, trouble=text
            )
            raise CannotBeSent(f"Mailchimp refuses: {text}{act.advice}") from error
        else:
            return _finish(session, campaign, act)
    raise Unclear(
        f"Mailchimp gave no answer and shows no change ({reason}): look there, then try again; "
        "the gateway looks there, too, before it asks again"
    )


def _finish(session: MailchimpSession, campaign: Campaign, act: _Act) -> Campaign:
    """Store that it is done; a refresh continues after the unscheduling."""
    goes_on = (
        campaign.pending_call is PendingCall.REFRESH and act.done["state"] is CampaignState.OPENED
    )
    is_over = _is_gone(campaign) or campaign.state is CampaignState.DELETED
    pending_call = PendingCall.REFRESH if goes_on and not is_over else PendingCall.NOTHING
    return change_campaign(
        session, campaign, **({} if is_over else act.done), pending_call=pending_call
    )
