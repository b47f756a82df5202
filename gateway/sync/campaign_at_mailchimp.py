"""Updating what is known of a campaign from Mailchimp's data."""

from datetime import datetime
from typing import Any

from gateway.core.campaigns.campaigns import (
    FROM_MAILCHIMP,
    GONE_STATES,
    OPEN_STATES,
    Campaign,
    CampaignState,
    PendingCall,
)
from gateway.store.campaigns import audiences, campaign_members, campaigns
from gateway.sync.mailchimp.errors import MailchimpNotFound
from gateway.sync.mailchimp.transport import MailchimpJson
from gateway.sync.mailchimp_session import MailchimpSession, moment, required_text
from gateway.sync.reading import check_audience

UNSCHEDULED = "it is not scheduled at Mailchimp any more"
PAUSED = "it is paused at Mailchimp: look there why"
ARCHIVED = "it was archived at Mailchimp before it was sent: unarchive it there"
CANCELLED = "it was cancelled at Mailchimp while it was sent"
OTHER_RECIPIENTS = "its recipients were changed at Mailchimp"
SENT_TO_OTHERS = "it was sent to others than its members: its recipients were changed at Mailchimp"

_HALTED = {"paused": PAUSED, "archived": ARCHIVED}


def update_from_mailchimp(session: MailchimpSession, campaign: Campaign) -> Campaign:
    """Return the campaign in its state at Mailchimp; one that is gone there is deleted here.

    Raise AudienceGone if the audience in use is gone, too: the key may be of another account, which
    knows neither.
    """
    if not campaign.mailchimp_id or campaign.state is CampaignState.DELETED:
        return campaign
    try:
        document = session.client.campaign(campaign.mailchimp_id)
    except MailchimpNotFound:
        with session.database.reading() as connection:
            audience = audiences.active(connection)
        if audience is not None:
            check_audience(session.client, audience)
        return change_campaign(
            session, campaign, state=CampaignState.DELETED, pending_call=PendingCall.NOTHING
        )
    fields = changed_fields(campaign, document)
    with session.database.writing() as connection:
        has_left = campaign.state in OPEN_STATES and fields["state"] in GONE_STATES
        is_segment_known = campaign.segment is not None and campaign.refreshed_at is not None
        if has_left and is_segment_known and fields["trouble"] != SENT_TO_OTHERS:
            # By itself or sent by somebody at Mailchimp: it reached whoever was in its segment.
            campaign_members.leave_out_latecomers(connection, campaign.id, "")
        return campaigns.change(connection, campaign.id, **fields)


def changed_fields(campaign: Campaign, document: MailchimpJson) -> dict[str, Any]:
    """Return the campaign fields set by Mailchimp's document about it."""
    status = str(document.get("status") or "")
    state = FROM_MAILCHIMP.get(status, campaign.state)
    at = moment(document.get("send_time"))
    is_open = campaign.state in OPEN_STATES
    if status == "archived" and is_open and at is None:
        # Drafts can be archived, too.
        state = CampaignState.OPENED
    has_others = is_open and has_other_recipients(campaign, document)
    fields: dict[str, Any] = {"state": state}
    match state:
        case CampaignState.OPENED:
            was_scheduled = campaign.state is CampaignState.SCHEDULED
            if campaign.pending_call is PendingCall.UNSCHEDULE:
                fields |= {"pending_call": PendingCall.NOTHING, "scheduled_for": None}
            if status in _HALTED:
                fields["trouble"] = _HALTED[status]
            elif was_scheduled and campaign.pending_call is PendingCall.NOTHING:
                fields |= {"trouble": UNSCHEDULED, "scheduled_for": None}
            elif campaign.trouble in {OTHER_RECIPIENTS, *_HALTED.values()}:
                fields["trouble"] = ""
        case CampaignState.SCHEDULED:
            fields |= {"scheduled_for": at or campaign.scheduled_for, "trouble": ""}
            if campaign.pending_call is PendingCall.SCHEDULE:
                fields["pending_call"] = PendingCall.NOTHING
        case CampaignState.SENDING | CampaignState.SENT:
            is_lost = has_others or campaign.trouble == SENT_TO_OTHERS
            trouble = SENT_TO_OTHERS if is_lost else ""
            fields |= {
                "sent_at": at or campaign.sent_at,
                "trouble": CANCELLED if status == "canceled" else trouble,
                "pending_call": PendingCall.NOTHING,
            }
    if has_others and state in OPEN_STATES:
        fields["trouble"] = OTHER_RECIPIENTS
    return fields


def stays_unscheduled(reason: str) -> str:
    """Return the `trouble` text for a campaign that the gateway unscheduled."""
    return f"it was unscheduled and stays so: {reason}"


def is_off_schedule(campaign: Campaign) -> bool:
    """Whether a campaign was unscheduled, by somebody at Mailchimp or because of a fault.

    It may be scheduled there again.
    """
    by_gateway = campaign.trouble.startswith(stays_unscheduled(""))
    return campaign.state is CampaignState.OPENED and (
        by_gateway or campaign.trouble == UNSCHEDULED
    )


def has_other_recipients(campaign: Campaign, document: MailchimpJson) -> bool:
    """Whether somebody chose recipients at Mailchimp other than the campaign's own segment.

    A document without an audience says nothing. One with an audience but no segment goes to the
    whole audience: refusing it by mistake costs a check, sending it would reach strangers.
    """
    recipients = document.get("recipients")
    if campaign.segment is None or not isinstance(recipients, dict):
        return False
    audience, options = recipients.get("list_id"), recipients.get("segment_opts")
    if not audience:
        return False
    if audience != campaign.audience:
        return True
    if not isinstance(options, dict) or not options:
        # Some answers have a segment only as text.
        return not recipients.get("segment_text")
    conditions = options.get("conditions")
    segment_ids = [options.get("saved_segment_id")]
    for condition in conditions if isinstance(conditions, list) else ():
        segment_ids.append(condition.get("value") if isinstance(condition, dict) else None)
    return str(campaign.segment) not in {str(value) for value in segment_ids}


def created_fields(document: MailchimpJson, link: str, now: datetime) -> dict[str, Any]:
    """Return the fields of a campaign that was just created at Mailchimp."""
    at = moment(document.get("create_time")) or now
    return {
        "state": CampaignState.OPENED,
        "mailchimp_id": required_text(document, "id"),
        "link": link,
        "opened_at": at,
        "next_sync": at,
        "pending_call": PendingCall.NOTHING,
    }


def change_campaign(session: MailchimpSession, campaign: Campaign, **values: Any) -> Campaign:
    """Set fields of a campaign in a separate transaction."""
    with session.database.writing() as connection:
        return campaigns.change(connection, campaign.id, **values)
