"""The results of a sent campaign, in numbers and as a plot."""

from datetime import datetime, timedelta

from gateway.app import common
from gateway.config import Settings
from gateway.core import ids
from gateway.core.campaigns.campaign_report import (
    CampaignPlotWords,
    CampaignReport,
    growth,
    report,
    width,
)
from gateway.core.campaigns.campaigns import CampaignState
from gateway.core.campaigns.counters import Counters
from gateway.core.errors import GatewayError
from gateway.core.plot import Shape, draw
from gateway.documents.campaigns import CampaignReportDocument, campaign_report_document
from gateway.store.campaigns import campaign_reports, campaign_syncs, campaigns
from gateway.store.campaigns.campaign_syncs import Synced
from gateway.store.engine.database import Database

_SAYS = {
    CampaignState.DRAFT: "it is a draft: gateway campaigns send",
    CampaignState.OPENED: "it waits at Mailchimp: gateway campaigns send",
    CampaignState.SCHEDULED: "it is scheduled",
    CampaignState.SENDING: "it is on its way: try again in some minutes",
    CampaignState.DELETED: "it was deleted",
}


class NoReport(GatewayError):
    """A campaign that was not sent, or whose counters were not read since, has no report."""


def sent_campaign(database: Database, number: int) -> tuple[Synced, Counters]:
    """Return a sent campaign and its counters, as stored; NoReport, or NoSuchCampaign."""
    with database.reading() as connection:
        synced_campaign = campaign_syncs.by_id(connection, number)
        campaigns.by_id(connection, number)
    assert synced_campaign
    state, counters = synced_campaign.campaign.state, synced_campaign.counters
    was_sent = synced_campaign.campaign.sent_at is not None and counters is not None
    if state is not CampaignState.SENT and not (state is CampaignState.DELETED and was_sent):
        raise NoReport(
            f"there is no report of {ids.show(number)} yet, for it was not sent: {_SAYS[state]}"
        )
    if counters is None:
        raise NoReport(
            f"there is no report of {ids.show(number)} yet, for Mailchimp was not read since it "
            f"was sent: gateway campaigns sync {ids.show(number)}"
        )
    return synced_campaign, counters


def read_report(database: Database, number: int) -> tuple[Synced, CampaignReport]:
    """Return a sent campaign and its report, as stored; NoReport, or NoSuchCampaign."""
    synced_campaign, counters = sent_campaign(database, number)
    with database.reading() as connection:
        counts = campaign_reports.kept_counts(connection, number)
    return synced_campaign, report(counters, counts)


def report_document(settings: Settings, database: Database, number: int) -> CampaignReportDocument:
    """Return the report of a sent campaign, as stored; NoReport, or NoSuchCampaign."""
    return campaign_report_document(
        *read_report(database, number),
        count_machine_opens=settings.mailchimp.count_machine_opens,
    )


def drawing(
    settings: Settings,
    database: Database,
    number: int,
    words: CampaignPlotWords = CampaignPlotWords(),  # noqa: B008  # It is frozen.
) -> list[Shape]:
    """Return the plot of a campaign: how many members had done each thing by which time.

    NoReport, or NoSuchCampaign.
    """
    synced_campaign, counters = sent_campaign(database, number)
    zone = common.time_zone(settings)

    def minute(at: datetime | None) -> str:
        return words.form.minute(at.astimezone(zone)) if at else "-"

    start = synced_campaign.campaign.sent_at or common.now()
    with database.reading() as connection:
        latest = campaign_reports.last_activity_at(connection, number)
        end = max(filter(None, (synced_campaign.synced_at, latest, start + timedelta(minutes=10))))
        buckets = campaign_reports.over_time(connection, number, width(end - start))
    names = words.names(count_machine_opens=settings.mailchimp.count_machine_opens)
    series = [growth(name, buckets.get(key, []), start, end) for key, name in names.items()]
    title = " ".join(synced_campaign.campaign.name.split())
    return draw(
        title if len(title) <= 70 else f"{title[:69]}…",
        words.subtitle.format(
            count=words.form.number(counters.sent),
            sent=minute(synced_campaign.campaign.sent_at),
            now=minute(synced_campaign.synced_at),
        ),
        series,
        zone=zone,
        nothing=words.nothing,
        form=words.form,
    )
