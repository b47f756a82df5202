"""The `sync` role: the gateway's regular work at Mailchimp."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from gateway import logs
from gateway.app import common
from gateway.app.campaigns import mailchimp
from gateway.app.roles import returns
from gateway.app.roles.role_context import RoleContext
from gateway.app.roles.store_waiting import wait_for_store
from gateway.core import ids
from gateway.runtime.periodic import every
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.sync.refresh import (
    LastCheck,
    Refreshed,
    Refresher,
    RefreshFailed,
    RefreshResult,
    Unscheduled,
)
from gateway.sync.removals import Removals

_LOOK = timedelta(seconds=10)  #: Between two queries of the store.
_KEY = timedelta(seconds=1)  #: Between two checks for a key in new settings.

log = logs.get("sync")


class RefreshStopping(Exception):
    """The process is ending; the next one does the rest."""


async def run_sync(context: RoleContext) -> None:
    """Do what is due at Mailchimp until the process is to stop."""
    context.ready()
    # The store is opened only if there is work: once opened it stays in memory.
    while context.settings.mailchimp.api_key is None and not context.stopping.is_set():
        await context.rest(_KEY)
    database = common.open_store_of(context.settings, context.store)
    try:
        await wait_for_store(context, database)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(refresh_scheduled(context, database))
            tasks.create_task(returns.follow(context, database))
    finally:
        database.close()


async def refresh_scheduled(context: RoleContext, database: Database) -> None:
    """Bring scheduled campaigns up to date shortly before their time, as long as there is a key."""
    last_checks: dict[int, LastCheck] = {}

    async def refresh() -> None:
        if context.settings.mailchimp.api_key is not None:
            await asyncio.to_thread(_refresh, context, database, last_checks)

    def failed(error: Exception) -> None:
        if isinstance(error, StoreUnavailable):
            log.error("sync_put_off", reason=str(error))
        elif not isinstance(error, RefreshStopping):
            log.exception("sync_fault")

    await every(_LOOK, refresh, stopping=context.stopping, failed=failed)


def _refresh(context: RoleContext, database: Database, last_checks: dict[int, LastCheck]) -> None:
    def beat(what: str, done: int, total: int) -> None:
        del what, done, total
        if context.stopping.is_set():
            raise RefreshStopping("the gateway stops")

    with mailchimp.mailchimp_session(context.settings, database) as session:
        Refresher(
            session=replace(session, beat=beat), on_result=log_refresh, last_checks=last_checks
        ).run()
        gone, errors = Removals(database=database, client=session.client, clock=common.now).run()
    if gone:
        log.info("contacts_removed", contacts=gone)
    for reason in errors:
        log.error("contact_not_removed", reason=reason)


def log_refresh(result: RefreshResult) -> None:
    """Log the result for a scheduled campaign."""
    match result:
        case Refreshed(campaign, updated, left_out):
            log.info(
                "campaign_refreshed",
                campaign=ids.show(campaign),
                updated=updated,
                left_out=left_out,
            )
        case Unscheduled(campaign, reason):
            log.error("campaign_unscheduled", campaign=ids.show(campaign), reason=reason)
        case RefreshFailed(campaign, reason):
            log.error("campaign_not_refreshed", campaign=ids.show(campaign), reason=reason)
