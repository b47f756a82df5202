"""A store that is away: who is never mailed, as last known, and a local record of what passed."""

import asyncio
import contextlib
import errno
import os
import re
import threading
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from gateway.core.decision.journal import Delivery, Message, Outcome
from gateway.core.errors import GatewayError
from gateway.core.kinds import By, Kind, State
from gateway.core.people.people import PersonRef


class NeverMailed:
    """The addresses under scope `all` when the store was last asked, eight octets each.

    Kept in a file beside the local record, so that a restart without a store knows them too.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._marks: array[int] | None = self._load()
        self._kept = True  # on disk, too
        self.as_of = self._written_at()  #: When the store was last asked; None: never.

    @property
    def known(self) -> bool:
        """Whether the store was ever asked; if not, nobody can be mailed without it."""
        return self._marks is not None

    def __contains__(self, address: str) -> bool:
        if self._marks is None:
            return True
        mark = _mark(address)
        place = bisect_left(self._marks, mark)
        return place < len(self._marks) and self._marks[place] == mark

    def replace(self, addresses: Iterable[str]) -> None:
        """Take over what the store says now; on a thread, it may be long.

        OSError if it could not be written down; it counts all the same.
        """
        marks = array("Q", sorted(map(_mark, addresses)))
        self.as_of = datetime.now(UTC)
        if self._kept and marks == self._marks and self._path.exists():
            os.utime(self._path)  # When it was last true, for a restart without a store.
            return
        self._marks, self._kept = marks, False
        fresh = self._path.with_suffix(f".{os.getpid()}")
        fresh.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(marks.tobytes())
        fresh.replace(self._path)
        self._kept = True

    def _written_at(self) -> datetime | None:
        try:
            return datetime.fromtimestamp(self._path.stat().st_mtime, UTC)
        except OSError:
            return None

    def _load(self) -> "array[int] | None":
        try:
            octets = self._path.read_bytes()
        except OSError:
            return None
        marks = array("Q")
        marks.frombytes(octets[: len(octets) // 8 * 8])
        return marks


def _mark(address: str) -> int:
    digest = blake2b(address.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


_RECORD = "messages-{}.jsonl"
_PROCESS = re.compile(r"messages-(\d[\w.]*)\.jsonl")


class NotRecorded(GatewayError):
    """Neither the store nor the local record could be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the local record holds."""

    messages: tuple[Message, ...]
    outcomes: tuple[Outcome, ...]
    left: frozenset[int]  #: Messages that nobody will tell the outcome of.
    length: int  #: In octets.


class LocalRecord:
    """Messages that passed while the store was away: JSON Lines, on disk before the final dot."""

    def __init__(self, folder: Path, process: str) -> None:
        """`process` names the one process that writes here, as no other ever was named."""
        self._folder = folder
        self._path = folder / _RECORD.format(process)
        self._messages: set[int] = set()
        self._turn = threading.Lock()  # writing is done on threads

    def of_the_dead(self, alive: Callable[[str], bool]) -> "list[LocalRecord]":
        """Return what processes recorded here that don't run any more."""
        own = self._path.name
        names = (path.name for path in self._folder.glob(_RECORD.format("*")) if path.name != own)
        others = (found[1] for name in names if (found := _PROCESS.fullmatch(name)))
        return [LocalRecord(self._folder, process) for process in others if not alive(process)]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to be taken in."""
        try:
            return self._path.stat().st_size == 0
        except OSError:
            return True

    def holds(self, message: int) -> bool:
        """Whether a message was begun here, so that its outcome belongs here, too."""
        return message in self._messages

    async def begin(self, message: Message) -> None:
        """Record a message durably; raise `NotRecorded` if that fails."""
        self._messages.add(message.id)
        try:
            await self._append({"message": _plain(message)})
        except NotRecorded:
            self._messages.discard(message.id)
            raise

    async def finish(self, message: int, outcomes: tuple[Outcome, ...]) -> None:
        """Record how it ended; raise `NotRecorded` if that fails."""
        rows = [(o.message, o.position, o.state, o.by, o.reply) for o in outcomes]
        await self._append({"outcomes": rows})
        self._messages.discard(message)

    def forget(self, message: int) -> None:
        """Expect no outcome of a message any more."""
        self._messages.discard(message)

    async def _append(self, entry: dict[str, object]) -> None:
        # Behind half a line of a killed process, a line of its own begins.
        line = b"\n" + orjson.dumps(entry) + b"\n"
        try:
            await asyncio.get_running_loop().run_in_executor(None, self._write, line)
        except OSError as error:
            raise NotRecorded(f"{self._path}: {error.strerror}") from error

    def _write(self, line: bytes) -> None:
        # Not its parents: a store's folder that was moved away must find its place free.
        self._path.parent.mkdir(exist_ok=True)
        with self._turn, self._path.open("ab", buffering=0) as file:
            length = file.tell()
            try:
                if file.write(line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(file.fileno())
                if length == 0:
                    _keep_name(self._path)
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(length)
                raise

    def read(self) -> Recorded:
        """Return what is recorded; on a thread, it may be long."""
        with self._turn:
            octets = self._path.read_bytes()
            waiting = frozenset(self._messages)
        messages: dict[int, Message] = {}
        outcomes: list[Outcome] = []
        for entry in _entries(octets):
            if "message" in entry:
                message = _message(entry["message"])
                messages[message.id] = message
            outcomes += map(_outcome, entry.get("outcomes", ()))
        told = {outcome.message for outcome in outcomes}
        return Recorded(
            messages=tuple(messages.values()),
            outcomes=tuple(outcomes),
            left=frozenset(messages) - told - waiting,
            length=len(octets),
        )

    def drop(self, length: int) -> None:
        """Forget what the store has now, unless more has come: then it is read once more."""
        with self._turn, self._path.open("r+b") as file:
            if file.seek(0, os.SEEK_END) == length:
                file.truncate(0)
                os.fsync(file.fileno())

    def remove(self) -> None:
        """Take away the file of a process that is gone."""
        self._path.unlink(missing_ok=True)


def _keep_name(path: Path) -> None:
    """Make a new file's name as durable as what is in it."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _entries(lines: bytes) -> Iterator[dict[str, Any]]:
    """Yield what can be read; half a line is of something that was never let happen."""
    for line in lines.splitlines():
        try:
            entry = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        yield entry


def _plain(message: Message) -> dict[str, object]:
    return {
        "id": message.id,
        "at": message.at.isoformat(),
        "listener": message.listener,
        "sender": message.sender,
        "login": message.login,
        "client": message.client,
        "subject": message.subject,
        "message_id": message.message_id,
        "kind": message.kind,
        "rule": message.rule,
        "relay": message.relay,
        "size": message.size,
        "burst_key": message.burst_key,
        "bulk_identities": message.bulk_identities,
        "attempt_of": message.attempt_of,
        "deliveries": [
            [
                d.recipient,
                d.address,
                d.state,
                d.by,
                d.reply,
                d.note,
                d.would,
                [*map(str, d.persons)],
                d.note_facts,
            ]
            for d in message.deliveries
        ],
    }


def _message(plain: dict[str, Any]) -> Message:
    fields = dict(plain)
    fields["at"] = datetime.fromisoformat(str(plain["at"]))
    fields["kind"] = Kind(str(plain["kind"]))
    fields["bulk_identities"] = tuple(plain.get("bulk_identities", ()))
    fields["deliveries"] = tuple(map(_delivery, plain["deliveries"]))
    return Message(**fields)


def _delivery(row: list[str]) -> Delivery:
    # A gateway before 0025 wrote no `note_facts`.
    recipient, address, state, by, reply, note, would, persons, note_facts = [*row, ""][:9]
    return Delivery(
        recipient=recipient,
        address=address,
        state=State(state),
        by=By(by),
        reply=reply,
        note=note,
        would=would,
        persons=tuple(map(PersonRef.parse, persons)),
        note_facts=note_facts,
    )


def _outcome(row: list[str]) -> Outcome:
    message, position, state, by, reply = row
    return Outcome(
        message=int(message), position=int(position), state=State(state), by=By(by), reply=reply
    )
