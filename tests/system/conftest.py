"""One gateway for all tests of the relay's side; a reload gives it the relay a test needs.

And for the bad days: a database server that may be stopped, and a relay that hesitates.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.rig.postgres import OwnPostgres, Postgres
from tests.rig.process import needs
from tests.rig.sink import RawSink
from tests.smtp_proxy.crm import Crm, open_crm
from tests.system.relay.side import RelaySide
from tests.system.traffic import Hesitation

StartCrm = Callable[..., Awaitable[Crm]]

SETTINGS = {"notices": {"from": "gateway@crm.example"}}


@pytest.fixture(scope="session")
async def shared_side(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RelaySide]:
    """A gateway with its store in a file and a short budget at the relay."""
    async with open_crm(tmp_path_factory.mktemp("relay-side"), SETTINGS) as crm:
        yield RelaySide(crm)


@pytest.fixture
async def side(shared_side: RelaySide) -> RelaySide:
    """The same, as good as new."""
    await shared_side.fresh()
    return shared_side


@pytest.fixture
def cluster(postgres: Postgres) -> OwnPostgres:
    """The database server, if it may be stopped."""
    return stoppable(postgres)


def stoppable(postgres: Postgres) -> OwnPostgres:
    """Return the server as one that may be stopped, or skip."""
    if not isinstance(postgres, OwnPostgres):
        needs("postgresql", "a server of TEST_DATABASE_URL can't be stopped")
        raise AssertionError
    return postgres


@pytest.fixture
def slow_sink(sink: RawSink) -> RawSink:
    """A relay that takes up to 20 ms for each verdict."""
    sink.faults = Hesitation()
    return sink


@pytest.fixture
def start_crm(cleanup: AsyncExitStack, tmp_path: Path) -> StartCrm:
    """Starts a gateway of a test's own: the arguments are those of `open_crm`."""

    async def start(changes: Any = None, **options: Any) -> Crm:
        return await cleanup.enter_async_context(open_crm(tmp_path / "crm", changes, **options))

    return start
