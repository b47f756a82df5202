"""Campaigns from draft to sending."""

from gateway.sandbox.account import Account, SandboxCampaign, SandboxTemplate
from gateway.sandbox.call import (
    NO_CONTENT,
    Call,
    SandboxAnswer,
    SandboxDocument,
    SandboxProblem,
    bad_request,
    invalid,
    read_time,
    shaped,
    write_time,
)
from gateway.sandbox.router import Router
from gateway.sandbox.sending import audience_of, start_sending

router = Router()
CAMPAIGN = "/campaigns/{campaign_id}"
QUARTERS = frozenset({0, 15, 30, 45})
DUMMY = "<html><body>This space for rent.</body></html>"


def _campaign(account: Account, call: Call) -> SandboxCampaign:
    return account.campaign(call.names["campaign_id"])


@router.on("GET", "/campaigns")
def list_campaigns(account: Account, call: Call) -> SandboxAnswer:
    """Return campaigns by type, status, audience and time."""
    campaigns = [campaign for campaign in account.campaigns.values() if _does_match(campaign, call)]
    field = call.query.get("sort_field")
    if field:
        campaigns.sort(
            key=lambda campaign: write_time(
                campaign.sent if field == "send_time" else campaign.created
            ),
            reverse=call.query.get("sort_dir") == "DESC",
        )
    document = {
        "campaigns": [campaign_document(account, campaign) for campaign in call.page(campaigns)],
        "total_items": len(campaigns),
    }
    return SandboxAnswer(200, shaped(call, document))


def _does_match(campaign: SandboxCampaign, call: Call) -> bool:
    since, before = call.time("since_create_time"), call.time("before_create_time")
    return (
        call.query.get("type") in {None, campaign.type}
        and call.query.get("status") in {None, campaign.status}
        and call.query.get("list_id") in {None, campaign.audience_id}
        and not (since and campaign.created <= since)
        and not (before and campaign.created > before)
    )


@router.on("POST", "/campaigns")
def create_campaign(account: Account, call: Call) -> SandboxAnswer:
    """Create a draft."""
    body = call.object()
    if body.get("type") not in {"regular", "plaintext"}:
        raise invalid("type", "The value you selected is not a valid choice.")
    campaign = SandboxCampaign(
        id=account.token(),
        web_id=account.number(),
        audience_id="",
        created=account.now(),
        type=body["type"],
        content_type=body.get("content_type", "template"),
    )
    _change(account, campaign, body)
    account.campaigns[campaign.id] = campaign
    template_id = campaign.settings.get("template_id")
    if template_id:
        _fill(campaign, _template(account, template_id))
    return SandboxAnswer(200, campaign_document(account, campaign))


def _change(account: Account, campaign: SandboxCampaign, body: SandboxDocument) -> None:
    recipients = body.get("recipients")
    if recipients:
        _choose_recipients(account, campaign, recipients)
    settings = body.get("settings", {})
    if settings.get("template_id"):
        _template(account, settings["template_id"])
    campaign.settings = {**campaign.settings, **settings}
    campaign.tracking = {**campaign.tracking, **body.get("tracking", {})}


def _choose_recipients(
    account: Account, campaign: SandboxCampaign, recipients: SandboxDocument
) -> None:
    audience = account.audiences.get(recipients.get("list_id", ""))
    if audience is None:
        raise invalid("recipients.list_id", "The list does not exist.")
    options = recipients.get("segment_opts")
    segment_id = options.get("saved_segment_id") if options else None
    if segment_id is not None and segment_id not in audience.segments:
        raise invalid("recipients.segment_opts.saved_segment_id", "The segment does not exist.")
    campaign.audience_id = audience.id
    campaign.segment_opts = options


def _template(account: Account, template_id: int) -> SandboxTemplate:
    template = account.templates.get(template_id)
    if template is None:
        raise invalid("template_id", "The template does not exist.")
    return template


def _fill(campaign: SandboxCampaign, template: SandboxTemplate) -> None:
    """Fill in a template's content; the new builder's are accepted but give a placeholder."""
    campaign.html = DUMMY if template.content_type == "multichannel" else template.html
    campaign.from_template = True


@router.on("GET", CAMPAIGN)
def get_campaign(account: Account, call: Call) -> SandboxAnswer:
    """Return a campaign."""
    return SandboxAnswer(200, shaped(call, campaign_document(account, _campaign(account, call))))


@router.on("PATCH", CAMPAIGN)
def update_campaign(account: Account, call: Call) -> SandboxAnswer:
    """Change a draft; a new `template_id` shows, but its content is not adopted."""
    campaign = _campaign(account, call)
    _must_be(campaign, "save", "This campaign cannot be edited.")
    _change(account, campaign, call.object())
    return SandboxAnswer(200, campaign_document(account, campaign))


@router.on("DELETE", CAMPAIGN)
def delete_campaign(account: Account, call: Call) -> SandboxAnswer:
    """Delete a campaign, but not while it is being sent."""
    campaign = _campaign(account, call)
    if campaign.status == "sending":
        raise SandboxProblem(
            405, "Method Not Allowed", "A campaign that is sending can't be deleted."
        )
    del account.campaigns[campaign.id]
    return NO_CONTENT


@router.on("GET", CAMPAIGN + "/content")
def get_content(account: Account, call: Call) -> SandboxAnswer:
    """Return a campaign's content."""
    return SandboxAnswer(200, shaped(call, _content(_campaign(account, call))))


@router.on("PUT", CAMPAIGN + "/content")
def put_content(account: Account, call: Call) -> SandboxAnswer:
    """Set the content; HTML after a template gets a 200 and is ignored."""
    campaign, body = _campaign(account, call), call.object()
    if "template" in body:
        _fill(campaign, _template(account, body["template"]["id"]))
        campaign.settings["template_id"] = body["template"]["id"]
    elif not campaign.from_template:
        campaign.html = str(body.get("html") or body.get("plain_text") or "")
    return SandboxAnswer(200, _content(campaign))


def _content(campaign: SandboxCampaign) -> SandboxDocument:
    return {"html": campaign.html, "plain_text": "", "archive_html": campaign.html}


@router.on("GET", CAMPAIGN + "/send-checklist")
def get_checklist(account: Account, call: Call) -> SandboxAnswer:
    """Return what is missing before a campaign can be sent."""
    items = _checklist(account, _campaign(account, call))
    is_ready = all(item["type"] != "error" for item in items)
    return SandboxAnswer(200, shaped(call, {"is_ready": is_ready, "items": items}))


def _checklist(account: Account, campaign: SandboxCampaign) -> list[SandboxDocument]:
    settings = campaign.settings
    domain = account.domains.get(str(settings.get("reply_to", "")).rpartition("@")[2].lower())
    has_recipients = next(audience_of(account, campaign), None) is not None
    is_verified = bool(domain and domain["verified"])
    has_content = campaign.html not in {"", DUMMY}
    return [
        _item(500, "Recipients", "No recipients have been chosen.", good=has_recipients),
        _item(
            501, "Subject line", "The subject is missing.", good=bool(settings.get("subject_line"))
        ),
        _item(502, "From name", "The from name is missing.", good=bool(settings.get("from_name"))),
        _item(503, "Sender", "The domain of the from address is not verified.", good=is_verified),
        _item(504, "Content", "The campaign has no content of its own.", good=has_content),
    ]


def _item(number: int, heading: str, missing: str, *, good: bool) -> SandboxDocument:
    return {
        "type": "success" if good else "error",
        "id": number,
        "heading": heading,
        "details": "All good." if good else missing,
    }


def _is_ready(account: Account, campaign: SandboxCampaign) -> bool:
    return all(item["type"] != "error" for item in _checklist(account, campaign))


@router.on("POST", CAMPAIGN + "/actions/send")
def send(account: Account, call: Call) -> SandboxAnswer:
    """Send a draft that is ready, once."""
    campaign = _campaign(account, call)
    if campaign.status != "save" or not _is_ready(account, campaign):
        raise bad_request("Your Campaign is not ready to send.")
    start_sending(account, campaign)
    return NO_CONTENT


@router.on("POST", CAMPAIGN + "/actions/schedule")
def schedule(account: Account, call: Call) -> SandboxAnswer:
    """Schedule a draft that is ready for a future quarter hour; refusals give no reason."""
    campaign = _campaign(account, call)
    if not account.options.may_schedule:
        raise SandboxProblem(403, "Forbidden", "Your plan does not include scheduling.")
    at = read_time("schedule_time", call.object().get("schedule_time"))
    off_quarter = at.minute not in QUARTERS or at.second or at.microsecond
    is_late = at <= account.now()
    if off_quarter or is_late or campaign.status != "save" or not _is_ready(account, campaign):
        raise bad_request("This campaign cannot be scheduled: .")
    campaign.status, campaign.scheduled_for = "schedule", at
    if account.options.snapshots_segments:
        campaign.frozen = [member.id for member in audience_of(account, campaign)]
    account.later(at, lambda: _leave(account, campaign, at))
    return NO_CONTENT


def _leave(account: Account, campaign: SandboxCampaign, at: object) -> None:
    is_due = campaign.status == "schedule" and campaign.scheduled_for == at
    if is_due and campaign.id in account.campaigns:
        start_sending(account, campaign)


@router.on("POST", CAMPAIGN + "/actions/unschedule")
def unschedule(account: Account, call: Call) -> SandboxAnswer:
    """Make a scheduled campaign a draft again."""
    campaign = _campaign(account, call)
    _must_be(campaign, "schedule", "This campaign is not scheduled.")
    campaign.status, campaign.scheduled_for, campaign.frozen = "save", None, None
    return NO_CONTENT


@router.on("POST", CAMPAIGN + "/actions/cancel-send")
def cancel_send(account: Account, call: Call) -> SandboxAnswer:
    """Stop a campaign that is being sent, if the plan allows that."""
    campaign = _campaign(account, call)
    if not account.options.may_cancel:
        raise SandboxProblem(403, "Forbidden", "Your plan does not include canceling campaigns.")
    _must_be(campaign, "sending", "This campaign cannot be canceled.")
    campaign.status = "canceled"
    return NO_CONTENT


@router.on("POST", CAMPAIGN + "/actions/test")
def send_test(account: Account, call: Call) -> SandboxAnswer:
    """Accept a test mail, which goes nowhere."""
    campaign = _campaign(account, call)
    if not call.object().get("test_emails"):
        raise invalid("test_emails", "This value should not be blank.")
    if not campaign.html:
        raise bad_request("Your Campaign is not ready to send.")
    return NO_CONTENT


def _must_be(campaign: SandboxCampaign, status: str, detail: str) -> None:
    if campaign.status != status:
        raise bad_request(detail)


def campaign_document(account: Account, campaign: SandboxCampaign) -> SandboxDocument:
    """Return a campaign in the API's form."""
    settings = campaign.settings
    return {
        "id": campaign.id,
        "web_id": campaign.web_id,
        "type": campaign.type,
        "create_time": write_time(campaign.created),
        "archive_url": f"https://mailchi.mp/{campaign.id}",
        "status": campaign.status,
        "emails_sent": len(campaign.recipients),
        "send_time": write_time(campaign.sent or campaign.scheduled_for),
        "content_type": campaign.content_type,
        "recipients": _recipients(account, campaign),
        "settings": {"subject_line": "", "title": "", "from_name": "", "reply_to": "", **settings},
        "tracking": {"opens": True, "html_clicks": True, **campaign.tracking},
        "delivery_status": {"enabled": False},
    }


def _recipients(account: Account, campaign: SandboxCampaign) -> SandboxDocument:
    audience = account.audiences.get(campaign.audience_id)
    document: SandboxDocument = {
        "list_id": campaign.audience_id,
        "list_is_active": audience is not None,
        "list_name": audience.body.get("name", "") if audience else "",
        "segment_text": "",
        "recipient_count": len(campaign.recipients)
        or sum(1 for _ in audience_of(account, campaign)),
    }
    if campaign.segment_opts:
        document["segment_opts"] = campaign.segment_opts
    return document
