"""The `sender` role: what the gateway itself sends, and the chores of the store."""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from gateway import logs
from gateway.app import common
from gateway.app.common import now, open_store_of
from gateway.app.decision.held_reports import HeldReportWriter
from gateway.app.dkim_keys import dkim_signer
from gateway.app.feed.deleted_people import DeletedPeople
from gateway.app.people.erasure import remove_blob
from gateway.app.relays import relays_of
from gateway.app.roles.bounce_reports import LOOK_EVERY, DailyBounceReport
from gateway.app.roles.role_context import RoleContext
from gateway.app.roles.store_ready import store_ready
from gateway.app.roles.triggered_mail import TriggeredMail
from gateway.app.roles.webhooks import Webhooks
from gateway.config import Settings
from gateway.core.errors import GatewayError
from gateway.core.mail.address import domain_of
from gateway.core.sending.outbox import AttemptResult, OutboxRow, OutboxState
from gateway.crm.folder.feed_folder import FeedFolder, HandledFile
from gateway.delivery.connection import RelayConnection, RelayLost, RelayRefuses
from gateway.delivery.pool import PROXY_SHARE, Pool
from gateway.delivery.settings import RelaySettings, choose
from gateway.delivery.submission import submit
from gateway.metrics import Metrics, RelayHealth
from gateway.outbox.worker import OutboxWorker
from gateway.runtime import processes
from gateway.runtime.lease import Lease
from gateway.runtime.periodic import every, in_steps, repeat
from gateway.store.api import answers
from gateway.store.console import console_acts, console_sessions
from gateway.store.engine import done_once
from gateway.store.engine.blobs import Blobs
from gateway.store.engine.database import Database, StoreUnavailable
from gateway.store.feed import feed_faults
from gateway.store.journal import held_reports, known_bulk, message_lookup, messages, searching
from gateway.store.people import retention
from gateway.store.people.retention import Forgetting
from gateway.store.sending import outbox
from gateway.triggers import reports

TIDY_EVERY = timedelta(minutes=10)
TIDY_STEP = 500  #: Rows forgotten in one transaction: mail waits no longer than for that.
FEED_LEASE = timedelta(minutes=10)  #: One file may take so long.
_REST = timedelta(milliseconds=200)  #: Between two steps, for the mail.
_SWEEP = timedelta(seconds=1)
_WORDS_EVERY = timedelta(seconds=10)
_WORDS_STEP = 200  #: Messages of which words are taken in one transaction.
_WORDS_REST = timedelta(milliseconds=20)  #: Between two of these, for the mail.

log = logs.get("sender")

_FEWEST_AT_ONCE = 4  #: Triggered mails, so that one the relay is slow with doesn't delay others.
Prune = Callable[[Any, datetime, int], int]


async def run_sender(context: RoleContext) -> None:
    """Do everything that is due until the process is to stop."""
    database = open_store_of(context.settings, context.store)
    holder = processes.holder()
    own_mail = OwnMailSender(context.settings, Metrics())
    reporter = HeldReportWriter(context.settings)
    webhooks = Webhooks(
        context.settings, database, holder=holder, stopping=context.stopping, count=own_mail.count
    )

    async def apply(settings: Settings) -> None:
        reporter.apply(settings)
        webhooks.apply(settings)
        await own_mail.apply(settings)

    context.apply = apply
    worker = OutboxWorker(
        database,
        own_mail.deliver,
        holder=holder,
        stopping=context.stopping,
        clock=now,
        jitter=random.random,
        count=own_mail.count,
        compose=reporter.compose,
    )
    tidying = partial(tidy, context, database, holder)
    bounce_report = DailyBounceReport(database)

    async def report_bounces() -> None:
        await bounce_report.write(context.settings)

    triggered = TriggeredMail(context, database, own_mail)
    try:
        # A store that is away keeps nobody from starting: mail gets the answers for that case.
        context.ready()
        await store_ready(context, database)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(worker.run())
            tasks.create_task(webhooks.run())
            for interval, chore in (
                (TIDY_EVERY, tidying),
                (LOOK_EVERY, report_bounces),
                (_WORDS_EVERY, partial(take_words, context, database)),
                (_SWEEP, own_mail.sweep),
            ):
                tasks.create_task(
                    every(interval, chore, stopping=context.stopping, failed=_put_off)
                )
            tasks.create_task(take_in_files(context, database, holder))
            tasks.create_task(triggered.work())
    finally:
        triggered.close()
        own_mail.close()
        database.close()


def _put_off(error: Exception) -> None:
    """While the store is away a chore waits for its next time."""
    if not isinstance(error, StoreUnavailable):
        raise error
    log.error("chore_put_off", reason=str(error))


class OwnMailSender:
    """Takes the gateway's own mail to its relay, over connections the proxy leaves free."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._metrics = metrics
        self._pools: dict[str, Pool] = {}
        self._take(settings, relays_of(settings))

    async def deliver(self, row: OutboxRow) -> AttemptResult:
        """Send a row of the outbox once."""
        named = next((relay for relay in self._relays if relay.name == row.relay), None)
        pool = self._pools[(named or self._chosen(row.sender)).name]
        sender = row.sender or ("" if pool.settings.null_sender else self._own_address)
        # What came back is passed on as it is.
        content = row.body if row.type == "bounce" else self._signer.signed(row.body)
        return await submit(pool, sender=sender, recipient=row.recipient, content=content)

    @property
    def at_once(self) -> int:
        """How many triggered mails are let go at once: as many as there are connections.

        After a crash, nobody knows of a mail that was let go whether it left. And if a relay has a
        pace, more than a few would only wait until their lease is over.
        """
        connections = min(
            1 if relay.messages_per_minute else relay.own_mail_connections for relay in self._relays
        )
        return max(_FEWEST_AT_ONCE, connections)

    def relay_of(self, sender: str) -> str:
        """Return the name of the relay for mail of a sender."""
        return self._chosen(sender).name

    async def submit(self, *, sender: str, recipient: str, content: bytes) -> AttemptResult:
        """Send a mail once, whatever it is."""
        pool = self._pools[self.relay_of(sender)]
        signed = self._signer.signed(content)
        return await submit(pool, sender=sender, recipient=recipient, content=signed)

    def count(self, kind: str, state: OutboxState) -> None:
        """Count how an attempt ended."""
        self._metrics.outbox(kind, state).inc()

    async def sweep(self) -> None:
        """Close connections that have been idle for too long."""
        for pool in self._pools.values():
            pool.sweep()

    async def apply(self, settings: Settings) -> None:
        """Go by new settings from the next mail on."""
        relays = relays_of(settings)
        self.close()
        self._take(settings, relays)

    def close(self) -> None:
        """Close what is idle."""
        for pool in self._pools.values():
            pool.close()

    def _take(self, settings: Settings, relays: tuple[RelaySettings, ...]) -> None:
        self._relays = relays
        self._pools = {relay.name: self._pool(relay) for relay in relays}
        self._own_address = common.notifier(settings)
        self._signer = dkim_signer(settings)

    def _pool(self, relay: RelaySettings) -> Pool:
        pace = relay.messages_per_minute
        per_minute = pace * (1 - PROXY_SHARE) if pace else None
        return Pool(
            relay,
            connections=relay.own_mail_connections,
            per_minute=per_minute,
            observe=self._relay_seen,
        )

    def _relay_seen(
        self, relay: RelaySettings, seen: RelayConnection | RelayLost | RelayRefuses
    ) -> None:
        if isinstance(seen, RelayConnection):
            self._metrics.relay(relay.name, RelayHealth.UP)
            return
        self._metrics.relay(relay.name, RelayHealth.DOWN)
        log.error("relay_unusable", relay=relay.name, reason=str(seen))

    def _chosen(self, sender: str) -> RelaySettings:
        domain = domain_of(sender)
        return choose(self._relays, listener="", login=None, sender_domain=domain)


async def send_reports(database: Database, own_mail: OwnMailSender) -> None:
    """Send the reports of runs that wait, whether or not the role runs anywhere."""
    worker = OutboxWorker(
        database,
        own_mail.deliver,
        holder=processes.holder("reports"),
        stopping=asyncio.Event(),
        clock=now,
        jitter=random.random,
        count=own_mail.count,
    )
    await worker.send_due(only=reports.TYPE)


async def tidy(context: RoleContext, database: Database, holder: str) -> None:
    """Forget what is older than `journal.keep`, and what no later transaction can refer to."""
    lease = Lease(database=database, name="tidy", holder=holder, term=TIDY_EVERY, clock=now)
    if not await lease.take():
        return
    await database.write(lambda connection: message_lookup.forget_attempts(connection, now()))
    await database.write(lambda connection: known_bulk.forget(connection, now()))
    oldest = now() - context.settings.journal.keep
    for prune in (
        messages.prune,
        outbox.prune,
        held_reports.prune,
        console_acts.prune,
        feed_faults.prune,
    ):
        await _prune(context, database, prune, oldest)
    await _prune(context, database, answers.prune, now() - answers.KEEP)
    await _prune(context, database, done_once.prune, now())
    await _prune(context, database, console_sessions.prune, now())
    settings = context.settings
    for kind, keep, forgetting in (
        ("replies", settings.replies.keep, retention.replies),
        ("documents", settings.documents.keep, retention.old_documents),
        ("campaigns", settings.campaigns.keep, retention.members),
        ("bounces", settings.bounces.keep, retention.came_back),
    ):
        if keep is not None:
            await forget(context, database, kind, forgetting, now() - keep)


async def take_words(context: RoleContext, database: Database) -> None:
    """Take the words by which messages are found, of those that came since the last time."""

    async def step() -> int:
        if not await database.read(lambda connection: searching.has_work(connection, now())):
            return 0
        return await database.write_without_sync(searching.index, now(), _WORDS_STEP)

    await in_steps(step, whole=_WORDS_STEP, rest=_WORDS_REST, stopping=context.stopping)


async def forget(
    context: RoleContext, database: Database, kind: str, forgetting: Forgetting, oldest: datetime
) -> None:
    """Forget in small steps what is older than it may be kept, with blobs nothing else has."""
    blobs = Blobs(context.settings.store.blobs)
    files = 0

    async def step() -> int:
        nonlocal files
        rows, digests = await database.write(forgetting, oldest, TIDY_STEP)
        for digest in dict.fromkeys(digests):
            files += await asyncio.to_thread(remove_blob, database, blobs, digest)
        return rows

    rows = await in_steps(step, whole=TIDY_STEP, rest=_REST, stopping=context.stopping)
    if rows:
        log.info("forgotten", kind=kind, rows=rows, files=files)


async def _prune(context: RoleContext, database: Database, prune: Prune, oldest: datetime) -> None:
    async def step() -> int:
        return await database.write(prune, oldest, TIDY_STEP)

    rows = await in_steps(step, whole=TIDY_STEP, rest=_REST, stopping=context.stopping)
    log.debug("pruned", rows=rows)


async def take_in_files(context: RoleContext, database: Database, holder: str) -> None:
    """Look at the folder of the feed again and again, as long as the settings name one."""
    folder: FeedFolder | None = None
    settings: Settings | None = None

    async def look() -> timedelta:
        nonlocal folder, settings
        if settings is not context.settings:
            settings = context.settings
            if settings.crm.folder is None:
                folder = None
            else:
                folder = FeedFolder(
                    database,
                    settings.crm.folder,
                    source=settings.crm.source,
                    tag_scopes=settings.suppression.tags,
                    clock=now,
                    zone=common.time_zone(settings),
                    mapping=settings.crm.mapping,
                    keep_suppressed=DeletedPeople(settings, database),
                )
        if folder is not None:
            await _look(folder, database, holder, settings.crm.every)
        return settings.crm.every

    def failed(_: Exception) -> None:
        log.exception("feed_fault")

    await repeat(look, stopping=context.stopping, failed=failed, after_failure=TIDY_EVERY)


async def _look(folder: FeedFolder, database: Database, holder: str, every: timedelta) -> None:
    term = max(2 * every, FEED_LEASE)
    lease = Lease(database=database, name="feed", holder=holder, term=term, clock=now)

    def take_in() -> None:
        for handled in folder.look():
            log_file(handled)

    try:
        if await lease.take():
            await asyncio.to_thread(take_in)
    except GatewayError as error:
        log.error("feed_folder_unusable", reason=str(error))


def log_file(handled: HandledFile) -> None:
    """Log what became of a file of the feed's folder."""
    if handled.fault is not None:
        log.error("feed_file_fault", file=handled.name, exc_info=handled.fault)
    if handled.state == "waiting":
        log.error("feed_file_waits", file=handled.name, reason=handled.error)
        return
    if handled.state == "failed":
        log.error("feed_file_failed", file=handled.name, reason=handled.error)
        return
    report = handled.report
    facts = {
        "file": handled.name,
        "records": report.records if report else 0,
        "problems": report.problem_count if report else 0,
    }
    if report is None or report.is_good:
        log.info("feed_file_taken_in", **facts)
    else:
        log.warning("feed_file_taken_in_part", **facts)
