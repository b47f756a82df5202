"""The `api` role: what is known of the gateway, asked over HTTP."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime

from gateway import metrics
from gateway.api import mailchimp
from gateway.api.application import application
from gateway.api.health import Health
from gateway.api.server import serve
from gateway.api.services import Services
from gateway.app import common, transitions
from gateway.app.campaign_actions import Campaigns
from gateway.app.common import now, open_store_of
from gateway.app.feeding import Door
from gateway.app.hints import StoredHints
from gateway.app.import_address import import_addresses
from gateway.app.life import Life
from gateway.app.questions import TriggerAnswers, explain
from gateway.app.relay_watch import RelayWatch
from gateway.core.kinds import State
from gateway.metrics import Metrics, Reading, RelayHealth
from gateway.store.blobs import Blobs
from gateway.store.database import Database, StoreUnavailable
from gateway.store.status import Snapshot, snapshot

_UP = {True: "up", False: "down", None: "unknown"}
_STORE_SECONDS = 5.0  #: How long the store may take before it counts as away.


async def run_api(life: Life) -> None:
    """Answer requests until the life ends."""
    database = open_store_of(life.settings, life.store)
    try:
        witness = Witness(life, database)
        app = application(
            health=witness.health,
            metrics=witness.metrics,
            metrics_type=metrics.CONTENT_TYPE,
            routers=[mailchimp.router(StoredHints(database), now)],
            services=services(life, database),
            count=Metrics().request,
        )
        await serve(app, life.sockets["api"], ready=life.ready, stopping=life.stopping)
    finally:
        database.close()


def services(life: Life, database: Database) -> Services:
    """Return what requests are answered with, under the settings of each moment."""
    return Services(
        database=database,
        blobs=Blobs(life.settings.store.blobs),
        feed=Door(lambda: life.settings, database),
        applications=transitions.Door(lambda: life.settings, database),
        campaigns=Campaigns(lambda: life.settings, database),
        triggers=TriggerAnswers(lambda: life.settings, database),
        explain=lambda mail: explain(life.settings, database, mail),
        standings=lambda: common.standings(life.settings, database),
        suppressed=lambda: common.suppressed_addresses(life.settings, database),
        lookup=lambda address: common.lookup(life.settings, address),
        zone=lambda: common.time_zone(life.settings),
        notes=lambda: common.note_templates(life.settings),
        import_addresses=lambda: [
            (one.address, one.told_by) for one in import_addresses(life.settings)
        ],
        count_machine_opens=lambda: life.settings.mailchimp.count_machine_opens,
        clock=now,
        new_id=common.Ids().next,
    )


class Witness:
    """Tells how the gateway is, from its store, its processes and what they last heard."""

    def __init__(self, life: Life, database: Database) -> None:
        self._life = life
        self._database = database
        self._watch = RelayWatch()

    async def health(self) -> Health:
        """Return whether everything works, having asked the store and the silent relays."""
        found, _ = await asyncio.gather(self._snapshot(), self._look_at_relays())
        heard = await asyncio.to_thread(metrics.relay_health)
        read = await asyncio.to_thread(metrics.mailboxes_up)
        return Health(
            store=found is not None,
            relays={name: _word(heard.get(name)) for name in self._relays()},
            roles=self._life.roles,
            feeds=_ages(found) if found else {},
            kinds=_kinds(found) if found else {},
            references=found.references if found else {},
            unread=found.unread if found else {},
            paused=found.paused if found else (),
            mailboxes={name: _UP[read.get(name)] for name in self._mailboxes()},
            mailchimp=await asyncio.to_thread(self._mailchimp),
        )

    async def metrics(self) -> bytes:
        """Return every metric of every process of this host."""
        found, _ = await asyncio.gather(self._snapshot(), self._look_at_relays())
        readings = [*_of_processes(self._life.roles), *_of_store(found)]
        return await asyncio.to_thread(metrics.exposition, readings)

    async def _look_at_relays(self) -> None:
        await self._watch.look(self._life.settings.relays)

    async def _snapshot(self) -> Snapshot | None:
        try:
            async with asyncio.timeout(_STORE_SECONDS):
                return await self._database.read(snapshot)
        except (StoreUnavailable, TimeoutError):
            return None

    def _mailchimp(self) -> str | None:
        if self._life.settings.mailchimp.api_key is None:
            return None
        heard = metrics.mailchimp_health()
        return "unknown" if heard is None else heard.name.lower()

    def _mailboxes(self) -> list[str]:
        return [mailbox.name for mailbox in self._life.settings.inbound.mailboxes]

    def _relays(self) -> list[str]:
        return [relay.name for relay in self._life.settings.relays]


def _word(health: RelayHealth | None) -> str:
    return "unknown" if health is None else health.name.lower()


def _ages(found: Snapshot) -> dict[str, int]:
    moment = now()
    return {source: int((moment - at).total_seconds()) for source, at in found.feeds.items()}


def _kinds(found: Snapshot) -> dict[str, dict[str, dict[str, object]]]:
    kinds: dict[str, dict[str, dict[str, object]]] = {}
    for one in found.kinds:
        fault = one.fault
        kinds.setdefault(one.source, {})[one.what] = {
            "age_seconds": None if one.at is None else _seconds_since(one.at),
            "state": "ok" if fault is None else "failed" if fault.failed else "partly",
            "problems": 0 if fault is None else fault.problems,
            "faulty_for_seconds": 0 if fault is None else _seconds_since(fault.since),
        }
    return kinds


def _seconds_since(moment: datetime) -> int:
    return int((now() - moment).total_seconds())


def _of_kinds(found: Snapshot) -> Iterator[Reading]:
    """Yield how each kind of file stands; a feed is named `crm:people`."""
    ages = {one: _seconds_since(one.at) for one in found.kinds if one.at is not None}
    faults = {one: one.fault for one in found.kinds if one.fault is not None}
    yield Reading(
        name="gateway_feed_kind_age_seconds",
        text="Since a source last brought anything of a kind.",
        label="feed",
        values={f"{one.source}:{one.what}": age for one, age in ages.items()},
    )
    yield Reading(
        name="gateway_feed_problems",
        text="Problems of the last file of a kind.",
        label="feed",
        values={f"{one.source}:{one.what}": fault.problems for one, fault in faults.items()},
    )
    yield Reading(
        name="gateway_feed_failed",
        text="Whether nothing of the last file of a kind was taken in.",
        label="feed",
        values={f"{one.source}:{one.what}": fault.failed for one, fault in faults.items()},
    )
    yield Reading(
        name="gateway_references_to_nothing",
        text="Rows of the feed that name something unknown.",
        label="reference",
        values=found.references,
    )
    yield Reading(
        name="gateway_feed_unread_fields",
        text="Fields of the feed that can't be read.",
        label="kind",
        values=found.unread,
    )


def _of_processes(roles: Mapping[str, Mapping[str, int]]) -> Iterator[Reading]:
    texts = {
        "wanted": "Processes a role should have.",
        "ready": "Processes of a role that work.",
        "restarts": "Processes that died and were started again.",
    }
    for key, text in texts.items():
        yield Reading(
            name=f"gateway_processes_{key}",
            text=text,
            label="role",
            values={role: counts[key] for role, counts in roles.items()},
            only_rises=key == "restarts",
        )


def _of_store(found: Snapshot | None) -> Iterator[Reading]:
    yield Reading(
        name="gateway_store_up",
        text="Whether the store answers.",
        label="store",
        values={"main": float(found is not None)},
    )
    if found is None:
        return
    yield Reading(
        name="gateway_feed_age_seconds",
        text="Since a source last brought anything.",
        label="source",
        values=_ages(found),
    )
    yield from _of_kinds(found)
    yield Reading(
        name="gateway_outbox_entries",
        text="What the gateway itself sends, by state.",
        label="state",
        values=found.outbox,
    )
    yield Reading(
        name="gateway_paused",
        text="What is paused by hand.",
        label="what",
        values=dict.fromkeys(found.paused, 1.0),
    )
    yield Reading(
        name="gateway_inbox_mails",
        text="Mails for the importer, by state.",
        label="state",
        values=found.inbox,
    )
    since = found.waiting_since
    yield Reading(
        name="gateway_inbox_lag_seconds",
        text="How long the oldest mail has waited that a listener took and nobody has read.",
        label="state",
        values={"waiting": (now() - since).total_seconds() if since else 0.0},
    )
    yield Reading(
        name="gateway_deliveries_open",
        text="Deliveries without an outcome yet.",
        label="state",
        values={State.SENDING: found.sending},
    )
