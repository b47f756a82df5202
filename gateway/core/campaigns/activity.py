"""What Mailchimp's reports say about recipients, read as activities."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from gateway.core.campaigns.precedence import Activity, ActivityType

MailchimpDocument = Mapping[str, Any]

_ACTIONS = {
    "open": ActivityType.OPENED,
    "click": ActivityType.CLICKED,
    "bounce": ActivityType.BOUNCED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedRecipient:
    """A recipient as a report names it, with what it did."""

    email: str  #: As Mailchimp has it, which may have changed since the campaign was sent.
    email_id: str
    activities: tuple[Activity, ...]


def read_time(text: object) -> datetime | None:
    """Parse a time from the API; None for an empty string, which means "never"."""
    if not isinstance(text, str) or not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def of_email_activity(rows: Iterable[MailchimpDocument]) -> Iterator[ReportedRecipient]:
    """Read rows of `email-activity`: opens, clicks, bounces; recipients without any are skipped.

    It doesn't show which opens a machine made, and it leaves out unsubscribes.
    """
    for row in rows:
        activities = []
        for entry in row.get("activity") or ():
            kind, at = _ACTIONS.get(entry.get("action", "")), read_time(entry.get("timestamp"))
            if kind is None or at is None:
                continue
            url = _text(entry.get("url")) if kind is ActivityType.CLICKED else ""
            bounce = _text(entry.get("type")) if kind is ActivityType.BOUNCED else ""
            activities.append(Activity(type=kind, at=at, url=url, bounce=bounce))
        if row.get("activity"):
            yield _reported_recipient(row, activities)


def of_open_details(rows: Iterable[MailchimpDocument]) -> Iterator[ReportedRecipient]:
    """Read rows of `open-details`, which flags opens by mail proxies."""
    for row in rows:
        times = [
            (read_time(entry.get("timestamp")), entry.get("is_proxy_open") is True)
            for entry in row.get("opens") or ()
        ]
        yield _reported_recipient(
            row,
            [
                Activity(type=ActivityType.OPENED, at=at, machine=machine)
                for at, machine in times
                if at is not None
            ],
        )


def of_unsubscribed(rows: Iterable[MailchimpDocument]) -> Iterator[ReportedRecipient]:
    """Read rows of `unsubscribed`: members who unsubscribed through this campaign."""
    for row in rows:
        at, reason = read_time(row.get("timestamp")), _text(row.get("reason"))
        left = (
            [] if at is None else [Activity(type=ActivityType.UNSUBSCRIBED, at=at, reason=reason)]
        )
        yield _reported_recipient(row, left)


def _reported_recipient(
    row: MailchimpDocument, activities: Iterable[Activity]
) -> ReportedRecipient:
    """Number equal activities in the same second, which `since` includes or excludes together."""
    alike: Counter[tuple[ActivityType, datetime, str]] = Counter()
    numbered = []
    for activity in activities:
        key = (activity.type, activity.at, activity.url)
        numbered.append(replace(activity, nth=alike[key]) if alike[key] else activity)
        alike[key] += 1
    return ReportedRecipient(
        email=_text(row.get("email_address")),
        email_id=_text(row.get("email_id")),
        activities=tuple(numbered),
    )


def _text(value: object) -> str:
    """Return text that every store can hold."""
    return str(value or "").replace("\0", "").encode(errors="replace").decode()
