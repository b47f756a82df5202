"""What `gateway check` finds in what the CRM told: references to nothing, what can't be read."""

from collections.abc import Iterator

from gateway.app.findings import Finding, error, warning
from gateway.store import open_references, status, unread
from gateway.store.database import Database

_NAMED = 3


def told_by_the_crm(database: Database) -> Iterator[Finding]:
    """Count what protects nobody, because it names nothing known or has no address to stop."""
    with database.reading() as connection:
        counted, faults = open_references.counts(connection), open_references.faults(connection)
        for reference, rows in counted.items():
            at_fault = faults.get(reference, 0)
            first = open_references.listed(connection, reference=reference, limit=_NAMED)
            named = ", ".join(repr(one.given) for one in first)
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
        if people := status.protected_without_address(connection):
            yield warning(
                "people",
                f"{people} in a group or of a status that keeps mail away have no usable address",
            )
        for what, count in unread.count(connection).items():
            since = unread.since(connection, what)
            day = "" if since is None else f" since {since:%Y-%m-%d}"
            yield warning(what, f"{count} fields unread{day}: see the report of the import")
