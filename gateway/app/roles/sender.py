"""The `sender` role: sends the gateway's own mail, and does the store's chores."""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from gateway import logs
from gateway.app import common
from gateway.app.common import now, open_store_of
from gateway.app.decision.held_reports import HeldReportWriter
from gateway.app.endpoints import endpoints
from gateway.app.feed.deleted_people import DeletedPeople
from gateway.app.people.erasure import remove_blob
from gateway.app.roles.bounce_reports import LOOK_EVERY, DailyBounceReport
from gateway.app.roles.role_context import RoleContext
from gateway.app.roles.store_waiting import wait_for_store
from gateway.app.roles.triggered_mail import TriggeredMail
from gateway.app.roles.webhooks import Webhooks
from gateway.app.sending.own_mail import own_mail_sender, own_mail_settings
from gateway.app.wording import mail_wordings
from gateway.config import Settings
from gateway.core.errors import GatewayError
from gateway.core.triggers.run_report import RUN_REPORT
from gateway.crm.folder.feed_folder import FeedFolder, HandledFile
from gateway.delivery.own_mail import OwnMailSender
from gateway.metrics import Metrics
from gateway.outbox.worker import OutboxWorker
from gateway.runtime import processes
from gateway.runtime.lease import Lease
from gateway.runtime.periodic import every, in_steps, repeat
from gateway.store.api import answers
from gateway.store.console import console_acts, console_sessions
from gateway.store.engine import done_once
from gateway.store.engine.blobs import Blobs
from gateway.store.engine.database import Database, StoreTransaction, StoreUnavailable
from gateway.store.feed import feed_faults
from gateway.store.journal import held_reports, known_bulk, message_lookup, messages, searching
from gateway.store.people import retention
from gateway.store.people.retention import Forgetting
from gateway.store.sending import outbox
from gateway.triggers import reports

TIDY_EVERY = timedelta(minutes=10)
TIDY_STEP = 500  #: Rows deleted per transaction, which is as long as mail may have to wait.
FEED_LEASE = timedelta(minutes=10)  #: How long one file may take.
_REST = timedelta(milliseconds=200)  #: Between two steps, for the mail.
_SWEEP = timedelta(seconds=1)
_WORDS_EVERY = timedelta(seconds=10)
_WORDS_STEP = 200  #: Messages indexed per transaction.
_WORDS_REST = timedelta(milliseconds=20)  #: Between two of these, for the mail.

log = logs.get("sender")

Prune = Callable[[StoreTransaction, datetime, int], int]


def check_files(settings: Settings) -> None:
    """Read the files that the settings name for this role; GatewayError if one can't be used."""
    own_mail_settings(settings)
    endpoints(settings)
    HeldReportWriter(settings)
    mail_wordings(settings, "trigger_report", RUN_REPORT)


async def run_sender(context: RoleContext) -> None:
    """Do everything that is due until the process is to stop."""
    database = open_store_of(context.settings, context.store)
    holder = processes.holder()
    own_mail = own_mail_sender(context.settings, Metrics())
    reporter = HeldReportWriter(context.settings)
    webhooks = Webhooks(
        context.settings, database, holder=holder, stopping=context.stopping, count=own_mail.count
    )

    async def apply(settings: Settings) -> None:
        reporter.apply(settings)
        webhooks.apply(settings)
        own_mail.apply(own_mail_settings(settings))

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
        # An unavailable store doesn't prevent the start: mail gets the answers for that case.
        context.ready()
        await wait_for_store(context, database)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(worker.run())
            tasks.create_task(webhooks.run())
            for interval, chore in (
                (TIDY_EVERY, tidying),
                (LOOK_EVERY, report_bounces),
                (_WORDS_EVERY, partial(index_words, context, database)),
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
    """While the store is away, let a chore wait for its next turn."""
    if not isinstance(error, StoreUnavailable):
        raise error
    log.error("chore_put_off", reason=str(error))


async def send_reports(database: Database, own_mail: OwnMailSender) -> None:
    """Send waiting reports on runs, whether or not the role runs anywhere."""
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
    """Delete what is older than `journal.keep`, and what no later transaction can refer to."""
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
        ("replies", settings.replies.keep, retention.prune_replies),
        ("documents", settings.documents.keep, retention.prune_documents),
        ("campaigns", settings.campaigns.keep, retention.prune_members),
        ("bounces", settings.bounces.keep, retention.prune_bounces),
    ):
        if keep is not None:
            await forget(context, database, kind, forgetting, now() - keep)


async def index_words(context: RoleContext, database: Database) -> None:
    """Index the words of messages that came in since the last time."""

    async def step() -> int:
        if not await database.read(lambda connection: searching.has_work(connection, now())):
            return 0
        return await database.write_without_sync(searching.index, now(), _WORDS_STEP)

    await in_steps(step, whole=_WORDS_STEP, rest=_WORDS_REST, stopping=context.stopping)


async def forget(
    context: RoleContext, database: Database, kind: str, forgetting: Forgetting, oldest: datetime
) -> None:
    """Delete what is older than may be kept, in small steps, with blobs nothing else needs."""
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
    """Import files from the feed's folder, as long as the settings name one."""
    folder: FeedFolder | None = None
    settings: Settings | None = None

    async def import_if_named() -> timedelta:
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
            await _import_files(folder, database, holder, settings.crm.every)
        return settings.crm.every

    def failed(_: Exception) -> None:
        log.exception("feed_fault")

    await repeat(
        import_if_named, stopping=context.stopping, failed=failed, after_failure=TIDY_EVERY
    )


async def _import_files(
    folder: FeedFolder, database: Database, holder: str, every: timedelta
) -> None:
    term = max(2 * every, FEED_LEASE)
    lease = Lease(database=database, name="feed", holder=holder, term=term, clock=now)

    def take_in() -> None:
        for handled in folder.import_settled():
            log_file(handled)

    try:
        if await lease.take():
            await asyncio.to_thread(take_in)
    except GatewayError as error:
        log.error("feed_folder_unusable", reason=str(error))


def log_file(handled: HandledFile) -> None:
    """Log the result of a file in the feed's folder."""
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
