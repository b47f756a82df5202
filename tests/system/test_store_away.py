"""A store that is away: who gets mail meanwhile, and what the journal knows of it afterwards."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol

import psycopg
import pytest

from gateway.core.journal.message import Message
from gateway.core.kinds import State
from tests.conftest import StartGateway
from tests.rig.client import ConnectionGone, RawClient, Reply
from tests.rig.faults import delay, hang
from tests.rig.gateway import GatewayProcess
from tests.rig.postgres import OwnPostgres, Postgres
from tests.rig.process import has_banner, parent_of, wait_until
from tests.rig.sink import RawSink
from tests.smtp_proxy.crm import (
    BULK,
    DECEASED,
    INDIVIDUAL,
    NO_BULK,
    SENDER,
    Crm,
    Person,
    mail,
    open_crm,
    states,
)
from tests.system.conftest import StartCrm, stoppable
from tests.system.impatience import IMPATIENT

PROBE = b"probe@example.org"
RULES = [{"name": "from-a-person", "kind": "individual", "header": "X-Personal"}]
SETTINGS = {"rules": RULES, "smtp": {"override": {"header": "X-Override"}}}
PERSONAL = mail("Persoonlijk", "X-Personal: yes")
LOST = "unknown by gateway"

pytestmark = pytest.mark.system


class Outage(Protocol):
    """Takes a store away and brings it back."""

    async def begin(self) -> None: ...

    async def end(self) -> None: ...


class FileGone:
    """The file of an SQLite store, moved away."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def _elsewhere(self) -> Path:
        return self._file.with_suffix(".away")

    async def begin(self) -> None:
        self._file.rename(self._elsewhere)

    async def end(self) -> None:
        self._elsewhere.rename(self._file)


class ServerStopped:
    """A PostgreSQL server that is stopped."""

    def __init__(self, cluster: OwnPostgres) -> None:
        self._cluster = cluster

    async def begin(self) -> None:
        await asyncio.to_thread(self._cluster.stop, "immediate")

    async def end(self) -> None:
        await asyncio.to_thread(self._cluster.start)


class Scene:
    """A gateway that loses its store, and people it knew before."""

    def __init__(self, crm: Crm, outage: Outage, deceased: Person) -> None:
        self.crm = crm
        self.outage = outage
        self.free, self.barred, self.deceased = crm.person(), crm.person(NO_BULK), deceased

    async def send(
        self, *to: Person | bytes, content: bytes = INDIVIDUAL, listener: str = "crm"
    ) -> Reply:
        """Send one mail and return the last reply."""
        return (await self.crm.send(to, content, listener=listener)).end

    def came(self) -> Counter[str]:
        """Return how many mails each address got."""
        return Counter(
            name.decode()
            for one in self.crm.sink.accepted
            for name in one.recipients
            if name != PROBE
        )

    async def lose_the_store(self) -> None:
        """Take the store away, and wait until the gateway has noticed."""
        await self.outage.begin()
        await wait_until(self._is_missed, "the gateway to miss the store")

    async def _is_missed(self) -> bool:
        return not await self._works()

    async def restore(self) -> None:
        """Bring the store back, and wait until the gateway has noticed."""
        await self.outage.end()
        await wait_until(self._works, "the gateway to use the store again", 30)

    async def _works(self) -> bool:
        return (await self.send(PROBE, content=BULK)).code == 250

    async def history(self, person: Person, count: int = 1) -> list[Message]:
        """Return the newest messages to somebody, the newest first, once there are so many."""
        return await self.crm.records(count, to=person.address)


Shared = tuple[Crm, Outage, Person]


@asynccontextmanager
async def shared(folder: Path, url: str, outage: Outage) -> AsyncIterator[Shared]:
    """A gateway that knows who is never mailed."""
    async with open_crm(folder, SETTINGS, store_url=url, wrapper=IMPATIENT) as crm:
        deceased = crm.person(status=DECEASED)
        await restart(crm.gateway)
        yield crm, outage, deceased


@pytest.fixture(scope="module")
async def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shared]:
    folder = tmp_path_factory.mktemp("away")
    file = folder / "gateway.db"
    async with shared(folder, f"sqlite:///{file}", FileGone(file)) as opened:
        yield opened


@pytest.fixture(scope="module")
async def on_postgresql(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
) -> AsyncIterator[Shared]:
    cluster = stoppable(postgres)
    folder, url = tmp_path_factory.mktemp("away"), cluster.fresh_database()
    async with shared(folder, url, ServerStopped(cluster)) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest) -> Shared:
    found: Shared = request.getfixturevalue(f"on_{request.param}")
    return found


@pytest.fixture
async def scene(opened: Shared) -> Scene:
    """A gateway whose store can be taken away."""
    await opened[0].forget()
    return Scene(*opened)


async def restart(gateway: GatewayProcess) -> None:
    known = gateway.folder / "outage" / "never-mailed"
    known.unlink(missing_ok=True)
    await gateway.kill()
    await gateway.start()
    await wait_until(known.exists, "what is remembered for bad days")


async def test_P10_only_what_is_positively_individual_passes_and_the_journal_knows_it_later(
    scene: Scene,
) -> None:
    await scene.lose_the_store()
    said = {
        "bulk": await scene.send(scene.free, content=BULK),
        "default": await scene.send(scene.free),
        "mailings": await scene.send(scene.free, listener="mailings"),
        "personal": await scene.send(scene.free, listener="personal"),
        "rule": await scene.send(scene.barred, content=PERSONAL),
        "deceased": await scene.send(scene.deceased, listener="personal"),
        "both": await scene.send(scene.free, scene.deceased, listener="personal"),
    }
    came = scene.came()
    assert "krijgt" not in said["deceased"].text  # The long form stays out of the reply.
    assert "volgens de laatste stand helemaal geen mail" in said["deceased"].text
    assert "?" not in said["deceased"].text
    await scene.restore()
    free, barred = await scene.history(scene.free, 5), await scene.history(scene.barred)

    assert {
        "bulk": (451, "4.3.0"),
        "default": (451, "4.3.0"),
        "mailings": (451, "4.3.0"),
        "personal": (250, "2.0.0"),
        "rule": (250, "2.0.0"),
        "deceased": (550, "5.7.1"),
        "both": (451, "4.3.0"),
    } == {name: (reply.code, reply.enhanced) for name, reply in said.items()}
    assert {scene.free.address: 1, scene.barred.address: 1} == came
    assert ["relayed by relay"] == list(states(barred[0]).values())
    assert 1 == sum(states(one)[scene.free.address] == "relayed by relay" for one in free)
    assert ("individual", "rule from-a-person") == (barred[0].kind, f"rule {barred[0].rule}")


async def test_P10_what_goes_whatever_the_store_says_passes_without_it(scene: Scene) -> None:
    overridden = mail("Noodgeval", "X-Override: yes", bulk=True)
    await scene.lose_the_store()
    said = [
        await scene.send(scene.barred, scene.deceased, content=BULK, listener="observe"),
        await scene.send(scene.barred, content=INDIVIDUAL, listener="observe"),
        await scene.send(scene.free, scene.deceased, content=overridden),
    ]
    came = scene.came()
    await scene.restore()
    default, observed = await scene.history(scene.barred, 2)
    (override,) = await scene.history(scene.free)

    assert [250, 250, 250] == [one.code for one in said]
    assert {scene.barred.address: 2, scene.free.address: 1, scene.deceased.address: 2} == came
    assert {"relayed by relay"} == {*states(observed).values(), *states(override).values()}
    assert ["default", "precedence", "override"] == [
        one.rule for one in (default, observed, override)
    ]
    assert ["", State.SEND_FAILED] == [one.would for one in observed.deliveries]


async def test_P10_the_store_is_used_again_as_soon_as_it_is_back(scene: Scene) -> None:
    await scene.lose_the_store()
    before = await scene.send(scene.barred, content=BULK)
    await scene.restore()
    suppressed = await scene.send(scene.barred, content=BULK)
    free = await scene.send(scene.free, content=BULK)

    assert [451, 550, 250] == [one.code for one in (before, suppressed, free)]


async def test_without_the_local_record_nothing_passes_either(scene: Scene) -> None:
    folder = scene.crm.gateway.folder / "outage"
    folder.rename(folder.with_suffix(".aside"))
    folder.write_text("in the way")
    await scene.lose_the_store()
    said = await scene.send(scene.free, listener="personal")
    folder.unlink()
    folder.with_suffix(".aside").rename(folder)
    later = await scene.send(scene.free, listener="personal")
    await scene.restore()

    assert ([451, 250], {scene.free.address: 1}) == (
        [said.code, later.code],
        scene.came(),
    )


async def test_P2_after_the_relays_250_the_crm_hears_it_though_the_store_is_gone(
    scene: Scene,
) -> None:
    scene.crm.sink.fault("dot", delay(1.0), times=1)
    sending = asyncio.create_task(scene.send(scene.free))
    await scene.crm.sink.wait_for(1)
    await scene.outage.begin()
    said = await sending
    await scene.restore()
    (found,) = await scene.history(scene.free)

    assert (250, {scene.free.address: "relayed by relay"}) == (said.code, states(found))


async def test_K1_killed_while_the_store_is_away_the_local_record_is_taken_in_later(
    scene: Scene,
) -> None:
    await scene.lose_the_store()
    told = await scene.send(scene.free, listener="personal")
    scene.crm.sink.fault("dot", hang(), times=1)
    before = len(scene.crm.sink.messages)
    left = asyncio.create_task(scene.send(scene.barred, listener="personal"))
    await scene.crm.sink.wait_for(before + 1)
    kill_the_worker(scene.crm.gateway)
    with pytest.raises(ConnectionGone):
        await left
    await wait_until(lambda: has_banner(scene.crm.port("crm")), "another worker", 30)
    also = await scene.send(scene.free, listener="personal")
    deceased = await scene.send(scene.deceased, listener="personal")
    await scene.restore()
    free = await scene.history(scene.free, 2)
    barred = await scene.history(scene.barred)

    assert (250, 250, 550) == (told.code, also.code, deceased.code)
    assert [{scene.free.address: "relayed by relay"}] * 2 == list(map(states, free))
    assert {scene.barred.address: LOST} == states(barred[0])


def kill_the_worker(gateway: GatewayProcess) -> None:
    (worker,) = gateway.processes_of("smtp")
    os.kill(worker, signal.SIGKILL)


# A server of its own kind of trouble


@pytest.mark.soak
async def test_K5_a_server_that_says_nothing_is_away(
    cluster: OwnPostgres, start_crm: StartCrm
) -> None:
    url = cluster.fresh_database()
    crm = await start_crm(store_url=url, roles=("smtp",))
    with hanging(url):
        client = await crm.client(timeout=60)
        said = await client.transaction(SENDER, [b"ann@example.org"], BULK)
    await wait_until(lambda: works(crm), "the store to be used again", 60)

    assert 451 == said.end.code


@contextmanager
def hanging(url: str) -> Iterator[None]:
    """Stop all processes that serve a database, and the one that makes new ones, for the block."""
    query = (
        "SELECT pid FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    with psycopg.connect(url) as connection:
        pids = [pid for (pid,) in connection.execute(query)]
        pids.append(parent_of(connection.info.backend_pid))
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def works(crm: Crm) -> bool:
    return (await crm.send([PROBE], BULK)).end.code == 250


async def test_K5_connections_ended_by_the_server_cost_at_most_a_451(
    cluster: OwnPostgres, start_crm: StartCrm
) -> None:
    url = cluster.fresh_database()
    crm = await start_crm(store_url=url, roles=("smtp",))
    codes = []
    for _ in range(5):
        await asyncio.to_thread(cluster.terminate_backends, url)
        codes.append((await crm.send([b"ann@example.org"], BULK)).end.code)
    last = await crm.send([b"ann@example.org"], BULK)

    assert {*codes} <= {250, 451}
    assert 250 == last.end.code


async def test_a_gateway_started_before_its_store_makes_the_schema_once_it_can(
    cluster: OwnPostgres, start_gateway: StartGateway, sink: RawSink
) -> None:
    url = cluster.fresh_database()
    await asyncio.to_thread(cluster.stop, "fast")
    gateway = await start_gateway(sink.port, url)
    async with await RawClient.connect(gateway.port) as client:
        await client.ehlo()
        before = await client.transaction(SENDER, [b"ann@example.org"], INDIVIDUAL)
    await asyncio.to_thread(cluster.start)

    async def is_taken() -> bool:
        async with await RawClient.connect(gateway.port) as client:
            await client.ehlo()
            sent = await client.transaction(SENDER, [b"ann@example.org"], INDIVIDUAL)
        return sent.end.code == 250

    await wait_until(is_taken, "mail to flow", 30)

    assert 451 == before.end.code
