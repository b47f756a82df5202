"""What can go wrong with Mailchimp, by meaning."""

from dataclasses import dataclass
from typing import Any

from gateway.core.errors import GatewayError


@dataclass(frozen=True, slots=True)
class FieldError:
    """Mailchimp's complaint about one field."""

    field: str
    message: str


class MailchimpError(GatewayError):
    """Mailchimp could not be reached, did not answer, or refused."""

    #: A later retry can help.
    is_temporary = False

    def __init__(
        self,
        detail: str,
        *,
        status: int | None = None,
        title: str = "",
        errors: tuple[FieldError, ...] = (),
    ) -> None:
        self.detail = detail
        self.status = status  #: The HTTP status; None if there was no answer.
        self.title = title
        self.errors = errors
        fields = "; ".join(f"{error.field}: {error.message}" for error in errors)
        parts = (title, detail, fields)
        super().__init__(" · ".join(part for part in parts if part) or f"HTTP {status}")


class UnusableKey(MailchimpError):
    """The API key names no data centre (`…-us1`) and no base URL is set."""


class Unreachable(MailchimpError):
    """No connection to Mailchimp could be made; nothing was sent."""

    is_temporary = True


class Throttled(MailchimpError):
    """Mailchimp gets too many requests; nothing was done (429, or 403 without a problem)."""

    is_temporary = True


class AnswerLost(MailchimpError):
    """Mailchimp may or may not have done it: check before repeating it."""

    is_temporary = True


class NotMailchimp(AnswerLost):
    """A proxy or another server answered, which says nothing about Mailchimp's state."""


class UnreadableAnswer(AnswerLost):
    """Mailchimp reports success, but its answer can't be read, so its state isn't known."""


class MailchimpRefused(MailchimpError):
    """Mailchimp understood and refused; repeating the request has the same result."""


class NotAuthorised(MailchimpRefused):
    """The API key is wrong, revoked, or for another data centre."""


class NotAllowed(MailchimpRefused):
    """The plan, the user's role or the object's state doesn't allow it (403, 405)."""


class MailchimpNotFound(MailchimpRefused):
    """There is no such audience, member, segment or campaign (any more)."""


class InvalidResource(MailchimpRefused):
    """A field is missing or wrong; `errors` names it."""


class MemberExists(MailchimpRefused):
    """The address is already in the audience."""


class ComplianceState(MailchimpRefused):
    """The member unsubscribed, bounced or complained: only they can resubscribe."""


class Forgotten(MailchimpRefused):
    """The member was deleted permanently and can never be imported again."""


class SignupsLimited(MailchimpRefused):
    """The address joined many lists recently: Mailchimp accepts it again after hours or days."""

    is_temporary = True


BY_TITLE: dict[str, type[MailchimpRefused]] = {
    "apikeyinvalid": NotAuthorised,
    "apikeymissing": NotAuthorised,
    "userdisabled": NotAuthorised,
    "wrongdatacenter": NotAuthorised,
    "invalidresource": InvalidResource,
    "memberexists": MemberExists,
    "memberincompliancestate": ComplianceState,
    "forgottenemailnotsubscribed": Forgotten,
}
BY_STATUS: dict[int, type[MailchimpRefused]] = {
    401: NotAuthorised,
    403: NotAllowed,
    404: MailchimpNotFound,
    405: NotAllowed,
    410: MailchimpNotFound,
}


def refused(status: int, problem: dict[str, Any]) -> MailchimpRefused:
    """Return the error for a problem document (RFC 7807).

    The title decides, never the detail, whose wording varies. The exception is a temporary refusal
    that differs from the permanent ones only in its text.
    """
    title, detail = str(problem.get("title") or ""), str(problem.get("detail") or "")
    kind = BY_TITLE.get(title.replace(" ", "").lower()) or BY_STATUS.get(status, MailchimpRefused)
    if is_passing(detail):
        kind = SignupsLimited
    errors = problem.get("errors")
    field_errors = tuple(
        FieldError(str(error.get("field", "")), str(error.get("message", "")))
        for error in (errors if isinstance(errors, list) else ())
        if isinstance(error, dict)
    )
    return kind(detail, status=status, title=title, errors=field_errors)


def is_passing(text: str) -> bool:
    """Whether Mailchimp's complaint about an address, here or in a batch, is temporary."""
    return "signed up to a lot of lists" in text
