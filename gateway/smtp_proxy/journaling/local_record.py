"""The journal while the store is away: a file beside it, imported once the store is back.

Each line is one of

    {"message": {"id": 4711, "at": "2026-11-28T10:00:00+00:00", …, "deliveries": [[…], …]}}
    {"outcomes": [[4711, 0, "relayed", "relay", "250 2.0.0 Ok: queued as 4XZ1"], …]}
"""

import asyncio
import contextlib
import errno
import os
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import orjson

from gateway.core.errors import GatewayError
from gateway.core.journal.message import DELIVERY_VALUES, MESSAGE_VALUES, Delivery, Message, Outcome
from gateway.core.kinds import By, Kind, State
from gateway.core.people.people import PersonRef
from gateway.runtime import processes
from gateway.store.engine import on_disk
from gateway.store.engine.leases import IsGone

_PREFIX, _SUFFIX = "messages-", ".jsonl"  #: Of the file's name, around the holder's.
#: After this long, a process of another machine or container that shares the folder must have
#: ended: a running one imports its file within a second once the store is back.
_SILENCE = timedelta(minutes=1)


def is_record(file: Path) -> bool:
    """Whether a file is named as a record, of whichever process."""
    return file.name.startswith(_PREFIX) and file.suffix == _SUFFIX


class NotRecorded(GatewayError):
    """Neither the store nor the local record could be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The contents of a local record."""

    messages: tuple[Message, ...]
    outcomes: tuple[Outcome, ...]
    left: frozenset[int]  #: Messages whose outcome nobody will report.
    length: int  #: In octets.


class LocalRecord:
    """Messages that passed while the store was away: JSON Lines, on disk before the final dot."""

    def __init__(self, folder: Path, holder: str, path: Path | None = None) -> None:
        """`holder` is the only process that writes here (`processes.holder`)."""
        self._folder = folder
        self._path = path or folder / f"{_PREFIX}{quote(holder, safe='')}{_SUFFIX}"
        self._messages: set[int] = set()
        self._turn = threading.Lock()  # writing is done in threads

    def of_the_dead(self, is_gone: IsGone) -> "list[LocalRecord]":
        """Return the records of processes that have ended."""
        records = []
        for path in self._folder.glob(f"{_PREFIX}*{_SUFFIX}"):
            holder = unquote(path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX))
            if path == self._path or " " not in holder:  # ours, or none of these
                continue
            if is_gone(holder, is_silent=processes.is_silent(path, _SILENCE)):
                records.append(LocalRecord(self._folder, holder, path))
        return records

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to import."""
        try:
            return self._path.stat().st_size == 0
        except OSError:
            return True

    def holds(self, message: int) -> bool:
        """Whether a message was begun here, so that its outcome also belongs here."""
        return message in self._messages

    async def begin(self, message: Message) -> None:
        """Record a message durably; raise `NotRecorded` if that fails."""
        self._messages.add(message.id)
        try:
            await self._append({"message": json_of_message(message)})
        except NotRecorded:
            self._messages.discard(message.id)
            raise

    async def finish(self, message: int, outcomes: tuple[Outcome, ...]) -> None:
        """Record its outcome; raise `NotRecorded` if that fails."""
        rows = [(o.message, o.position, o.state, o.by, o.reply) for o in outcomes]
        await self._append({"outcomes": rows})
        self._messages.discard(message)

    def forget(self, message: int) -> None:
        """Stop expecting an outcome of a message."""
        self._messages.discard(message)

    async def _append(self, entry: dict[str, object]) -> None:
        # A killed process may have left half a line: start a new one.
        line = b"\n" + orjson.dumps(entry) + b"\n"

        def write() -> None:
            # Not its parents: if a store's folder was moved away, its place must stay free.
            self._path.parent.mkdir(mode=0o750, exist_ok=True)
            with self._turn, self._path.open("ab", buffering=0) as file:
                length = file.tell()
                try:
                    if file.write(line) < len(line):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    os.fsync(file.fileno())
                    if length == 0:  # Make the new file's name as durable as its contents.
                        on_disk.sync(self._path.parent)
                except OSError:
                    with contextlib.suppress(OSError):
                        file.truncate(length)
                    raise

        try:
            await asyncio.get_running_loop().run_in_executor(None, write)
        except OSError as error:
            raise NotRecorded(f"{self._path}: {error.strerror}") from error

    def read(self) -> Recorded:
        """Return what is recorded; call it in a thread, it may be long."""
        with self._turn:
            octets = self._path.read_bytes()
            waiting = frozenset(self._messages)
        messages: dict[int, Message] = {}
        outcomes: list[Outcome] = []
        for line in octets.splitlines():
            try:
                entry = orjson.loads(line)
            # Half a line: of something that was never allowed to happen.
            except orjson.JSONDecodeError:
                continue
            if "message" in entry:
                recorded = message_of_json(entry["message"])
                messages[recorded.id] = recorded
            for message, position, state, by, reply in entry.get("outcomes", ()):
                outcomes.append(
                    Outcome(
                        message=int(message),
                        position=int(position),
                        state=State(state),
                        by=By(by),
                        reply=reply,
                    )
                )
        ended = {outcome.message for outcome in outcomes}
        return Recorded(
            messages=tuple(messages.values()),
            outcomes=tuple(outcomes),
            left=frozenset(messages) - ended - waiting,
            length=len(octets),
        )

    def drop(self, length: int) -> None:
        """Drop what the store now has, unless more has been added: then it is read again."""
        with self._turn, self._path.open("r+b") as file:
            if file.seek(0, os.SEEK_END) == length:
                file.truncate(0)
                os.fsync(file.fileno())

    def remove(self) -> None:
        """Delete the file of a process that is gone, unless more has been added."""
        if self.is_empty:
            self._path.unlink(missing_ok=True)


def json_of_message(message: Message) -> dict[str, object]:
    """Return a message in the form of the local record."""
    return {
        "id": message.id,
        "at": message.at.isoformat(),
        **{name: getattr(message, name) for name in MESSAGE_VALUES},
        "bulk_identities": message.bulk_identities,
        "deliveries": [_json_of_delivery(delivery) for delivery in message.deliveries],
    }


def _json_of_delivery(delivery: Delivery) -> list[object]:
    values = {name: getattr(delivery, name) for name in DELIVERY_VALUES}
    values["persons"] = [*map(str, delivery.persons)]
    return [*values.values()]


def message_of_json(plain: dict[str, Any]) -> Message:
    """Return the message that `json_of_message` converted."""
    fields = dict(plain)
    fields["at"] = datetime.fromisoformat(str(plain["at"]))
    fields["kind"] = Kind(str(plain["kind"]))
    fields["bulk_identities"] = tuple(plain.get("bulk_identities", ()))
    fields["deliveries"] = tuple(map(_delivery_of_json, plain["deliveries"]))
    return Message(**fields)


def _delivery_of_json(row: list[Any]) -> Delivery:
    # A row written before a field was added is shorter: that field has its default.
    fields = dict(zip(DELIVERY_VALUES, row, strict=False))
    fields["state"] = State(fields["state"])
    fields["by"] = By(fields["by"])
    fields["persons"] = tuple(map(PersonRef.parse, fields["persons"]))
    return Delivery(**fields)
