"""What Mailchimp's reports tell of recipients, read as activities."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from gateway.core.campaigns.precedence import Activity, ActivityType

Document = Mapping[str, Any]

_ACTIONS = {
    "open": ActivityType.OPENED,
    "click": ActivityType.CLICKED,
    "bounce": ActivityType.BOUNCED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A recipient as a report names it, with what it did."""

    email: str  #: As Mailchimp has it, which may have changed since the campaign left.
    email_id: str
    activities: tuple[Activity, ...]


def read_time(text: object) -> datetime | None:
    """Read a time of the API; None for the empty text that stands for "never"."""
    if not isinstance(text, str) or not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def of_email_activity(rows: Iterable[Document]) -> Iterator[Seen]:
    """Read rows of `email-activity`: opens, clicks, bounces; silent recipients are left out.

    It doesn't say which opens a machine made, and unsubscribes are not in it.
    """
    for row in rows:
        if row.get("activity"):
            yield _seen(row, map(_activity, row["activity"]))


def of_open_details(rows: Iterable[Document]) -> Iterator[Seen]:
    """Read rows of `open-details`, which mark the opens of mail proxies."""
    for row in rows:
        yield _seen(row, map(_open, row.get("opens") or ()))


def of_unsubscribed(rows: Iterable[Document]) -> Iterator[Seen]:
    """Read rows of `unsubscribed`: who left through this campaign."""
    for row in rows:
        yield _seen(row, [_unsubscribe(row)])


def _activity(one: Document) -> Activity | None:
    kind, at = _ACTIONS.get(one.get("action", "")), read_time(one.get("timestamp"))
    if kind is None or at is None:
        return None
    is_click, is_bounce = kind is ActivityType.CLICKED, kind is ActivityType.BOUNCED
    return Activity(
        type=kind,
        at=at,
        url=_text(one.get("url")) if is_click else "",
        bounce=_text(one.get("type")) if is_bounce else "",
    )


def _open(one: Document) -> Activity | None:
    at = read_time(one.get("timestamp"))
    if at is None:
        return None
    machine = one.get("is_proxy_open") is True
    return Activity(type=ActivityType.OPENED, at=at, machine=machine)


def _unsubscribe(row: Document) -> Activity | None:
    at = read_time(row.get("timestamp"))
    if at is None:
        return None
    reason = _text(row.get("reason"))
    return Activity(type=ActivityType.UNSUBSCRIBED, at=at, reason=reason)


def _seen(row: Document, activities: Iterable[Activity | None]) -> Seen:
    return Seen(
        email=_text(row.get("email_address")),
        email_id=_text(row.get("email_id")),
        activities=tuple(_numbered(each for each in activities if each is not None)),
    )


def _numbered(activities: Iterable[Activity]) -> Iterator[Activity]:
    """Tell those alike in one second apart; `since` leaves out or takes in a whole second."""
    alike: Counter[tuple[ActivityType, datetime, str]] = Counter()
    for one in activities:
        key = (one.type, one.at, one.url)
        yield replace(one, nth=alike[key]) if alike[key] else one
        alike[key] += 1


def _text(value: object) -> str:
    """Return text every store can hold."""
    return str(value or "").replace("\0", "").encode(errors="replace").decode()
