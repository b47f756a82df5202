"""When a campaign is synced next."""

from datetime import datetime, timedelta

#: Half-open: a campaign younger than the first step is synced as often as the second says (S2).
STEPS = (
    (timedelta(hours=2), timedelta(minutes=10)),
    (timedelta(hours=24), timedelta(hours=1)),
    (timedelta(days=7), timedelta(hours=3)),
    (timedelta(days=14), timedelta(hours=6)),
    (timedelta(days=30), timedelta(hours=12)),
)
DAILY = timedelta(days=1)


def sync_interval(age: timedelta) -> timedelta:
    """Return the time between two syncs of a campaign of this age.

    A negative age (clocks differ, or the sending is still to come) counts as a new campaign.
    """
    return next((interval for limit, interval in STEPS if age < limit), DAILY)


def next_sync(*, age_from: datetime, synced_at: datetime) -> datetime:
    """Return when a campaign last synced at `synced_at` is due again; both times aware.

    `age_from` is when it was created at Mailchimp, or sent if so configured.
    """
    return synced_at + sync_interval(synced_at - age_from)
