"""Fixtures kept beside the repository, not in it."""

from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).parents[2]


def shared_fixtures(name: str) -> Path:
    """Return a folder in `shared/fixtures` beside this clone or one of its parents.

    If there is none, returns the missing folder: `needs_shared` reports it.
    """
    places = [parent / "shared" / "fixtures" / name for parent in _REPOSITORY.parents]
    return next((place for place in places if place.exists()), places[0])


def needs_shared(folder: Path) -> pytest.MarkDecorator:
    """Skip a test whose fixtures are missing, and name them (`-ra` lists it)."""
    return pytest.mark.skipif(not folder.exists(), reason=f"{folder} is not there")
