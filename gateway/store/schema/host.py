"""The tables that keep processes and machines out of each other's way."""

from sqlalchemy import Column, Table, Text

from gateway.store.columns import UtcTime, key, metadata, words

leases = Table(
    "leases",
    metadata,
    key("name"),
    Column("holder", Text, nullable=False),
    Column("until", UtcTime, nullable=False),
)

pauses = Table(
    "pauses",
    metadata,
    key("what"),  # bulk or all
    Column("since", UtcTime, nullable=False),
    words("by"),
)

schema_version = Table("schema_version", metadata, key("version"))
