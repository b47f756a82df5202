"""The mark outside the database that distinguishes the real store from a restored or cloned one.

A copy of the store that was made at noon and restored at two knows nothing of the birthday mails
sent at one, and would send them again. So a store has an epoch, chosen once at random, and records
the newest message sent from it; a file outside has the same data. They are compared whenever mails
are about to be sent:

    store        file
    a1, 700      a1, 700     send
    a1, 650      a1, 700     restored: the store is older than what was sent
    b2, 10       a1, 700     another store
    a1, 700      none        a clone, or one more machine on the same store: that one sees within
                             20 seconds the sign of life of another gateway that has the file
    none         none        the first start: both begin

If they don't agree, everything due is held until a person releases it (`gateway triggers resume`).
"""

import asyncio
import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import orjson

from gateway import logs
from gateway.core.errors import GatewayError
from gateway.store.engine.database import Database, StoreTransaction
from gateway.store.triggers import epochs, ledger
from gateway.store.triggers.epochs import Epoch

log = logs.get("triggers")

#: The interval at which another gateway's sign of life is looked for, and how many times.
JOIN_SECONDS = 1.0
JOIN_TRIES = 20

_COPIED = (
    "this gateway has no epoch file for the store: it looks like a copy of another gateway's "
    "store, or the file was lost"
)
_OLDER = "the store is older than what was sent from it: it looks like one restored from a copy"
_FOREIGN = "the store and the epoch file don't belong together: it looks like another store"
_EMPTIED = "the store is new, but mail was sent from another one before"


class EpochFileUnusable(GatewayError):
    """The epoch file can't be read or written; no triggered mail is sent."""


@dataclass(frozen=True, slots=True)
class EpochMark:
    """The content of the file: the store it belongs to, and the newest message sent from it."""

    epoch: str
    high: int


class EpochFile:
    """The file; it is replaced as a whole, so a crash never leaves half of it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> EpochMark | None:
        """Return the mark; None if there is none. Raises `EpochFileUnusable`."""
        try:
            stored = orjson.loads(self.path.read_bytes())
            return EpochMark(str(stored["epoch"]), int(stored["high"]))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise EpochFileUnusable(f"{self.path}: {error.strerror}") from error
        except (ValueError, TypeError, KeyError) as error:
            raise EpochFileUnusable(f"{self.path}: not an epoch file") from error

    def write(self, mark: EpochMark) -> None:
        """Write a mark; raise `EpochFileUnusable`."""
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        try:
            self.path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            beside.write_bytes(orjson.dumps({"epoch": mark.epoch, "high": mark.high}) + b"\n")
            beside.replace(self.path)
        except OSError as error:
            raise EpochFileUnusable(f"{self.path}: {error.strerror}") from error


class RestoreDetector:
    """Compares store and file before mail is sent."""

    def __init__(self, database: Database, path: Path) -> None:
        self._database = database
        self._file = EpochFile(path)

    async def may_send(self) -> bool:
        """Whether the store is the one the file belongs to, and nothing is held.

        On a mismatch everything due is held. Raises `EpochFileUnusable`.
        """
        mark, store_epoch = await self._read_both()
        if store_epoch is None or (mark is None and store_epoch.high == 0):
            # Start with a store from which nothing was sent yet; if something was, hold everything.
            is_new = mark is None or mark.high == 0
            fresh, held = secrets.token_hex(8), "" if is_new else _EMPTIED
            begun = await self._database.write(partial(epochs.begin, epoch=fresh, held=held))
            if is_new:
                self._keep(begun)
            elif begun.held:
                await self._database.write(partial(ledger.hold, why=begun.held))
                log.error("triggers_held", reason=begun.held, occurrences=0)
            mark, store_epoch = await self._read_both()
        if store_epoch is None or store_epoch.held:
            return False
        if mark is None:
            mark = await self._join(store_epoch)
        if not mismatch(store_epoch, mark):
            return True

        def hold_unless_agreed(connection: StoreTransaction) -> tuple[str, int]:
            present_epoch = epochs.read(connection)
            why = "" if present_epoch is None else mismatch(present_epoch, mark)
            return why, ledger.hold(connection, why) if why else 0

        why, count = await self._database.write(hold_unless_agreed)
        if why:
            log.error("triggers_held", reason=why, occurrences=count)
        return not why

    async def _read_both(self) -> tuple[EpochMark | None, Epoch | None]:
        """Return the file's mark, then the store's.

        Messages are recorded in the store before the file: read in this order, the store is never
        behind without a reason.
        """
        mark = self._file.read()
        return mark, await self._database.read(epochs.read)

    async def show_life(self) -> None:
        """Show joining gateways that this one is running; keep up with what they sent."""
        mark, store_epoch = await self._read_both()
        if store_epoch is None or mark is None or store_epoch.held or mismatch(store_epoch, mark):
            return
        await self._database.write(epochs.beat)
        await self.reach(store_epoch.high)

    async def reach(self, message: int) -> None:
        """Record, outside the database, that messages up to this one are about to be sent."""
        mark = self._file.read()
        if mark is None:
            raise EpochFileUnusable(f"{self._file.path}: is gone")
        if mark.high < message:
            self._file.write(EpochMark(mark.epoch, message))

    async def resume(self, now: datetime, new_id: int) -> int:
        """Release everything held, on a person's request; return how many occurrences.

        From now on the store is trusted, whatever the file said.
        """
        mark, fresh = self._file.read(), secrets.token_hex(8)
        high = max(new_id, mark.high if mark else 0)
        count = await self._database.write(ledger.resume, now, epoch=fresh, high=high)
        store_epoch = await self._database.read(epochs.read)
        if store_epoch is not None:
            self._keep(store_epoch)
        return count

    def _keep(self, store_epoch: Epoch) -> None:
        mark = EpochMark(store_epoch.epoch, store_epoch.high)
        if self._file.read() != mark:
            self._file.write(mark)

    async def _join(self, store_epoch: Epoch) -> EpochMark | None:
        """Wait for a sign of life from a gateway that knows the store: then this one belongs to it.

        A copy of a store shows none.
        """
        for _ in range(JOIN_TRIES):
            if store_epoch.held:
                return None
            await asyncio.sleep(JOIN_SECONDS)
            later = await self._database.read(epochs.read)
            if later is not None and later.beat > store_epoch.beat and not later.held:
                self._keep(later)
                return EpochMark(later.epoch, store_epoch.high)
        return None


def mismatch(store_epoch: Epoch, mark: EpochMark | None) -> str:
    """Return why store and file don't agree; empty if they do."""
    if mark is None:
        return _COPIED
    if mark.epoch != store_epoch.epoch:
        return _FOREIGN
    return _OLDER if mark.high > store_epoch.high else ""
