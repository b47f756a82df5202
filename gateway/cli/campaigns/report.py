"""The results of a campaign: its report, its plot, and the sync with Mailchimp for both."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.app.campaigns.campaign_report import drawing, read_report
from gateway.cli.campaigns.campaign_context import session_of
from gateway.cli.campaigns.command import Id, app
from gateway.cli.campaigns.exports import list_opt_outs
from gateway.cli.context import Context, Json, of, read_id
from gateway.cli.output import complain, one_line, print_json, print_line
from gateway.cli.plot_file import check_plot_file, write_plot
from gateway.core import ids
from gateway.core.campaigns.campaign_report import CampaignReport
from gateway.core.campaigns.campaigns import CampaignState
from gateway.core.errors import GatewayError
from gateway.core.written import counted
from gateway.documents.campaigns import campaign_report_document
from gateway.store.campaigns import campaigns
from gateway.store.campaigns.campaign_syncs import Synced

if TYPE_CHECKING:
    from gateway.sync.sync_round import RoundResult

JsonObject = dict[str, object]

_BUSY_SECONDS = 120.0
_Plot = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="Plot it over time into a .svg or .png file."),
]


class CannotWrite(GatewayError):
    """The plot can't be written."""


app.command("opt-outs")(list_opt_outs)


@app.command("sync")
def sync(
    context: typer.Context,
    number: Annotated[
        str | None, typer.Argument(metavar="ID", help="A campaign; by default all of them.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Read now what members did and who opted out.

    The role `sync` does it by itself.
    """
    campaign_id = None if number is None else read_id(number)
    brought = _SyncTotals()
    with session_of(context) as (invocation, session):
        from gateway.app.campaigns.mailchimp import sync_rounds

        if campaign_id is not None:
            with session.database.reading() as connection:
                campaigns.by_id(connection, campaign_id)
        rounds = sync_rounds(invocation.settings, session, brought.add)
        _run_in_turn(
            lambda: (
                rounds.run(everything=True)
                if campaign_id is None
                else rounds.sync_campaign(campaign_id)
            )
        )
    if as_json:
        print_json(brought.document())
    else:
        print_line(brought.text())
    if brought.problems:
        for problem in brought.problems:
            complain(problem)
        raise typer.Exit(1)


@app.command("report")
def show_report(
    context: typer.Context, number: Id, *, plot: _Plot = None, as_json: Json = False
) -> None:
    """Show what became of a campaign that was sent.

    Bounces, opens, clicks, unsubscribes and links. Mailchimp is asked for news first; if it doesn't
    answer, what is known is shown.
    """
    campaign_id = read_id(number)
    check_plot_file(plot)
    invocation = of(context)
    with invocation.store() as store:
        with store.reading() as connection:
            campaigns.by_id(connection, campaign_id)
        try:
            with session_of(context) as (_, session):
                from gateway.app.campaigns.mailchimp import sync_rounds

                rounds = sync_rounds(invocation.settings, session, lambda _: None)
                _run_in_turn(lambda: rounds.sync_campaign(campaign_id))
        except GatewayError as error:
            complain(f"note: Mailchimp can't be asked; this is what was known before: {error}")
        synced, campaign_report = read_report(store, campaign_id)
        if plot is not None:
            shapes = drawing(invocation.settings, store, campaign_id)
            try:
                write_plot(plot, shapes)
            except OSError as error:
                raise CannotWrite(f"{plot}: {error.strerror}") from error
    if as_json:
        print_json(
            campaign_report_document(
                synced,
                campaign_report,
                count_machine_opens=invocation.settings.mailchimp.count_machine_opens,
            )
        )
        return
    for line in _lines(invocation, synced, campaign_report):
        print_line(line)
    if plot is not None:
        print_line(f"Plot: {plot}")


def lines_of(invocation: Context, number: int) -> Iterator[str]:
    """Yield the report of a sent campaign, as stored."""
    with invocation.store() as store:
        synced, campaign_report = read_report(store, number)
    yield from _lines(invocation, synced, campaign_report)


class _SyncTotals:
    """The totals of a sync."""

    def __init__(self) -> None:
        self.new = 0
        self.opted_out = 0
        self.moved: list[tuple[int, CampaignState]] = []
        self.problems: list[str] = []

    def add(self, result: "RoundResult") -> None:
        """Add what was read."""
        from gateway.sync.sync_round import ActivitiesRead, AudienceSynced, CampaignMoved, PutOff

        match result:
            case ActivitiesRead(_, mirrored):
                self.new += mirrored.new
                self.opted_out += mirrored.opted_out
            case AudienceSynced(_, departed):
                self.opted_out += departed.opted_out
            case CampaignMoved(campaign, state):
                self.moved.append((campaign, state))
            case PutOff(campaign, reason):
                prefix = f"{ids.show(campaign)}: " if campaign else ""
                self.problems.append(f"{prefix}{reason}")

    def document(self) -> JsonObject:
        """Return the JSON document."""
        return {
            "activities": self.new,
            "opted_out": self.opted_out,
            "states": {ids.show(campaign): state for campaign, state in self.moved},
            "problems": self.problems,
        }

    def text(self) -> str:
        """Return it in words."""
        states = "".join(f"; {ids.show(campaign)} is {state}" for campaign, state in self.moved)
        return (
            f"New: {counted(self.new, 'activity', 'activities')}, "
            f"{counted(self.opted_out, 'opt-out')}{states}"
        )


def _run_in_turn(work: Callable[[], None]) -> None:
    """Run something as soon as no other process is working on the campaign, within two minutes."""
    from gateway.sync.mailchimp_session import CampaignBusy

    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            work()
        except CampaignBusy:
            if time.monotonic() >= until:
                raise
            time.sleep(0.5)
        else:
            return


def _lines(invocation: Context, synced: Synced, report: CampaignReport) -> Iterator[str]:
    campaign, sent = synced.campaign, max(report.sent, 1)

    def share(number: int) -> str:
        return f"{number} ({number / sent:.1%})"

    yield one_line(campaign.name)
    yield f"Sent:         {report.sent} on {invocation.local(campaign.sent_at)}"
    yield f"As of:        {invocation.local(synced.synced_at)}"
    syntax = f", {report.syntax} bad addresses" if report.syntax else ""
    yield f"Bounced:      {share(report.bounced)}: {report.hard} hard, {report.soft} soft{syntax}"
    yield f"Opened:       {share(report.opens.members)}, {_times_in_words(report.opens.times)}"
    people = report.opens_by_people
    yield f"  not by machines: {share(people.members)}, {_times_in_words(people.times)}"
    yield f"Clicked:      {share(report.clicks.members)}, {_times_in_words(report.clicks.times)}"
    yield f"Unsubscribed: {share(report.unsubscribed)}"
    for link in report.links:
        yield f"  {one_line(link.url)}: {_times_in_words(link.clicks)}, by {link.members}"


def _times_in_words(times: int) -> str:
    return {0: "never", 1: "once"}.get(times, f"{times} times")
