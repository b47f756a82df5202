"""Current mail flow, and what waits for a person."""

from collections import Counter
from datetime import datetime, tzinfo

import typer

from gateway.app import common
from gateway.app.today import read_today
from gateway.cli.context import Json, of
from gateway.cli.output import print_json, print_line, print_table
from gateway.documents.today import QuarterHourDocument

_NOTHING_WAITS = (
    "Nothing waits for a person. Replies that can't be filed, mail that is held, and outcomes that "
    "nobody knows are counted here."
)
_NO_MAIL = "No mail in 24 hours. What the CRM sends through a listener is counted here."
_HOUR = 4  #: In quarters.


def today(context: typer.Context, as_json: Json = False) -> None:
    """Show what flows and what waits for a person.

    Deliveries of the last 24 hours by state; with --json by the quarter of an hour. `gateway check`
    says whether everything is well.
    """
    invocation = of(context)
    with invocation.store() as store, store.reading() as connection:
        document = read_today(connection, common.now())
    if as_json:
        print_json(document)
        return
    if document["paused"]:
        print_line(f"Paused: {', '.join(document['paused'])}. Go on with: gateway resume", "red")
    quarters = document["quarters"]
    states = sorted({state for quarter in quarters for state in quarter["deliveries"]})
    headings = (f"from ({invocation.zone})", *states)
    rows = [
        (_hour_of(hour, invocation.zone), *(_sum(hour)[state] or "" for state in states))
        for hour in (quarters[at : at + _HOUR] for at in range(0, len(quarters), _HOUR))
    ]
    total = ("24 hours", *(_sum(quarters)[state] for state in states))
    print_table(headings, [*rows, total] if states else [], empty=_NO_MAIL)
    print_line()
    waiting = ((entry["what"], entry["count"], entry["command"]) for entry in document["undecided"])
    print_table(("waits for a person", "how many", "where"), waiting, empty=_NOTHING_WAITS)


def _hour_of(quarters: list[QuarterHourDocument], zone: tzinfo) -> str:
    began = datetime.fromisoformat(quarters[0]["at"]).astimezone(zone)
    return f"{began:%Y-%m-%d %H:%M}"


def _sum(quarters: list[QuarterHourDocument]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for quarter in quarters:
        counts.update(quarter["deliveries"])
    return counts
