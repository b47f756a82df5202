"""What `gateway check` finds in what the CRM told: references to nothing, what can't be read."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

from gateway.app import common
from gateway.app.checks.findings import Finding, error, warning
from gateway.store.engine.database import Database
from gateway.store.feed import open_references
from gateway.store.feed.feed_faults import KindState
from gateway.store.views import status

_NAMED = 3


def kinds_of_feed(kinds: Iterable[KindState], old_after: timedelta) -> Iterator[Finding]:
    """Name kinds of which the last file was not taken in whole, and those told of long ago."""
    for kind in kinds:
        what = f"feed {kind.source} {kind.what}"
        if (fault := kind.fault) is not None:
            days = (common.now() - fault.since).days
            since = f" (so for {days} days)" if days else ""
            text = f"{fault.file}{since}: {fault.reason}"
            if fault.failed:
                yield error(what, f"nothing was imported from {text}")
            else:
                problems = "problem" if fault.problems == 1 else "problems"
                yield warning(what, f"{fault.problems} {problems} in {text}")
        if kind.at is not None and (age := common.now() - kind.at) > old_after:
            yield warning(what, f"was last fed {age.days} days ago: is its export running?")


def told_by_the_crm(database: Database) -> Iterator[Finding]:
    """Count what protects nobody, because it names nothing known or has no address to stop."""
    with database.reading() as connection:
        short = status.shortfall(connection)
        counted, faults = open_references.counts(connection), short.references_to_nothing
        for reference, rows in counted.items():
            at_fault = faults.get(reference, 0)
            open_ones = open_references.listed(connection, reference=reference, limit=_NAMED)
            named = ", ".join(repr(reference_row.given) for reference_row in open_ones)
            if at_fault:
                yield error(
                    "references",
                    f"{at_fault} of {reference} lead to nothing ({named}), so they have no "
                    "effect: gateway import waiting",
                )
            if rows > at_fault:
                yield warning(
                    "references",
                    f"{rows - at_fault} of {reference} wait for what they name ({named}): "
                    "gateway import waiting",
                )
    for line in replace(short, references_to_nothing={}).lines():
        yield warning("feed", line)
