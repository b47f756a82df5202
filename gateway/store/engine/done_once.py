"""Things done only once, even if requested again or by another process.

Unlike a lease, this has no holder: it stays done until it may be forgotten.
"""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from gateway.store.engine.upsert import insert_into
from gateway.store.schema.host import done_once


def is_first(
    connection: Connection, what: str, key: str, *, now: datetime, until: datetime
) -> bool:
    """Record in this transaction that something is done; False if it already was.

    `what` is the kind (`bounce_report`), `key` identifies one of that kind (`2026-03-04`). What was
    recorded counts until its `until`.
    """
    insert = insert_into(connection, done_once).values(what=what, key=key, until=until)
    query = insert.on_conflict_do_update(
        index_elements=[done_once.c.what, done_once.c.key],
        set_={"until": until},
        where=done_once.c.until <= now,
    )
    return connection.scalar(query.returning(done_once.c.key)) is not None


def prune(connection: Connection, now: datetime, limit: int) -> int:
    """Delete up to `limit` records that have expired at a time; return how many."""
    old = select(done_once.c.what, done_once.c.key).where(done_once.c.until <= now).limit(limit)
    rows = connection.execute(old).all()
    for what, key in rows:
        connection.execute(
            delete(done_once).where(done_once.c.what == what, done_once.c.key == key)
        )
    return len(rows)
