"""Data for the CRM: opt-outs, and the members' activities."""

from collections.abc import Iterator, Sequence

import typer

from gateway.cli.context import of
from gateway.cli.listing import ListColumns, ListRequest, in_memory, lists
from gateway.cli.output import one_line, print_csv
from gateway.core import ids
from gateway.core.moments import in_utc
from gateway.store.campaigns import activities, campaign_members, campaigns, opt_outs
from gateway.store.campaigns.opt_outs import InGroup
from gateway.store.engine.database import Database

_NO_OPT_OUTS = "Nobody. Whoever unsubscribes at Mailchimp is listed here after the next sync."
_ACTIVITY = (
    *("kind", "person", "address", "campaign", "title"),
    *("type", "at", "url", "bounce", "machine", "reason"),
)


def print_activities(store: Database, number: int) -> None:
    """Print the activities in a campaign, a line for each person and activity."""
    with store.reading() as connection:
        campaign = campaigns.by_id(connection, number)
        done = activities.by_recipient(connection, number)

        def rows() -> Iterator[Sequence[object]]:
            for member in campaign_members.members(connection, number):
                person = (member.ref.kind.value, member.ref.crm_id, member.address)
                for activity in done.get(member.address, ()):
                    what = (activity.type.value, activity.at, activity.url, activity.bounce)
                    last = ("true" if activity.machine else "false", activity.reason)
                    yield (*person, ids.show(number), campaign.name, *what, *last)

        print_csv(_ACTIVITY, rows())


_SHOWN: ListColumns[InGroup] = {
    "time": lambda opt_out: opt_out.at,
    "person": lambda opt_out: opt_out.person,
    "address": lambda opt_out: opt_out.address,
    "through": lambda opt_out: one_line(opt_out.title) or None,
    "reason": lambda opt_out: one_line(opt_out.reason),
}
#: Columns in the form `gateway import memberships` accepts.
_FOR_THE_CRM: ListColumns[InGroup] = {
    "kind": lambda opt_out: opt_out.person.kind.value,
    "group": lambda opt_out: opt_out.group,
    "person": lambda opt_out: opt_out.person.crm_id,
    "address": lambda opt_out: opt_out.address,
    "at": lambda opt_out: opt_out.at,
    "campaign": lambda opt_out: "" if opt_out.campaign is None else ids.show(opt_out.campaign),
    "title": lambda opt_out: opt_out.title,
    "reason": lambda opt_out: opt_out.reason,
}


@lists()
def list_opt_outs(context: typer.Context, request: ListRequest) -> None:
    """List who opted out at Mailchimp, the latest first.

    Mailchimp has put them into an opt-out group, and no feed takes them out.
    """
    with of(context).store() as store, store.reading() as connection:
        left = opt_outs.in_force(connection, since=request.since)
    request.print(
        in_memory(left, lambda opt_out: f"{opt_out.person} {opt_out.group}"),
        _SHOWN,
        csv_columns=_FOR_THE_CRM,
        document=_document,
        empty=_NO_OPT_OUTS,
    )


def _document(opt_out: InGroup) -> dict[str, object]:
    return {
        "person": str(opt_out.person),
        "group": opt_out.group,
        "address": opt_out.address,
        "at": in_utc(opt_out.at),
        "campaign": None if opt_out.campaign is None else ids.show(opt_out.campaign),
        "title": opt_out.title or None,
        "reason": opt_out.reason or None,
    }
