"""The tables that coordinate processes and machines, and the store's identity."""

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

#: What is done only once, even if requested again: a webhook's hint, a day's report.
done_once = Table(
    "done_once",
    metadata,
    key("what"),  # the kind, named by whoever does it
    key("key"),  # which of that kind: the webhook's fingerprint, the day
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

#: One row, created with the schema: copies of a store share it, no other store does.
store_identity = Table("store_identity", metadata, key("id"))


def new_identity() -> str:
    """Return a new store's unique identity."""
    return uuid4().hex
