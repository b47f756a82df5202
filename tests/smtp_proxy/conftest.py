"""Gateways that many tests share: started once for each store, emptied before each test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.rig.certificates import Certificates
from tests.rig.postgres import Postgres
from tests.smtp_proxy.crm import Crm, open_crm
from tests.smtp_proxy.secured_gateway import SecuredGateway, open_secured_gateway

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
    """A gateway with a listener of each sort."""
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
async def shared_secured(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> AsyncIterator[SecuredGateway]:
    """A gateway whose listeners ask for a login or for TLS."""
    async with open_secured_gateway(tmp_path_factory.mktemp("secured"), certificates) as secured:
        yield secured


@pytest.fixture
async def secured(shared_secured: SecuredGateway) -> SecuredGateway:
    """The same, with nothing seen yet."""
    await shared_secured.crm.forget()
    shared_secured.forget()
    return shared_secured


@pytest.fixture
def start_crm(cleanup: AsyncExitStack, tmp_path: Path) -> StartCrm:
    """Starts a gateway of a test's own: the arguments are those of `open_crm`."""

    async def start(changes: Any = None, **options: Any) -> Crm:
        return await cleanup.enter_async_context(open_crm(tmp_path / "crm", changes, **options))

    return start
