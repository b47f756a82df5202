"""The table of bounces, with a row for each recipient a mail names."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from gateway.store.schema.columns import flag, metadata, words

bounces = Table(
    "bounces",
    metadata,
    Column("inbox", BigInteger, primary_key=True, autoincrement=False),  # the mail that reports it
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("message", BigInteger),  # in the journal, if known
    words("proof"),  # how the message is known: gateway.core.bounces.bounce.Proof
    Column("kind", Text, nullable=False),
    words("address"),  # the message's recipient, in lookup form; empty if uncertain
    words("recipient"),
    words("action"),
    words("status"),
    words("diagnostic"),
    words("reason"),
    flag("hard"),
    Column("suppression", BigInteger),  # the suppression it caused
)
Index("ix_bounces_address", bounces.c.address, bounces.c.inbox)
Index("ix_bounces_message", bounces.c.message)
