"""What `gateway check` finds about stored addresses: is each of them somebody's?"""

from collections.abc import Iterator

from gateway.app import common
from gateway.app.checks.findings import Finding, warning
from gateway.core import ids
from gateway.store.engine.database import Database
from gateway.store.people import mending

_CURE = "no recipient can have: gateway suppress mend"


def stored_addresses(database: Database) -> Iterator[Finding]:
    """Count what stops no mail, because no recipient can have the address that is stored."""
    with database.reading() as connection:
        entries = mending.unmatched_suppressions(connection, common.now())
        if (first := next(entries, None)) is not None:
            count, entry = 1 + sum(1 for _ in entries), ids.show(first.suppression or 0)
            text = f"{count} are for an address (the first: entry {entry}) that {_CURE}"
            yield warning("suppressions", text)
        of_people = mending.unmatched_people(connection)
        if (first := next(of_people, None)) is not None:
            count = 1 + sum(1 for _ in of_people)
            text = f"{count} addresses (the first: of {first.person}) are such as {_CURE}"
            yield warning("people", text)
