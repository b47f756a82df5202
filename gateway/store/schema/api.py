"""The tables of the API: tokens, and answers to repeatable requests."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, Text

from gateway.store.schema.columns import UtcTime, key, metadata, number, words

tokens = Table(
    "tokens",
    metadata,
    number(),
    Column("digest", Text, nullable=False, unique=True),  # SHA-256 of the token's secret
    words("name"),
    words("source"),  # owns the rows its bearer brings
    words("scopes"),  # separated by spaces
    words("roles"),  # the same
    Column("last_used", UtcTime),
    Column("revoked_at", UtcTime),
)

answers = Table(
    "answers",
    metadata,
    Column("token", BigInteger, primary_key=True, autoincrement=False),
    key("key"),
    Column("request", Text, nullable=False),  # SHA-256 of the request
    Column("at", UtcTime, nullable=False),
    Column("status", Integer),  # none while in progress
    words("type"),
    Column("body", LargeBinary),
)
