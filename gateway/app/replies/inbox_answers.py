"""Queries and decisions about the inbox by API and console, as in `gateway inbox`."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.api.services import InboxActions, NotDone
from gateway.app import common
from gateway.config import Settings
from gateway.core.replies.inbox import InboxRow, InboxState
from gateway.core.replies.inbox_reading import InboxReading
from gateway.store.engine.blobs import BlobMissing
from gateway.store.engine.database import Database
from gateway.store.replies import inbox

if TYPE_CHECKING:  # Few people look at mails: until then the process doesn't need their reader.
    from gateway.inbound.importer import ReplyImporter
    from gateway.inbound.reading.readers import Readers
    from gateway.inbound.verdict import ImportVerdict

_IDLE_SECONDS = 300.0  #: The process that reads mails is ended after this long without use.


class InboxAnswers(InboxActions):
    """Reads mails in a separate process, which is ended when unused for a while."""

    def __init__(self, settings: Callable[[], Settings], database: Database) -> None:
        self._settings = settings
        self._database = database
        self._readers: Readers | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None

    async def read_mail(self, number: int) -> InboxReading:
        from gateway.app.replies.inbox_reading import read_of_inbox
        from gateway.inbound.reading.readers import ReaderUnavailable

        row, settings = await self._row(number), self._settings()
        try:
            return await read_of_inbox(
                self._importer(settings),
                self._database,
                lambda address: common.lookup(settings, address),
                row,
                common.time_zone(settings),
            )
        except ReaderUnavailable as error:
            raise NotDone(503, str(error), again_after=5) from error

    async def assign(self, number: int, reference: str) -> InboxRow:
        return await self._decide(lambda importer: importer.assign(number, reference.strip()))

    async def retry(self, number: int) -> InboxRow:
        return await self._decide(lambda importer: importer.retry(number))

    async def discard(self, number: int) -> InboxRow:
        before = await self._database.write(inbox.discard, number)
        return replace(before, state=InboxState.DISCARDED)

    async def close(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if self._readers is not None:
            await self._readers.close()

    async def _decide(
        self, work: "Callable[[ReplyImporter], Awaitable[ImportVerdict]]"
    ) -> InboxRow:
        from gateway.inbound.importer import NotWhole, UnknownReference
        from gateway.inbound.reading.readers import ReaderUnavailable

        try:
            verdict = await work(self._importer(self._settings()))
        except UnknownReference as error:
            raise NotDone(422, str(error)) from error
        except (NotWhole, BlobMissing) as error:
            raise NotDone(409, str(error)) from error
        except ReaderUnavailable as error:
            raise NotDone(503, str(error), again_after=5) from error
        return await self._row(verdict.inbox)

    async def _row(self, number: int) -> InboxRow:
        row = await self._database.read(inbox.by_id, number)
        if row is None:
            raise NotDone(404, "the inbox has no such mail")
        return row

    def _importer(self, settings: Settings) -> "ReplyImporter":
        from gateway.app.replies.importing import reply_importer
        from gateway.inbound.reading.readers import Readers

        if self._readers is None:
            self._readers = Readers()
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._start_closing)
        return reply_importer(settings, self._database, self._readers)

    def _start_closing(self) -> None:
        self._closing = asyncio.create_task(self.close())
