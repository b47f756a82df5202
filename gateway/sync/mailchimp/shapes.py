"""What the gateway needs in Mailchimp's answers, and the error for one that lacks it.

An unreadable answer must never be mistaken for one that says there is nothing: a page without its
rows isn't an empty page, a campaign without a status isn't a deleted one. Required are the fields
that the API promises (`mailchimp-3.0.85.strict.json`) and the gateway's decisions depend on;
everything else may come and go.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.core.campaigns.activity import read_time
from gateway.sync.mailchimp.transport import MailchimpJson, is_path_id, unreadable

_LARGEST = 2**63 - 1  #: The limit of the store's integers.


class ValueShape(StrEnum):
    """A single value, by its name in errors."""

    TEXT = "a text"
    ADDRESS = "a text that is not empty"
    ID = "an id"  #: Text that can be used in a path.
    NUMBER = "a whole number"
    FLAG = "true or false"
    TIME = "a time"
    TIME_OR_NEVER = "a time or empty"


@dataclass(frozen=True, slots=True)
class AnswerShape:
    """An object: its required fields, and those that may be missing or null."""

    needed: "Mapping[str, Wanted]" = field(default_factory=dict)
    optional: "Mapping[str, Wanted]" = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rows:
    """A list whose entries all have this shape."""

    entry: "Wanted"


Wanted = ValueShape | AnswerShape | Rows


def check(document: MailchimpJson, shape: AnswerShape, call: str) -> None:
    """Raise UnreadableAnswer, with the call and the fault, unless the answer has the shape."""
    if fault := fault_in(document, shape, ""):
        raise unreadable(call, fault)


def check_page(
    document: MailchimpJson, name: str, row: AnswerShape, call: str
) -> list[MailchimpJson]:
    """Return the rows of a page; they may be missing if its count is zero."""
    if name not in document and document.get("total_items") == 0:
        return []
    check(document, AnswerShape({name: Rows(row)}, {"total_items": ValueShape.NUMBER}), call)
    rows: list[MailchimpJson] = document[name]
    return rows


def fault_in(value: object, shape: Wanted, place: str) -> str:
    """Return what is wrong, such as `members[3].status is null, not a text`; empty if nothing."""
    match shape:
        case ValueShape():
            return "" if fits(value, shape) else f"{place} is {sort_of(value)}, not {shape}"
        case Rows(entry):
            if not isinstance(value, list):
                return f"{place} is {sort_of(value)}, not a list"
            faults = (fault_in(row, entry, f"{place}[{at}]") for at, row in enumerate(value))
            return next(filter(None, faults), "")
        case AnswerShape(needed, optional):
            if not isinstance(value, dict):
                return f"{place} is {sort_of(value)}, not an object"
            prefix = f"{place}." if place else ""
            for name, part in needed.items():
                if name not in value:
                    return f"{prefix}{name} is missing"
                if fault := fault_in(value[name], part, prefix + name):
                    return fault
            for name, part in optional.items():
                if value.get(name) is not None and (
                    fault := fault_in(value[name], part, prefix + name)
                ):
                    return fault
            return ""


def fits(value: object, shape: ValueShape) -> bool:
    """Whether a single value is of the required type."""
    match shape:
        case ValueShape.TEXT:
            return isinstance(value, str)
        case ValueShape.ADDRESS:
            return isinstance(value, str) and bool(value.strip())
        case ValueShape.ID:
            return isinstance(value, str) and is_path_id(value)
        case ValueShape.NUMBER:
            return type(value) is int and 0 <= value <= _LARGEST
        case ValueShape.FLAG:
            return isinstance(value, bool)
        case ValueShape.TIME:
            return read_time(value) is not None
        case ValueShape.TIME_OR_NEVER:
            return value == "" or read_time(value) is not None


def sort_of(value: object) -> str:
    """Return the type of a value; not the value, which may be somebody's address."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text" if value else "empty"
        case list():
            return "a list"
        case _:
            return "an object"


NOTHING = AnswerShape()  #: The answer reports success and nothing more.
AUDIENCE = AnswerShape(
    {"id": ValueShape.ID, "name": ValueShape.TEXT, "double_optin": ValueShape.FLAG}
)
AUDIENCES = AnswerShape(
    {
        "lists": Rows(
            AnswerShape(
                {"id": ValueShape.ID, "name": ValueShape.TEXT}, {"double_optin": ValueShape.FLAG}
            )
        )
    },
    {"constraints": AnswerShape(optional={"may_create": ValueShape.FLAG})},
)
MERGE_FIELD = AnswerShape({"tag": ValueShape.TEXT})
#: A contact with only a telephone number has no address.
MEMBER = AnswerShape(
    {"status": ValueShape.TEXT},
    {
        "id": ValueShape.TEXT,
        "contact_id": ValueShape.TEXT,
        "email_address": ValueShape.TEXT,
        "merge_fields": NOTHING,
        "last_changed": ValueShape.TIME_OR_NEVER,
    },
)
#: A contact whose address was named in the call, or who gets mail.
ADDRESSED_MEMBER = AnswerShape(
    {**MEMBER.needed, "email_address": ValueShape.ADDRESS}, MEMBER.optional
)
ADDED_MEMBERS = AnswerShape(
    {
        "new_members": Rows(ADDRESSED_MEMBER),
        "updated_members": Rows(ADDRESSED_MEMBER),
        "errors": Rows(
            AnswerShape(
                {"email_address": ValueShape.TEXT},
                {
                    "error_code": ValueShape.TEXT,
                    "error": ValueShape.TEXT,
                    "field": ValueShape.TEXT,
                    "field_message": ValueShape.TEXT,
                },
            )
        ),
    }
)
SEGMENT = AnswerShape({"id": ValueShape.NUMBER, "name": ValueShape.TEXT})
SEGMENT_CHANGE = AnswerShape(
    {
        "errors": Rows(
            AnswerShape({"email_addresses": Rows(ValueShape.TEXT)}, {"error": ValueShape.TEXT})
        )
    }
)
SEGMENT_MEMBER = AnswerShape({"email_address": ValueShape.ADDRESS})
WEBHOOK = AnswerShape(
    {"id": ValueShape.TEXT}, {"url": ValueShape.TEXT, "signing_secret": ValueShape.TEXT}
)
TEMPLATE = AnswerShape(
    {"id": ValueShape.NUMBER, "name": ValueShape.TEXT},
    {"type": ValueShape.TEXT, "content_type": ValueShape.TEXT, "active": ValueShape.FLAG},
)
DOMAIN = AnswerShape(
    {"domain": ValueShape.TEXT}, {"verified": ValueShape.FLAG, "authenticated": ValueShape.FLAG}
)
CAMPAIGN = AnswerShape(
    {
        "id": ValueShape.ID,
        "status": ValueShape.TEXT,
        "settings": AnswerShape(optional={"title": ValueShape.TEXT}),
    },
    {
        "web_id": ValueShape.NUMBER,
        "create_time": ValueShape.TIME_OR_NEVER,
        "send_time": ValueShape.TIME_OR_NEVER,
        "recipients": AnswerShape(
            optional={
                "list_id": ValueShape.TEXT,
                "segment_opts": AnswerShape(
                    optional={"saved_segment_id": ValueShape.NUMBER, "conditions": Rows(NOTHING)}
                ),
            }
        ),
    },
)
CHECKLIST = AnswerShape(
    {
        "is_ready": ValueShape.FLAG,
        "items": Rows(
            AnswerShape(
                {"type": ValueShape.TEXT}, {"heading": ValueShape.TEXT, "details": ValueShape.TEXT}
            )
        ),
    }
)
REPORT = AnswerShape(
    {
        "id": ValueShape.ID,
        "emails_sent": ValueShape.NUMBER,
        "unsubscribed": ValueShape.NUMBER,
        "bounces": AnswerShape(
            {
                "hard_bounces": ValueShape.NUMBER,
                "soft_bounces": ValueShape.NUMBER,
                "syntax_errors": ValueShape.NUMBER,
            }
        ),
        "opens": AnswerShape(
            {"opens_total": ValueShape.NUMBER},
            {"proxy_excluded_opens": ValueShape.NUMBER, "last_open": ValueShape.TIME_OR_NEVER},
        ),
        "clicks": AnswerShape(
            {"clicks_total": ValueShape.NUMBER}, {"last_click": ValueShape.TIME_OR_NEVER}
        ),
    }
)
_RECIPIENT = {"email_id": ValueShape.TEXT, "email_address": ValueShape.TEXT}
ACTIVITY = AnswerShape(
    {
        **_RECIPIENT,
        "activity": Rows(
            AnswerShape(
                {"action": ValueShape.TEXT, "timestamp": ValueShape.TIME},
                {"url": ValueShape.TEXT, "type": ValueShape.TEXT},
            )
        ),
    }
)
OPENS = AnswerShape(
    {
        **_RECIPIENT,
        "opens": Rows(
            AnswerShape({"timestamp": ValueShape.TIME}, {"is_proxy_open": ValueShape.FLAG})
        ),
    }
)
UNSUBSCRIBED = AnswerShape(
    {**_RECIPIENT, "timestamp": ValueShape.TIME}, {"reason": ValueShape.TEXT}
)
