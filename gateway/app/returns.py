"""What comes back from Mailchimp, followed in the `sync` role."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from gateway import logs
from gateway.app import common, mailchimp
from gateway.app.common import now
from gateway.app.life import Life
from gateway.config import Settings
from gateway.core import ids
from gateway.metrics import MailchimpHealth, Metrics
from gateway.store import campaign_syncs, leases
from gateway.store.database import Database, StoreUnavailable
from gateway.sync.errors import NotAuthorised, UnusableKey
from gateway.sync.office import Office
from gateway.sync.reading import AudienceGone
from gateway.sync.rounds import Copied, Heard, Idle, Left, Moved, PutOff, Rounds

LEASE = "mailchimp"  #: One process of all machines looks at what is due.
_LEASE_TIME = timedelta(minutes=15)
_LOOK = timedelta(seconds=5)  #: Between two looks at what is due; Mailchimp is not asked for it.
_AWAY = timedelta(seconds=2)
_STOPPED = timedelta(minutes=15)  #: Until Mailchimp is tried again that refuses the gateway itself.

log = logs.get("sync")


class Stopping(Exception):
    """The process ends; the next one reads again what this one had in hand."""


async def follow(life: Life, database: Database) -> None:
    """Bring activities, states and opt-outs back at their time until the life ends."""
    metrics = Metrics()
    while not life.stopping.is_set():
        settings = life.settings
        pause = _LOOK
        if settings.mailchimp.api_key is not None:
            pause = await _look(life, settings, database, metrics)
        await _rest(life, pause, settings)


async def _look(life: Life, settings: Settings, database: Database, metrics: Metrics) -> timedelta:
    """Look at what is due; return how long to rest."""
    try:
        if not await database.read(lambda connection: campaign_syncs.is_due(connection, now())):
            return _LOOK
        await asyncio.to_thread(_round, life, settings, database, partial(_tell, metrics))
    except Stopping:
        return _LOOK
    except (NotAuthorised, UnusableKey, AudienceGone) as error:
        metrics.mailchimp(MailchimpHealth.REFUSED)
        log.error("sync_stopped", reason=str(error))
        return _STOPPED
    except StoreUnavailable as error:
        log.error("sync_put_off", reason=str(error))
        return _AWAY
    except Exception:
        log.exception("sync_fault")
        return _STOPPED
    return _LOOK


def _round(
    life: Life, settings: Settings, database: Database, heard: Callable[[Heard], None]
) -> None:
    def beat(what: str, done: int, total: int) -> None:
        del what, done, total
        if life.stopping.is_set():
            raise Stopping

    with mailchimp.office(settings, database, progress=beat, part="returns") as office:
        if _take(office):
            try:
                made(settings, office, heard).run()
            finally:
                with database.writing() as connection:
                    leases.drop(connection, LEASE, office.holder)


def made(settings: Settings, office: Office, heard: Callable[[Heard], None]) -> Rounds:
    """Return what looks at Mailchimp, under the settings."""
    return Rounds(
        office=office,
        new_id=common.Ids().next,
        from_sending=settings.mailchimp.age_from == "sent",
        heard=heard,
    )


def _take(office: Office) -> bool:
    with office.database.writing() as connection:
        holder = leases.holder(connection, LEASE)
        if holder is not None and holder != office.holder and office.is_gone(holder):
            leases.drop(connection, LEASE, holder)
        return leases.take(connection, LEASE, office.holder, office.clock(), _LEASE_TIME)


def _tell(metrics: Metrics, heard: Heard) -> None:
    """Log what was read, and count it."""
    match heard:
        case Moved(campaign, state):
            log.info("campaign_state", campaign=ids.show(campaign), state=state.value)
        case Copied(campaign, mirrored):
            metrics.mailchimp(MailchimpHealth.UP)
            metrics.synced(mirrored.new, mirrored.opted_out)
            log.info(
                "campaign_synced",
                campaign=ids.show(campaign),
                new=mirrored.new,
                opted_out=mirrored.opted_out,
                missing=sum(mirrored.gaps.values()),
            )
        case Left(audience, departed):
            metrics.mailchimp(MailchimpHealth.UP)
            metrics.synced(0, departed.opted_out)
            log.info(
                "audience_synced",
                audience=audience,
                unsubscribed=departed.unsubscribed,
                cleaned=departed.cleaned,
                opted_out=departed.opted_out,
            )
        case Idle(number):
            log.debug("campaigns_idle", number=number)
        case PutOff(campaign, reason, busy):
            if campaign is None:
                metrics.mailchimp(MailchimpHealth.DOWN)
            tell = log.info if busy else log.warning
            named = "" if campaign is None else ids.show(campaign)
            tell("sync_put_off", campaign=named, reason=reason)


async def _rest(life: Life, duration: timedelta, settings: Settings) -> None:
    """Wait; new settings end the wait of a sync that was stopped."""
    until = asyncio.get_running_loop().time() + duration.total_seconds()
    while not life.stopping.is_set() and life.settings is settings:
        left = until - asyncio.get_running_loop().time()
        if left <= 0:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(left, 1.0)):
                await life.stopping.wait()
