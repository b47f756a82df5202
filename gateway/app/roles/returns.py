"""Activities and opt-outs read back from Mailchimp in the `sync` role."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from gateway import logs
from gateway.app.campaigns import mailchimp
from gateway.app.common import now
from gateway.app.roles.role_context import RoleContext
from gateway.config import Settings
from gateway.core import ids
from gateway.metrics import MailchimpHealth, Metrics
from gateway.runtime.periodic import every
from gateway.store.campaigns import campaign_syncs
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.sync.mailchimp.errors import NotAuthorised, UnusableKey
from gateway.sync.mailchimp_session import leased
from gateway.sync.reading import AudienceGone
from gateway.sync.sync_round import (
    ActivitiesRead,
    AudienceSynced,
    CampaignMoved,
    NothingMoved,
    PutOff,
    RoundResult,
)

LEASE = "mailchimp"  #: Of all processes on all machines, only one reads what is due.
_CHECK = timedelta(seconds=5)  #: Between two checks of what is due, which don't call Mailchimp.
_TICK = timedelta(seconds=1)  #: New settings are noticed within this time.
_AWAY = timedelta(seconds=2)
_STOPPED = timedelta(minutes=15)  #: Before retrying after Mailchimp has refused the gateway itself.

log = logs.get("sync")


class RoundStopping(Exception):
    """The process is ending, or another has taken over the round and rereads what was open."""


async def follow(context: RoleContext, database: Database) -> None:
    """Read back activities, states and opt-outs when due, until the process is to stop."""
    metrics, time = Metrics(), asyncio.get_running_loop().time
    settings, next_check = context.settings, time()

    async def sync_if_due() -> None:
        nonlocal settings, next_check
        # New settings end the wait after a sync was refused.
        if time() < next_check and context.settings is settings:
            return
        settings, wait = context.settings, _CHECK
        if settings.mailchimp.api_key is not None:
            wait = await _sync(context, settings, database, metrics)
        next_check = time() + wait.total_seconds()

    def failed(error: Exception) -> None:
        raise error

    await every(_TICK, sync_if_due, stopping=context.stopping, failed=failed)


async def _sync(
    context: RoleContext, settings: Settings, database: Database, metrics: Metrics
) -> timedelta:
    """Read what is due; return how long to rest."""
    try:
        if not await database.read(lambda connection: campaign_syncs.is_due(connection, now())):
            return _CHECK
        await asyncio.to_thread(
            _round, context, settings, database, partial(log_round_result, metrics)
        )
    except RoundStopping:
        return _CHECK
    except (NotAuthorised, UnusableKey, AudienceGone) as error:
        metrics.set_mailchimp_health(MailchimpHealth.REFUSED)
        log.error("sync_stopped", reason=str(error))
        return _STOPPED
    except StoreUnavailable as error:
        log.error("sync_put_off", reason=str(error))
        return _AWAY
    except Exception:
        log.exception("sync_fault")
        return _STOPPED
    return _CHECK


def _round(
    context: RoleContext,
    settings: Settings,
    database: Database,
    report: Callable[[RoundResult], None],
) -> None:
    def beat(what: str, done: int, total: int) -> None:
        del what, done, total
        if context.stopping.is_set():
            raise RoundStopping

    with (
        mailchimp.mailchimp_session(settings, database, progress=beat, part="returns") as session,
        leased(session, LEASE, lost=RoundStopping()) as own,
    ):
        if own is not None:
            mailchimp.sync_rounds(settings, own, report).run()


def log_round_result(metrics: Metrics, result: RoundResult) -> None:
    """Log and count what was read."""
    match result:
        case CampaignMoved(campaign, state):
            log.info("campaign_state", campaign=ids.show(campaign), state=state.value)
        case ActivitiesRead(campaign, mirrored):
            metrics.set_mailchimp_health(MailchimpHealth.UP)
            metrics.count_sync(mirrored.new, mirrored.opted_out)
            log.info(
                "campaign_synced",
                campaign=ids.show(campaign),
                new=mirrored.new,
                opted_out=mirrored.opted_out,
                missing=sum(mirrored.gaps.values()),
            )
        case AudienceSynced(audience, departed):
            metrics.set_mailchimp_health(MailchimpHealth.UP)
            metrics.count_sync(0, departed.opted_out)
            log.info(
                "audience_synced",
                audience=audience,
                unsubscribed=departed.unsubscribed,
                cleaned=departed.cleaned,
                opted_out=departed.opted_out,
            )
        case NothingMoved(number):
            log.debug("campaigns_idle", number=number)
        case PutOff(campaign, reason, busy):
            if campaign is None:
                metrics.set_mailchimp_health(MailchimpHealth.DOWN)
            tell = log.info if busy else log.warning
            campaign_id = "" if campaign is None else ids.show(campaign)
            tell("sync_put_off", campaign=campaign_id, reason=reason)
