"""One gateway for all dialogs, with listeners and people they can count on."""

from collections.abc import AsyncIterator

import pytest

from tests.dialogs.player import Player, open_player
from tests.rig.certificates import Certificates


@pytest.fixture(scope="session")
async def shared_player(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> AsyncIterator[Player]:
    """The gateway, and the relay behind it."""
    async with open_player(tmp_path_factory.mktemp("dialogs"), certificates) as player:
        yield player


@pytest.fixture
async def player(shared_player: Player) -> Player:
    """The same, as good as new."""
    await shared_player.forget()
    return shared_player
