"""The table of what came back, a row for each recipient that a mail names."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from gateway.store.schema.columns import flag, metadata, words

bounces = Table(
    "bounces",
    metadata,
    Column("inbox", BigInteger, primary_key=True, autoincrement=False),  # the mail that tells it
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("message", BigInteger),  # the journal's, where it is known
    words("proof"),  # how it is known: of gateway.core.bounces.bounce.Proof
    Column("kind", Text, nullable=False),
    words("address"),  # whom the message was for, in lookup form; empty where that isn't sure
    words("recipient"),
    words("action"),
    words("status"),
    words("diagnostic"),
    words("reason"),
    flag("hard"),
    Column("suppression", BigInteger),  # which it brought
)
Index("ix_bounces_address", bounces.c.address, bounces.c.inbox)
Index("ix_bounces_message", bounces.c.message)
