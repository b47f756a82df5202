"""Sending a campaign, and what its recipients do with it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from gateway.sandbox.account import (
    Account,
    SandboxAudience,
    SandboxCampaign,
    SandboxEvent,
    SandboxMember,
    SandboxRecipient,
    member_hash,
)
from gateway.sandbox.contacts import event_data

LINK = "https://www.crm.test/vacancies"
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def audience_of(account: Account, campaign: SandboxCampaign) -> Iterator[SandboxMember]:
    """Yield the members a campaign would go to now: only subscribed ones."""
    audience = account.audiences.get(campaign.audience_id)
    if audience is None:
        return iter(())
    options = campaign.segment_opts or {}
    segment = audience.segments.get(options.get("saved_segment_id", 0))
    if campaign.frozen is not None:
        return audience.subscribed(iter(campaign.frozen))
    if segment:
        return audience.subscribed(iter(list(segment.members)))
    return iter(()) if "saved_segment_id" in options else audience.subscribed()


def start_sending(account: Account, campaign: SandboxCampaign) -> None:
    """Fix the recipients and start sending; without any it is paused."""
    members = list(audience_of(account, campaign))
    if not members:
        campaign.status = "paused"
        return
    campaign.recipients = {
        member.id: SandboxRecipient(member=member, email_id=member.id, address=member.address)
        for member in members
    }
    campaign.status, campaign.sent = "sending", campaign.scheduled_for or account.now()
    account.later(campaign.sent + account.options.sending_takes, lambda: _arrive(account, campaign))


def _arrive(account: Account, campaign: SandboxCampaign) -> None:
    if campaign.status != "sending":
        return
    campaign.status = "sent"
    audience = account.audiences.get(campaign.audience_id)
    if audience is None:
        return
    subject = campaign.settings.get("subject_line", "")
    data = {"id": campaign.id, "subject": subject, "status": "sent", "list_id": audience.id}
    account.tell(audience, "campaign", "admin", data)
    if account.options.lively:
        for recipient in campaign.recipients.values():
            _react(account, campaign, recipient)


def record_event(
    account: Account,
    campaign: SandboxCampaign,
    recipient: SandboxRecipient,
    action: str,
    at: datetime,
    *,
    url: str = "",
    bounce: str = "",
    proxy: bool = False,
) -> None:
    """Record an open, a click or a bounce; of bounces only the first (changelog of 2020-12-11)."""
    if bounce and recipient.status != "sent":
        return
    if bounce:
        recipient.status = bounce
    if bounce == "hard":
        clean(account, campaign.audience_id, recipient.member)
    event = SandboxEvent(
        action=action,
        at=at,
        visible_at=at + account.options.visible_after,
        url=url,
        ip="" if bounce else "198.51.100.7",
        bounce=bounce,
        proxy=proxy,
    )
    recipient.events.append(event)
    campaign.events.append((recipient, event))


def clean(account: Account, audience_id: str, member: SandboxMember) -> None:
    """Mark a member whose address bounces permanently."""
    audience = account.audiences[audience_id]
    _change(account, audience, member, "cleaned")
    data = {"list_id": audience.id, "email": member.address, "reason": "hard"}
    account.tell(audience, "cleaned", "admin", data)


def leave(
    account: Account,
    campaign: SandboxCampaign,
    recipient: SandboxRecipient,
    at: datetime,
    reason: str = "",
) -> None:
    """Let a recipient unsubscribe through a campaign."""
    if recipient.left is None:
        campaign.leavers.append(recipient)
        recipient.left, recipient.left_visible_at = at, at + account.options.visible_after
    audience = account.audiences[campaign.audience_id]
    opt_out(account, audience, recipient.member, reason, campaign.id)


def opt_out(
    account: Account,
    audience: SandboxAudience,
    member: SandboxMember,
    reason: str = "",
    campaign_id: str = "",
) -> None:
    """Let a member unsubscribe on their own: nobody else can resubscribe them."""
    member.opted_out, member.unsubscribed, member.reason = True, account.now(), reason
    _change(account, audience, member, "unsubscribed")
    data = event_data(audience, member) | {"action": "unsub", "reason": reason or "manual"}
    if campaign_id:
        data["campaign_id"] = campaign_id
    account.tell(audience, "unsubscribe", "user", data)


def _change(
    account: Account, audience: SandboxAudience, member: SandboxMember, status: str
) -> None:
    member.status, member.last_changed = status, account.now()
    audience.revision += 1


def _react(account: Account, campaign: SandboxCampaign, recipient: SandboxRecipient) -> None:
    """Plan what the address with this hash does in the next day: the same in every run."""

    def plan(action: str, at: datetime, *, url: str = "", bounce: str = "") -> None:
        account.later(
            at,
            lambda: record_event(account, campaign, recipient, action, at, url=url, bounce=bounce),
        )

    dice = int(member_hash(recipient.address + campaign.id)[:8], 16) % 1000
    soon = account.now() + HOUR * (dice % 24)
    if dice < 20:
        plan("bounce", account.now(), bounce="hard" if dice < 10 else "soft")
        return
    if dice < 450:
        plan("open", soon)
    if dice < 150:
        plan("click", soon + MINUTE, url=LINK)
    if dice < 30:
        at = soon + HOUR
        account.later(at, lambda: leave(account, campaign, recipient, at))
