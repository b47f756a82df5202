"""APIs for tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.served import Served, served


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
