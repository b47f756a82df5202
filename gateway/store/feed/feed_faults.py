"""The outcome of every import of the CRM's files, and the faults of each kind's last file."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, exists, func, select

from gateway.store.engine.database import Database
from gateway.store.engine.upsert import insert_into
from gateway.store.schema.feed import feed_faults, feeds, imports

#: How the reason starts if an import would lift so much that a person has to confirm it.
HELD_BACK = "held back:"
_KEYS = ("source", "what")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFault:
    """What is wrong with the last file of a kind."""

    source: str
    what: str  #: people, groups …
    since: datetime  #: When the first faulty file since the last good one came.
    at: datetime
    problems: int
    failed: bool  #: Whether nothing of it was taken in.
    file: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KindState:
    """The state of the feed of one kind."""

    source: str
    what: str
    at: datetime | None  #: When anything was last taken in; None if never.
    fault: FeedFault | None

    @property
    def last_came(self) -> datetime:
        """When its last file arrived, whether it was taken in or not."""
        times = (self.at, None if self.fault is None else self.fault.at)
        return max(time for time in times if time is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastImport:
    """What an import did."""

    at: datetime
    source: str
    what: str  #: people, groups …
    file: str
    added: int
    changed: int
    removed: int
    unchanged: int
    suppressions_added: int
    suppressions_lifted: int
    problems: int
    held_back: bool  #: Whether the guard held all of it back.


def note_import(database: Database, done: PastImport) -> None:
    """Record what an import did."""
    values = {name: getattr(done, name) for name in imports.c.keys()}  # noqa: SIM118
    with database.writing() as connection:
        statement = insert_into(connection, imports).values(values)
        connection.execute(statement.on_conflict_do_nothing())


def list_imports(
    connection: Connection,
    *,
    since: datetime | None = None,
    before: datetime | None = None,
    limit: int = 50,
) -> tuple[PastImport, ...]:
    """Return the imports, newest first; `before` is the time of the last one seen."""
    query = select(imports).order_by(imports.c.at.desc()).limit(limit)
    if since is not None:
        query = query.where(imports.c.at >= since)
    if before is not None:
        query = query.where(imports.c.at < before)
    return tuple(PastImport(**row._mapping) for row in connection.execute(query))


def prune(connection: Connection, before: datetime, limit: int) -> int:
    """Delete up to `limit` imports older than a time; return how many."""
    old = select(imports.c.at).where(imports.c.at < before).limit(limit)
    return connection.execute(delete(imports).where(imports.c.at.in_(old))).rowcount


def note(database: Database, fault: FeedFault) -> None:
    """Record what is wrong with the last file of a kind; `since` stays that of the first fault."""
    values = {name: getattr(fault, name) for name in feed_faults.c.keys()}  # noqa: SIM118
    with database.writing() as connection:
        statement = insert_into(connection, feed_faults).values(values)
        renewed = {
            name: statement.excluded[name] for name in values if name not in (*_KEYS, "since")
        }
        connection.execute(statement.on_conflict_do_update(index_elements=_KEYS, set_=renewed))


def clear(database: Database, source: str, what: str) -> None:
    """Forget what was wrong: the latest file of a kind was imported in full."""
    of_source = (feed_faults.c.source == source, feed_faults.c.what == what)
    with database.reading() as connection:
        if not connection.scalar(select(exists().where(*of_source))):
            return
    with database.writing() as connection:
        connection.execute(delete(feed_faults).where(*of_source))


def states(connection: Connection) -> tuple[KindState, ...]:
    """Return the state of each kind that was ever imported or tried, by source and kind."""
    ages = select(feeds.c.source, feeds.c.what, func.max(feeds.c.at).label("at"))
    fed = {
        (row.source, row.what): row.at
        for row in connection.execute(ages.group_by(feeds.c.source, feeds.c.what))
    }
    rows = connection.execute(select(feed_faults))
    faults = {(row.source, row.what): FeedFault(**row._mapping) for row in rows}
    return tuple(
        KindState(source=key[0], what=key[1], at=fed.get(key), fault=faults.get(key))
        for key in sorted({*fed, *faults})
    )
