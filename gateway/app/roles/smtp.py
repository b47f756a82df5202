"""The `smtp` role: runs the proxy under the configured policy, with a worker's chores."""

import asyncio
import contextlib
import gc
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from time import monotonic, sleep
from zlib import crc32

from gateway import logs
from gateway.app import common
from gateway.app.decision.proxy_policy import listeners, policy
from gateway.app.keys import erased_names
from gateway.app.roles.role_context import RoleContext
from gateway.config import Settings
from gateway.core.ids import PROVISIONAL
from gateway.metrics import Metrics
from gateway.runtime import processes
from gateway.runtime.periodic import every, repeat
from gateway.smtp_proxy.decider import Decider
from gateway.smtp_proxy.import_transaction import ImportSpool
from gateway.smtp_proxy.journaling.bulk_memory import BulkMemory
from gateway.smtp_proxy.journaling.host_marks import HostMarks
from gateway.smtp_proxy.journaling.journal_client import JournalClient, take_records_in
from gateway.smtp_proxy.journaling.language_choice import LanguageChoice
from gateway.smtp_proxy.journaling.local_record import LocalRecord
from gateway.smtp_proxy.journaling.never_mailed import NeverMailed
from gateway.smtp_proxy.journaling.retries import Retries
from gateway.smtp_proxy.proxy_services import ProxyServices
from gateway.smtp_proxy.worker import HELP, SmtpWorker, put_off
from gateway.store.engine.blobs import Blobs
from gateway.store.engine.database import Database, StoreUnavailable, WrongSchema
from gateway.store.journal import relay_offers, worker_log, workers
from gateway.store.journal.journal import JournalWriter, MessageJournal
from gateway.store.journal.logged_journal import LoggedJournal
from gateway.store.journal.message_lookup import MessageLookup
from gateway.store.journal.worker_log import WorkerLog
from gateway.store.people.staff_languages import StaffLanguages
from gateway.store.people.suppression import Standings
from gateway.store.views import status

log = logs.get("smtp_proxy")

#: The journal's thread takes the GIL several times per commit; with the usual 5 ms it would wait
#: longer for it than for the disk.
_SWITCH_SECONDS = 0.001
_COLLECT_AFTER = 20_000  #: New objects; every other message would reach Python's default of 700.
_LOG_SECONDS = 0.05  #: How long log lines are gathered.
#: Between two runs of each chore.
_SWEEP = timedelta(seconds=1)
_RELEASE = timedelta(seconds=0.2)
_FEED = timedelta(seconds=15)
_NEVER_MAILED = timedelta(seconds=30)
_TAKE_IN = timedelta(seconds=1)
_OFFERS = timedelta(seconds=1)


class ListStopping(Exception):
    """The process is ending, so the list of who is never mailed stays as it was."""


def fixed_settings(settings: Settings) -> tuple[object, ...]:
    """Return what a worker takes up at its start only; if it changes, new workers take over.

    GatewayError if a file that the settings name can't be used.
    """
    purposes = {listener.name: listener.imports for listener in listeners(settings)}
    counts_bursts = bool(policy(settings).bursts)  # They decide how the journal is written.
    return purposes, counts_bursts, settings.inbound.max_size, settings.keys


async def run_smtp(context: RoleContext) -> None:
    """Accept mail until the process is to stop; then finish what has reached the dot."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    logs.gather(partial(asyncio.get_running_loop().call_later, _LOG_SECONDS))
    database = common.open_store_of(context.settings, context.store)
    role = _SmtpRole(context, database, await register(database, context.number))
    context.apply = role.apply
    await role.run()
    database.close()


class _SmtpRole:
    """The parts of a worker, assembled."""

    def __init__(self, context: RoleContext, database: Database, number: int) -> None:
        settings = context.settings
        self._context = context
        self._database = database
        self._number = number
        self._local = LocalRecord(settings.store.outage, processes.holder())
        self._never = NeverMailed(settings.store.outage / "never-mailed", erased_names(settings))
        self._bulk_memory = BulkMemory()
        self._lookups: tuple[Standings | MessageLookup, ...] = ()
        self._staff_languages = StaffLanguages(database)
        self._services = ProxyServices(
            policy(settings),
            self._decider(settings),
            LanguageChoice(self._staff_languages),
            Retries(open_marks(settings)),
            worker=number,
            shares=settings.smtp.workers,
            metrics=Metrics(),
        )
        self._journal = _journal(database, self._services, number)
        self._services.journal_client = JournalClient(
            self._journal, self._local, self._services.spawn
        )
        self._worker = SmtpWorker(
            self._services,
            ImportSpool(
                database,
                Blobs(settings.store.blobs),
                new_id=self._services.new_id,
                max_size=settings.inbound.max_size,
            ),
        )
        self._chores = _Chores(database, self._services, number, self._local, context.stopping)

    def _decider(self, settings: Settings) -> Decider:
        """Return the decider for these settings; the lookups of the old one release the store."""
        for old_lookup in self._lookups:
            old_lookup.close()
        self._standings = common.standings(settings, self._database)
        lookup = MessageLookup(self._database)
        self._lookups = (self._standings, lookup)
        return Decider(self._standings, lookup, self._never, self._bulk_memory)

    async def apply(self, fresh: Settings) -> None:
        """Apply new settings."""
        self._worker.apply(policy(fresh), listeners(fresh))
        self._services.decider = self._decider(fresh)

    async def run(self) -> None:
        """Work until the process is to stop, then shut down in order."""
        await self._chores.first_look()
        with contextlib.suppress(StoreUnavailable):  # Opens the store before the first client.
            await self._standings.of([self._services.policy.notifier])
        chores = self._chores
        closed = asyncio.Event()  #: Set after `stopping`, as finishing sessions need chores.
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(
                    every(interval, chore, stopping=closed, failed=partial(put_off, chore.__name__))
                )
                for interval, chore in (
                    (_SWEEP, self._worker.sweep),
                    (_RELEASE, self._worker.release_idle_relays),
                    (workers.BEAT, chores.beat),
                    (_FEED, chores.update_feed_age),
                    (_TAKE_IN, chores.take_in),
                    (_OFFERS, chores.keep_offers),
                )
            ]
            learning = repeat(
                self._worker.reach_relays,
                stopping=closed,
                failed=partial(put_off, "reach_relays"),
                after_failure=_SWEEP,
            )
            running.append(tasks.create_task(learning))
            remembering = repeat(
                self.remember_never_mailed,
                stopping=closed,
                failed=partial(put_off, "remember_never_mailed"),
                after_failure=_NEVER_MAILED,
            )
            running.append(tasks.create_task(remembering))
            await self._chores.wait_for_relays()
            # Long-lived objects are excluded from garbage collection; cycles are rare after this.
            gc.collect()
            gc.freeze()
            gc.set_threshold(_COLLECT_AFTER, 20, 20)
            settings = self._context.settings
            self._worker.open(listeners(settings), self._context.sockets)
            helping = every(
                HELP,
                partial(self._worker.help, self._context.others),
                stopping=self._context.stopping,
                failed=partial(put_off, "help"),
            )
            running.append(tasks.create_task(helping))
            self._context.ready()
            await self._context.stopping.wait()
            await self._worker.close()
            closed.set()
            for task in running:  # They may be waiting for a store that is away, or run forever.
                task.cancel()
        await self._journal.close()
        await self._chores.retire()

    async def remember_never_mailed(self) -> timedelta:
        """Remember what is needed while the store is away; return how long to wait before again."""
        began = monotonic()
        await self._chores.remember_never_mailed(self._standings, self._never)
        await self._chores.remember_staff_languages(self._staff_languages)
        # Half a minute, unless the list is so long that it takes more than a tenth of the time.
        return max(_NEVER_MAILED, 10 * timedelta(seconds=monotonic() - began))


def _journal(database: Database, services: ProxyServices, number: int) -> MessageJournal:
    """Write to SQLite through a log, as direct commits would cost more than the mail itself.

    Bursts are counted in the store from one message to the next: with them, writes are direct.
    """
    committed = services.note_commit
    log_file = open_log(database, number, is_needed=not services.policy.bursts)
    if log_file is None:
        return JournalWriter(database, number, committed=committed)
    return LoggedJournal(
        database,
        number,
        log_file,
        committed=committed,
        refused=lambda reason: log.error("row_refused", reason=reason),
    )


def open_marks(settings: Settings) -> HostMarks | None:
    """Open the marks that workers on this host share at once; None if they can't be used."""
    try:
        return HostMarks(settings.store.outage / "in-flight")
    except OSError as error:
        log.error("in_flight_marks_unusable", reason=str(error))
        return None


def open_log(database: Database, number: int, *, is_needed: bool) -> WorkerLog | None:
    """Open the log for a worker's number; None if its journal is written to the store directly.

    Only the log of a registered number is taken in after a crash.
    """
    if not database.is_sqlite or number in PROVISIONAL:
        return None
    path = worker_log.path_for(str(database.url.database), number)
    try:
        if is_needed:
            return WorkerLog(path)
        worker_log.discard(path)
    except OSError as error:
        log.error("journal_log_unusable", reason=str(error))
    return None


async def register(database: Database, of_gateway: int) -> int:
    """Get a number of our own; without a store, use a likely free one until it is back.

    Such a number differs from those of this gateway's other workers: `of_gateway` is the one that
    the supervisor gave the process.
    """
    holder, loop = processes.holder(), asyncio.get_running_loop()
    try:
        await loop.run_in_executor(None, database.prepare)
        return await database.write(
            lambda connection: workers.register(
                connection, holder=holder, now=common.now(), is_gone=processes.has_ended
            )
        )
    except StoreUnavailable as error:
        log.error("store_unavailable", reason=str(error))
        return PROVISIONAL[(crc32(processes.node().encode()) + of_gateway) % len(PROVISIONAL)]


class _Chores:
    """A worker's chores besides accepting mail."""

    def __init__(
        self,
        database: Database,
        services: ProxyServices,
        number: int,
        local: LocalRecord,
        stopping: asyncio.Event,
    ) -> None:
        self._database = database
        self._services = services
        self._number = number
        self._local = local
        self._stopping = stopping
        self._stored_offers: dict[str, dict[str, str]] = {}
        self._beat_at = self._steady_since = common.now()

    async def first_look(self) -> None:
        """Read what is stored about relays and feed; without a store, do so later."""
        try:
            self._stored_offers = await self._database.read(relay_offers.stored_offers)
            self._services.offers = {**self._services.offers, **self._stored_offers}
            await self.update_feed_age()
        except StoreUnavailable as error:
            log.error("store_unavailable", reason=str(error))

    async def wait_for_relays(self) -> None:
        """Wait, but not for long, for the extensions of relays never reached before."""
        if all(relay.name in self._services.offers for relay in self._services.policy.relays):
            return
        try:
            async with asyncio.timeout(2.0):
                await self._services.wait_for_new_offers()
        except TimeoutError:
            log.warning("relay_not_seen_yet")

    async def beat(self) -> None:
        """Report that this process is alive, and settle what ended processes left.

        A process that can't write to the store in its present state ends, and the supervisor
        restarts it.
        """
        holder, number = processes.holder(), self._number
        now = common.now()
        # Beats are missed while the store is away, and if the machine slept or its clock jumped.
        if not timedelta(0) <= now - self._beat_at < 2 * workers.BEAT:
            self._steady_since = now
        try:
            await asyncio.get_running_loop().run_in_executor(None, self._database.prepare)
            has_number = await self._database.write(
                workers.beat,
                number,
                holder=holder,
                now=now,
                is_gone=processes.has_ended,
                steady_since=self._steady_since,
            )
            self._beat_at = now
        except WrongSchema as error:
            log.error("store_unusable", reason=str(error))
            has_number = False
        if not has_number:
            log.error("starting_anew", number=number)
            self._stopping.set()

    async def update_feed_age(self) -> None:
        """Update the age of the feed."""
        self._services.feed_time = await self._database.read(status.fed_at)

    async def remember_never_mailed(self, standings: Standings, never: NeverMailed) -> None:
        """Remember who is never mailed, for when the store is away."""
        loop = asyncio.get_running_loop()
        addresses = self._with_rests(standings.never_mailed_addresses())
        with contextlib.suppress(ListStopping):
            await loop.run_in_executor(None, never.replace, addresses)

    def _with_rests(self, chunks: Iterable[Sequence[str]]) -> Iterator[str]:
        """Yield what is in chunks, and rest after each for as long as it took.

        A thousand addresses take the interpreter for 25 ms, which sessions wait for; a hundred
        thousand for seconds. Raise `ListStopping` once the process is to stop.
        """
        began = monotonic()
        for chunk in chunks:
            yield from chunk
            if self._stopping.is_set():
                raise ListStopping
            sleep(monotonic() - began)
            began = monotonic()

    async def remember_staff_languages(self, languages: StaffLanguages) -> None:
        """Remember who reads which language, for when the store is away."""
        await asyncio.get_running_loop().run_in_executor(None, languages.remember)

    async def take_in(self) -> None:
        """Take in what was recorded while the store was away."""
        await take_records_in(self._database, self._local, self._number, processes.has_ended)

    async def keep_offers(self) -> None:
        """Store the relays' extensions whenever they have changed."""
        current = dict(self._services.offers)
        if current != self._stored_offers:
            await self._database.write(
                lambda connection: relay_offers.keep(connection, current, common.now())
            )
            self._stored_offers = current

    async def retire(self) -> None:
        """Give the worker's number back; whatever is still open has no outcome."""
        holder, number = processes.holder(), self._number
        try:
            await self._database.write(workers.retire, number, holder=holder)
        except StoreUnavailable as error:
            log.error("store_unavailable", reason=str(error))
