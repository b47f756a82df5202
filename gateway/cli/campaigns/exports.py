"""What the CRM may want to take over: who opted out, and what members did."""

import csv
import sys
from typing import Annotated

import typer

from gateway.cli.context import Json, of
from gateway.cli.output import local, one_line, print_json, print_table
from gateway.core import ids
from gateway.core.moments import in_utc
from gateway.store.campaigns import activities, campaign_members, campaigns, opt_outs
from gateway.store.engine.database import Database

_NO_OPT_OUTS = "Nobody. Whoever unsubscribes at Mailchimp is listed here after the next sync."
_ACTIVITY = (
    *("kind", "person", "address", "campaign", "title"),
    *("type", "at", "url", "bounce", "machine", "reason"),
)
_OPT_OUT = ("kind", "group", "person", "address", "at", "campaign", "title", "reason")


def print_activities(store: Database, number: int) -> None:
    """Print what the members of a campaign did, a line for each person and activity."""
    writer = csv.writer(sys.stdout)
    writer.writerow(_ACTIVITY)
    with store.reading() as connection:
        campaign = campaigns.one(connection, number)
        done = activities.by_recipient(connection, number)
        for member in campaign_members.members(connection, number):
            first = (member.ref.kind.value, member.ref.crm_id, member.address)
            title = (ids.show(number), campaign.name)
            for activity in done.get(member.address, ()):
                what = (
                    activity.type.value,
                    in_utc(activity.at) or "",
                    activity.url,
                    activity.bounce,
                )
                last = ("true" if activity.machine else "false", activity.reason)
                writer.writerow(map(harmless, (*first, *title, *what, *last)))


def list_opt_outs(
    context: typer.Context,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only those since a day or local time.")
    ] = None,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV, for the CRM's own opt-out group.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List who opted out at Mailchimp, the latest first.

    Mailchimp has put them into an opt-out group, and no feed takes them out.
    """
    chosen = of(context)
    after = chosen.moment(since)
    with chosen.store() as store, store.reading() as connection:
        left = opt_outs.in_force(connection, since=after)
    if as_json:
        print_json(
            [
                {
                    "person": str(opt_out.person),
                    "group": opt_out.group,
                    "address": opt_out.address,
                    "at": in_utc(opt_out.at),
                    "campaign": None if opt_out.campaign is None else ids.show(opt_out.campaign),
                    "title": opt_out.title or None,
                    "reason": opt_out.reason or None,
                }
                for opt_out in left
            ]
        )
        return
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(_OPT_OUT)
        for opt_out in left:
            campaign = "" if opt_out.campaign is None else ids.show(opt_out.campaign)
            key = (opt_out.person.kind.value, opt_out.group, opt_out.person.crm_id, opt_out.address)
            row = (*key, in_utc(opt_out.at) or "", campaign, opt_out.title, opt_out.reason)
            writer.writerow(map(harmless, row))
        return
    headings = ("time", "person", "address", "through", "reason")
    rows = (
        (
            local(opt_out.at, chosen.zone),
            opt_out.person,
            opt_out.address,
            one_line(opt_out.title) or "-",
            one_line(opt_out.reason),
        )
        for opt_out in left
    )
    print_table(headings, rows, empty=_NO_OPT_OUTS)


def harmless(cell: str) -> str:
    """Keep spreadsheets from taking a text for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
