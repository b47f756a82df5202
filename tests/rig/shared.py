"""The fixtures that lie beside the repository, not in it."""

from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).parents[2]


def shared_fixtures(name: str) -> Path:
    """Return a folder of `shared/fixtures` beside this clone or any folder it lies in.

    Where there is none, the folder that is missing: `needs_shared` says so.
    """
    places = [parent / "shared" / "fixtures" / name for parent in _REPOSITORY.parents]
    return next((place for place in places if place.exists()), places[0])


def needs_shared(folder: Path) -> pytest.MarkDecorator:
    """Skip a test where its fixtures are not there, and say which (`-ra` lists it)."""
    return pytest.mark.skipif(not folder.exists(), reason=f"{folder} is not there")
