"""APIs for tests."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.served import Served, served
from tests.rig.sandbox import ScriptedSandbox
from tests.sync.contract import contract


class _QuickAsyncio:
    """asyncio as uvicorn's server has it, which sleeps a tenth of what it is asked to."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 10)


@pytest.fixture(scope="session", autouse=True)
def servers_end_soon() -> Iterator[None]:
    """Have uvicorn look a hundred times a second whether to end.

    It looks ten times, and then sleeps a tenth of a second: as long as a test of the API takes.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("uvicorn.server.asyncio", _QuickAsyncio())
        yield


@pytest.fixture
async def api(store_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    """The API on a store of each kind."""
    async with served(store_url, tmp_path) as found:
        yield found


@pytest.fixture
async def one_api(tmp_path: Path) -> AsyncIterator[Served]:
    """The API on SQLite."""
    async with served(f"sqlite:///{tmp_path}/gateway.db", tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
async def shared_api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """One API on SQLite for the tests of a file that change nothing."""
    folder = tmp_path_factory.mktemp("api")
    async with served(f"sqlite:///{folder}/gateway.db", folder) as found:
        yield found


@pytest.fixture
def sandbox() -> Iterator[ScriptedSandbox]:
    """An account with a template and a verified domain."""
    with ScriptedSandbox(check=contract()) as opened:
        opened.furnish()
        yield opened
        assert not opened.violations
