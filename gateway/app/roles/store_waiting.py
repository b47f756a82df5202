"""Waiting for the store, for roles that can do nothing without it."""

import asyncio
from datetime import timedelta

from gateway import logs
from gateway.app import common
from gateway.app.roles.role_context import RoleContext
from gateway.runtime.periodic import until_done
from gateway.store.engine.database import Database, StoreUnavailable

_AWAY = timedelta(seconds=2)  #: Between retries while the store is away.

log = logs.get("role")


async def wait_for_store(context: RoleContext, database: Database) -> None:
    """Wait for a store that is away; raise if its schema has another version or is incomplete.

    A missing schema is created by `gateway run` itself (`prepare_store_once_there`).
    """

    def failed(error: Exception) -> None:
        if not isinstance(error, StoreUnavailable):
            raise error
        log.error("store_unavailable", reason=str(error))

    await until_done(
        lambda: asyncio.to_thread(common.prepare, database),
        stopping=context.stopping,
        failed=failed,
        again_after=_AWAY,
    )
