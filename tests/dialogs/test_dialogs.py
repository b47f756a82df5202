"""Every dialog of this folder goes as it is written; README.md says how to add one."""

from pathlib import Path

import pytest

from tests.dialogs.dialog import read_dialog
from tests.dialogs.player import Player

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*.dialog"))


@pytest.mark.system
@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
async def test_a_dialog_goes_as_it_is_written(player: Player, file: Path) -> None:
    await player.play(read_dialog(file))
