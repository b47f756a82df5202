"""The journal's writing side: one thread that commits in groups.

A message is on disk before its final dot goes to the relay; its outcome needs no waiting.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson
from sqlalchemy import Connection, delete

from gateway.core.journal import Attempt, Message, Outcome
from gateway.core.outbox import Draft
from gateway.store import outbox, schema
from gateway.store.bulk import insert_rows
from gateway.store.database import Database, RowRefused, StoreUnavailable
from gateway.store.schema import attempts

_MESSAGE = (
    "id", "worker", "listener", "login", "client", "sender", "subject", "message_id", "kind",
    "rule", "relay", "size", "burst_key", "attempt_of",
)  # fmt: skip
_DELIVERY = (
    "message", "position", "recipient", "address", "state", "by", "reply", "note", "would",
    "persons",
)  # fmt: skip
_ATTEMPT = ("fingerprint", "message", "content_hash", "state", "verdict")
_GATHER_SECONDS = 0.02  #: How long outcomes wait for company.
_RETRY_SECONDS = 0.5  #: Between tries while the store is away and outcomes wait.
_MAX_GROUP = 500


@dataclass(frozen=True, slots=True)
class Begun:
    """A message to be on disk before anything happens to it."""

    message: Message
    drafts: tuple[Draft, ...]
    attempt: Attempt | None
    durable: "asyncio.Future[None]"


@dataclass(frozen=True, slots=True)
class Finished:
    """How a message ended."""

    message: int
    outcomes: tuple[Outcome, ...]
    attempt: Attempt | None
    notices_go: bool | None  #: What becomes of notices that waited for the verdict, if any.


@dataclass(slots=True)
class _Group:
    begun: list[Begun] = field(default_factory=list)
    finished: list[Finished] = field(default_factory=list)

    def add(self, entry: Begun | Finished) -> None:
        if isinstance(entry, Begun):
            self.begun.append(entry)
        else:
            self.finished.append(entry)

    def __len__(self) -> int:
        return len(self.begun) + len(self.finished)


class JournalWriter:
    """Writes this process's messages; `worker` marks them as its own."""

    def __init__(
        self, database: Database, worker: int, *, committed: Callable[[float, int], None]
    ) -> None:
        self._database = database
        self._worker = worker
        self._committed = committed  # seconds and messages of each group, for the metrics
        self._queue: queue.SimpleQueue[Begun | Finished | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def begin(
        self,
        message: Message,
        *,
        drafts: tuple[Draft, ...] = (),
        attempt: Attempt | None = None,
    ) -> "asyncio.Future[None]":
        """Queue a message; the future is done when it is on disk, or raises `StoreUnavailable`."""
        durable: asyncio.Future[None] = self._loop.create_future()
        self._queue.put(Begun(message, drafts, attempt, durable))
        return durable

    def finish(
        self,
        message: int,
        outcomes: Sequence[Outcome],
        *,
        attempt: Attempt | None = None,
        notices_go: bool | None = None,
    ) -> None:
        """Queue the outcome of a message; it is written even if the store is away for a while."""
        self._queue.put(Finished(message, tuple(outcomes), attempt, notices_go))

    async def close(self) -> None:
        """Write what is queued, then end the thread."""
        self._queue.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join, 10.0)

    def _run(self) -> None:
        late: list[Finished] = []
        while True:
            group, last = self._gather(waits=bool(late))
            # What the store didn't take goes alone: it must not take others with it.
            late = self._commit(_Group(finished=late))
            if late:
                late, group.finished = late + group.finished, []
            late += self._commit(group)
            if last:
                return

    def _gather(self, *, waits: bool) -> tuple[_Group, bool]:
        """Wait for work; return it with whether it is the last."""
        group = _Group()
        patience = _RETRY_SECONDS if waits else None
        while len(group) < _MAX_GROUP:
            try:
                entry = self._queue.get(timeout=patience)
            except queue.Empty:
                break
            if entry is None:
                return group, True
            group.add(entry)
            # Messages go at once with whatever is there; outcomes alone wait for company.
            patience = 0.0 if group.begun else _GATHER_SECONDS
        return group, False

    def _commit(self, group: _Group) -> list[Finished]:
        """Write a group; return the outcomes to try again."""
        if not group:
            return []
        began = time.monotonic()
        try:
            with self._database.writing(durable=bool(group.begun)) as connection:
                write_begun(connection, self._worker, group.begun)
                write_finished(connection, group.finished)
        except RowRefused as error:  # It must not take others with it.
            return self._commit_singly(group, error)
        except StoreUnavailable as error:
            self._tell(group.begun, error)
            return group.finished
        except Exception as error:
            return self._commit_singly(group, error)
        self._committed(time.monotonic() - began, len(group.begun))
        self._tell(group.begun, None)
        return []

    def _commit_singly(self, group: _Group, error: Exception) -> list[Finished]:
        if len(group) == 1:
            self._tell(group.begun, StoreUnavailable(f"not recorded: {error}"))
            return []
        late: list[Finished] = []
        for begun in group.begun:
            late += self._commit(_Group(begun=[begun]))
        for finished in group.finished:
            late += self._commit(_Group(finished=[finished]))
        return late

    def _tell(self, begun: list[Begun], error: StoreUnavailable | None) -> None:
        if begun:
            futures = [entry.durable for entry in begun]
            self._loop.call_soon_threadsafe(_resolve, futures, error)


def _resolve(futures: list["asyncio.Future[None]"], error: StoreUnavailable | None) -> None:
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
            future.exception()


def write_begun(connection: Connection, worker: int, begun: Sequence[Begun]) -> None:
    """Write messages, their deliveries, and the notices they owe."""
    _write_messages(connection, worker, [entry.message for entry in begun])
    write_attempts(connection, [entry.attempt for entry in begun])
    for entry in begun:
        for draft in entry.drafts:
            outbox.put(connection, draft)


def write_finished(connection: Connection, finished: Sequence[Finished]) -> None:
    """Write outcomes; let go or drop the notices that waited for them."""
    rows = [
        (outcome.message, outcome.position, outcome.state, outcome.by, outcome.reply)
        for entry in finished
        for outcome in entry.outcomes
    ]
    if rows:
        connection.exec_driver_sql(
            _UPDATE_SQLITE if connection.dialect.name == "sqlite" else _UPDATE_POSTGRES,
            (orjson.dumps(rows).decode(),),
        )
    write_attempts(connection, [entry.attempt for entry in finished])
    for entry in finished:
        if entry.notices_go:
            outbox.release(connection, entry.message, datetime.now(UTC))
        elif entry.notices_go is False:
            outbox.cancel_armed(connection, entry.message)


#: A commit whose answer was lost may have left a delivery as it was begun.
_ENDED_NOW = """(message, position) DO UPDATE
SET state = excluded.state, "by" = excluded."by", reply = excluded.reply, note = excluded.note
WHERE deliveries.state = 'sending'"""
_UPDATE_SQLITE = """
UPDATE deliveries SET state = json_extract(r.value, '$[2]'), "by" = json_extract(r.value, '$[3]'),
  reply = json_extract(r.value, '$[4]')
FROM json_each(?) AS r
WHERE message = json_extract(r.value, '$[0]') AND position = json_extract(r.value, '$[1]')
"""
_UPDATE_POSTGRES = """
UPDATE deliveries SET state = r->>2, "by" = r->>3, reply = r->>4
FROM jsonb_array_elements(%s::jsonb) AS r
WHERE message = (r->>0)::bigint AND position = (r->>1)::integer
"""


def write_attempts(connection: Connection, entries: Sequence[Attempt | None]) -> None:
    rows = [
        (entry.fingerprint, entry.message, entry.content_hash, entry.state, entry.verdict)
        for entry in entries
        if entry is not None
    ]
    if rows:
        ids = [row[1] for row in rows]
        connection.execute(delete(attempts).where(attempts.c.message.in_(ids)))
        insert_rows(connection, attempts, _ATTEMPT, rows)


def _message_row(message: Message, worker: int) -> tuple[object, ...]:
    return (
        message.id, worker, message.listener, message.login, message.client, message.sender,
        message.subject, message.message_id, message.kind, message.rule, message.relay,
        message.size, message.burst_key, message.attempt_of,
    )  # fmt: skip


def _delivery_rows(message: Message) -> list[tuple[object, ...]]:
    return [
        (
            message.id, position, entry.recipient, entry.address, entry.state, entry.by,
            entry.reply, entry.note, entry.would, " ".join(map(str, entry.persons)),
        )
        for position, entry in enumerate(message.deliveries)
    ]  # fmt: skip


def take_in(
    connection: Connection,
    worker: int,
    messages: Sequence[Message],
    outcomes: Sequence[Outcome],
) -> None:
    """Write what was recorded elsewhere while the store was away; twice is like once."""
    _write_messages(connection, worker, messages)
    write_finished(connection, [Finished(0, tuple(outcomes), None, None)])


def _write_messages(connection: Connection, worker: int, messages: Sequence[Message]) -> None:
    rows = [_message_row(message, worker) for message in messages]
    insert_rows(connection, schema.messages, _MESSAGE, rows, conflict="DO NOTHING")
    rows = [row for message in messages for row in _delivery_rows(message)]
    insert_rows(connection, schema.deliveries, _DELIVERY, rows, conflict=_ENDED_NOW)
