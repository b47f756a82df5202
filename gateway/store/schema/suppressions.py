"""The table of suppressions of single addresses; released ones stay as history."""

from sqlalchemy import BigInteger, Column, Index, Table, Text

from gateway.store.columns import UtcTime, flag, metadata, words

suppressions = Table(
    "suppressions",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("address", Text, nullable=False),
    Column("scope", Text, nullable=False),
    words("remark"),
    flag("public"),
    words("by"),
    Column("since", UtcTime, nullable=False),
    Column("until", UtcTime),
    Column("released_at", UtcTime),
    words("released_by"),
)
Index(
    "ix_suppressions_address",
    suppressions.c.address,
    sqlite_where=suppressions.c.released_at.is_(None),
    postgresql_where=suppressions.c.released_at.is_(None),
)
