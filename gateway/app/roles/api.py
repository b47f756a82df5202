"""The `api` role: serves the HTTP API and the console."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from gateway import logs, metrics
from gateway.api import mailchimp
from gateway.api.application import application
from gateway.api.console.rendering import compile_pages
from gateway.api.console.terms import ConsoleTerms, ProxyTerms
from gateway.api.console.users import ConsoleUsers
from gateway.api.health import Health
from gateway.api.public import unsubscribe
from gateway.api.public.client_rates import ClientRates
from gateway.api.server import serve
from gateway.api.services import ApiServices
from gateway.app import common
from gateway.app.campaigns.campaign_actions import Campaigns
from gateway.app.checks.current_findings import findings_of
from gateway.app.common import now, open_store_of
from gateway.app.console import oidc_terms
from gateway.app.feed.feeding import StoreFeedAdapter
from gateway.app.keys import form_keys
from gateway.app.people.privacy import PrivacyAnswers
from gateway.app.replies.import_address import import_addresses
from gateway.app.replies.inbox_answers import InboxAnswers
from gateway.app.roles.bounce_reports import REPORTED
from gateway.app.roles.hints import StoredHints
from gateway.app.roles.relay_watch import RelayWatch
from gateway.app.roles.role_context import RoleContext
from gateway.app.roles.unsubscribing import StoreUnsubscribeAdapter, public_paths
from gateway.app.rules import rules_of
from gateway.app.today import TodayAnswers
from gateway.app.triggers import transitions
from gateway.app.triggers.editing_answers import TriggerEditing
from gateway.app.triggers.questions import TriggerAnswers, explain
from gateway.app.wording import mail_wordings, note_templates
from gateway.config import Settings
from gateway.core.bounces.bounce_share import MOST_COMPLAINTS, BounceShare
from gateway.core.kinds import State
from gateway.core.triggers.run_report import RUN_REPORT
from gateway.inbound.reading.markup import inert_html, safe_html
from gateway.metrics import MailchimpHealth, MetricReading, Metrics, RelayHealth
from gateway.store.bounces.bounce_shares import by_domain, highest
from gateway.store.campaigns.campaign_reports import CountedCampaigns
from gateway.store.engine.blobs import Blobs
from gateway.store.engine.database import Database, StoreTransaction, StoreUnavailable
from gateway.store.views.status import Snapshot, snapshot

_UP = {True: "up", False: "down", None: "unknown"}
_COUNTED_EVERY = timedelta(minutes=10)
_SHARES_SECONDS = 2.0  #: How long an answer waits for bounce shares.
_STORE_SECONDS = 5.0  #: After this long without an answer the store counts as away.

log = logs.get("api")


async def run_api(context: RoleContext) -> None:
    """Serve requests until the process is to stop."""
    database = open_store_of(context.settings, context.store)
    answering = services(context, database)
    try:
        collector = HealthCollector(context, database)
        app = application(
            health=collector.health,
            metrics=collector.metrics,
            metrics_type=metrics.CONTENT_TYPE,
            routers=[
                mailchimp.router(StoredHints(database), now),
                unsubscribe.router(
                    StoreUnsubscribeAdapter(lambda: context.settings, database),
                    ClientRates(lambda: context.settings.api.proxies, time.monotonic),
                ),
            ],
            public=lambda: public_paths(context.settings),
            services=answering,
            console_terms=console_terms(context),
            count=Metrics().count_request,
        )
        asyncio.get_running_loop().run_in_executor(None, compile_pages)
        await serve(app, context.sockets["api"], ready=context.ready, stopping=context.stopping)
    finally:
        await answering.inbox.close()
        database.close()


def services(context: RoleContext, database: Database) -> ApiServices:
    """Return the services for requests, always under the current settings."""
    return ApiServices(
        database=database,
        blobs=Blobs(context.settings.store.blobs),
        feed=StoreFeedAdapter(lambda: context.settings, database),
        applications=transitions.StoreApplicationAdapter(lambda: context.settings, database),
        campaigns=Campaigns(lambda: context.settings, database),
        campaign_counts=CountedCampaigns(),
        triggers=TriggerAnswers(lambda: context.settings, database),
        trigger_changes=TriggerEditing(lambda: context.settings, database),
        inbox=InboxAnswers(lambda: context.settings, database),
        privacy=PrivacyAnswers(lambda: context.settings, database),
        today=TodayAnswers(
            database, findings_of(lambda: (context.settings, context.config), now), now
        ),
        explain=lambda mail: explain(context.settings, database, mail),
        standings=lambda: common.standings(context.settings, database),
        suppressed=lambda: common.suppressed_addresses(context.settings, database),
        rules=lambda: rules_of(context.settings),
        lookup=lambda address: common.lookup(context.settings, address),
        zone=lambda: common.time_zone(context.settings),
        notes=lambda: note_templates(context.settings),
        run_words=lambda: run_words(context.settings),
        inert_html=lambda html: inert_html(safe_html(html)),
        import_addresses=lambda: [
            (place.address, place.told_by) for place in import_addresses(context.settings)
        ],
        count_machine_opens=lambda: context.settings.mailchimp.count_machine_opens,
        clock=now,
        new_id=common.ids_of(database).next,
    )


def run_words(settings: Settings) -> dict[str, Mapping[str, str]]:
    """Return the words for reports on triggers' runs, by language."""
    wordings = mail_wordings(settings, "trigger_report", RUN_REPORT)
    return {language: wording.words for language, wording in wordings.items()}


def console_terms(context: RoleContext) -> Callable[[], ConsoleTerms]:
    """Return a function that returns the console's current settings."""

    def tell(fault: str) -> None:
        log.error("file_unusable", reason=fault)

    @cache
    def users_of(file: Path) -> ConsoleUsers:
        return ConsoleUsers(file, tell)

    def terms() -> ConsoleTerms:
        console = context.settings.console
        return ConsoleTerms(
            users=users_of(console.users),
            session=console.session,
            proxies=context.settings.api.proxies,
            language=context.settings.suppression.language,
            form_keys=lambda: form_keys(context.settings),
            proxy=None
            if console.proxy is None
            else ProxyTerms(
                user_header=console.proxy.user_header.lower(),
                role_header=(console.proxy.role_header or "").lower(),
            ),
            oidc=None if console.oidc is None else oidc_terms(console.oidc),
        )

    return terms


class HealthCollector:
    """Collects the gateway's health from its store, its processes and what they last heard."""

    def __init__(self, context: RoleContext, database: Database) -> None:
        self._context = context
        self._database = database
        self._watch = RelayWatch()
        self._shares = SharesOfWeek(database, time.monotonic)

    async def health(self) -> Health:
        """Return the health, after querying the store and calling relays without recent mail."""
        snapshot, shares, _ = await asyncio.gather(
            self._snapshot(), self._shares.known_shares(), self._call_silent_relays()
        )
        health_by_relay = await asyncio.to_thread(metrics.relay_health)
        read = await asyncio.to_thread(metrics.mailboxes_up)
        mailchimp = None
        if self._context.settings.mailchimp.api_key is not None:
            mailchimp = health_word(await asyncio.to_thread(metrics.mailchimp_health))
        return Health(
            store=snapshot is not None,
            relays={
                relay.name: health_word(health_by_relay.get(relay.name))
                for relay in self._context.settings.relays
            },
            roles=self._context.roles,
            feeds=_ages(snapshot) if snapshot else {},
            kinds=kinds_of_files(snapshot) if snapshot else {},
            references=snapshot.references if snapshot else {},
            unread=snapshot.unread if snapshot else {},
            paused=snapshot.paused if snapshot else (),
            mailboxes={
                mailbox.name: _UP[read.get(mailbox.name)]
                for mailbox in self._context.settings.inbound.mailboxes
            },
            mailchimp=mailchimp,
            comes_back=bounce_state(shares),
        )

    async def metrics(self) -> bytes:
        """Return all metrics of all processes on this host."""
        snapshot, shares, _ = await asyncio.gather(
            self._snapshot(), self._shares.known_shares(), self._call_silent_relays()
        )
        readings = [
            *readings_of_processes(self._context.roles),
            *readings_of_store(snapshot),
            *readings_of_shares(shares),
        ]
        return await asyncio.to_thread(metrics.exposition, readings)

    async def _call_silent_relays(self) -> None:
        await self._watch.call_silent(self._context.settings.relays)

    def store_snapshot(self, connection: StoreTransaction) -> Snapshot:
        """Read the status of the store; raise `StoreUnavailable` if it is read-only."""
        # A read-only store (after a failover) is as good as away: mail gets a 451.
        self._database.ensure_writable(connection)
        return snapshot(connection)

    async def _snapshot(self) -> Snapshot | None:
        try:
            async with asyncio.timeout(_STORE_SECONDS):
                return await self._database.read(self.store_snapshot)
        except (StoreUnavailable, TimeoutError):
            return None


class SharesOfWeek:
    """What share of mail bounced in the last 7 days, at most ten minutes old.

    Counting a week's mail can take seconds if there is much of it: callers wait only a moment, and
    then get the previous count.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._counted: list[BounceShare] | None = None
        self._counted_at = 0.0
        self._counting: asyncio.Task[None] | None = None

    async def known_shares(self) -> list[BounceShare] | None:
        """Return the shares; None if nothing is known yet."""
        is_old = self._clock() - self._counted_at > _COUNTED_EVERY.total_seconds()
        if self._counting is None and (self._counted is None or is_old):
            self._counting = asyncio.create_task(self._count())
        if self._counting is not None:
            await asyncio.wait([self._counting], timeout=_SHARES_SECONDS)
        return self._counted

    async def _count(self) -> None:
        since = now() - REPORTED
        try:
            self._counted = await self._database.read(by_domain, since)
        except StoreUnavailable:
            pass  # `gateway_store_up` reports that.
        finally:
            self._counted_at = self._clock()
            self._counting = None


def bounce_state(shares: Sequence[BounceShare] | None) -> str:
    """Return the bounce state in the form of `GET /health`, complaints first."""
    if shares is None:
        return "unknown"
    rates = highest(shares).values()
    if any(complained > MOST_COMPLAINTS for _, complained in rates):
        return "too_many_complaints"
    return "too_many_bounces" if any(share.is_alarming for share in shares) else "ok"


def health_word(health: RelayHealth | MailchimpHealth | None) -> str:
    """Return a health in the form of `GET /health`: `up`, `down` …; unknown: not called yet."""
    return "unknown" if health is None else health.name.lower()


def _ages(snapshot: Snapshot) -> dict[str, int]:
    moment = now()
    return {source: int((moment - at).total_seconds()) for source, at in snapshot.feeds.items()}


def kinds_of_files(snapshot: Snapshot) -> dict[str, dict[str, dict[str, object]]]:
    """Return the state of each kind of file by source: `{"crm": {"people": {…}}}`."""
    kinds: dict[str, dict[str, dict[str, object]]] = {}
    for kind in snapshot.kinds:
        fault = kind.fault
        kinds.setdefault(kind.source, {})[kind.what] = {
            "age_seconds": None if kind.at is None else _seconds_since(kind.at),
            "state": "ok" if fault is None else "failed" if fault.failed else "partly",
            "problems": 0 if fault is None else fault.problems,
            "faulty_for_seconds": 0 if fault is None else _seconds_since(fault.since),
        }
    return kinds


def _seconds_since(moment: datetime) -> int:
    return int((now() - moment).total_seconds())


def readings_of_processes(roles: Mapping[str, Mapping[str, int]]) -> Iterator[MetricReading]:
    """Yield the metrics from the supervisor's counts: wanted, ready, restarts by role."""
    texts = {
        "wanted": "Processes a role should have.",
        "ready": "Processes of a role that work.",
        "restarts": "Processes that died and were started again.",
    }
    for key, text in texts.items():
        yield MetricReading(
            name=f"gateway_processes_{key}",
            text=text,
            label="role",
            values={role: counts[key] for role, counts in roles.items()},
            only_rises=key == "restarts",
        )


def readings_of_shares(shares: Sequence[BounceShare] | None) -> Iterator[MetricReading]:
    """Yield the highest bounce and complaint shares at any one domain, by sender domain."""
    rates = highest(shares or ())
    yield MetricReading(
        name="gateway_bounce_share",
        text="Bounces by mails of the last 7 days, to the domain where it is highest.",
        label="sender",
        values={sender: bounced for sender, (bounced, _) in rates.items()},
    )
    yield MetricReading(
        name="gateway_complaint_share",
        text="Complaints by mails of the last 7 days, to the domain where it is highest.",
        label="sender",
        values={sender: complained for sender, (_, complained) in rates.items()},
    )


def readings_of_store(snapshot: Snapshot | None) -> Iterator[MetricReading]:
    """Yield the metrics read from the store; None: it doesn't answer."""
    yield MetricReading(
        name="gateway_store_up",
        text="Whether the store answers.",
        label="store",
        values={"main": float(snapshot is not None)},
    )
    if snapshot is None:
        return
    yield MetricReading(
        name="gateway_feed_age_seconds",
        text="Time since a source last sent anything.",
        label="source",
        values=_ages(snapshot),
    )
    # The age of each kind of file; a feed is named `crm:people`.
    ages = {kind: _seconds_since(kind.at) for kind in snapshot.kinds if kind.at is not None}
    faults = {kind: kind.fault for kind in snapshot.kinds if kind.fault is not None}
    yield MetricReading(
        name="gateway_feed_kind_age_seconds",
        text="Time since a source last sent anything of a kind.",
        label="feed",
        values={f"{kind.source}:{kind.what}": age for kind, age in ages.items()},
    )
    yield MetricReading(
        name="gateway_feed_problems",
        text="Problems of the last file of a kind.",
        label="feed",
        values={f"{kind.source}:{kind.what}": fault.problems for kind, fault in faults.items()},
    )
    yield MetricReading(
        name="gateway_feed_failed",
        text="Whether nothing of the last file of a kind was imported.",
        label="feed",
        values={f"{kind.source}:{kind.what}": fault.failed for kind, fault in faults.items()},
    )
    yield MetricReading(
        name="gateway_references_to_nothing",
        text="Rows of the feed that name something unknown.",
        label="reference",
        values=snapshot.references,
    )
    yield MetricReading(
        name="gateway_feed_unread_fields",
        text="Fields of the feed that can't be read.",
        label="kind",
        values=snapshot.unread,
    )
    yield MetricReading(
        name="gateway_outbox_entries",
        text="What the gateway itself sends, by state.",
        label="state",
        values=snapshot.outbox,
    )
    yield MetricReading(
        name="gateway_paused",
        text="What is paused by hand.",
        label="what",
        values=dict.fromkeys(snapshot.paused, 1.0),
    )
    yield MetricReading(
        name="gateway_inbox_mails",
        text="Mails for the importer, by state.",
        label="state",
        values=snapshot.inbox,
    )
    since = snapshot.waiting_since
    yield MetricReading(
        name="gateway_inbox_lag_seconds",
        text="How long the oldest mail that a listener took has waited to be read.",
        label="state",
        values={"waiting": (now() - since).total_seconds() if since else 0.0},
    )
    yield MetricReading(
        name="gateway_deliveries_open",
        text="Deliveries without an outcome yet.",
        label="state",
        values={State.SENDING: snapshot.sending},
    )
