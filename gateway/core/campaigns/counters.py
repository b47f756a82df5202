"""The counters of a campaign's report, and what they show still has to be read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from gateway.core.campaigns.precedence import ActivityType

#: A bounce changes no time in the report, and counters lag: until then everything is read anyway.
YOUNG = timedelta(days=5)
#: Events appear minutes late and in no order, so this much is read twice.
OVERLAP = timedelta(minutes=10)
#: The report fields that hold the counters.
REPORT_FIELDS = ("id", "send_time", "emails_sent", "bounces", "opens", "clicks", "unsubscribed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """A campaign's activity as Mailchimp counts it."""

    sent: int = 0
    hard_bounces: int = 0
    soft_bounces: int = 0
    syntax_errors: int = 0
    opens: int = 0
    machine_opens: int = 0
    clicks: int = 0
    unsubscribed: int = 0
    last_open: str = ""
    last_click: str = ""

    @classmethod
    def of_report(cls, report: Mapping[str, Any]) -> "Counters":
        """Read a report; missing counters are zero."""
        bounces, opens = report.get("bounces") or {}, report.get("opens") or {}
        clicks, total = report.get("clicks") or {}, _number(opens, "opens_total")
        human = _number(opens, "proxy_excluded_opens") if "proxy_excluded_opens" in opens else total
        return cls(
            sent=_number(report, "emails_sent"),
            hard_bounces=_number(bounces, "hard_bounces"),
            soft_bounces=_number(bounces, "soft_bounces"),
            syntax_errors=_number(bounces, "syntax_errors"),
            opens=total,
            machine_opens=max(0, total - human),
            clicks=_number(clicks, "clicks_total"),
            unsubscribed=_number(report, "unsubscribed"),
            last_open=str(opens.get("last_open") or ""),
            last_click=str(clicks.get("last_click") or ""),
        )

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> "Counters":
        """Read what `document` wrote; from other versions, the known fields."""
        field_names = {counter.name for counter in fields(cls)}
        return cls(**{name: value for name, value in document.items() if name in field_names})

    def document(self) -> dict[str, Any]:
        """Return the counters as JSON, for storage."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountersToRead:
    """Which of a campaign's lists to read now."""

    activity: bool  #: Opens, clicks and bounces.
    opens: bool  #: Which opens a machine made.
    unsubscribed: bool

    def __bool__(self) -> bool:
        return self.activity or self.opens or self.unsubscribed


ALL = CountersToRead(activity=True, opens=True, unsubscribed=True)
NOTHING = CountersToRead(activity=False, opens=False, unsubscribed=False)


def due_reading(
    before: Counters | None, now: Counters, *, sent_at: datetime, at: datetime
) -> CountersToRead:
    """Return what to read, given the counters before and now.

    An idle campaign, sent over five days ago and with unchanged counters, needs nothing.
    """
    if before is None or at - sent_at <= YOUNG:
        return ALL
    if before == now:
        return NOTHING
    opens = (before.opens, before.machine_opens, before.last_open) != (
        now.opens,
        now.machine_opens,
        now.last_open,
    )
    return CountersToRead(
        activity=_of_activity(before) != _of_activity(now),
        opens=opens,
        unsubscribed=before.unsubscribed != now.unsubscribed,
    )


def missing_counts(counted: Counters, stored_counts: Mapping[str, int]) -> dict[str, int]:
    """Return, by type, how many fewer are stored than Mailchimp counts; `machine` is machine opens.

    This finds rows that were skipped because the list shifted, or that appeared late.
    """
    expected = {
        ActivityType.BOUNCED.value: counted.hard_bounces + counted.soft_bounces,
        ActivityType.OPENED.value: counted.opens,
        ActivityType.CLICKED.value: counted.clicks,
        ActivityType.UNSUBSCRIBED.value: counted.unsubscribed,
        "machine": counted.machine_opens,
    }
    gaps = {name: number - stored_counts.get(name, 0) for name, number in expected.items()}
    return {name: gap for name, gap in gaps.items() if gap > 0}


def is_worse(now: Mapping[str, int], known_gaps: Mapping[str, int]) -> bool:
    """Whether more is missing than Mailchimp is known to withhold."""
    return any(gap > known_gaps.get(name, 0) for name, gap in now.items())


def _of_activity(counters: Counters) -> tuple[object, ...]:
    return (
        counters.sent,
        counters.hard_bounces,
        counters.soft_bounces,
        counters.syntax_errors,
        counters.opens,
        counters.clicks,
        counters.last_open,
        counters.last_click,
    )


def _number(document: Mapping[str, Any], name: str) -> int:
    value = document.get(name)
    return value if isinstance(value, int) else 0
