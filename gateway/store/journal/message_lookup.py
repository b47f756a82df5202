"""What is known about a message besides suppressions: pauses, earlier attempts, known bulk."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from gateway.core import ids
from gateway.core.decision.journal import Attempt, KnownBulk, RetryMarks
from gateway.store.engine.database import Database
from gateway.store.engine.quick_reader import QuickReader
from gateway.store.journal import known_bulk
from gateway.store.schema.host import pauses
from gateway.store.schema.journal import attempts

REMEMBERED = timedelta(hours=24)  #: How long a retry is recognised as one.

_SQL = (
    "SELECT what, 0, 0, '', '', '', NULL FROM pauses UNION ALL "
    "SELECT '', message, fingerprint, content_hash, state, verdict, dated FROM attempts "
    "WHERE fingerprint IN ({0}, {0}) AND message >= {0} UNION ALL "
    "SELECT '{1}', message, 0, rule, '', '', NULL FROM bulk_messages "
    "WHERE identity = {0} AND message >= {0} ORDER BY 2"
)
_KNOWN_BULK = "known bulk"  #: In place of what is paused.
_ANYTHING = (
    "SELECT 1 FROM pauses UNION ALL SELECT 1 FROM attempts UNION ALL "
    "SELECT 1 FROM bulk_messages LIMIT 1"
)
_BURST = (
    "SELECT d.address, min(m.id), max(m.id) FROM messages m JOIN deliveries d ON d.message = m.id "
    "WHERE m.burst_key = {0} AND m.id >= {0} GROUP BY d.address"
)


@dataclass(frozen=True, slots=True)
class MessageStatus:
    """What is known about a message."""

    paused: frozenset[str]  #: `bulk`, `all`
    earlier: tuple[Attempt, ...]  #: Oldest first.
    bulk: KnownBulk | None = None  #: The transaction in which the same message was already bulk.


_NOTHING = MessageStatus(paused=frozenset(), earlier=())


class MessageLookup:
    """Queried once per message."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reader = QuickReader(database)
        mark = "?" if database.is_sqlite else "%s"
        self._sql, self._burst = _SQL.format(mark, _KNOWN_BULK), _BURST.format(mark)
        self._version: bytes | None = None
        self._is_empty = False  #: Whether that version had nothing to report at all.

    async def look(self, marks: RetryMarks, identity: int, now: datetime) -> MessageStatus:
        """Return what is known about a transaction and the message it carries.

        That is the pauses in force, the attempts of the last 24 hours that share one of the marks,
        and whether the same message was bulk in the last 7 days.
        """
        if self._database.is_sqlite:
            # Usually nothing is known about any message; that is queried once per version of the
            # store.
            version = self._reader.version()
            if version is None or version != self._version:
                self._version = version
                self._is_empty = not self._reader.rows_now(_ANYTHING, ())
            if self._is_empty:
                return _NOTHING
        attempts_since = ids.first_id_at(now - REMEMBERED)
        bulk_since = ids.first_id_at(now - known_bulk.REMEMBERED)
        rows = await self._reader.rows(
            self._sql, (marks.fingerprint, marks.likeness, attempts_since, identity, bulk_since)
        )
        if not rows:
            return _NOTHING
        bulk = next((KnownBulk(row[1], row[3]) for row in rows if row[0] == _KNOWN_BULK), None)
        return MessageStatus(
            bulk=bulk,
            paused=frozenset(what for what, *_ in rows if what and what != _KNOWN_BULK),
            earlier=tuple(
                Attempt(
                    fingerprint=mark,
                    message=message,
                    content_hash=content_hash,
                    state=state,
                    verdict=verdict,
                    dated=date,
                )
                for what, message, mark, content_hash, state, verdict, date in rows
                if not what
            ),
        )

    async def burst(self, key: int, since: datetime) -> dict[str, tuple[datetime, datetime]]:
        """Return the addresses a burst has reached since a time, with the first and last time."""
        rows = await self._reader.rows(self._burst, (key, ids.first_id_at(since)))
        return {
            address: (ids.moment_of(first), ids.moment_of(last)) for address, first, last in rows
        }

    def close(self) -> None:
        """Close the held connection."""
        self._reader.close()


def pause(connection: Connection, what: str, *, now: datetime, by: str) -> None:
    """Pause `bulk` mail or `all` mail from the next message on, which gets a 451."""
    connection.execute(delete(pauses).where(pauses.c.what == what))
    connection.execute(insert(pauses).values(what=what, since=now, by=by))


def paused(connection: Connection) -> frozenset[str]:
    """Return what is paused: `bulk`, `all`."""
    return frozenset(connection.scalars(select(pauses.c.what)))


def resume(connection: Connection) -> list[str]:
    """Lift every pause; return what was paused."""
    lifted = list(connection.scalars(select(pauses.c.what)))
    connection.execute(delete(pauses))
    return lifted


def forget_attempts(connection: Connection, now: datetime) -> int:
    """Delete attempts that no retry can refer to any more; return how many."""
    oldest = ids.first_id_at(now - REMEMBERED)
    return connection.execute(delete(attempts).where(attempts.c.message < oldest)).rowcount
