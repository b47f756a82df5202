"""Gateways that many tests share: started once for each store, emptied before each test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.rig.certificates import Certificates
from tests.rig.postgres import Postgres
from tests.smtp_proxy.crm import Crm, open_crm
from tests.smtp_proxy.doors import Doors, open_doors

StartCrm = Callable[..., Awaitable[Crm]]

SETTINGS = {
    "notices": {"from": "gateway@crm.example"},
    "smtp": {
        "max_message_size": "2MB",
        "max_recipients": 300,
        "override": {"header": "X-Override"},
    },
}


@pytest.fixture(scope="session")
async def crm_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crm]:
    """A gateway with its store in a file."""
    async with open_crm(tmp_path_factory.mktemp("sqlite"), SETTINGS) as crm:
        yield crm


@pytest.fixture(scope="session")
async def crm_on_postgresql(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
) -> AsyncIterator[Crm]:
    """A gateway with its store on a server."""
    folder = tmp_path_factory.mktemp("postgresql")
    async with open_crm(folder, SETTINGS, store_url=postgres.fresh_database()) as crm:
        yield crm


@pytest.fixture
async def crm(crm_on_sqlite: Crm) -> Crm:
    """A gateway with a door of each sort."""
    await crm_on_sqlite.forget()
    return crm_on_sqlite


@pytest.fixture(params=["sqlite", "postgresql"])
def shared_crm(request: pytest.FixtureRequest) -> Crm:
    shared: Crm = request.getfixturevalue(f"crm_on_{request.param}")
    return shared


@pytest.fixture
async def each_crm(shared_crm: Crm) -> Crm:
    """The same on either store."""
    await shared_crm.forget()
    return shared_crm


#: Settings with a choice to make, each chosen the other way than shipped.
OTHER_SETTINGS = {
    "notices": {"from": "gateway@crm.example"},
    "smtp": {"bare_newline": "reject", "default_kind": "bulk"},
    "suppression": {"reply": "accept", "plus_addresses": True, "language": "de"},
    "rules": [{"name": "own-file", "kind": "individual", "header": "X-Own-File"}],
}


@pytest.fixture(scope="session")
async def shared_other_crm(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crm]:
    """A gateway set up as differently as can be."""
    async with open_crm(tmp_path_factory.mktemp("other"), OTHER_SETTINGS) as crm:
        yield crm


@pytest.fixture
async def other_crm(shared_other_crm: Crm) -> Crm:
    """The same, emptied."""
    await shared_other_crm.forget()
    return shared_other_crm


@pytest.fixture(scope="session")
async def shared_always_crm(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crm]:
    """A gateway that sends a report whatever it has answered."""
    languages = {"berlin.example": "de", "lyon.berlin.example": "fr"}
    settings = {**SETTINGS, "suppression": {"report": "always", "languages": languages}}
    async with open_crm(tmp_path_factory.mktemp("always"), settings) as crm:
        yield crm


@pytest.fixture
async def always_crm(shared_always_crm: Crm) -> Crm:
    """The same, emptied."""
    await shared_always_crm.forget()
    return shared_always_crm


@pytest.fixture(scope="session")
async def shared_doors(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> AsyncIterator[Doors]:
    """A gateway with locked and encrypted doors."""
    async with open_doors(tmp_path_factory.mktemp("doors"), certificates) as doors:
        yield doors


@pytest.fixture
async def doors(shared_doors: Doors) -> Doors:
    """The same, with nothing seen yet."""
    await shared_doors.crm.forget()
    shared_doors.forget()
    return shared_doors


@pytest.fixture
def start_crm(cleanup: AsyncExitStack, tmp_path: Path) -> StartCrm:
    """Starts a gateway of a test's own: the arguments are those of `open_crm`."""

    async def start(changes: Any = None, **options: Any) -> Crm:
        return await cleanup.enter_async_context(open_crm(tmp_path / "crm", changes, **options))

    return start
