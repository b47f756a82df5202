"""The results of a campaign, as the reports show them."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime

from gateway.sandbox.account import Account, SandboxCampaign, SandboxEvent, SandboxRecipient
from gateway.sandbox.call import (
    Call,
    SandboxAnswer,
    SandboxDocument,
    SandboxProblem,
    SandboxRow,
    not_found,
    shaped,
    write_time,
)
from gateway.sandbox.router import Router

router = Router()
REPORT = "/reports/{campaign_id}"


def _campaign(account: Account, call: Call) -> SandboxCampaign:
    return account.campaign(call.names["campaign_id"])


def _visible_events(
    account: Account, campaign: SandboxCampaign, action: str
) -> Iterator[tuple[SandboxRecipient, SandboxEvent]]:
    now = account.now()
    for recipient, event in campaign.events:
        if event.action == action and event.visible_at <= now:
            yield recipient, event


def _visible_leavers(account: Account, campaign: SandboxCampaign) -> list[SandboxRecipient]:
    now = account.now()
    return [
        recipient
        for recipient in campaign.leavers
        if recipient.left_visible_at and recipient.left_visible_at <= now
    ]


def _rows(account: Account, call: Call, rows: Sequence[SandboxRow]) -> Sequence[SandboxRow]:
    """Return a page; with the option set, rows change order between calls."""
    if account.options.shuffles_pages:
        rows = account.random.sample(rows, len(rows))
    return call.page(rows)


@router.on("GET", "/reports")
def list_reports(account: Account, call: Call) -> SandboxAnswer:
    """Return the reports of sent campaigns; drafts have none."""
    since = call.time("since_send_time")
    sent = [
        campaign
        for campaign in account.campaigns.values()
        if campaign.status == "sent" and not (since and campaign.sent and campaign.sent <= since)
    ]
    document = {
        "reports": [_report(account, campaign) for campaign in call.page(sent)],
        "total_items": len(sent),
    }
    return SandboxAnswer(200, shaped(call, document))


@router.on("GET", REPORT)
def get_report(account: Account, call: Call) -> SandboxAnswer:
    """Return the report of a sent campaign."""
    campaign = _campaign(account, call)
    if campaign.sent is None:
        raise not_found()
    return SandboxAnswer(200, shaped(call, _report(account, campaign)))


def _report(account: Account, campaign: SandboxCampaign) -> SandboxDocument:
    bounces = [recipient.status for recipient, _ in _visible_events(account, campaign, "bounce")]
    opens = list(_visible_events(account, campaign, "open"))
    openers = {recipient.email_id for recipient, _ in opens}
    human = [recipient.email_id for recipient, event in opens if not event.proxy]
    clicks = list(_visible_events(account, campaign, "click"))
    clickers = {recipient.email_id for recipient, _ in clicks}
    return {
        "id": campaign.id,
        "campaign_title": campaign.settings.get("title", ""),
        "type": campaign.type,
        "list_id": campaign.audience_id,
        "subject_line": campaign.settings.get("subject_line", ""),
        "emails_sent": len(campaign.recipients),
        "abuse_reports": 0,
        "unsubscribed": len(_visible_leavers(account, campaign)),
        "send_time": write_time(campaign.sent),
        "bounces": {
            "hard_bounces": bounces.count("hard"),
            "soft_bounces": bounces.count("soft"),
            "syntax_errors": 0,
        },
        "opens": {
            "opens_total": len(opens),
            "unique_opens": len(openers),
            "open_rate": _rate(len(openers), campaign),
            "proxy_excluded_opens": len(human),
            "proxy_excluded_unique_opens": len(set(human)),
            "proxy_excluded_open_rate": _rate(len(set(human)), campaign),
            "last_open": write_time(max((event.at for _, event in opens), default=None)),
        },
        "clicks": {
            "clicks_total": len(clicks),
            "unique_clicks": len({(recipient.email_id, event.url) for recipient, event in clicks}),
            "unique_subscriber_clicks": len(clickers),
            "click_rate": _rate(len(clickers), campaign),
            "last_click": write_time(max((event.at for _, event in clicks), default=None)),
        },
    }


def _rate(number: int, campaign: SandboxCampaign) -> float:
    return number / len(campaign.recipients) if campaign.recipients else 0


@router.on("GET", REPORT + "/email-activity")
def list_activity(account: Account, call: Call) -> SandboxAnswer:
    """Return every recipient; `since` limits what each did, not who is listed."""
    if "." in call.query.get("since", ""):
        raise SandboxProblem(
            500, "Internal Server Error", "An unexpected internal error has occurred."
        )
    campaign, since = _campaign(account, call), call.time("since")
    recipients, now = list(campaign.recipients.values()), account.now()
    document = {
        "emails": [
            _row(account, campaign, recipient)
            | {"activity": [_event(event) for event in _new_events(recipient, since, now)]}
            for recipient in _rows(account, call, recipients)
        ],
        "campaign_id": campaign.id,
        "total_items": len(recipients),
    }
    return SandboxAnswer(200, shaped(call, document))


def _row(
    account: Account, campaign: SandboxCampaign, recipient: SandboxRecipient
) -> SandboxDocument:
    is_moved = account.options.renames_in_reports
    return {
        "campaign_id": campaign.id,
        "list_id": campaign.audience_id,
        "list_is_active": True,
        "email_id": recipient.member.id if is_moved else recipient.email_id,
        "email_address": recipient.member.address if is_moved else recipient.address,
    }


def _new_events(
    recipient: SandboxRecipient, since: datetime | None, now: datetime
) -> Iterator[SandboxEvent]:
    for event in recipient.events:
        if event.visible_at <= now and not (since and event.at <= since):
            yield event


def _event(event: SandboxEvent) -> SandboxDocument:
    extras = {"type": event.bounce, "url": event.url, "ip": event.ip}
    present = {name: value for name, value in extras.items() if value}
    return {"action": event.action, "timestamp": write_time(event.at), **present}


@router.on("GET", REPORT + "/unsubscribed")
def list_unsubscribed(account: Account, call: Call) -> SandboxAnswer:
    """Return members who unsubscribed through a campaign."""
    campaign = _campaign(account, call)
    left = _visible_leavers(account, campaign)
    document = {
        "unsubscribes": [
            _row(account, campaign, recipient)
            | {"timestamp": write_time(recipient.left), "reason": recipient.member.reason}
            for recipient in _rows(account, call, left)
        ],
        "campaign_id": campaign.id,
        "total_items": len(left),
    }
    return SandboxAnswer(200, shaped(call, document))


@router.on("GET", REPORT + "/sent-to")
def list_recipients(account: Account, call: Call) -> SandboxAnswer:
    """Return the recipients of a campaign."""
    campaign = _campaign(account, call)
    recipients = list(campaign.recipients.values())
    sent_to = []
    for recipient in _rows(account, call, recipients):
        events = _new_events(recipient, None, account.now())
        opens = [event.at for event in events if event.action == "open"]
        sent_to.append(
            _row(account, campaign, recipient)
            | {
                "merge_fields": recipient.member.merge_fields,
                "vip": False,
                "status": recipient.status,
                "open_count": len(opens),
                "last_open": write_time(max(opens, default=None)),
            }
        )
    document = {"sent_to": sent_to, "campaign_id": campaign.id, "total_items": len(recipients)}
    return SandboxAnswer(200, shaped(call, document))


@router.on("GET", REPORT + "/open-details")
def list_opens(account: Account, call: Call) -> SandboxAnswer:
    """Return members who opened, with each open and whether a proxy did it."""
    campaign, since = _campaign(account, call), call.time("since")
    opens = [
        (recipient.email_id, event)
        for recipient, event in _visible_events(account, campaign, "open")
        if not (since and event.at <= since)
    ]
    openers = list(dict.fromkeys(email_id for email_id, _ in opens))
    # Only those on the page: a large campaign has tens of thousands.
    opened: dict[str, list[SandboxEvent]] = {
        email_id: [] for email_id in _rows(account, call, openers)
    }
    for email_id, event in opens:
        if email_id in opened:
            opened[email_id].append(event)
    members = []
    for email_id, events in opened.items():
        recipient = campaign.recipients[email_id]
        members.append(
            _row(account, campaign, recipient)
            | {
                "contact_status": recipient.member.status,
                "merge_fields": recipient.member.merge_fields,
                "vip": False,
                "opens_count": len(events),
                "proxy_excluded_opens_count": sum(not event.proxy for event in events),
                "opens": [
                    {"timestamp": write_time(event.at), "is_proxy_open": event.proxy}
                    for event in events
                ],
            }
        )
    document = {
        "members": members,
        "campaign_id": campaign.id,
        "total_opens": len(opens),
        "total_proxy_excluded_opens": sum(not event.proxy for _, event in opens),
        "total_items": len(openers),
    }
    return SandboxAnswer(200, shaped(call, document))


@router.on("GET", REPORT + "/click-details")
def list_links(account: Account, call: Call) -> SandboxAnswer:
    """Return the links that were clicked."""
    campaign = _campaign(account, call)
    clicks = list(_visible_events(account, campaign, "click"))
    urls = list(dict.fromkeys(event.url for _, event in clicks))
    urls_clicked = []
    for url in call.page(urls):
        of_link = [(recipient, event) for recipient, event in clicks if event.url == url]
        clickers = {recipient.email_id for recipient, _ in of_link}
        urls_clicked.append(
            {
                "id": _link_id(url),
                "url": url,
                "total_clicks": len(of_link),
                "click_percentage": len(of_link) / len(clicks),
                "unique_clicks": len(clickers),
                "unique_click_percentage": _rate(len(clickers), campaign),
                "last_click": write_time(max(event.at for _, event in of_link)),
                "campaign_id": campaign.id,
            }
        )
    document = {
        "urls_clicked": urls_clicked,
        "campaign_id": campaign.id,
        "total_items": len(urls),
    }
    return SandboxAnswer(200, shaped(call, document))


def _link_id(url: str) -> str:
    return hashlib.md5(url.encode(), usedforsecurity=False).hexdigest()[:10]


@router.on("GET", REPORT + "/click-details/{link_id}/members")
def list_clickers(account: Account, call: Call) -> SandboxAnswer:
    """Return members who clicked a link."""
    campaign, link_id = _campaign(account, call), call.names["link_id"]
    clicks: dict[str, int] = {}
    for recipient, event in _visible_events(account, campaign, "click"):
        if _link_id(event.url) == link_id:
            clicks[recipient.email_id] = clicks.get(recipient.email_id, 0) + 1
    document = {
        "members": [
            _row(account, campaign, campaign.recipients[clicker])
            | {"clicks": clicks[clicker], "url_id": link_id}
            for clicker in call.page(list(clicks))
        ],
        "campaign_id": campaign.id,
        "total_items": len(clicks),
    }
    return SandboxAnswer(200, shaped(call, document))
