"""What is known about a message besides suppressions: pauses, earlier attempts, known bulk."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from gateway.core import ids
from gateway.core.decision.burst import BurstKeys
from gateway.core.journal.attempt import Attempt, RetryMarks
from gateway.core.journal.message import KnownBulk
from gateway.core.kinds import Kind, State
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
#: The newest messages of a burst, each with its recipients. By the key with the recipient's name:
_BURST_BY_SUBJECT = (
    "SELECT m.id, d.address FROM (SELECT id FROM messages "
    "WHERE burst_subject_key = {0} AND id >= {0} AND id < {0} ORDER BY id DESC LIMIT {0}) m "
    "LEFT JOIN deliveries d ON d.message = m.id ORDER BY m.id DESC"
)
_BURST = _BURST_BY_SUBJECT.replace("burst_subject_key", "burst_key")  #: By that without.
_TRIES = (
    "SELECT m.id, m.kind, m.rule, d.state FROM deliveries d JOIN messages m ON m.id = d.message "
    "WHERE d.address = {0} AND d.message >= {0} "
    "AND (m.burst_key = {0} OR m.burst_subject_key = {0}) ORDER BY m.id DESC"
)
_BULK_BY_SUBJECT = (
    "SELECT id FROM messages WHERE burst_subject_key = {0} AND id >= {0} "
    "AND kind = 'bulk' AND rule = {0} ORDER BY id LIMIT 1"
)
_BULK_OF_BURST = _BULK_BY_SUBJECT.replace("burst_subject_key", "burst_key")
_BEFORE_ALL = (1 << 63) - 1  #: More than any id.


@dataclass(frozen=True, slots=True)
class MessageStatus:
    """What is known about a message."""

    paused: frozenset[str]  #: `bulk`, `all`
    earlier: tuple[Attempt, ...]  #: Oldest first.
    bulk: KnownBulk | None = None  #: The transaction in which the same message was already bulk.


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferral:
    """A message of a burst that an address has been refused for now, once or several times."""

    since: datetime  #: The first of these attempts.
    bulk: KnownBulk | None  #: The first of them that was bulk.


_NOTHING = MessageStatus(paused=frozenset(), earlier=())


class MessageLookup:
    """Queried once per message."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reader = QuickReader(database)
        mark = "?" if database.is_sqlite else "%s"
        self._sql = _SQL.format(mark, _KNOWN_BULK)
        self._burst, self._burst_by_subject = _BURST.format(mark), _BURST_BY_SUBJECT.format(mark)
        self._tries = _TRIES.format(mark)
        self._bulk, self._bulk_by_subject = (
            _BULK_OF_BURST.format(mark),
            _BULK_BY_SUBJECT.format(mark),
        )
        self._version: bytes | None = None
        self._is_empty = False  #: Whether that version had nothing to report at all.

    async def look_up(self, marks: RetryMarks, identity: int, now: datetime) -> MessageStatus:
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

    async def burst(self, keys: BurstKeys, since: datetime, enough: int) -> frozenset[str]:
        """Return addresses that a burst has reached since a time, in lookup form.

        All of them, or at least as many as are enough to know: what a large mailing costs does not
        grow with every mail of it.
        """
        reached: set[str] = set()
        oldest = ids.first_id_at(since)
        for sql, key in (
            (self._burst_by_subject, keys.subject),
            (self._burst, keys.nameless),
        ):
            before, limit = _BEFORE_ALL, enough
            while len(reached) < enough:
                rows = await self._reader.rows(sql, (key, oldest, before, limit))
                reached.update(address for _, address in rows if address is not None)
                if len({message for message, _ in rows}) < limit:
                    break
                before, limit = rows[-1][0], limit * 4
        return frozenset(reached)

    async def deferral(self, keys: BurstKeys, address: str, since: datetime) -> Deferral | None:
        """Return since when a burst's message to an address is put off; None if it isn't.

        Where the newest attempt was not put off, what comes now is another mail.
        """
        parameters = (address, ids.first_id_at(since), keys.nameless, keys.subject)
        first, bulk = 0, None
        for message, kind, rule, state in await self._reader.rows(self._tries, parameters):
            if state != State.DEFERRED:
                break
            first = message
            if kind == Kind.BULK:
                bulk = KnownBulk(message, rule)
        if not first:
            return None
        return Deferral(since=ids.moment_of(first), bulk=bulk)

    async def bulk_of_burst(
        self, keys: BurstKeys, since: datetime, rules: frozenset[str]
    ) -> KnownBulk | None:
        """Return a message that one of these rules found to be a burst since a time, if any."""
        oldest = ids.first_id_at(since)
        for rule in rules:
            for sql, key in (
                (self._bulk_by_subject, keys.subject),
                (self._bulk, keys.nameless),
            ):
                rows = await self._reader.rows(sql, (key, oldest, rule))
                if rows:
                    return KnownBulk(rows[0][0], rule)
        return None

    def close(self) -> None:
        """Close the held connection."""
        self._reader.close()


def pause(connection: Connection, what: str, *, now: datetime, by: str) -> None:
    """Pause `bulk` mail or `all` mail from the next message on, which gets a 451."""
    connection.execute(delete(pauses).where(pauses.c.what == what))
    connection.execute(insert(pauses).values(what=what, since=now, by=by))


def paused_mail(connection: Connection) -> frozenset[str]:
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
