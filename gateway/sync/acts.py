"""What is asked of Mailchimp for a campaign as a whole: created, sent, scheduled, deleted.

Before each request it is noted that it is made. Where an answer is lost, or the process ended
before it came, Mailchimp is looked at before anything is asked again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.core.campaigns import GONE_STATES, Ask, Campaign, CampaignState, mark
from gateway.core.errors import GatewayError
from gateway.sync.errors import AnswerLost, MailchimpError, NotAllowed, NotFound, Refused
from gateway.sync.office import Office
from gateway.sync.readiness import NotReady, missing_for_sending
from gateway.sync.settle import created, keep, look
from gateway.sync.transport import Document

ROUNDS = 3  #: A request is made so often at most, each after a look.
LOOKS = 3  #: What was asked may show late.
BETWEEN = 3.0  #: Seconds.
MADE_ANEW = ". What can't be sent is best made anew: gateway campaigns recreate"


class Unclear(GatewayError):
    """Nobody knows whether Mailchimp did what was asked."""


class CannotBeSent(NotReady):
    """Mailchimp does not send or schedule the campaign as it is."""


def create(office: Office, campaign: Campaign) -> Campaign:
    """Create the campaign at Mailchimp, once: found by the mark in its title if it is there."""
    if campaign.asked is Ask.CREATE:
        campaign = found(office, campaign)
    if campaign.mailchimp_id:
        return campaign
    campaign = keep(office, campaign, asked=Ask.CREATE, asked_at=office.clock())
    document = _create(office, campaign)
    campaign = _keep_created(office, campaign, document)
    # A template given at creation brings its content; asking for it again changes nothing.
    office.client.set_template(campaign.mailchimp_id, campaign.template)
    return campaign


def found(office: Office, campaign: Campaign) -> Campaign:
    """Return a campaign whose creation was asked for with what Mailchimp has of it, if it has."""
    document = _find(office, campaign)
    if document is None:
        return campaign
    return _keep_created(office, campaign, document)


def _keep_created(office: Office, campaign: Campaign, document: Document) -> Campaign:
    link = office.client.link(document) if document.get("web_id") else ""
    return keep(office, campaign, **created(document, link, office.clock()))


def _create(office: Office, campaign: Campaign) -> Document:
    for _ in range(ROUNDS):
        try:
            return office.client.create_campaign(_body(campaign))
        except AnswerLost:
            for _ in range(LOOKS):
                office.pause(BETWEEN)
                document = _find(office, campaign)
                if document is not None:
                    return document
    raise Unclear(
        "Mailchimp gave no answer and does not show the campaign: try again later; it is looked "
        "for before it is created again"
    )


def _body(campaign: Campaign) -> Document:
    return {
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


def _find(office: Office, campaign: Campaign) -> Document | None:
    """Look through all of them: what was asked for lately may bear an earlier time there."""
    for document in office.client.campaigns():
        title = str((document.get("settings") or {}).get("title") or "")
        if title.endswith(mark(campaign.id)):
            return document
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Act:
    """A request, how to see that it is done, and what the campaign is then or after a no."""

    call: Callable[[], None]
    is_done: Callable[[Campaign], bool]
    done: Mapping[str, Any]
    refused: Mapping[str, Any]
    advice: str = ""


def send(office: Office, campaign: Campaign) -> Campaign:
    """Send the campaign now, once."""
    campaign = keep(office, campaign, asked=Ask.SEND, asked_at=office.clock(), trouble="")
    act = _Act(
        call=lambda: office.client.send(campaign.mailchimp_id),
        is_done=_is_gone,
        done={"state": CampaignState.SENDING, "sent_at": office.clock()},
        refused={},
        advice=MADE_ANEW,
    )
    campaign = _do(office, campaign, act)
    looked = look(office, campaign)
    return looked if _is_gone(looked) else keep(office, looked, state=CampaignState.SENDING)


def schedule(office: Office, campaign: Campaign, at: datetime) -> Campaign:
    """Schedule the campaign for a quarter hour (aware, UTC), once."""
    wish = campaign.asked if campaign.asked is Ask.REFRESH else Ask.SCHEDULE
    values = {"asked": wish, "asked_at": office.clock(), "scheduled_for": at, "trouble": ""}
    campaign = keep(office, campaign, **values)
    act = _Act(
        call=lambda: office.client.schedule(campaign.mailchimp_id, at),
        is_done=lambda one: _is_gone(one) or _is_scheduled(one, at),
        done={"state": CampaignState.SCHEDULED, "scheduled_for": at},
        refused={"scheduled_for": None},
        advice=MADE_ANEW,
    )
    return _do(office, campaign, act)


def unschedule(office: Office, campaign: Campaign) -> Campaign:
    """Take the campaign out of Mailchimp's schedule; it may have left before that.

    One that is refreshed keeps the time for which it is scheduled again.
    """
    done: dict[str, Any] = {"state": CampaignState.OPENED}
    if campaign.asked is not Ask.REFRESH:
        campaign = keep(office, campaign, asked=Ask.UNSCHEDULE, asked_at=office.clock())
        done["scheduled_for"] = None
    act = _Act(
        call=lambda: office.client.unschedule(campaign.mailchimp_id),
        is_done=lambda one: one.state is not CampaignState.SCHEDULED,
        done=done,
        refused={},
    )
    return _do(office, campaign, act)


def _is_gone(campaign: Campaign) -> bool:
    return campaign.state in GONE_STATES


def _is_scheduled(campaign: Campaign, at: datetime) -> bool:
    return campaign.state is CampaignState.SCHEDULED and campaign.scheduled_for == at


def delete(office: Office, campaign: Campaign) -> Campaign:
    """Delete the campaign, at Mailchimp first; one that is gone there is only deleted here."""
    if campaign.mailchimp_id:
        campaign = keep(office, campaign, asked=Ask.DELETE, asked_at=office.clock())
        try:
            office.client.delete_campaign(campaign.mailchimp_id)
        except NotFound:
            pass
        except MailchimpError:
            keep(office, campaign, asked=Ask.NOTHING)
            raise
    return keep(
        office, campaign, state=CampaignState.DELETED, asked=Ask.NOTHING, scheduled_for=None
    )


def _do(office: Office, campaign: Campaign, act: _Act) -> Campaign:
    """Ask, and look whether it is done; ask again only if it is not and no answer came."""
    for _ in range(ROUNDS):
        try:
            act.call()
        except AnswerLost:
            looked = _look_until(office, campaign, act.is_done)
            if looked is not None:
                return _finish(office, looked, act)
        except Refused as error:
            return _after_refusal(office, campaign, error, act)
        else:
            return _finish(office, campaign, act)
    raise Unclear(
        "Mailchimp gave no answer and shows no change: look there, then try again; it is looked "
        "at before anything is asked again"
    )


def _look_until(
    office: Office, campaign: Campaign, is_done: Callable[[Campaign], bool]
) -> Campaign | None:
    for _ in range(LOOKS):
        office.pause(BETWEEN)
        looked = look(office, campaign)
        if is_done(looked):
            return looked
    return None


def _finish(office: Office, campaign: Campaign, act: _Act) -> Campaign:
    """Keep that it is done; a refresh goes on after the unscheduling."""
    goes_on = campaign.asked is Ask.REFRESH and act.done["state"] is CampaignState.OPENED
    is_over = _is_gone(campaign) or campaign.state is CampaignState.DELETED
    asked = Ask.REFRESH if goes_on and not is_over else Ask.NOTHING
    return keep(office, campaign, **({} if is_over else act.done), asked=asked)


def _after_refusal(office: Office, campaign: Campaign, error: Refused, act: _Act) -> Campaign:
    """Return the campaign if it is as wished already; else raise with what Mailchimp misses."""
    looked = look(office, campaign)
    if looked.mailchimp_id and act.is_done(looked):
        return _finish(office, looked, act)
    texts = [_plainly(error)]
    if looked.state is CampaignState.OPENED:
        texts += missing_for_sending(office.client, campaign.mailchimp_id, lambda _: None)
    text = "; ".join(texts)
    keep(office, looked, **act.refused, asked=Ask.NOTHING, trouble=text)
    raise CannotBeSent(f"Mailchimp refuses: {text}{act.advice}") from error


def _plainly(error: Refused) -> str:
    if isinstance(error, NotAllowed):
        return f"{error} (scheduling needs a paid plan, Essentials or higher)"
    return str(error)
