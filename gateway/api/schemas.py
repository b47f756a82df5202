"""The JSON documents of answers, as OpenAPI describes them."""

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.core.campaigns.campaigns import CampaignState
from gateway.core.kinds import By, Kind, Scope, State
from gateway.core.people.people import SuppressionSource
from gateway.core.replies.inbox import InboxState
from gateway.core.sending.outbox import OutboxState
from gateway.core.triggers.events.registry import EVENTS

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer"}
_FLAG: Schema = {"type": "boolean"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_ID: Schema = {"type": "string", "pattern": "^[0-9a-z]{13}$"}
_REF: Schema = {"type": "string", "description": "candidate:17 or contact:17"}
_RECIPIENT: Schema = {
    "type": "string",
    "description": "candidate:17, staff:s1, an address, or a recipient nobody is: responsible:ROLE",
}
PROBLEM_TYPE = "application/problem+json"


def _none_or(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _one_of(words: Iterable[str]) -> Schema:
    return {"type": "string", "enum": [str(word) for word in words]}


def _object(**fields: Schema) -> Schema:
    return {"type": "object", "required": list(fields), "properties": fields}


def _list(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


DELIVERY = _object(
    recipient=_TEXT,
    persons=_list(_REF),
    state=_one_of(State),
    by=_one_of(By),
    reply=_TEXT,
    note=_TEXT,
    would=_TEXT,
)
MESSAGE = _object(
    id=_ID,
    at=_TIME,
    sender=_TEXT,
    subject=_TEXT,
    message_id=_TEXT,
    kind=_one_of(Kind),
    rule=_TEXT,
    listener=_TEXT,
    login=_none_or(_TEXT),
    client=_TEXT,
    relay=_TEXT,
    size=_COUNT,
    attempt_of=_none_or(_ID),
    deliveries=_list(DELIVERY),
)
SUPPRESSION = _object(
    scope=_one_of(Scope),
    source=_one_of(SuppressionSource),
    name=_TEXT,
    origin=_TEXT,
    person=_none_or(_REF),
    since=_none_or(_TIME),
    until=_none_or(_TIME),
    note=_TEXT,
    public=_FLAG,
)
ENTRY = _object(
    id=_ID,
    address=_TEXT,
    scope=_one_of(Scope),
    note=_TEXT,
    public=_FLAG,
    by=_TEXT,
    since=_TIME,
    until=_none_or(_TIME),
    released_at=_none_or(_TIME),
    released_by=_TEXT,
)
SUPPRESSED = _object(
    id=_none_or(_ID),
    address=_TEXT,
    person=_none_or(_REF),
    scope=_one_of(Scope),
    source=_one_of(SuppressionSource),
    name=_TEXT,
    origin=_TEXT,
    note=_TEXT,
    public=_FLAG,
    by=_TEXT,
    since=_none_or(_TIME),
    until=_none_or(_TIME),
    released_at=_none_or(_TIME),
    released_by=_TEXT,
)
RELEASED = _object(
    address=_TEXT,
    released=_COUNT,
    left_opt_out_group=_list(_REF),
    refused=_list({"type": "object"}),
)
_HISTORY: Mapping[str, Schema] = {
    "suppressions": _list(SUPPRESSION),
    "history": _list(ENTRY),
}
STANDING: Schema = {
    "oneOf": [
        _object(address=_TEXT, persons=_list(_REF), **_HISTORY),
        _object(person=_REF, addresses=_list(_TEXT), **_HISTORY),
    ]
}
APPLICATION = _object(
    reference=_TEXT,
    title=_TEXT,
    status=_TEXT,
    closed=_FLAG,
    programme=_TEXT,
    submitted_at=_none_or(_TIME),
)
ONE_APPLICATION: Schema = _object(
    **APPLICATION["properties"], person=_REF, responsible=_list(_TEXT)
)
EVENT = _object(at=_TIME, type=_TEXT, id=_TEXT, reference=_TEXT, summary=_TEXT, state=_TEXT)
PERSON = _object(
    person=_REF,
    name=_TEXT,
    active=_FLAG,
    addresses=_list(_TEXT),
    status=_TEXT,
    groups=_list(_TEXT),
    suppressions=_list(SUPPRESSION),
    leads_nowhere=_list(_object(reference=_TEXT, id=_TEXT)),
    unread=_list(
        _object(
            what=_TEXT,
            record=_TEXT,
            field=_TEXT,
            problem=_TEXT,
            since=_TIME,
            at=_TIME,
            source=_TEXT,
            file=_TEXT,
            line=_COUNT,
        )
    ),
    applications=_list(APPLICATION),
    timeline=_list(EVENT),
)
DOCUMENT = _object(
    id=_ID,
    at=_TIME,
    filename=_TEXT,
    type=_TEXT,
    content_type=_TEXT,
    size=_COUNT,
    sha256=_TEXT,
    reference=_TEXT,
    entry=_ID,
)
HISTORY = _object(
    id=_ID,
    at=_TIME,
    person=_REF,
    reference=_TEXT,
    staff=_TEXT,
    sender_name=_TEXT,
    sender=_TEXT,
    to=_TEXT,
    cc=_TEXT,
    subject=_TEXT,
    date=_none_or(_TIME),
    date_text=_TEXT,
    message_id=_TEXT,
    text=_TEXT,
    html=_TEXT,
    staff_text=_TEXT,
    remarks=_list(_TEXT),
    documents=_list(DOCUMENT),
    inbox=_ID,
    raw_sha256=_TEXT,
)
MAIL = _object(
    id=_ID,
    at=_TIME,
    sender=_TEXT,
    subject=_TEXT,
    reason=_TEXT,
    message_id=_TEXT,
    state=_one_of(InboxState),
    detail=_TEXT,
    origin=_TEXT,
    size=_COUNT,
    entry=_none_or(_ID),
)
IMPORT_ADDRESS = _object(
    address=_TEXT,
    addresses=_list(_object(address=_TEXT, told_by=_TEXT)),
)
OUTBOX = _object(
    id=_ID,
    at=_TIME,
    type=_TEXT,
    to=_TEXT,
    message=_none_or(_ID),
    state=_one_of(OutboxState),
    attempts=_COUNT,
    next_at=_none_or(_TIME),
    error=_TEXT,
    about=_TEXT,
)
CAMPAIGN = _object(
    id=_ID,
    name=_TEXT,
    state=_one_of(CampaignState),
    mailchimp_id=_none_or(_TEXT),
    link=_none_or(_TEXT),
    template=_COUNT,
    template_name=_TEXT,
    from_name=_TEXT,
    from_address=_TEXT,
    created_at=_TIME,
    opened_at=_none_or(_TIME),
    scheduled_for=_none_or(_TIME),
    sent_at=_none_or(_TIME),
    trouble=_none_or(_TEXT),
    last_read=_none_or(_TIME),
    next_read=_none_or(_TIME),
    included=_COUNT,
    excluded={"type": "object", "additionalProperties": _COUNT},
)
ACTIVITY = _object(
    type=_TEXT,
    at=_TIME,
    url=_none_or(_TEXT),
    machine=_FLAG,
    bounce=_none_or(_TEXT),
    reason=_none_or(_TEXT),
)
MEMBER = _object(
    person=_REF,
    name=_TEXT,
    address=_none_or(_TEXT),
    reason=_none_or(_TEXT),
    detail=_none_or(_TEXT),
    status=_none_or(_TEXT),
    activities=_list(ACTIVITY),
    **{"in": _FLAG},
)
NUMBERS = _object(sent=_COUNT, bounced=_COUNT, opened=_COUNT, clicked=_COUNT, unsubscribed=_COUNT)
CAMPAIGN_WHOLE: Schema = {
    **CAMPAIGN,
    "properties": {
        **CAMPAIGN["properties"],
        "members": _list(MEMBER),
        "report": _none_or(NUMBERS),
    },
}
_REMARKS = {"remarks": _list(_TEXT)}


def _with(schema: Schema, optional: Mapping[str, Schema] | None = None, **more: Schema) -> Schema:
    """Return a schema with more fields, and some that may be there."""
    whole = _object(**{**schema["properties"], **more})
    return {**whole, "properties": {**whole["properties"], **(optional or {})}}


CAMPAIGN_SHORT = _with(CAMPAIGN, report=_none_or(NUMBERS))
CAMPAIGN_DONE = _with(CAMPAIGN_SHORT, _REMARKS)
CAMPAIGN_ADDED = _with(CAMPAIGN_SHORT, added=_COUNT, known=_COUNT, problems=_list(_TEXT))
CAMPAIGN_REMOVED = _with(CAMPAIGN_SHORT, removed=_list(_REF))
CAMPAIGN_PREPARED = _with(
    CAMPAIGN,
    changes=_object(
        new=_COUNT,
        changed=_COUNT,
        unchanged=_COUNT,
        to_segment=_COUNT,
        from_segment=_COUNT,
        dropped=_COUNT,
        dropped_of=_COUNT,
        needs_yes=_FLAG,
    ),
    missing=_list(_TEXT),
)
CAMPAIGN_REPORT = _with(
    NUMBERS,
    id=_ID,
    name=_TEXT,
    state=_one_of(CampaignState),
    sent_at=_none_or(_TIME),
    as_of=_none_or(_TIME),
    bounces={"type": "object"},
    opens={"type": "object"},
    clicks={"type": "object"},
    links=_list(_object(url=_TEXT, clicks=_COUNT, members=_COUNT)),
    remarks=_list(_TEXT),
)
TEMPLATE = _object(id=_COUNT, name=_TEXT, content_type=_TEXT, usable=_FLAG, fault=_TEXT)
MAILCHIMP_STATUS = _object(
    ready=_FLAG,
    prerequisites=_list(_object(name=_TEXT, met=_FLAG, text=_TEXT)),
    audience=_none_or(
        _object(id=_TEXT, name=_TEXT, last_read=_none_or(_TIME), next_read=_none_or(_TIME))
    ),
    campaigns=_COUNT,
    last_read=_none_or(_TIME),
    next_read=_none_or(_TIME),
)
FEED_REPORT = _object(
    kind=_TEXT,
    source=_TEXT,
    at=_TIME,
    replace=_FLAG,
    dry_run=_FLAG,
    records=_COUNT,
    added=_COUNT,
    changed=_COUNT,
    removed=_COUNT,
    unchanged=_COUNT,
    suppressions_added=_COUNT,
    suppressions_lifted=_COUNT,
    is_held_back=_FLAG,
    problems=_list(_object(line=_COUNT, text=_TEXT, column=_TEXT, value=_TEXT, cure=_TEXT)),
    problem_count=_COUNT,
    duplicates=_list(_object(key=_TEXT, lines=_list(_COUNT))),
    duplicate_count=_COUNT,
    truncated=_TEXT,
)
IMPORTED = _object(
    source=_TEXT,
    kind=_TEXT,
    at=_none_or(_TIME),
    fault=_none_or(
        _object(file=_TEXT, since=_TIME, at=_TIME, problems=_COUNT, failed=_FLAG, reason=_TEXT)
    ),
)
OPEN_REFERENCE: Schema = {"type": "object"}
HAPPENED = _object(
    trigger=_TEXT,
    mails=_list(
        _object(
            person=_REF,
            about=_TEXT,
            to=_TEXT,
            subject=_TEXT,
            text=_TEXT,
            trigger=_TEXT,
            recipient=_RECIPIENT,
            name=_TEXT,
            blank=_list(_TEXT),
        )
    ),
    skipped=_list(_object(person=_RECIPIENT, name=_TEXT, about=_TEXT, reason=_TEXT)),
    warning=_none_or(_TEXT),
    applications=_list(
        _object(
            reference=_TEXT,
            before=_TEXT,
            status=_TEXT,
            changed=_FLAG,
            undone=_FLAG,
            withdrawn=_COUNT,
            error=_none_or(_TEXT),
        )
    ),
    outcome=_one_of(("done", "shown", "incomplete", "unconfirmed", "stale")),
    token=_none_or(_TEXT),
    token_valid_until=_none_or(_TIME),
)
PREVIEW = _object(
    **{name: HAPPENED["properties"][name] for name in ("trigger", "mails", "skipped", "warning")}
)
_DAY: Schema = {"type": "string", "format": "date"}
TRIGGER = _object(
    name=_TEXT,
    enabled=_FLAG,
    event=_one_of(EVENTS),
    template=_TEXT,
    kind=_one_of(Kind),
    report_to=_none_or(_TEXT),
    looked_at=_none_or(_DAY),
    programme=_none_or(_TEXT),
    status=_none_or(_TEXT),
    recipients=_list(_TEXT),
    dates=_list(_DAY),
    yearly=_list(_TEXT),
    monthly=_list(_COUNT),
)
WORK_DONE = _object(
    id=_ID,
    trigger=_TEXT,
    at=_TIME,
    day=_DAY,
    state=_TEXT,
    sent=_COUNT,
    skipped=_COUNT,
    failed=_COUNT,
    unknown=_COUNT,
    expired=_COUNT,
    held=_COUNT,
    waiting=_COUNT,
    error=_TEXT,
    report_to=_none_or(_TEXT),
)
TRIGGER_WHOLE = _with(TRIGGER, runs=_list(WORK_DONE))
WAITING = _object(fields=_list({"type": "object"}), mails=_list({"type": "object"}))
_OUTCOME = _one_of(("relay", "send_failed"))
EXPLAINED = _object(
    kind=_one_of(Kind),
    rule=_TEXT,
    recipients=_COUNT,
    rules_tried=_list(_object(name=_TEXT, matched=_FLAG, because=_TEXT)),
    relay=_TEXT,
    refusal=_TEXT,
    deliveries=_list(
        _object(
            recipient=_TEXT,
            persons=_list(_REF),
            outcome=_OUTCOME,
            would=_none_or(_OUTCOME),
            suppressions=_list(SUPPRESSION),
            note=_TEXT,
            if_left=_list(_object(person=_REF, group=_TEXT, outcome=_OUTCOME)),
        )
    ),
)
PROBLEM: Schema = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status"],
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": _COUNT,
        "detail": _TEXT,
        "errors": _list(_object(at=_TEXT, text=_TEXT)),
    },
}


def record(columns: Iterable[str]) -> Schema:
    """Return what describes a record of the feed: a value for each of its columns."""
    value = {
        "anyOf": [
            {"type": ["string", "integer", "boolean", "null"]},
            _list({"type": ["string", "integer"]}),
        ]
    }
    properties = dict.fromkeys(columns, value)
    return {"type": "object", "properties": properties, "additionalProperties": False}


def answers(schema: Schema, text: str, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """Return the answers of a route that gives one document."""
    content = {"application/json": {"schema": schema}}
    return {status: {"description": text, "content": content}}


def items(schema: Schema) -> dict[int | str, dict[str, Any]]:
    """Return the answers of a route that gives a list."""
    listed = _object(items=_list(schema), next=_none_or(_TEXT))
    return answers(listed, "The entries; `next` is the cursor of the next page, if there is one.")


pages = items


def described(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return FastAPI's description with the problems every route may answer."""
    ref = {"$ref": "#/components/schemas/Problem"}
    told = {"description": "Why not", "content": {PROBLEM_TYPE: {"schema": ref}}}
    paths = dict(document["paths"])
    for methods in paths.values():
        for operation in methods.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = told
    parts = dict(document.get("components", {}))
    schemas = parts.get("schemas", {})
    kept = {name: one for name, one in schemas.items() if "ValidationError" not in name}
    kept["Problem"] = PROBLEM
    return {**document, "paths": paths, "components": {**parts, "schemas": kept}}
