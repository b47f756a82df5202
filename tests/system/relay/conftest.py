"""The gateway that all tests of the relay's side share."""

from collections.abc import AsyncIterator

import pytest

from tests.smtp_proxy.crm import open_crm
from tests.system.relay.side import RelaySide

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
