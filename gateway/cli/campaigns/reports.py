"""The numbers of a campaign, for its report and beside its members."""

from gateway.core.report import Report, report
from gateway.store import campaign_reports, campaign_syncs
from gateway.store.database import Database

Document = dict[str, object]


def known(store: Database, campaign: int) -> Report | None:
    """Return the numbers of a campaign as read last; None while there are none."""
    with store.reading() as connection:
        synced = campaign_syncs.one(connection, campaign)
        if synced is None or synced.counters is None:
            return None
        return report(synced.counters, campaign_reports.kept(connection, campaign))


def numbers(found: Report, *, count_machine_opens: bool) -> Document:
    """Return the five numbers of a campaign: members, not times."""
    return {
        "sent": found.sent,
        "bounced": found.bounced,
        "opened": found.opened(count_machine_opens=count_machine_opens),
        "clicked": found.clicks.members,
        "unsubscribed": found.unsubscribed,
    }
