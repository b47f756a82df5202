"""References in the feed that lead nowhere, kept as given until what they name arrives."""

from sqlalchemy import Column, Integer, Table

from gateway.store.schema.columns import UtcTime, key, metadata

open_references = Table(
    "open_references",
    metadata,
    key("reference"),  # people.status, memberships.group …
    key("kind"),  # of the target: candidate, contact, application; empty: it has no kinds
    key("given"),
    Column("uses", Integer, nullable=False),  # rows that have it
    Column("since", UtcTime, nullable=False),
    sqlite_with_rowid=False,
)
