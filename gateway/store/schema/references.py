"""References of the feed that lead nowhere, kept as they were given until what they name comes."""

from sqlalchemy import Column, Integer, Table

from gateway.store.schema.columns import UtcTime, key, metadata

open_references = Table(
    "open_references",
    metadata,
    key("reference"),  # people.status, memberships.group …
    key("kind"),  # of what is meant: candidate, contact, application; empty: it has no kinds
    key("given"),
    Column("uses", Integer, nullable=False),  # rows that say so
    Column("since", UtcTime, nullable=False),
    sqlite_with_rowid=False,
)
