"""The keys used to keep addresses of erased or deleted people suppressed."""

from collections.abc import Set
from datetime import datetime

from sqlalchemy import Connection, delete, select

from gateway.store.engine.database import Database
from gateway.store.engine.upsert import insert_into
from gateway.store.schema.erasures import erasure_keys


def note(connection: Connection, mark: str, at: datetime) -> None:
    """Record, by a key's mark, that something depends on the key."""
    row = insert_into(connection, erasure_keys).values(mark=mark, since=at)
    connection.execute(row.on_conflict_do_nothing())


def marks(connection: Connection) -> dict[str, datetime]:
    """Return since when something has depended on each key, by the keys' marks."""
    query = select(erasure_keys.c.mark, erasure_keys.c.since).order_by(erasure_keys.c.since)
    return {row.mark: row.since for row in connection.execute(query)}


def marks_of(database: Database) -> Set[str]:
    """Return the marks of the keys something depends on."""
    with database.reading() as connection:
        return marks(connection).keys()


def forget(connection: Connection, mark: str) -> bool:
    """Give up what depends on a key that is lost for good; False if nothing does."""
    gone = delete(erasure_keys).where(erasure_keys.c.mark == mark)
    return connection.execute(gone).rowcount == 1
