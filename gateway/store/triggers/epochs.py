"""The epoch of the store: what a file outside the database must agree with.

It reveals a copy of the database that is older than what was sent, or that another gateway has
opened; then all triggered mail is held until a person decides.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from gateway.store.engine.upsert import insert_into
from gateway.store.schema.triggers import epochs

_NAME = "triggers"


@dataclass(frozen=True, slots=True)
class Epoch:
    """The epoch as recorded in the store."""

    epoch: str
    high: int  #: The newest message sent; never falls.
    beat: int  #: Rises while a gateway that agrees with the store is running.
    held: str  #: Why all mail is held; empty: it isn't.


def read(connection: Connection) -> Epoch | None:
    """Return the store's epoch; None if nothing was ever sent from it."""
    row = connection.execute(select(epochs).where(epochs.c.name == _NAME)).first()
    return None if row is None else Epoch(row.epoch, row.high, row.beat, row.held)


def begin(connection: Connection, epoch: str, *, held: str = "") -> Epoch:
    """Give the store an epoch unless it has one; return its epoch."""
    insert = insert_into(connection, epochs).values(
        name=_NAME, epoch=epoch, high=0, beat=0, held=held
    )
    connection.execute(insert.on_conflict_do_nothing())
    store_epoch = read(connection)
    if store_epoch is None:
        raise AssertionError("the epoch was written in this transaction")
    return store_epoch


def why_held(connection: Connection) -> str:
    """Return why all mail is held; empty if it isn't."""
    return connection.scalar(select(epochs.c.held).where(epochs.c.name == _NAME)) or ""


def reach(connection: Connection, message: int) -> None:
    """Record that a message is being sent."""
    own = update(epochs).where(epochs.c.name == _NAME, epochs.c.high < message)
    connection.execute(own.values(high=message, beat=epochs.c.beat + 1))


def beat(connection: Connection) -> None:
    """Record that a gateway that agrees with the store is running."""
    own = update(epochs).where(epochs.c.name == _NAME)
    connection.execute(own.values(beat=epochs.c.beat + 1))


def hold(connection: Connection, why: str) -> None:
    """Hold all mail, for this reason."""
    connection.execute(update(epochs).where(epochs.c.name == _NAME).values(held=why))


def resume(connection: Connection, high: int) -> None:
    """Release mail; whatever was sent before counts as lower than `high`."""
    own = update(epochs).where(epochs.c.name == _NAME)
    connection.execute(own.values(held="", high=high))
