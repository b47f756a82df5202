"""Leases: of all processes on all machines, only one does a job at a time."""

from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection, delete, or_, select, update

from gateway.store.engine.upsert import insert_into
from gateway.store.schema.host import leases


class IsGone(Protocol):
    """The one question about a process that holds something (`runtime/processes.py`)."""

    def __call__(self, holder: str, /, *, is_silent: bool = False) -> bool:
        """Whether the holder has certainly ended, or is on another machine and `is_silent`.

        Nobody can tell for other machines; those are silent that have given no sign of life for the
        term of what they hold. A lease has its term in its row, and asks without.
        """


def take(
    connection: Connection,
    name: str,
    holder: str,
    now: datetime,
    duration: timedelta,
    *,
    is_gone: IsGone,
) -> bool:
    """Take a lease that is free, expired or one's own; return whether the holder has it now.

    The lease of a process that has ended counts as expired.
    """
    last = holder_of(connection, name)
    if last is not None and last != holder and is_gone(last):
        drop(connection, name, last)
    insert = insert_into(connection, leases).values(name=name, holder=holder, until=now + duration)
    query = insert.on_conflict_do_update(
        index_elements=[leases.c.name],
        set_={"holder": holder, "until": now + duration},
        where=or_(leases.c.until <= now, leases.c.holder == holder),
    )
    return connection.scalar(query.returning(leases.c.name)) is not None


def renew(
    connection: Connection, name: str, holder: str, now: datetime, duration: timedelta
) -> bool:
    """Extend a lease; False if it has expired, as somebody else may have it."""
    own = update(leases).where(
        leases.c.name == name, leases.c.holder == holder, leases.c.until > now
    )
    return connection.execute(own.values(until=now + duration)).rowcount == 1


def holder_of(connection: Connection, name: str) -> str | None:
    """Return who last took a lease, even if it has expired; None if it was given back."""
    return connection.scalar(select(leases.c.holder).where(leases.c.name == name))


def drop(
    connection: Connection, name: str, holder: str, *, free_from: datetime | None = None
) -> None:
    """Give a lease back; with `free_from`, nobody can take it before that time."""
    own = (leases.c.name == name, leases.c.holder == holder)
    if free_from is None:
        connection.execute(delete(leases).where(*own))
    else:
        connection.execute(update(leases).where(*own).values(holder="", until=free_from))
