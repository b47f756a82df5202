"""Audiences, their merge fields and webhooks; also templates and sender domains."""

import re

from gateway.sandbox.account import (
    Account,
    MergeField,
    SandboxAudience,
    SandboxTemplate,
    SandboxWebhook,
)
from gateway.sandbox.call import (
    Call,
    SandboxAnswer,
    SandboxDocument,
    SandboxProblem,
    invalid,
    shaped,
    write_time,
)
from gateway.sandbox.hooks import answers
from gateway.sandbox.router import Router

router = Router()
NEEDED = ("name", "contact", "permission_reminder", "campaign_defaults", "email_type_option")
TAG = re.compile(r"[A-Z0-9_]{1,10}")
MOST_MERGE_FIELDS = 30


@router.on("GET", "/ping")
def ping(_account: Account, _call: Call) -> SandboxAnswer:
    """Answer that the key is valid."""
    return SandboxAnswer(200, {"health_status": "Everything's Chimpy!"})


@router.on("GET", "/lists")
def list_audiences(account: Account, call: Call) -> SandboxAnswer:
    """Return the audiences, and whether the plan allows another one."""
    audiences = list(account.audiences.values())
    most = account.options.max_audiences
    document = {
        "lists": [_audience(audience) for audience in call.page(audiences)],
        "total_items": len(audiences),
        "constraints": {
            "may_create": len(audiences) < most,
            "max_instances": most,
            "current_total_instances": len(audiences),
        },
    }
    return SandboxAnswer(200, shaped(call, document))


@router.on("POST", "/lists")
def create_audience(account: Account, call: Call) -> SandboxAnswer:
    """Create an audience, within the plan."""
    body = call.object()
    for name in NEEDED:
        if name not in body:
            raise invalid(name, "This value should not be blank.")
    if len(account.audiences) >= account.options.max_audiences:
        raise SandboxProblem(403, "Forbidden", "You have reached the audience limit of your plan.")
    return SandboxAnswer(200, _audience(new_audience(account, body)))


def new_audience(account: Account, body: SandboxDocument) -> SandboxAudience:
    """Create an audience with Mailchimp's two initial fields."""
    audience = SandboxAudience(
        id=account.token(), web_id=account.number(), body=body, created=account.now()
    )
    audience.merge_fields = [
        MergeField(merge_id=1, tag="FNAME", name="First Name"),
        MergeField(merge_id=2, tag="LNAME", name="Last Name"),
    ]
    account.audiences[audience.id] = audience
    return audience


@router.on("GET", "/lists/{list_id}")
def get_audience(account: Account, call: Call) -> SandboxAnswer:
    """Return an audience."""
    return SandboxAnswer(200, shaped(call, _audience(account.audience(call.names["list_id"]))))


def _audience(audience: SandboxAudience) -> SandboxDocument:
    statuses = [member.status for member in audience.members.values()]
    return {
        **audience.body,
        "id": audience.id,
        "web_id": audience.web_id,
        "double_optin": audience.body.get("double_optin", False),
        "date_created": write_time(audience.created),
        "list_rating": 0,
        "visibility": "prv",
        "stats": {
            "member_count": statuses.count("subscribed"),
            "unsubscribe_count": statuses.count("unsubscribed"),
            "cleaned_count": statuses.count("cleaned"),
            "merge_field_count": len(audience.merge_fields),
        },
    }


@router.on("GET", "/lists/{list_id}/merge-fields")
def list_merge_fields(account: Account, call: Call) -> SandboxAnswer:
    """Return the merge fields of an audience."""
    audience = account.audience(call.names["list_id"])
    document = {
        "merge_fields": [_merge_field(audience, f) for f in call.page(audience.merge_fields)],
        "list_id": audience.id,
        "total_items": len(audience.merge_fields),
    }
    return SandboxAnswer(200, shaped(call, document))


@router.on("POST", "/lists/{list_id}/merge-fields")
def add_merge_field(account: Account, call: Call) -> SandboxAnswer:
    """Add a merge field: an unused tag of up to 10 characters, 30 fields at most."""
    audience, body = account.audience(call.names["list_id"]), call.object()
    for name in ("name", "type"):
        if not body.get(name):
            raise invalid(name, "This value should not be blank.")
    number = max((field.merge_id for field in audience.merge_fields), default=0) + 1
    tag = body.get("tag") or f"MMERGE{number}"
    if not TAG.fullmatch(tag):
        raise invalid("tag", "Merge tags have up to 10 upper-case letters, digits and underscores.")
    if any(field.tag == tag for field in audience.merge_fields):
        raise invalid("tag", f'A Merge Field with the tag "{tag}" already exists for this list.')
    if len(audience.merge_fields) >= MOST_MERGE_FIELDS:
        raise SandboxProblem(
            400, "Invalid Resource", "This list has reached its merge field limit."
        )
    field = MergeField(
        merge_id=number,
        tag=tag,
        name=body["name"],
        type=body["type"],
        required=body.get("required", False),
        public=body.get("public", False),
        default_value=body.get("default_value", ""),
    )
    audience.merge_fields.append(field)
    return SandboxAnswer(200, _merge_field(audience, field))


def _merge_field(audience: SandboxAudience, field: MergeField) -> SandboxDocument:
    return {
        "merge_id": field.merge_id,
        "tag": field.tag,
        "name": field.name,
        "type": field.type,
        "required": field.required,
        "public": field.public,
        "default_value": field.default_value,
        "list_id": audience.id,
    }


@router.on("GET", "/lists/{list_id}/webhooks")
def list_webhooks(account: Account, call: Call) -> SandboxAnswer:
    """Return the webhooks of an audience."""
    audience = account.audience(call.names["list_id"])
    webhooks = [webhook_document(audience, webhook) for webhook in audience.webhooks.values()]
    document = {"webhooks": webhooks, "list_id": audience.id, "total_items": len(webhooks)}
    return SandboxAnswer(200, shaped(call, document))


@router.on("POST", "/lists/{list_id}/webhooks")
def add_webhook(account: Account, call: Call) -> SandboxAnswer:
    """Add a webhook; its secret, if it is signed, is only returned here."""
    audience, body = account.audience(call.names["list_id"]), call.object()
    if not body.get("url"):
        raise invalid("url", "This value should not be blank.")
    if any(webhook.url == body["url"] for webhook in audience.webhooks.values()):
        raise invalid("url", "Sorry, you can't set up multiple WebHooks for one URL")
    if not answers(body["url"]):
        raise invalid("url", "The URL did not answer when we looked at it.")
    webhook = SandboxWebhook(
        id=account.token(),
        url=body["url"],
        events=body.get("events", {}),
        sources=body.get("sources", {}),
        secret=account.token(32) if account.options.signs_webhooks else "",
    )
    audience.webhooks[webhook.id] = webhook
    document = webhook_document(audience, webhook)
    if webhook.secret:
        document["signing_secret"] = webhook.secret
    return SandboxAnswer(200, document)


def webhook_document(audience: SandboxAudience, webhook: SandboxWebhook) -> SandboxDocument:
    """Return a webhook without its secret."""
    return {
        "id": webhook.id,
        "url": webhook.url,
        "events": webhook.events,
        "sources": webhook.sources,
        "list_id": audience.id,
        "signing_enabled": bool(webhook.secret),
    }


@router.on("GET", "/templates")
def list_templates(account: Account, call: Call) -> SandboxAnswer:
    """Return the templates of a type; an unknown type has none."""
    template_type = call.query.get("type")
    templates = [
        template
        for template in account.templates.values()
        if template_type in {None, template.type}
    ]
    document = {
        "templates": [_template(template) for template in call.page(templates)],
        "total_items": len(templates),
    }
    return SandboxAnswer(200, shaped(call, document))


def _template(template: SandboxTemplate) -> SandboxDocument:
    return {
        "id": template.id,
        "name": template.name,
        "type": template.type,
        "content_type": template.content_type,
        "drag_and_drop": template.content_type != "html",
        "active": template.active,
        "date_created": write_time(template.created),
        "date_edited": write_time(template.created),
    }


@router.on("GET", "/verified-domains")
def list_domains(account: Account, _call: Call) -> SandboxAnswer:
    """Return the domains mail may be sent from."""
    domains = list(account.domains.values())
    return SandboxAnswer(200, {"domains": domains, "total_items": len(domains)})
