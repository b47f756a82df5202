"""One request to the sandbox and its answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

SandboxDocument = dict[str, Any]
SandboxReply = tuple[int, str, bytes]  #: Status, content type, content.
SandboxRow = TypeVar("SandboxRow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request below `/3.0`."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    names: dict[str, str] = field(default_factory=dict)  #: Values for the names in the path.

    def flag(self, name: str) -> bool:
        """Read a query parameter as Mailchimp does: true or 1 in any case."""
        return self.query.get(name, "").lower() in {"true", "1"}

    def number(self, name: str, default: int) -> int:
        """Read a whole number; anything else is a Bad Request."""
        text = self.query.get(name, str(default))
        if not text.isdecimal():
            raise invalid(name, "Schema describes integer, string found instead")
        return int(text)

    def time(self, name: str) -> datetime | None:
        """Read a time; None if it is missing."""
        text = self.query.get(name)
        return read_time(name, text) if text else None

    def page(self, rows: Sequence[SandboxRow]) -> Sequence[SandboxRow]:
        """Return the requested rows: 10 unless `count` says otherwise, however large."""
        offset = self.number("offset", 0)
        return rows[offset : offset + self.number("count", 10)]

    def object(self) -> SandboxDocument:
        """Return the body, which must be a JSON object."""
        if not isinstance(self.body, dict):
            raise SandboxProblem(
                400, "JSON Parse Exception", "We encountered an unspecified JSON error."
            )
        return self.body


@dataclass(frozen=True, slots=True)
class SandboxAnswer:
    """The sandbox's answer: a JSON document, or nothing."""

    status: int = 200
    document: SandboxDocument | None = None


NO_CONTENT = SandboxAnswer(204)


class SandboxProblem(Exception):
    """A refusal, as `application/problem+json` (RFC 7807)."""

    def __init__(
        self, status: int, title: str, detail: str = "", errors: Sequence[tuple[str, str]] = ()
    ) -> None:
        super().__init__(f"{status} {title}: {detail}")
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = errors

    def document(self, instance: str) -> SandboxDocument:
        """Return the problem as JSON; with `errors` only if fields are at fault."""
        document: SandboxDocument = {
            "type": "https://mailchimp.com/developer/marketing/docs/errors/",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
        }
        if self.errors:
            document["errors"] = [
                {"field": name, "message": message} for name, message in self.errors
            ]
        return document


def not_found() -> SandboxProblem:
    """Return the answer for a resource that doesn't exist."""
    return SandboxProblem(404, "Resource Not Found", "The requested resource could not be found.")


def bad_request(detail: str) -> SandboxProblem:
    """Return the answer for what isn't possible in the present state."""
    return SandboxProblem(400, "Bad Request", detail)


def invalid(name: str, message: str) -> SandboxProblem:
    """Return the answer for a field that is missing or wrong."""
    detail = (
        "The resource submitted could not be validated. "
        "For field-specific details, see the 'errors' array."
    )
    return SandboxProblem(400, "Invalid Resource", detail, [(name, message)])


def read_time(name: str, text: object) -> datetime:
    """Parse a time from the API; without an offset it is UTC."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        raise invalid(name, "This value is not a valid date/time.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def write_time(at: datetime | None) -> str:
    """Format a time like the API; never is the empty string."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00") if at else ""


def shaped(call: Call, document: SandboxDocument) -> SandboxDocument:
    """Keep only `fields`, or drop `exclude_fields`; both at once are refused."""
    keep, drop = call.query.get("fields"), call.query.get("exclude_fields")
    if keep and drop:
        raise bad_request("fields and exclude_fields are mutually exclusive")
    if keep:
        fields = _keep(document, [name.split(".") for name in keep.split(",")])
        assert isinstance(fields, dict)
        return fields
    for name in drop.split(",") if drop else ():
        _drop(document, name.split("."))
    return document


def _keep(value: object, names: list[list[str]]) -> object:
    if isinstance(value, list):
        return [_keep(item, names) for item in value]
    if not isinstance(value, dict) or [] in names:
        return value
    fields = {}
    for key, item in value.items():
        below = [name[1:] for name in names if name[0] == key]
        if below:
            fields[key] = _keep(item, below)
    return fields


def _drop(value: object, name: list[str]) -> None:
    if isinstance(value, list):
        for item in value:
            _drop(item, name)
    elif isinstance(value, dict) and len(name) == 1:
        value.pop(name[0], None)
    elif isinstance(value, dict):
        _drop(value.get(name[0]), name[1:])
