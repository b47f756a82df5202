"""The tables of the API: who may ask, and what was answered to requests that may come again."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, Text

from gateway.store.schema.columns import UtcTime, key, metadata, number, words

tokens = Table(
    "tokens",
    metadata,
    number(),
    Column("digest", Text, nullable=False, unique=True),  # SHA-256 of what the bearer shows
    words("name"),
    words("source"),  # owns the rows its bearer brings
    words("scopes"),  # a space between two
    words("roles"),  # the same
    Column("last_used", UtcTime),
    Column("revoked_at", UtcTime),
)

answers = Table(
    "answers",
    metadata,
    Column("token", BigInteger, primary_key=True, autoincrement=False),
    key("key"),
    Column("request", Text, nullable=False),  # SHA-256 of what was asked
    Column("at", UtcTime, nullable=False),
    Column("status", Integer),  # none while it is worked on
    words("type"),
    Column("body", LargeBinary),
)
