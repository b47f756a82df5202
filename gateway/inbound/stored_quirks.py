"""Where mailbox servers were found to break their promises, recorded in the store."""

from collections.abc import Callable
from datetime import datetime

from gateway.store.engine.database import Database
from gateway.store.replies import mailboxes


class StoredQuirks:
    """Records such quirks for `gateway check`. Raises `StoreUnavailable`."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def idle_silent(self, account: str, *, is_silent: bool) -> None:
        """Record whether a server that offers IDLE fails to announce new mail."""
        since = self._clock() if is_silent else None
        await self._database.write(mailboxes.keep_idle_silent, account, since)
