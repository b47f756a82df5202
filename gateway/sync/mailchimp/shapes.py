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


class Value(StrEnum):
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


Wanted = Value | AnswerShape | Rows


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
    check(document, AnswerShape({name: Rows(row)}, {"total_items": Value.NUMBER}), call)
    rows: list[MailchimpJson] = document[name]
    return rows


def fault_in(value: object, wanted: Wanted, place: str) -> str:
    """Return what is wrong, such as `members[3].status is null, not a text`; empty if nothing."""
    match wanted:
        case Value():
            return "" if fits(value, wanted) else f"{place} is {sort_of(value)}, not {wanted}"
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


def fits(value: object, wanted: Value) -> bool:
    """Whether a single value is of the required type."""
    match wanted:
        case Value.TEXT:
            return isinstance(value, str)
        case Value.ADDRESS:
            return isinstance(value, str) and bool(value.strip())
        case Value.ID:
            return isinstance(value, str) and is_path_id(value)
        case Value.NUMBER:
            return type(value) is int and 0 <= value <= _LARGEST
        case Value.FLAG:
            return isinstance(value, bool)
        case Value.TIME:
            return read_time(value) is not None
        case Value.TIME_OR_NEVER:
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
AUDIENCE = AnswerShape({"id": Value.ID, "name": Value.TEXT, "double_optin": Value.FLAG})
AUDIENCES = AnswerShape(
    {
        "lists": Rows(
            AnswerShape({"id": Value.ID, "name": Value.TEXT}, {"double_optin": Value.FLAG})
        )
    },
    {"constraints": AnswerShape(optional={"may_create": Value.FLAG})},
)
MERGE_FIELD = AnswerShape({"tag": Value.TEXT})
#: A contact with only a telephone number has no address.
MEMBER = AnswerShape(
    {"status": Value.TEXT},
    {
        "id": Value.TEXT,
        "contact_id": Value.TEXT,
        "email_address": Value.TEXT,
        "merge_fields": NOTHING,
        "last_changed": Value.TIME_OR_NEVER,
    },
)
#: A contact whose address was named in the call, or who gets mail.
ADDRESSED_MEMBER = AnswerShape({**MEMBER.needed, "email_address": Value.ADDRESS}, MEMBER.optional)
ADDED_MEMBERS = AnswerShape(
    {
        "new_members": Rows(ADDRESSED_MEMBER),
        "updated_members": Rows(ADDRESSED_MEMBER),
        "errors": Rows(
            AnswerShape(
                {"email_address": Value.TEXT},
                {"error_code": Value.TEXT, "error": Value.TEXT, "field_message": Value.TEXT},
            )
        ),
    }
)
SEGMENT = AnswerShape({"id": Value.NUMBER, "name": Value.TEXT})
SEGMENT_CHANGE = AnswerShape(
    {"errors": Rows(AnswerShape({"email_addresses": Rows(Value.TEXT)}, {"error": Value.TEXT}))}
)
SEGMENT_MEMBER = AnswerShape({"email_address": Value.ADDRESS})
WEBHOOK = AnswerShape({"id": Value.TEXT}, {"url": Value.TEXT, "signing_secret": Value.TEXT})
TEMPLATE = AnswerShape(
    {"id": Value.NUMBER, "name": Value.TEXT},
    {"type": Value.TEXT, "content_type": Value.TEXT, "active": Value.FLAG},
)
DOMAIN = AnswerShape({"domain": Value.TEXT}, {"verified": Value.FLAG, "authenticated": Value.FLAG})
CAMPAIGN = AnswerShape(
    {
        "id": Value.ID,
        "status": Value.TEXT,
        "settings": AnswerShape(optional={"title": Value.TEXT}),
    },
    {
        "web_id": Value.NUMBER,
        "create_time": Value.TIME_OR_NEVER,
        "send_time": Value.TIME_OR_NEVER,
        "recipients": AnswerShape(
            optional={
                "list_id": Value.TEXT,
                "segment_opts": AnswerShape(
                    optional={"saved_segment_id": Value.NUMBER, "conditions": Rows(NOTHING)}
                ),
            }
        ),
    },
)
CHECKLIST = AnswerShape(
    {
        "is_ready": Value.FLAG,
        "items": Rows(
            AnswerShape({"type": Value.TEXT}, {"heading": Value.TEXT, "details": Value.TEXT})
        ),
    }
)
REPORT = AnswerShape(
    {
        "id": Value.ID,
        "emails_sent": Value.NUMBER,
        "unsubscribed": Value.NUMBER,
        "bounces": AnswerShape(
            {
                "hard_bounces": Value.NUMBER,
                "soft_bounces": Value.NUMBER,
                "syntax_errors": Value.NUMBER,
            }
        ),
        "opens": AnswerShape(
            {"opens_total": Value.NUMBER},
            {"proxy_excluded_opens": Value.NUMBER, "last_open": Value.TIME_OR_NEVER},
        ),
        "clicks": AnswerShape({"clicks_total": Value.NUMBER}, {"last_click": Value.TIME_OR_NEVER}),
    }
)
_RECIPIENT = {"email_id": Value.TEXT, "email_address": Value.TEXT}
ACTIVITY = AnswerShape(
    {
        **_RECIPIENT,
        "activity": Rows(
            AnswerShape(
                {"action": Value.TEXT, "timestamp": Value.TIME},
                {"url": Value.TEXT, "type": Value.TEXT},
            )
        ),
    }
)
OPENS = AnswerShape(
    {
        **_RECIPIENT,
        "opens": Rows(AnswerShape({"timestamp": Value.TIME}, {"is_proxy_open": Value.FLAG})),
    }
)
UNSUBSCRIBED = AnswerShape({**_RECIPIENT, "timestamp": Value.TIME}, {"reason": Value.TEXT})
