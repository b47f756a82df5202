"""What all tests share: relays, stores, gateways and clients, ended in order."""

import gc
import os
import re
import signal
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import hypothesis
import pytest

from gateway.store.engine.database import Database
from gateway.store.sending import events
from tests.rig.certificates import Certificates, make_certificates
from tests.rig.client import RawClient
from tests.rig.dovecot import Dovecot
from tests.rig.faultproxy import FaultProxy
from tests.rig.gateway import GatewayProcess, gateway_config
from tests.rig.kept_connections import connections_kept
from tests.rig.memory import memory_folder
from tests.rig.postfix import Postfix
from tests.rig.postgres import Postgres, open_postgres
from tests.rig.prepared import copy_prepared, prepare
from tests.rig.schemas import checked_put
from tests.rig.sink import RawSink, SinkSettings
from tests.rig.statements import statements_shared

# How long an example takes depends on what else the machine does. What must be quick has tests of
# its own, by the processor's time (`tests.rig.cost`).
hypothesis.settings.register_profile("any_machine", deadline=None)
hypothesis.settings.load_profile("any_machine")

Connect = Callable[..., Awaitable[RawClient]]
StartSink = Callable[..., Awaitable[RawSink]]
StartProxy = Callable[[int], Awaitable[FaultProxy]]
StartPostfix = Callable[[Postfix], Awaitable[Postfix]]


_TESTS = Path(__file__).parent
#: Where tests work on a store, a process, a server or whole pages, if not all of them do there.
_STARTING = frozenset(
    (
        *("api", "app", "cli", "outbox", "pages", "rig", "smtp_proxy", "store", "sync", "system"),
        *("triggers", "test_docs.py", "test_supervisor.py"),
    )
)
#: What such tests ask for elsewhere.
_STARTING_FIXTURES = frozenset(
    (
        *("bare_store_url", "store_url", "postgres", "cleanup", "dovecot"),
        *("database", "readers", "rig", "each_rig", "server", "modern", "issuer", "empty"),
    )
)
#: What such tests are marked with.
_STARTING_MARKS = frozenset(("system", "no_cover"))
#: Where tests have tables of values that decide the same on every store: PostgreSQL is asked once.
_ABOVE_THE_STORE = frozenset(("api", "app", "cli", "crm", "sync", "triggers"))
#: Files of few tests that take twenty seconds and more: begun late, one would be left to run alone.
_LONG_FILES = (
    *("pages/test_shell_blocks.py", "api/test_api.py", "test_supervisor.py", "sync/test_story.py"),
    *("outbox/test_webhooks.py", "store/test_suppressed.py", "sync/test_campaign_kills.py"),
    *("api/test_fuzz.py", "pages/test_site.py", "crm/test_mangled.py", "cli/test_demo.py"),
)
#: Where tests wait for servers and gateways most of the time; those that take longest come first.
_WAITING_FOLDERS = ("system", "smtp_proxy", "inbound", "outbox")


def pytest_configure() -> None:
    """Put the files of tests into memory: a store synchronizes each of its commits with a disk.

    Nothing that tests load is garbage: until all of it is there, none is looked for.
    """
    gc.disable()
    # A shell that starts them in the background makes them, and all that they start, ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    memory = memory_folder(gigabytes=4)
    if memory is not None:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Don't even load what has none of the tests that are asked for.

    Of the unit tests that is a third of their time, of the others half of what each process that
    shares them needs before its first test.
    """
    asked = str(config.option.markexpr)
    if asked.startswith("unit"):
        return True if _is_starting(collection_path) else None
    return True if asked.startswith("not unit") and _has_only_units(collection_path) else None


@cache
def _is_starting(path: Path) -> bool:
    return any(path.is_relative_to(_TESTS / name) for name in _STARTING)


@cache
def _has_only_units(path: Path) -> bool:
    """Whether a file of tests names nothing by which a test would be none of the unit tests."""
    if not path.match("test_*.py") or _is_starting(path):
        return False
    words = set(re.findall(r"\w+", path.read_text()))
    return words.isdisjoint(_STARTING_FIXTURES | _STARTING_MARKS)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark as `unit` what works on values alone: `make test-unit` runs it within a minute.

    Traced for its coverage: what is asked for its time is none of it.

    Where several processes share the tests, files that wait and files that compute come in turn:
    otherwise the processor would be idle at one time and fought for at another. (xdist itself puts
    files of few tests last: these are the ones that take a minute.) Of those that compute the ones
    with most tests come first, so that none is left to run alone at the end.
    """
    items[:] = _once_on_postgresql(items)
    if hasattr(config, "workerinput"):
        place = _places(Counter(item.path for item in items))
        items.sort(key=lambda item: place[item.path])
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        starts = _is_starting(item.path) or not marks.isdisjoint(_STARTING_MARKS)
        asked = getattr(item, "fixturenames", ())
        if not starts and _STARTING_FIXTURES.isdisjoint(asked):
            item.add_marker(pytest.mark.unit)
        elif _has_only_units(item.path):
            raise pytest.UsageError(
                f"{item.nodeid} starts something by a fixture that its file doesn't name: "
                "name it in _STARTING_FIXTURES, too"
            )


def _once_on_postgresql(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Leave out what asks PostgreSQL for a further row of a table, unless it is one about NUL.

    PostgreSQL, unlike SQLite, has no text with that character.
    """
    asked: set[tuple[Path, str]] = set()
    left = []
    for item in items:
        params = (
            item.callspec.params
            if isinstance(item, pytest.Function) and hasattr(item, "callspec")
            else {}
        )
        folder = item.path.relative_to(_TESTS).parts[0]
        is_table = params.get("store_url") == "postgresql" and len(params) > 1
        if is_table and folder in _ABOVE_THE_STORE and "\\x00" not in item.name:
            test = (item.path, item.name.partition("[")[0])
            if test in asked:
                continue
            asked.add(test)
        left.append(item)
    return left


def pytest_collection_finish() -> None:
    """Look for no garbage in what was loaded: it stays, and is more than any test makes."""
    gc.collect()
    gc.freeze()
    gc.enable()


def _places(files: Mapping[Path, int]) -> dict[Path, tuple[float, Path]]:
    """Return by file where its tests come: a number from 0 to 1, and the file itself.

    `files` says of each how many tests it has.
    """
    waiting: dict[Path, int] = {}
    computing: list[Path] = []
    for file in sorted(files):
        folder, within = file.relative_to(_TESTS).parts[0], str(file.relative_to(_TESTS))
        if within in _LONG_FILES:
            waiting[file] = -1
        elif folder in _WAITING_FOLDERS:
            waiting[file] = _WAITING_FOLDERS.index(folder)
        else:
            computing.append(file)
    computing.sort(key=lambda file: -files[file])
    return {
        file: (rank / len(group), file)
        for group in (sorted(waiting, key=lambda file: waiting[file]), computing)
        for rank, file in enumerate(group)
    }


class StartGateway(Protocol):
    """Starts a gateway in front of a relay port and waits for its banner."""

    async def __call__(
        self,
        relay_port: int,
        store_url: str = "",
        changes: Mapping[str, Any] | None = None,
        *,
        roles: Sequence[str] = ("smtp",),
        environment: Mapping[str, str] | None = None,
        wrapper: Sequence[str] = (),
        is_started: bool = True,
    ) -> GatewayProcess: ...


@pytest.fixture(scope="session", autouse=True)
def what_is_told_fits_its_schema() -> Iterator[None]:
    """Hold every event that any test has kept for webhooks against its documented schema."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "put", checked_put)
        yield


@pytest.fixture(scope="session", autouse=True)
def what_is_compiled_is_shared() -> Iterator[None]:
    """Compile each statement once for all stores of this process."""
    with statements_shared():
        yield


@pytest.fixture(scope="session", autouse=True)
def connections_go_from_test_to_test() -> Iterator[None]:
    """Reset a connection to PostgreSQL that a test closes, and lend it to the next."""
    with connections_kept():
        yield


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority and certificates of every state."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for this test process alone."""
    server = open_postgres()
    yield server
    server.close()


@pytest.fixture(scope="session")
async def dovecot(certificates: Certificates) -> AsyncIterator[Dovecot]:
    """An IMAP server."""
    async with Dovecot(certificates) as server:
        yield server


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    """The name of a user of a test's own, whose mailbox is empty."""
    return f"u{abs(hash(request.node.nodeid))}"


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store of each kind without a schema."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/gateway.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.fresh_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A store of each kind with a schema and nothing in it."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/gateway.db"
        copy_prepared(url)
        yield url
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.prepared_database(prepare) as url:
        yield url


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """The same, opened."""
    database = Database(store_url)
    database.prepare()
    yield database
    database.close()


@pytest.fixture
async def cleanup() -> AsyncIterator[AsyncExitStack]:
    """Ends what the other fixtures started, last one first."""
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def connect(cleanup: AsyncExitStack) -> Connect:
    """Connects raw clients: the arguments are those of `RawClient.connect`."""

    async def connect(port: int, **options: Any) -> RawClient:
        return await cleanup.enter_async_context(await RawClient.connect(port, **options))

    return connect


@pytest.fixture
def start_sink(cleanup: AsyncExitStack) -> StartSink:
    """Starts recording relays: the arguments are those of `SinkSettings`."""

    async def start(**settings: Any) -> RawSink:
        return await cleanup.enter_async_context(RawSink(SinkSettings(**settings)))

    return start


@pytest.fixture
async def sink(start_sink: StartSink) -> RawSink:
    """A recording relay in plain text."""
    return await start_sink()


@pytest.fixture
def start_proxy(cleanup: AsyncExitStack) -> StartProxy:
    """Starts a fault proxy in front of a port."""

    async def start(target: int) -> FaultProxy:
        return await cleanup.enter_async_context(FaultProxy(target))

    return start


@pytest.fixture
def start_postfix(cleanup: AsyncExitStack) -> StartPostfix:
    """Starts a Postfix made by `Postfix.discarding` or `Postfix.forwarding`."""

    async def start(postfix: Postfix) -> Postfix:
        return await cleanup.enter_async_context(postfix)

    return start


@pytest.fixture
def start_gateway(cleanup: AsyncExitStack, tmp_path: Path) -> StartGateway:
    """Starts gateways, each in a folder of its own, on SQLite unless a store is given."""
    number = 0

    async def start(
        relay_port: int,
        store_url: str = "",
        changes: Mapping[str, Any] | None = None,
        *,
        roles: Sequence[str] = ("smtp",),
        environment: Mapping[str, str] | None = None,
        wrapper: Sequence[str] = (),
        is_started: bool = True,
    ) -> GatewayProcess:
        nonlocal number
        number += 1
        folder = tmp_path / f"gateway-{number}"
        url = store_url or f"sqlite:///{folder}/gateway.db"
        if not store_url:  # To make the tables takes half of a gateway's start.
            copy_prepared(url)
        config = gateway_config(store_url=url, relay_port=relay_port, changes=changes)
        gateway = GatewayProcess(
            folder, config, roles=roles, environment=environment, wrapper=wrapper
        )
        cleanup.push_async_callback(gateway.close)
        if is_started:
            await gateway.start()
        return gateway

    return start
