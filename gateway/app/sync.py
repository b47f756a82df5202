"""The `sync` role: what the gateway does at Mailchimp by itself."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import datetime, timedelta

from gateway import logs
from gateway.app import common, mailchimp, returns
from gateway.app.life import Life
from gateway.app.sender import store_ready
from gateway.core import ids
from gateway.store.database import Database, StoreUnavailable
from gateway.sync.refresh import Failed, Heard, Refreshed, Refresher, Unscheduled

_LOOK = timedelta(seconds=10)  #: Between two looks into the store.

log = logs.get("sync")


class Stopping(Exception):
    """The process ends; what is left is done by the next one."""


async def run_sync(life: Life) -> None:
    """Do what is due at Mailchimp until the life ends."""
    database = common.open_store_of(life.settings, life.store)
    try:
        life.ready()
        await store_ready(life, database)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(refresh_scheduled(life, database))
            tasks.create_task(returns.follow(life, database))
    finally:
        database.close()


async def refresh_scheduled(life: Life, database: Database) -> None:
    """Bring scheduled campaigns up to date shortly before their time, as long as there is a key."""
    looked: dict[int, datetime] = {}
    while not life.stopping.is_set():
        if life.settings.mailchimp.api_key is not None:
            try:
                await asyncio.to_thread(_refresh, life, database, looked)
            except StoreUnavailable as error:
                log.error("sync_put_off", reason=str(error))
            except Stopping:
                return
            except Exception:
                log.exception("sync_fault")
        await _rest(life, _LOOK)


def _refresh(life: Life, database: Database, looked: dict[int, datetime]) -> None:
    def beat(what: str, done: int, total: int) -> None:
        del what, done, total
        if life.stopping.is_set():
            raise Stopping("the gateway stops")

    with mailchimp.office(life.settings, database) as office:
        Refresher(office=replace(office, beat=beat), heard=_tell, looked=looked).run()


def _tell(heard: Heard) -> None:
    """Log what became of a scheduled campaign."""
    match heard:
        case Refreshed(campaign, updated, left_out):
            log.info(
                "campaign_refreshed",
                campaign=ids.show(campaign),
                updated=updated,
                left_out=left_out,
            )
        case Unscheduled(campaign, reason):
            log.error("campaign_unscheduled", campaign=ids.show(campaign), reason=reason)
        case Failed(campaign, reason):
            log.error("campaign_not_refreshed", campaign=ids.show(campaign), reason=reason)


async def _rest(life: Life, duration: timedelta) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(duration.total_seconds()):
            await life.stopping.wait()
