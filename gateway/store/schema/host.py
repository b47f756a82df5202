"""The tables that keep processes and machines out of each other's way, and the store's own."""

from uuid import uuid4

from sqlalchemy import Column, Index, Table, Text

from gateway.store.schema.columns import UtcTime, key, metadata, words

leases = Table(
    "leases",
    metadata,
    key("name"),
    Column("holder", Text, nullable=False),
    Column("until", UtcTime, nullable=False),
)

#: What was done and isn't done again when it comes again: a webhook's hint, a day's report.
done_once = Table(
    "done_once",
    metadata,
    key("what"),  # as whoever does it names it
    key("key"),  # which one: the webhook's fingerprint, the day
    Column("until", UtcTime, nullable=False),  # when it may be forgotten
)
Index("ix_done_once_until", done_once.c.until)

pauses = Table(
    "pauses",
    metadata,
    key("what"),  # bulk or all
    Column("since", UtcTime, nullable=False),
    words("by"),
)

schema_version = Table("schema_version", metadata, key("version"))

#: One row, made with the schema: copies of a store have it, no other store does.
store_identity = Table("store_identity", metadata, key("id"))


def new_identity() -> str:
    """Return what tells a new store from every other."""
    return uuid4().hex
