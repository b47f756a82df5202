"""One commit for requests that arrive at the same time."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from gateway.store.engine.database import (
    Database,
    RowRefused,
    StoreTransaction,
    StoreUnavailable,
)

#: Seconds the first of a group waits for others: requests that waited for the same commit or relay
#: arrive one after another. Without this wait, a group of four becomes two groups of two.
_GATHER = 0.002

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class GroupCommit(Generic[Asked, Answered]):
    """Writes all waiting requests in one transaction, because a commit costs more than a row.

    While a transaction runs, new requests wait for the next one. If it fails, each request is
    retried in its own transaction, so a fault in one row doesn't stop the others; a store that is
    away is away for all of them.
    """

    def __init__(
        self,
        database: Database,
        work: Callable[[StoreTransaction, Sequence[Asked]], Sequence[Answered]],
    ) -> None:
        """`work` returns a result for each request, in their order."""
        self._database = database
        self._work = work
        self._waiting: list[tuple[Asked, asyncio.Future[Answered]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, request: Asked) -> Answered:
        """Return the result of a request once it is committed, or raise what went wrong."""
        result: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, result))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return await result

    async def _write_all(self) -> None:
        while self._waiting:
            await asyncio.sleep(_GATHER)
            group, self._waiting = self._waiting, []
            await self._write(group)
        self._writing = None

    async def _write(self, group: Sequence[tuple[Asked, asyncio.Future[Answered]]]) -> None:
        requests = [request for request, _ in group]
        try:
            results = await self._database.write(self._work, requests)
        except Exception as error:
            is_away = isinstance(error, StoreUnavailable) and not isinstance(error, RowRefused)
            if len(group) > 1 and not is_away:
                for alone in group:
                    await self._write([alone])
                return
            for _, future in group:
                if not future.done():  # its caller was cancelled
                    future.set_exception(error)
        else:
            for (_, future), result in zip(group, results, strict=True):
                if not future.done():
                    future.set_result(result)
