"""The results of a campaign, in numbers and over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.core.campaigns.counters import Counters


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityTally:
    """How often something was done, and by how many members."""

    times: int = 0
    members: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignLink:
    """A link of a campaign."""

    url: str
    clicks: int
    members: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCounts:
    """Counts of what the store has about a campaign."""

    hard: ActivityTally = ActivityTally()
    soft: ActivityTally = ActivityTally()
    opened: ActivityTally = ActivityTally()
    opened_by_people: ActivityTally = ActivityTally()  #: Without machine opens.
    clicked: ActivityTally = ActivityTally()
    unsubscribed: ActivityTally = ActivityTally()
    links: tuple[CampaignLink, ...] = ()  #: Most clicked first.


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignReport:
    """The numbers of a campaign."""

    sent: int
    hard: int
    soft: int
    syntax: int
    opens: ActivityTally
    opens_by_people: ActivityTally
    clicks: ActivityTally
    unsubscribed: int
    links: tuple[CampaignLink, ...]

    @property
    def bounced(self) -> int:
        """Members whose mail bounced, hard or soft."""
        return self.hard + self.soft + self.syntax

    def opened(self, *, count_machine_opens: bool) -> int:
        """Members who opened the mail, with or without machine opens."""
        return (self.opens if count_machine_opens else self.opens_by_people).members


def report(counters: Counters, kept_counts: KeptCounts) -> CampaignReport:
    """Return the numbers; for bounces the larger count, as Mailchimp doesn't list every bounce.

    Both kinds come from one side: a mail may be listed as a soft bounce that Mailchimp later counts
    as a hard one.
    """
    hard, soft = counters.hard_bounces, counters.soft_bounces
    kept_hard, kept_soft = kept_counts.hard.members, kept_counts.soft.members
    if kept_hard + kept_soft > hard + soft:
        hard, soft = kept_hard, kept_soft
    return CampaignReport(
        sent=counters.sent,
        hard=hard,
        soft=soft,
        syntax=counters.syntax_errors,
        opens=kept_counts.opened,
        opens_by_people=kept_counts.opened_by_people,
        clicks=kept_counts.clicked,
        unsubscribed=max(kept_counts.unsubscribed.members, counters.unsubscribed),
        links=kept_counts.links,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotForm:
    """How dates and numbers are written in a plot."""

    day: str = "%Y-%m-%d"  #: As `strftime` takes it.
    thousands: str = ","  #: The thousands separator.

    def number(self, number: int) -> str:
        """Format a number."""
        return f"{number:,}".replace(",", self.thousands)

    def minute(self, at: datetime) -> str:
        """Format a date and time."""
        return at.strftime(f"{self.day} %H:%M")


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPlotWords:
    """The texts in a campaign's plot; `{count}`, `{sent}` and `{now}` are filled in."""

    subtitle: str = "Sent to {count} on {sent} · as of {now}"
    opened: str = "Opened"
    not_by_machines: str = "not by machines"
    with_machines: str = "with machines"
    clicked: str = "Clicked"
    unsubscribed: str = "Unsubscribed"
    bounced: str = "Bounced"
    nothing: str = "Nothing yet"
    form: PlotForm = PlotForm()

    def names(self, *, count_machine_opens: bool) -> dict[str, str]:
        """Return the name of each line; `opened` depends on the setting for machine opens."""
        if count_machine_opens:
            opens = {"opened": self.opened, "people": self.not_by_machines}
        else:
            opens = {"opened": self.with_machines, "people": self.opened}
        return opens | {
            "clicked": self.clicked,
            "unsubscribed": self.unsubscribed,
            "bounced": self.bounced,
        }


@dataclass(frozen=True, slots=True)
class CountSeries:
    """Something that grew over time."""

    name: str
    points: tuple[tuple[datetime, int], ...]  #: Times, with the total up to each.


def growth(
    name: str, buckets: Sequence[tuple[datetime, int]], start: datetime, end: datetime
) -> CountSeries:
    """Return the running total of a count given per time bucket."""
    points, total = [(start, 0)], 0
    for at, number in sorted(buckets):
        total += number
        points.append((min(max(at, start), end), total))
    return CountSeries(name, (*points, (end, total)))


def width(span: timedelta) -> timedelta:
    """Return the size of the time buckets for counting activities, at least a minute."""
    return max(timedelta(minutes=1), timedelta(seconds=int(span.total_seconds() / 240)))
