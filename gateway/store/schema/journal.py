"""The tables of the journal and of its writers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, SmallInteger, Table, Text, func, text

from gateway.core.journal.message import DELIVERY_VALUES, MESSAGE_VALUES, Delivery, Message
from gateway.core.kinds import By, Kind, State
from gateway.core.people.people import PersonRef
from gateway.store.schema.columns import UtcTime, key, metadata, partial_index, words


def _text_column(name: str) -> Column[str]:
    """Return a text column that every row has a value for."""
    return Column(name, Text, nullable=False)


#: How the values of messages and deliveries are stored, by type in `Message` and `Delivery`. New
#: values are declared there; their order counts, because workers' logs hold rows without names.
_KEPT: dict[object, Callable[[str], Column[Any]]] = {
    str: words,
    str | None: lambda name: Column(name, Text),
    int: lambda name: Column(name, BigInteger, nullable=False, server_default=text("0")),
    int | None: lambda name: Column(name, BigInteger),
    Kind: _text_column,
    State: _text_column,
    By: _text_column,
    tuple[PersonRef, ...]: words,  # candidate:17, separated by spaces
}
_ALWAYS_GIVEN = ("rule", "recipient", "address")  #: Of type `str`, but never left out.


def _columns(
    described: type[Message] | type[Delivery], names: Sequence[str]
) -> Iterator[Column[Any]]:
    """Yield the columns of those fields that are named, in the order of their declaration."""
    for declared in fields(described):
        if declared.name in names:
            is_given = declared.name in _ALWAYS_GIVEN
            yield (_text_column if is_given else _KEPT[declared.type])(declared.name)


#: Values of `messages.worker` when no process of the proxy has the message: its process is gone,
NO_WORKER = -1
LEDGER = -2  #: or it is mail on events, which no process of the proxy settles.

messages = Table(
    "messages",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True,
           autoincrement=False),
    Column("worker", SmallInteger, nullable=False),
    *_columns(Message, MESSAGE_VALUES),
)  # fmt: skip
partial_index(
    "ix_messages_burst_key",
    messages.c.burst_key,
    messages.c.id,
    where=messages.c.burst_key.is_not(None),
)
partial_index(
    "ix_messages_burst_subject_key",
    messages.c.burst_subject_key,
    messages.c.id,
    where=messages.c.burst_subject_key.is_not(None),
)

Index("ix_messages_sender", func.lower(messages.c.sender), messages.c.id)

deliveries = Table(
    "deliveries",
    metadata,
    Column("message", BigInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    *_columns(Delivery, DELIVERY_VALUES),
    sqlite_with_rowid=False,
)
Index("ix_deliveries_address", deliveries.c.address, deliveries.c.message)
#: Relayed deliveries are most of the journal, and easily found among the newest without an index.
partial_index(
    "ix_deliveries_state",
    deliveries.c.state,
    deliveries.c.message,
    where=deliveries.c.state != "relayed",
)
partial_index(
    "ix_deliveries_would",
    deliveries.c.message,
    where=deliveries.c.would != "",
)

# Transactions a client may retry: temporarily refused, in flight for long, unknown, or without an
# answer that anybody heard. The same one may be recognised by several marks.

attempts = Table(
    "attempts",
    metadata,
    Column("fingerprint", BigInteger, primary_key=True, autoincrement=False),
    Column("message", BigInteger, primary_key=True, autoincrement=False),
    words("content_hash"),
    Column("state", Text, nullable=False),  # gateway.core.journal.attempt.Attempt
    words("verdict"),
    Column("dated", BigInteger),  # seconds since 1970: counts only for retries of about that Date
)
Index("ix_attempts_message", attempts.c.message)

# Messages found to be bulk: they stay bulk, in whatever transactions they come again.

bulk_messages = Table(
    "bulk_messages",
    metadata,
    Column("identity", BigInteger, primary_key=True, autoincrement=False),
    Column("message", BigInteger, nullable=False),  # the first that was bulk
    Column("rule", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_bulk_messages_message", bulk_messages.c.message)

# Processes that write the journal: whoever finds a dead one settles what it left.

workers = Table(
    "workers",
    metadata,
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("holder", Text, nullable=False),  # `runtime/processes.py`
    Column("alive_until", UtcTime, nullable=False),
)

relay_offers = Table(
    "relay_offers",
    metadata,
    key("relay"),
    Column("extensions", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
)
