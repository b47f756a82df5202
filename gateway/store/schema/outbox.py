"""The tables of what the gateway itself must send or report."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text, text

from gateway.store.schema.columns import UtcTime, metadata, number, partial_index, words

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True,
           autoincrement=False),
    Column("type", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),  # the same thing is queued only once
    Column("sender", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("message", BigInteger),  # the message in the journal it is about
    words("relay"),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_at", UtcTime),  # none while it waits for a verdict
    words("error"),
    words("holder"),
    Column("held_until", UtcTime),
    words("lane"),  # rows of a lane are sent one after another
)  # fmt: skip
partial_index(
    "ix_outbox_next_at",
    outbox.c.next_at,
    where=outbox.c.state == "queued",
)
Index("ix_outbox_message", outbox.c.message)
Index("ix_outbox_state", outbox.c.state)  # counted often, and the rows are large

partial_index(
    "ix_outbox_lane",
    outbox.c.lane,
    outbox.c.id,
    where=outbox.c.lane != "",
)

# Reports that wait for others to the same reader.

held_reports = Table(
    "held_reports",
    metadata,
    number(),
    Column("key", Text, nullable=False, unique=True),  # a message and its retries owe one
    Column("message", BigInteger, nullable=False),
    Column("sender", Text, nullable=False),  # of the message, in lookup form: the reader
    Column("recipient", Text, nullable=False),  # the same as written
    words("relay"),
    Column("body", LargeBinary, nullable=False),  # of the report on this message alone
    Column("digest", Text, nullable=False),  # JSON: this message's part of a report on several
    Column("recipients", Integer, nullable=False),  # how many were left out
    Column("armed", Boolean, nullable=False),  # waits for the verdict
    Column("report", BigInteger),  # the outbox entry it goes with
)
Index("ix_held_reports_message", held_reports.c.message)
Index("ix_held_reports_report", held_reports.c.report)
partial_index(
    "ix_held_reports_waiting",
    held_reports.c.id,
    where=held_reports.c.report.is_(None),
)

# Events for webhooks, until each endpoint's part is in the outbox.

events = Table(
    "events",
    metadata,
    number(),
    Column("type", Text, nullable=False),
    words("person"),  # candidate:17; each endpoint gets their events in order
    Column("data", Text, nullable=False),  # JSON
)
