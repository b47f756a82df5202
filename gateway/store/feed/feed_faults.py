"""For which kinds of files the CRM's latest one was not imported in full, and since when."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, exists, func, select

from gateway.store.engine.database import Database
from gateway.store.engine.upsert import insert_into
from gateway.store.schema import feed_faults, feeds

#: How the reason begins where an import lifts so much that a person has to say yes to it.
HELD_BACK = "held back:"
_KEYS = ("source", "what")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFault:
    """What is wrong with the last file of a kind."""

    source: str
    what: str  #: people, groups …
    since: datetime  #: Of the first such file without a good one between.
    at: datetime
    problems: int
    failed: bool  #: Nothing of it was taken in.
    file: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KindState:
    """The state of the feed of one kind."""

    source: str
    what: str
    at: datetime | None  #: When something of it was taken in last; None: never.
    fault: FeedFault | None


def note(database: Database, fault: FeedFault) -> None:
    """Keep what is wrong with the last file of a kind; `since` stays that of the first one."""
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
